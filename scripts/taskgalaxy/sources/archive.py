"""Archives that are read in place, member by member: one file, or a folder of them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from taskgalaxy.errors import UserError
from taskgalaxy.sources.archive_index import ArchiveIndex, Found, Member, archive_state, current_index, open_index
from taskgalaxy.sources.names import Patterns
from taskgalaxy.sources.source import Listing, unreadable

_KEPT_OPEN = 8
"""Archives that a thread keeps open."""


class Reader(Protocol):
    """An open archive."""

    def read(self, member: Member) -> bytes:
        """The bytes of a member. Raises ``OSError`` if they are damaged, or no longer there."""

    def close(self) -> None:
        """Let go of the archive."""


class Format(Protocol):
    """A kind of archive."""

    suffix: str

    def members(self, archive: Path, stamp: int) -> Found:
        """What images it holds, and which of them are refused; ``stamp`` is for members without one of their own.

        Raises:
            UserError: if the archive is damaged.
            OSError: if it cannot be read.
        """

    def open(self, archive: Path) -> Reader:
        """Raises ``OSError`` if the archive cannot be opened."""


class ArchiveSource:
    """The images in the archive ``root``, or in all archives below the folder ``root``.

    In a folder the path of an image is that of its archive, a slash, and its own.
    """

    def __init__(self, name: str, root: Path, archive_format: Format, indexes: Path, patterns: Patterns) -> None:
        self.folder: Path | None = None
        self._root = root
        self._where = f"sources.{name}"
        self._format = archive_format
        self._indexes = indexes / name
        self._patterns = patterns
        self._opened = _OpenArchives()
        # So that the system is not asked about every image.
        self._archives_seen: set[str] = set()
        # What was put in order is read next, and need not be looked up twice.
        self._looked_up: dict[str, tuple[str, Member]] = {}

    @cached_property
    def _is_one(self) -> bool:
        return self._root.is_file()

    def scan(self) -> Listing:
        listing = Listing([], [])
        try:
            for prefix, archive in self._archives():
                found = self._format.members(archive, archive_state(archive)[1])
                index = current_index(self._index_file(prefix), archive, found)
                files = [(prefix + path, size, stamp) for path, size, stamp in index.files()]
                refused = [each._replace(path=prefix + each.path) for each in index.refused()]
                index.close()
                if not self._patterns.take_all:
                    files = [file for file in files if self._patterns.take(file[0])]
                    refused = [each for each in refused if self._patterns.take(each.path)]
                listing.files.extend(files)
                listing.refused.extend(refused)
        except OSError as error:
            raise UserError(*unreadable(self._where, error)) from error
        return listing

    def in_order(self, paths: Iterable[str]) -> list[str]:
        """By archive and by place in it."""
        self._looked_up = {}
        places = {}
        for path in paths:
            try:
                prefix, member = self._looked_up[path] = self._found(path)
            except OSError:
                places[path] = "", 0
            else:
                places[path] = prefix, member.offset
        return sorted(places, key=places.__getitem__)

    def read(self, path: str) -> bytes:
        looked_up = self._looked_up.pop(path, None)
        prefix, member = looked_up or self._found(path)
        return self._open(prefix)[1].read(member)

    def _archives(self) -> Iterator[tuple[str, Path]]:
        """Every archive and what stands before the paths of its members."""
        suffix = self._format.suffix
        if self._is_one:
            yield "", self._root
            return
        if not self._root.is_dir():
            raise UserError(self._where, f"there is no {self._root}", f"name a {suffix} file, or a folder of such")
        found = [path for path in self._root.rglob("*") if path.suffix.lower() == suffix and path.is_file()]
        names = sorted(path.relative_to(self._root).as_posix() for path in found)
        names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        if not names:
            raise UserError(self._where, f"the folder {self._root} holds no {suffix} file", "set another path, or kind")
        yield from ((f"{name}/", self._root / name) for name in names)

    def _found(self, path: str) -> tuple[str, Member]:
        """What stands before the member's path, and the member."""
        prefix = self._prefix(path)
        member = self._open(prefix)[0].find(path.removeprefix(prefix))
        if member is None:
            raise FileNotFoundError(2, "there is no such image in the archive", f"{self._root}: {path}")
        return prefix, member

    def _prefix(self, path: str) -> str:
        if self._is_one:
            return ""
        parts = path.split("/")
        for end, part in enumerate(parts, 1):
            if part.lower().endswith(self._format.suffix):
                prefix = "/".join(parts[:end])
                if prefix in self._archives_seen or (self._root / prefix).is_file():
                    self._archives_seen.add(prefix)
                    return f"{prefix}/"
        raise FileNotFoundError(2, "there is no such archive", f"{self._root}: {path}")

    def _open(self, prefix: str) -> tuple[ArchiveIndex, Reader]:
        archive = self._root / prefix.rstrip("/") if prefix else self._root
        kept = self._opened.kept()
        if prefix not in kept:
            index = open_index(self._index_file(prefix), archive)
            kept[prefix] = index, self._format.open(archive)
            while len(kept) > _KEPT_OPEN:
                for part in kept.popitem(last=False)[1]:
                    part.close()
        kept.move_to_end(prefix)
        return kept[prefix]

    def _index_file(self, prefix: str) -> Path:
        return self._indexes / f"{prefix.rstrip('/') or self._root.name}.sqlite"


class _OpenArchives:
    """What every thread of every process has opened for itself; nothing of it is pickled."""

    def __init__(self) -> None:
        self._local = threading.local()

    def kept(self) -> OrderedDict[str, tuple[ArchiveIndex, Reader]]:
        if getattr(self._local, "process", None) != os.getpid():
            # What a fork brought along is its parent's.
            self._local.process, self._local.kept = os.getpid(), OrderedDict()
        kept: OrderedDict[str, tuple[ArchiveIndex, Reader]] = self._local.kept
        return kept

    def __reduce__(self) -> tuple[type[Any], tuple[()]]:
        return type(self), ()
