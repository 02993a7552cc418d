"""Files that appear whole or not at all, and digests of them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from taskgalaxy.errors import UserError


@contextmanager
def atomic(path: Path | str, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path`` and rename it to ``path`` once it is written and synced.

    An exception, or a kill, leaves ``path`` as it was; ``mode`` is ``"w"`` (UTF-8 text) or ``"wb"``. An
    ``OSError`` of the writing names ``path``, not the temporary file, or no file at all as for a full disk.
    """
    path = Path(path)
    encoding = None if "b" in mode else "utf-8"
    newline = None if "b" in mode else "\n"
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        if isinstance(error, OSError) and (error.filename is None or f".{path.name}." in str(error.filename)):
            error.filename = str(path)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path | str, value: Any) -> None:
    """Write ``value`` as indented JSON, keys in their given order, atomically."""
    with atomic(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=2, allow_nan=False)
        file.write("\n")


def read_json(path: Path | str) -> Any:
    """What :func:`write_json` has written.

    Raises:
        UserError: if the file is missing or damaged.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            str(path), f"cannot be read ({error})", "Delete it and run snakemake again: it is made anew"
        ) from error


def write_jsonl(path: Path | str, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object per line, atomically."""
    with atomic(path) as file:
        for row in rows:
            file.write(json_line(row))


def write_json_list(path: Path | str, records: Iterable[dict[str, Any]]) -> None:
    """Write one JSON list, one record per line, in memory bounded by one record; atomically."""
    with atomic(path) as file:
        file.write("[")
        separator = "\n"
        for record in records:
            file.write(separator + json.dumps(record, ensure_ascii=False))
            separator = ",\n"
        file.write("\n]\n")


def json_line(row: dict[str, Any]) -> str:
    """One compact JSON line, newline included, that is the same bytes for the same row."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def read_jsonl(path: Path | str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, one by one."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` last: a file that was just created there survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cut_torn_line(path: Path) -> int:
    """Cut what follows the last newline, the rest of a line whose writer was killed; its length in bytes."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
    return size - end


def sha256_file(path: Path | str) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON (sorted keys, no spaces), in hexadecimal."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
