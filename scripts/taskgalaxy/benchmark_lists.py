"""What a benchmark is made of: folders or lists of its images, and files of its questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_file, sha256_json
from taskgalaxy.sources.folder import scan_folder
from taskgalaxy.sources.names import IMAGE_SUFFIXES

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PHASH = re.compile(r"[0-9a-fA-F]{16}")
_KEYS = ("question", "text")


class ListedImage(NamedTuple):
    """An image of a list of hashes: where it stands, and the one hash that is given."""

    entry: str
    sha256: str | None
    phash: int | None


class Question(NamedTuple):
    """A question and where it stands."""

    entry: str
    text: str


def names_with(benchmarks: Mapping[str, Mapping[str, Any]], part: str) -> list[str]:
    """The benchmarks of the configuration that have ``part``: ``"images"`` or ``"questions"``."""
    return [name for name, benchmark in benchmarks.items() if benchmark[part]]


def read_hashes(path: Path | str) -> Iterator[ListedImage]:
    """The images of a list: a hash begins every line that is neither empty nor a comment (``#``).

    64 hexadecimal digits are the SHA-256 of a file's bytes, 16 a perceptual hash; what follows is not read, so
    that the output of ``sha256sum`` is such a list.

    Raises:
        UserError: naming the line, if it begins with neither; or the file, if it cannot be read or lists nothing.
    """
    empty = True
    for number, line in _lines(path):
        first = line.split()[0]
        if not (_SHA256.fullmatch(first) or _PHASH.fullmatch(first)):
            raise UserError(
                f"{path}, line {number}",
                f"{first[:80]!r} is no hash",
                "write 64 hexadecimal digits (SHA-256 of the file) or 16 (pHash) at the start of the line",
            )
        empty = False
        entry = f"{Path(path).name}:{number}"
        yield ListedImage(entry, first.lower(), None) if len(first) == 64 else ListedImage(entry, None, int(first, 16))
    if empty:
        raise UserError(str(path), "lists no image", "write one hash per line, or remove it from the configuration")


def read_questions(path: Path | str) -> Iterator[Question]:
    """The questions of a file: JSON Lines (``.jsonl``) with the key ``question`` or ``text``, else one per line.

    Raises:
        UserError: naming the line, if it holds no question; or the file, if it cannot be read or holds none.
    """
    empty = True
    for number, line in _lines(path, comments=False):
        empty = False
        text = _question(path, number, line) if Path(path).suffix == ".jsonl" else line
        yield Question(f"{Path(path).name}:{number}", text)
    if empty:
        raise UserError(str(path), "holds no question", "write one per line, or remove it from the configuration")


def _question(path: Path | str, number: int, line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path}, line {number}", f"is no JSON ({error})", "write one JSON object per line") from error
    texts = [record[key] for key in _KEYS if isinstance(record, dict) and isinstance(record.get(key), str)]
    if not texts:
        raise UserError(f"{path}, line {number}", "has no text under question or text", 'write it as {"question": "…"}')
    return str(texts[0])


def _lines(path: Path | str, comments: bool = True) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, stripped, with their numbers from 1; without ``#`` lines, if those are comments."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                if text and not (comments and text.startswith("#")):
                    yield number, text
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(str(path), f"cannot be read ({error})", "make it a readable file of UTF-8 text") from error


def folder_entries(folder: Path | str) -> list[tuple[str, Path]]:
    """The images of a folder, by suffix, sorted: how they are called, and where they lie.

    Raises:
        UserError: if it holds none, or cannot be read.
    """
    return [(f"{Path(folder).name}/{path}", Path(folder) / path) for path, _, _ in _scanned(folder)]


def images_digest(paths: list[str]) -> list[str]:
    """A digest per folder, of its files' paths, sizes and times, or list, of its bytes; wherever they lie."""
    return [sha256_json(_scanned(path)) if Path(path).is_dir() else sha256_file(path) for path in paths]


def _scanned(folder: Path | str) -> list[tuple[str, int, int]]:
    try:
        files = sorted(scan_folder(Path(folder)))
    except OSError as error:
        raise UserError(str(folder), f"cannot be read ({error})", "make it readable") from error
    if not files:
        raise UserError(
            str(folder), "holds no image file", f"put the benchmark's images there ({' '.join(IMAGE_SUFFIXES)})"
        )
    return files


def check_benchmarks(benchmarks: Mapping[str, Mapping[str, Any]]) -> None:
    """Read every list, and list every folder, before any work.

    Raises:
        UserError: naming the key, or the file and line.
    """
    for name, benchmark in benchmarks.items():
        key = f"config, decontaminate.benchmarks.{name}"
        if not (benchmark["images"] or benchmark["questions"]):
            raise UserError(key, "has neither images nor questions", "name some, or remove it")
        for path in benchmark["images"]:
            if Path(path).is_dir():
                _scanned(path)
            elif Path(path).is_file():
                for _ in read_hashes(path):
                    pass
            else:
                raise UserError(f"{key}.images", f"there is no folder or file {path}", "name one that exists")
        for path in benchmark["questions"]:
            if not Path(path).is_file():
                raise UserError(f"{key}.questions", f"there is no file {path}", "name one that exists")
            for _ in read_questions(path):
                pass
