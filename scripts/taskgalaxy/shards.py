"""The shard plan: which images belong to which job, computed while the Snakefile is read.

A shard is up to ``shard_size`` files of one source. Its manifest is written once and never changes:
the manifests that exist are authoritative, and files that stand in none go into new shards. A file is
known by path, size and stamp (its modification time, or a checksum); one that was replaced, touched or moved is
therefore a new occurrence in a new shard and its old occurrence is *removed*. Because images are identified by
content downstream, a touched or moved image is found to be a duplicate and nothing is asked again.
"""

from __future__ import annotations

import gc
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from taskgalaxy.errors import UserError
from taskgalaxy.files import write_json
from taskgalaxy.sources.names import IMAGE_SUFFIXES
from taskgalaxy.sources.source import File, Refused, Source

SHARD_NAME = re.compile(r"(?P<source>[A-Za-z0-9][A-Za-z0-9_.-]*)-(?P<number>\d{5,})")


class FileEntry(NamedTuple):
    """What ``sources.source.File`` holds, by name."""

    path: str
    size: int
    stamp: int


@dataclass
class Plan:
    """The shards of a run.

    Attributes:
        counts: shard name -> how many files it holds, in the order of the shards (sources as configured, then
            number).
        new: the files of the shards that have no manifest yet.
        removed: (shard, path) of files that stand in a manifest and are no longer there as they were.
        refused: (source and path, reason, detail) of images that no shard takes, by what their source says of them.
    """

    manifests: Path
    counts: dict[str, int] = field(default_factory=dict)
    new: dict[str, list[File]] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)

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


def plan_shards(
    manifests: Path, sources: Mapping[str, Source], shard_size: int, max_bytes: int, *, scanning: bool = True
) -> Plan:
    """The plan for ``sources`` by name, given the manifests that exist.

    With ``scanning`` off (in the processes of jobs) the plan has the names of the shards that have a
    manifest, and 0 for the number of their files: neither sources nor manifests are looked into.

    Args:
        max_bytes: larger files are refused, before anybody reads them.

    Raises:
        UserError: for a source that is not there, is damaged or holds no image, and for a damaged manifest.
    """
    plan = Plan(manifests)
    existing = _existing(manifests)
    with _no_garbage_collection():
        for name, source in sources.items():
            shards = existing.get(name, [])
            if scanning:
                _plan_source(plan, name, source, shards, shard_size, max_bytes)
            else:
                plan.counts |= dict.fromkeys(shards, 0)
    return plan


def outline(manifests: Path, sources: Iterable[str]) -> Plan:
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


def _plan_source(plan: Plan, name: str, source: Source, shards: list[str], shard_size: int, max_bytes: int) -> None:
    found = _found(plan, name, source, max_bytes)
    current = set(found)
    for shard in shards:
        files = _read_rows(_path(plan.manifests, shard))
        plan.counts[shard] = len(files)
        if not current.issuperset(files):
            plan.removed += [(shard, file[0]) for file in files if file not in current]
        current.difference_update(files)
    # What lies together in an archive is read by one job.
    unseen = sorted(current) if source.folder else [file for file in found if file in current]
    number = 1 + max((_number(shard) for shard in shards), default=-1)
    for start in range(0, len(unseen), shard_size):
        shard = f"{name}-{number:05d}"
        plan.new[shard] = unseen[start : start + shard_size]
        plan.counts[shard] = len(plan.new[shard])
        number += 1


def _found(plan: Plan, name: str, source: Source, max_bytes: int) -> list[File]:
    """The files that are in a source now, in its order; those that are refused are noted."""
    found, refused = source.scan()
    too_large = [file for file in found if file[1] > max_bytes]
    if too_large:
        found = [file for file in found if file[1] <= max_bytes]
        refused += [Refused(path, "too_many_bytes", f"{size:,} bytes") for path, size, _ in sorted(too_large)]
    plan.refused += sorted((f"{name}/{path}", reason, detail) for path, reason, detail in refused)
    if not found:
        # Also when it held some before: an unmounted disk must not pass for "all images were removed".
        why = f" that can be used ({refused[0].reason}: {refused[0].path}, for one)" if refused else ""
        raise UserError(
            f"sources.{name}",
            f"holds no image file{why}",
            f"put images there, or set another path (suffixes: {' '.join(IMAGE_SUFFIXES)})",
        )
    return found


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
            rows = [(name, size, stamp) for name, size, stamp in json.load(file)["files"]]
        if {(type(name), type(size), type(stamp)) for name, size, stamp in rows} - {(str, int, int)}:
            raise ValueError("a file is a path, a size and a stamp")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            str(path), f"is not a readable shard manifest ({error})", "delete it; its images go into new shards"
        ) from error
    return rows


def _path(manifests: Path, shard: str) -> Path:
    return manifests / f"{shard}.json"
