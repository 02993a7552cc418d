"""Parquet files with the bytes of images in a column, as the Hugging Face Hub has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.sources.archive_index import Found, Member
from taskgalaxy.sources.names import plain, unsafe

_BATCH = 8
"""Rows in memory at once."""
_BUFFER = 1 << 20
"""Bytes of a column that are read at once: without it, all of a row group are."""


class ParquetFormat:
    """A column of structs of ``bytes`` and perhaps ``path``, or of plain bytes.

    Rows are named by their paths where all rows of the file have safe ones that differ, else by their numbers. Of
    their sizes nothing is known without reading them.
    """

    suffix = ".parquet"

    def __init__(self, column: str | None) -> None:
        self._column = column

    def members(self, archive: Path, stamp: int) -> Found:
        with _opened(archive) as file:
            _, paths = _columns(file, archive, self._column)
            rows = file.metadata.num_rows
            names = _names(file, paths, rows) if paths else None
        for row in range(rows):
            yield Member(names[row] if names else f"{row:07d}", 0, stamp, row)

    def open(self, archive: Path) -> ParquetReader:
        return ParquetReader(archive, self._column)


class ParquetReader:
    """Rows one after the other cost one pass over the column; one that lies further ahead or back, its row group."""

    def __init__(self, archive: Path, column: str | None) -> None:
        self._archive = archive
        self._file = _opened(archive)
        self._bytes, _ = _columns(self._file, archive, column)
        groups = (self._file.metadata.row_group(number).num_rows for number in range(self._file.num_row_groups))
        self._groups = _starts(groups)
        self._ahead: Iterator[Any] = iter(())
        self._batch: Any = []
        self._first = 0

    def read(self, member: Member) -> bytes:
        row = member.offset
        if not self._first <= row < self._first + len(self._batch):
            self._go_to(row)
        value = self._batch[row - self._first].as_py()
        if value is None:
            raise OSError(f"{self._archive}: row {row} holds no image")
        data: bytes = value
        return data

    def close(self) -> None:
        self._file.close()

    def _go_to(self, row: int) -> None:
        group = max(number for number, start in enumerate(self._groups) if start <= row)
        if not self._groups[group] <= self._first <= row or not len(self._batch):
            self._ahead = self._file.iter_batches(_BATCH, row_groups=[group], columns=[self._bytes], use_threads=False)
            self._batch, self._first = [], self._groups[group]
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            column = next(self._ahead).column(0)
            self._batch = column.field("bytes") if "." in self._bytes else column


def _opened(archive: Path) -> Any:
    """The open file. pyarrow takes a third of a second to import, so only those that read Parquet files do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(archive, buffer_size=_BUFFER)
    except pa.ArrowInvalid as error:
        raise UserError(
            str(archive), f"cannot be read as a Parquet file: {error}", "get or make it again, or take it out"
        ) from error


def _columns(file: Any, archive: Path, column: str | None) -> tuple[str, str | None]:
    """The names of the columns of bytes and of paths, as Parquet has them.

    Raises:
        UserError: if there is no such column, or several.
    """
    import pyarrow as pa

    found: dict[str, tuple[str, str | None]] = {}
    for field in file.schema_arrow:
        if _is_bytes(field.type):
            found[field.name] = (field.name, None)
        elif pa.types.is_struct(field.type) and any(
            part.name == "bytes" and _is_bytes(part.type) for part in field.type
        ):
            named = any(part.name == "path" for part in field.type)
            found[field.name] = (f"{field.name}.bytes", f"{field.name}.path" if named else None)
    wanted = [column] if column else ["image"] if "image" in found else list(found)
    if len(wanted) != 1 or wanted[0] not in found:
        raise UserError(
            str(archive),
            f"has no column of images that could be meant (with bytes: {', '.join(found) or 'none'})",
            "name it as the source's column",
        )
    return found[wanted[0]]


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _names(file: Any, paths: str, rows: int) -> list[str] | None:
    """The stored paths of all rows, if each can name its row."""
    names: list[str] = []
    for batch in file.iter_batches(columns=[paths], use_threads=False):
        for value in batch.column(0).field("path").to_pylist():
            if not isinstance(value, str) or unsafe(value) or not plain(value):
                return None
            names.append(plain(value))
    return names if len(set(names)) == rows else None


def _starts(counts: Iterator[int]) -> list[int]:
    """The number of the first row of every row group."""
    starts, total = [], 0
    for count in counts:
        starts.append(total)
        total += count
    return starts
