"""Uncompressed tar archives, WebDataset's among them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.sources.archive_index import Found, Member
from taskgalaxy.sources.names import as_bytes, is_image, is_utf8, plain, unsafe
from taskgalaxy.sources.pread import OpenFile
from taskgalaxy.sources.source import Refused

_MAX_HEADER = 1 << 20
"""Bytes of a header; those of long names and of extended attributes may be longer than a block."""


class TarFormat:
    """Tar files of any dialect that Python's tarfile knows."""

    suffix = ".tar"

    def members(self, archive: Path, stamp: int) -> Found:
        with _Headers(archive) as headers:
            try:
                # Without "r:" it would try every compression on a damaged file.
                tar: Any
                with tarfile.open(fileobj=headers, mode="r:", errors="surrogateescape") as tar:
                    for info in tar:
                        tar.members = []  # of a million it would keep them all
                        if is_image(info.name):
                            yield _judged(info, stamp)
                    end = tar.offset
            except (tarfile.TarError, EOFError, ValueError, OverflowError, MemoryError) as error:
                raise _damaged(archive, str(error)) from error
            # tarfile takes whatever it cannot read for the end.
            headers.seek(end)
            mark = headers.read(tarfile.BLOCKSIZE)
        if mark != bytes(tarfile.BLOCKSIZE):
            cut = "ends without its end mark, as if it were cut off" if len(mark) < tarfile.BLOCKSIZE else "is damaged"
            raise _damaged(archive, f"{cut} at byte {end:,}")

    def open(self, archive: Path) -> TarReader:
        return TarReader(archive)


class TarReader:
    def __init__(self, archive: Path) -> None:
        self._file = OpenFile(archive)

    def read(self, member: Member) -> bytes:
        return self._file.bytes_at(member.offset, member.size)

    def close(self) -> None:
        self._file.close()


def _judged(info: tarfile.TarInfo, stamp: int) -> Member | Refused:
    if not is_utf8(info.name):
        return Refused(as_bytes(info.name), "name_not_utf8", "")
    # tarfile takes the slash from the end of a folder's name, and leaves all others.
    reason = unsafe(info.name)
    if reason:
        return Refused(info.name, "unsafe_name", reason)
    path = plain(info.name)
    if not info.isreg() or info.issparse():
        return Refused(path, "not_a_file", _kind(info))
    return Member(path, info.size, stamp, info.offset_data)


def _kind(info: tarfile.TarInfo) -> str:
    if info.islnk() or info.issym():
        return f"a link to {info.linkname[:200]!r}"
    if info.isdir():
        return "a folder"
    return "a sparse file" if info.issparse() else "a device, a pipe or the like"


class _Headers(io.FileIO):
    """The archive for tarfile, which reads headers alone from it and so never much at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER:
            raise tarfile.ReadError(f"a header claims to have {size:,} bytes")
        return super().read(size)


def _damaged(archive: Path, problem: str) -> UserError:
    return UserError(
        str(archive), f"cannot be read as a tar file: {problem}", "get or make it again, or take it out of its source"
    )
