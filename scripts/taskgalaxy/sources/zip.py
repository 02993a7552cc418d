"""Zip archives."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from taskgalaxy.errors import UserError
from taskgalaxy.sources.archive_index import Found, Member
from taskgalaxy.sources.names import is_image, is_utf8, plain, unsafe
from taskgalaxy.sources.pread import OpenFile
from taskgalaxy.sources.source import Refused

_MAX_RATIO = 200
_BOMB_BYTES = 16 << 20
"""An image this large that was compressed to less than a 200th is taken for a bomb."""

_HEADER = struct.Struct("<4s22xHH")
"""Of the header before a member's data: its mark, and the lengths of the name and of the extra field behind it."""
_MARK = b"PK\3\4"
_ENCRYPTED = 1
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, struct.error, EOFError)


class ZipFormat:
    """Zip files, stored or deflated, zip64 too."""

    suffix = ".zip"

    def members(self, archive: Path, stamp: int) -> Found:
        """As :meth:`Format.members`; a member's stamp is its CRC-32, so that times do not count."""
        try:
            with zipfile.ZipFile(archive) as opened:
                entries = opened.infolist()
                end = opened.start_dir
        except _BROKEN as error:
            raise UserError(
                str(archive),
                f"cannot be read as a zip file: {error}",
                "get or make it again, or take it out of its source",
            ) from error
        yield from _judged(entries, end)

    def open(self, archive: Path) -> ZipReader:
        return ZipReader(archive)


class ZipReader:
    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._file = OpenFile(archive)

    def read(self, member: Member) -> bytes:
        mark, name, extra = _HEADER.unpack(self._file.bytes_at(member.offset, _HEADER.size))
        if mark != _MARK:
            raise OSError(f"{self._archive} holds no {member.path} at byte {member.offset}")
        data = self._file.bytes_at(member.offset + _HEADER.size + name + extra, member.packed)
        if member.method == zipfile.ZIP_DEFLATED:
            try:
                # Never more than was declared, and judged by that, however much there would be.
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
            except zlib.error as error:
                raise OSError(f"{self._archive}: {member.path} is damaged ({error})") from error
        if len(data) != member.size or zlib.crc32(data) != member.stamp:
            raise OSError(f"{self._archive}: {member.path} is damaged (size or checksum)")
        return data

    def close(self) -> None:
        self._file.close()


def _judged(entries: list[zipfile.ZipInfo], end: int) -> Iterator[Member | Refused]:
    """The images among ``entries``, in the order of their data, which ends at byte ``end``."""
    behind = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        overlaps = entry.header_offset < behind
        behind = max(behind, entry.header_offset + _HEADER.size + entry.compress_size)
        if entry.is_dir() or not is_image(entry.orig_filename):
            continue
        yield _verdict(entry, overlaps, behind > end)


def _verdict(entry: zipfile.ZipInfo, overlaps: bool, outside: bool) -> Member | Refused:
    # The name as it is written: zipfile ends it at a zero byte.
    name = entry.orig_filename
    if not is_utf8(name):
        return Refused(ascii(name), "name_not_utf8", "")
    problem = unsafe(name)
    if problem:
        return Refused(ascii(name)[1:-1], "unsafe_name", problem)
    path = plain(name)
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Refused(path, "not_a_file", "a link" if stat.S_ISLNK(mode) else "a device, a pipe or the like")
    if entry.flag_bits & _ENCRYPTED:
        return Refused(path, "encrypted", "")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Refused(path, "compression_unknown", f"method {entry.compress_type}; stored and deflated are read")
    if overlaps or outside:
        return Refused(path, "overlapping", "its data lie in those of another member, or outside of the archive")
    if entry.file_size > max(_BOMB_BYTES, _MAX_RATIO * entry.compress_size):
        return Refused(path, "compression_bomb", f"{entry.compress_size:,} bytes that become {entry.file_size:,}")
    return Member(path, entry.file_size, entry.CRC, entry.header_offset, entry.compress_size, entry.compress_type)
