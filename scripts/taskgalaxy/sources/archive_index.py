"""What an archive holds, written down once: an SQLite file per archive that jobs look single images up in.

The process that plans makes it, and makes it anew when the archive has another size or time. Jobs only read it,
and so never list an archive.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from taskgalaxy.errors import UserError
from taskgalaxy.sources.source import File, Refused

MAX_MEMBERS = 5_000_000
"""Images in one archive; more are taken for an attack on memory."""

_FORMAT = 2
"""To be raised when members are listed or written down in another way."""
_SCHEMA = """
CREATE TABLE archive (size INTEGER, mtime_ns INTEGER);
CREATE TABLE members (path TEXT UNIQUE, size INTEGER, stamp INTEGER, offset INTEGER, packed INTEGER, method INTEGER);
CREATE TABLE refused (path TEXT, reason TEXT, detail TEXT);
"""


class Member(NamedTuple):
    """An image in an archive: path, size and stamp as in ``source.File``, and where its bytes are.

    ``offset`` is that of its data or header in the archive, or the number of its row; ``packed`` the bytes that it
    takes there; ``method`` how it is compressed, as the format numbers it.
    """

    path: str
    size: int
    stamp: int
    offset: int
    packed: int = 0
    method: int = 0


Found = Iterable[Member | Refused]
"""What is found in an archive, in its order."""


class ArchiveIndex:
    """The members of one archive as they were written down."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def files(self) -> list[File]:
        """In the archive's order."""
        return self._connection.execute("SELECT path, size, stamp FROM members ORDER BY rowid").fetchall()

    def refused(self) -> list[Refused]:
        return list(map(Refused._make, self._connection.execute("SELECT path, reason, detail FROM refused")))

    def find(self, path: str) -> Member | None:
        row = self._connection.execute("SELECT * FROM members WHERE path = ?", (path,)).fetchone()
        return None if row is None else Member(*row)

    def close(self) -> None:
        self._connection.close()


def archive_state(archive: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns, by which an index knows its archive."""
    status = archive.stat()
    return status.st_size, status.st_mtime_ns


def open_index(file: Path, archive: Path) -> ArchiveIndex:
    """The index that lies in ``file``, for a job.

    Raises:
        UserError: if there is none that can be read.
        OSError: if the archive is gone, or is another one than when it was indexed.
    """
    index = _opened(file)
    if index is None:
        raise UserError(
            str(file), f"is no readable index of {archive}", "run snakemake again: whoever plans a run makes it anew"
        )
    if not _is_of(index, archive):
        index.close()
        raise OSError(f"{archive} has changed since the run was planned")
    return index


def current_index(file: Path, archive: Path, found: Found) -> ArchiveIndex:
    """The index of ``archive`` as it is now, which is made in ``file`` if it is not there.

    Where ``file`` cannot be written, it is made in memory.

    Args:
        found: what is in the archive; it is looked at only if the index has to be made.

    Raises:
        OSError: if the archive cannot be read.
        UserError: if it is damaged, or holds more than ``MAX_MEMBERS`` images.
    """
    index = _opened(file)
    if index is not None:
        if _is_of(index, archive):
            return index
        index.close()
    state = archive_state(archive)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".tmp")
    except OSError:
        connection = sqlite3.connect(":memory:")
        _fill(connection, archive, state, found)
        return ArchiveIndex(connection)
    os.close(handle)
    try:
        with closing(sqlite3.connect(temporary)) as connection:
            connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            _fill(connection, archive, state, found)
        os.replace(temporary, file)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    made = _opened(file)
    assert made is not None
    return made


def _opened(file: Path) -> ArchiveIndex | None:
    if not file.is_file():
        return None
    # Immutable: no locks, which shared file systems may not have; a file is only ever replaced by another.
    connection = sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1", uri=True)
    try:
        if connection.execute("PRAGMA user_version").fetchone() == (_FORMAT,):
            return ArchiveIndex(connection)
    except sqlite3.DatabaseError:
        pass
    connection.close()
    return None


def _is_of(index: ArchiveIndex, archive: Path) -> bool:
    return bool(index._connection.execute("SELECT size, mtime_ns FROM archive").fetchone() == archive_state(archive))


def _fill(connection: sqlite3.Connection, archive: Path, state: tuple[int, int], found: Found) -> None:
    connection.executescript(_SCHEMA)
    for number, each in enumerate(found):
        if number == MAX_MEMBERS:
            raise UserError(str(archive), f"holds more than {MAX_MEMBERS:,} images", "divide it into several")
        if isinstance(each, Refused):
            connection.execute("INSERT INTO refused VALUES (?, ?, ?)", each)
            continue
        # As whoever unpacks it would find: a later member of the same name takes the place of an earlier one.
        if connection.execute("SELECT 1 FROM members WHERE path = ?", (each.path,)).fetchone():
            refused = Refused(each.path, "duplicate_name", "a later member of the archive has the same name")
            connection.execute("INSERT INTO refused VALUES (?, ?, ?)", refused)
        connection.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?)", each)
    connection.execute("INSERT INTO archive VALUES (?, ?)", state)
    connection.execute(f"PRAGMA user_version = {_FORMAT}")
    connection.commit()
