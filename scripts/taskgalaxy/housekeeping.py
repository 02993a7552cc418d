"""What earlier runs left in the results and no run of this configuration needs."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.tables import read_table

STALE_S = 24 * 3600
"""Temporary files this old belong to nobody: what a job writes at once takes less."""

_TEMPORARY = re.compile(r"\..+\.tmp")
_WILDCARD = re.compile(r"\{(\w+)[^}]*\}")


def vanished_shards(
    counts: Mapping[str, int], removed: Iterable[tuple[str, str]], asking: Collection[str] | None
) -> list[str]:
    """Shards all of whose images are gone and that ask about none.

    A shard whose image is gone where it was, and lies elsewhere too, still asks about it.

    Args:
        counts: shard -> how many files it holds.
        removed: (shard, path) of files that are gone.
        asking: of :func:`asking_shards`.
    """
    if asking is None:
        return []
    gone = Counter(shard for shard, _ in removed)
    return [shard for shard, count in counts.items() if gone[shard] == count and shard not in asking]


def asking_shards(index: Path) -> set[str] | None:
    """The shards that ask about an image that is there; ``None`` without the index of images, when nobody knows."""
    if not index.exists():
        return None
    return set(read_table(index, IMAGE_INDEX).filter("present")["shard"])


def leftovers(results: Path, patterns: Iterable[str], wanted: Mapping[str, Collection[str]]) -> list[Path]:
    """Files under ``results`` that a rule wrote once and that no job of this configuration writes, sorted.

    A file that no rule writes is nobody's business here, except for old temporary files of ours.

    Args:
        patterns: the paths of all that rules write, with ``{wildcards}``.
        wanted: wildcard -> the values that it has in this configuration.
    """
    rules = [_regex(pattern) for pattern in patterns]
    found = []
    for path in _files(results):
        matches = [match for rule in rules if (match := rule.fullmatch(path.as_posix()))]
        if matches:
            if not any(_is_wanted(match, wanted) for match in matches):
                found.append(path)
        elif _TEMPORARY.fullmatch(path.name) and time.time() - path.lstat().st_mtime > STALE_S:
            found.append(path)
    return sorted(found)


def stale_indexes(archives: Path, sources: Collection[str]) -> list[Path]:
    """Indexes of archives whose source is no longer configured; ``archives`` holds a folder of them per source."""
    return sorted(path for path in _files(archives) if path.relative_to(archives).parts[0] not in sources)


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _regex(pattern: str) -> re.Pattern[str]:
    """A pattern with every wildcard as a group of its name; one that comes again must be the same again."""
    seen: set[str] = set()
    text = ""
    end = 0
    for wildcard in _WILDCARD.finditer(pattern):
        name = wildcard[1]
        text += re.escape(pattern[end : wildcard.start()])
        text += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)"
        seen.add(name)
        end = wildcard.end()
    return re.compile(text + re.escape(pattern[end:]))


def _is_wanted(match: re.Match[str], wanted: Mapping[str, Collection[str]]) -> bool:
    return all(value in wanted[name] for name, value in match.groupdict().items())


def remove(paths: Sequence[Path], results: Path) -> None:
    """Remove files, and the folders under ``results`` that are empty then."""
    for path in paths:
        path.unlink(missing_ok=True)
    # The deepest first, so that a folder is empty by the time that its parent is looked at.
    folders = {folder for path in paths for folder in path.parents if results in folder.parents}
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def table(paths: Sequence[Path]) -> str:
    """Files and bytes by folder, as text."""
    if not paths:
        return "Nothing is left over.\n"
    sizes: dict[Path, list[int]] = {}
    for path in paths:
        sizes.setdefault(path.parent, []).append(path.lstat().st_size)
    width = max(len(str(folder)) for folder in sizes)
    lines = [
        f"{folder!s:{width}}  {len(of_folder):>7,} files  {sum(of_folder) / 1e6:>10,.1f} MB"
        for folder, of_folder in sizes.items()
    ]
    lines.append(f"{'all':{width}}  {len(paths):>7,} files  {sum(map(sum, sizes.values())) / 1e6:>10,.1f} MB")
    return "\n".join(lines) + "\n"
