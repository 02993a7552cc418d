"""The shard plan: which images belong to which job, computed while the Snakefile is read.

A shard is up to ``shard_size`` files of one source. Its manifest is written once and never changes:
the manifests that exist are authoritative, and files that stand in none go into new shards. A file is
known by (path, size, modification time); one that was replaced, touched or moved is therefore a new
occurrence in a new shard and its old occurrence is *removed*. Because images are identified by
content downstream, a touched or moved image is found to be a duplicate and nothing is asked again.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from taskgalaxy.errors import UserError
from taskgalaxy.files import write_json

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")
SHARD_NAME = re.compile(r"(?P<source>[A-Za-z0-9][A-Za-z0-9_.-]*)-(?P<number>\d{5,})")


class FileEntry(NamedTuple):
    """A file of a source: ``path`` relative to the source's root with ``/``, size in bytes, time in ns."""

    path: str
    size: int
    mtime_ns: int


@dataclass
class Plan:
    """The shards of a run.

    Attributes:
        files: shard name -> its files, in the order of the shards (sources as configured, then number).
        removed: (shard, path) of files that stand in a manifest and are no longer there as they were.
        unnamed: files that no table could name, because their names are not UTF-8.
    """

    files: dict[str, Sequence[FileEntry]] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    @property
    def shards(self) -> list[str]:
        return list(self.files)

    def some_files(self, most: int) -> list[tuple[str, str]]:
        """(source, path) of at most ``most`` files, evenly over the shards."""
        files = [(source_of(shard), file.path) for shard, entries in self.files.items() for file in entries]
        return files[:: max(1, math.ceil(len(files) / most))]


def scan(root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Iterator[FileEntry]:
    """Every image file under ``root``, by suffix; folders that are links are followed once, the first by name.

    ``include`` and ``exclude`` are patterns on the relative path, as in ``fnmatch``; hidden files and
    folders, and links that lead nowhere, are left out. Within a folder the order is that of the file system.

    Raises:
        OSError: if a folder cannot be read.
    """
    seen = {os.path.realpath(root)}
    pending = [(str(root), "")]
    while pending:
        folder, prefix = pending.pop()
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = prefix + entry.name
                if _is_folder(entry):
                    folders.append((entry, path + "/"))
                elif _wanted(path, include, exclude):
                    status = _status(entry)
                    if status and stat.S_ISREG(status.st_mode):
                        yield FileEntry(path, status.st_size, status.st_mtime_ns)
        # Sorted, so that of two links to one folder the same one is followed everywhere.
        below = []
        for entry, path in sorted(folders, key=lambda pair: pair[1]):
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                if target in seen:
                    continue
                seen.add(target)
            below.append((entry.path, path))
        pending += reversed(below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, for one
        return False


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What the file system says of a file; ``None`` if it is gone, or a link that leads nowhere."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            return None
        raise


def _wanted(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    if not path.lower().endswith(IMAGE_SUFFIXES):
        return False
    if include and not any(fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatchcase(path, pattern) for pattern in exclude)


def plan_shards(
    manifests: Path, sources: Mapping[str, Mapping[str, Any]], shard_size: int, *, scanning: bool = True
) -> Plan:
    """The plan for ``sources`` (name -> root, include, exclude), given the manifests that exist.

    With ``scanning`` off (in the processes of jobs) the plan holds the names of the shards that have a
    manifest, and none of their files: neither sources nor manifests are looked into.

    Raises:
        UserError: for a source whose folder does not exist or holds no image, and for a damaged manifest.
    """
    plan = Plan()
    existing = _existing(manifests)
    for name, source in sources.items():
        shards = existing.get(name, [])
        for shard in shards:
            plan.files[shard] = read_manifest(manifests / f"{shard}.json") if scanning else ()
        if scanning:
            _add_unseen(plan, name, source, shards, shard_size)
    return plan


def _add_unseen(plan: Plan, name: str, source: Mapping[str, Any], shards: list[str], shard_size: int) -> None:
    root = Path(source["root"])
    where = f"sources.{name}"
    if not root.is_dir():
        raise UserError(where, f"the folder {root} does not exist", "set its path to a folder of images")
    current = set()
    unnamed = []
    try:
        for file in scan(root, source.get("include", ()), source.get("exclude", ())):
            if _is_utf8(file.path):
                current.add(file)
            else:
                unnamed.append(f"{name}/{os.fsencode(file.path)!r}")
    except OSError as error:
        raise UserError(
            where, f"{error.filename} cannot be read ({error.strerror})", "make it readable, or move it elsewhere"
        ) from error
    plan.unnamed += sorted(unnamed)
    if not current:
        # Also when it held some before: an unmounted disk must not pass for "all images were removed".
        raise UserError(
            where,
            f"the folder {root} holds no image file",
            f"put images there, or set another path (suffixes: {' '.join(IMAGE_SUFFIXES)})",
        )
    for shard in shards:
        for file in plan.files[shard]:
            if file in current:
                current.discard(file)
            else:
                plan.removed.append((shard, file.path))
    unseen = sorted(current)
    number = 1 + max((_number(shard) for shard in shards), default=-1)
    for start in range(0, len(unseen), shard_size):
        plan.files[f"{name}-{number:05d}"] = unseen[start : start + shard_size]
        number += 1


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _existing(manifests: Path) -> dict[str, list[str]]:
    """Source -> its shards with a manifest, by number."""
    found: dict[str, list[str]] = {}
    if manifests.is_dir():
        for path in manifests.glob("*.json"):
            match = SHARD_NAME.fullmatch(path.stem)
            if match:
                found.setdefault(match["source"], []).append(path.stem)
    for shards in found.values():
        shards.sort(key=_number)
    return found


def _number(shard: str) -> int:
    return int(shard.rpartition("-")[2])


def source_of(shard: str) -> str:
    """The source that a shard belongs to."""
    return shard.rpartition("-")[0]


def write_manifest(path: Path | str, files: Sequence[FileEntry]) -> None:
    """Write a shard's manifest, atomically."""
    write_json(path, {"files": [list(file) for file in files]})


def read_manifest(path: Path | str) -> list[FileEntry]:
    """The files of a manifest.

    Raises:
        UserError: if it is damaged; it is never guessed at, since shards must not change.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            return [FileEntry(str(name), int(size), int(mtime_ns)) for name, size, mtime_ns in json.load(file)["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            str(path), f"is not a readable shard manifest ({error})", "delete it; its images go into new shards"
        ) from error
