"""The shard plan: which images belong to which job, computed while the Snakefile is read.

A shard is up to ``shard_size`` files of one source. Its manifest is written once and never changes:
the manifests that exist are authoritative, and files that stand in none go into new shards. A file is
known by (path, size, modification time); one that was replaced, touched or moved is therefore a new
occurrence in a new shard and its old occurrence is *removed*. Because images are identified by
content downstream, a touched or moved image is found to be a duplicate and nothing is asked again.
"""

from __future__ import annotations

import errno
import gc
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from taskgalaxy.errors import UserError
from taskgalaxy.files import write_json

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")
SHARD_NAME = re.compile(r"(?P<source>[A-Za-z0-9][A-Za-z0-9_.-]*)-(?P<number>\d{5,})")


File = tuple[str, int, int]
"""What :class:`FileEntry` holds, as a plain tuple: a plan handles a million of them while a person waits."""


class FileEntry(NamedTuple):
    """A file of a source: ``path`` relative to the source's root with ``/``, size in bytes, time in ns."""

    path: str
    size: int
    mtime_ns: int


@dataclass
class Plan:
    """The shards of a run.

    Attributes:
        counts: shard name -> how many files it holds, in the order of the shards (sources as configured, then
            number).
        new: the files of the shards that have no manifest yet.
        removed: (shard, path) of files that stand in a manifest and are no longer there as they were.
        unnamed: files that no table could name, because their names are not UTF-8.
    """

    manifests: Path
    counts: dict[str, int] = field(default_factory=dict)
    new: dict[str, list[File]] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    @property
    def shards(self) -> list[str]:
        return list(self.counts)

    def files(self, shard: str) -> list[FileEntry]:
        """The files of a shard; of those that have a manifest it is read.

        Raises:
            UserError: if the plan has no such shard, or its manifest is damaged.
        """
        if shard not in self.counts:
            few = ", ".join(self.shards[:10])
            raise UserError(shard, f"is no shard of the plan, which has {few} …", "name one of its shards")
        rows = self.new[shard] if shard in self.new else _read_rows(_path(self.manifests, shard))
        return list(map(FileEntry._make, rows))

    def some_files(self, most: int) -> list[tuple[str, str]]:
        """(source, path) of at most ``most`` files, of shards from all over the plan."""
        some = self.shards[:: max(1, math.ceil(len(self.counts) / _SOME_SHARDS))]
        files = [(source_of(shard), file.path) for shard in some for file in self.files(shard)]
        return files[:: max(1, math.ceil(len(files) / most))]


_SOME_SHARDS = 50


class ShardFiles:
    """The files of a shard as a parameter of the job that writes them down.

    Snakemake keeps and compares parameters by what they print, which here is the name alone: a thousand files
    of each of a thousand shards would take it longer than all else. In the job it is the list.
    """

    def __init__(self, plan: Plan, shard: str) -> None:
        self._plan = plan
        self._shard = shard

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shard!r})"

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, ([list(file) for file in self._plan.files(self._shard)],)


def scan(root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[File]:
    """Every image file under ``root``, by suffix; folders that are links are followed once, the first by name.

    ``include`` and ``exclude`` are patterns on the relative path, as in ``fnmatch``; hidden files and
    folders, and links that lead nowhere, are left out. Within a folder the order is that of the file system.

    Raises:
        OSError: if a folder cannot be read.
    """
    files = []
    everything = not (include or exclude)
    seen = {os.path.realpath(root)}
    pending = [(str(root), "")]
    while pending:
        folder, prefix = pending.pop()
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                path = prefix + name
                # For most of a million names one comparison, and one call of the system.
                is_image = name.lower().endswith(IMAGE_SUFFIXES)
                if is_image and (everything or _wanted(path, include, exclude)):
                    status = _status(entry)
                    if status and stat.S_ISREG(status.st_mode):
                        files.append((path, status.st_size, status.st_mtime_ns))
                        continue
                if _is_folder(entry):
                    folders.append((entry, f"{path}/"))
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
    return files


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
    if include and not any(fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatchcase(path, pattern) for pattern in exclude)


def plan_shards(
    manifests: Path, sources: Mapping[str, Mapping[str, Any]], shard_size: int, *, scanning: bool = True
) -> Plan:
    """The plan for ``sources`` (name -> root, include, exclude), given the manifests that exist.

    With ``scanning`` off (in the processes of jobs) the plan has the names of the shards that have a
    manifest, and 0 for the number of their files: neither sources nor manifests are looked into.

    Raises:
        UserError: for a source whose folder does not exist or holds no image, and for a damaged manifest.
    """
    plan = Plan(manifests)
    existing = _existing(manifests)
    with _no_garbage_collection():
        for name, source in sources.items():
            shards = existing.get(name, [])
            if scanning:
                _plan_source(plan, name, source, shards, shard_size)
            else:
                plan.counts |= dict.fromkeys(shards, 0)
    return plan


def outline(manifests: Path, sources: Mapping[str, Mapping[str, Any]]) -> Plan:
    """A plan of one shard per source, for graphs of rules; neither sources nor manifests are looked into."""
    existing = _existing(manifests)
    return Plan(manifests, {existing.get(name, [f"{name}-00000"])[0]: 0 for name in sources})


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """It would look through a million tuples again and again, and find nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _plan_source(plan: Plan, name: str, source: Mapping[str, Any], shards: list[str], shard_size: int) -> None:
    current = _current(plan, name, source)
    for shard in shards:
        files = _read_rows(_path(plan.manifests, shard))
        plan.counts[shard] = len(files)
        if not current.issuperset(files):
            plan.removed += [(shard, file[0]) for file in files if file not in current]
        current.difference_update(files)
    unseen = sorted(current)
    number = 1 + max((_number(shard) for shard in shards), default=-1)
    for start in range(0, len(unseen), shard_size):
        shard = f"{name}-{number:05d}"
        plan.new[shard] = unseen[start : start + shard_size]
        plan.counts[shard] = len(plan.new[shard])
        number += 1


def _current(plan: Plan, name: str, source: Mapping[str, Any]) -> set[File]:
    """The files that are in a source now; those that cannot be named are noted."""
    root = Path(source["root"])
    where = f"sources.{name}"
    if not root.is_dir():
        raise UserError(where, f"the folder {root} does not exist", "set its path to a folder of images")
    try:
        current = set(scan(root, source.get("include", ()), source.get("exclude", ())))
    except OSError as error:
        raise UserError(
            where, f"{error.filename} cannot be read ({error.strerror})", "make it readable, or move it elsewhere"
        ) from error
    unnamed = {file for file in current if not (file[0].isascii() or _is_utf8(file[0]))}
    current -= unnamed
    plan.unnamed += sorted(f"{name}/{os.fsencode(path)!r}" for path, _, _ in unnamed)
    if not current:
        # Also when it held some before: an unmounted disk must not pass for "all images were removed".
        raise UserError(
            where,
            f"the folder {root} holds no image file",
            f"put images there, or set another path (suffixes: {' '.join(IMAGE_SUFFIXES)})",
        )
    return current


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


def write_manifest(path: Path | str, files: Sequence[File]) -> None:
    """Write a shard's manifest, atomically."""
    write_json(path, {"files": [list(file) for file in files]})


def read_manifest(path: Path | str) -> list[FileEntry]:
    """The files of a manifest.

    Raises:
        UserError: if it is damaged; it is never guessed at, since shards must not change.
    """
    return list(map(FileEntry._make, _read_rows(path)))


def _read_rows(path: Path | str) -> list[File]:
    try:
        with Path(path).open(encoding="utf-8") as file:
            rows = [(name, size, mtime_ns) for name, size, mtime_ns in json.load(file)["files"]]
        if {(type(name), type(size), type(mtime_ns)) for name, size, mtime_ns in rows} - {(str, int, int)}:
            raise ValueError("a file is a path, a size and a time")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            str(path), f"is not a readable shard manifest ({error})", "delete it; its images go into new shards"
        ) from error
    return rows


def _path(manifests: Path, shard: str) -> Path:
    return manifests / f"{shard}.json"
