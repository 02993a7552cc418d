"""A list of paths: CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.sources.folder import FileSource
from taskgalaxy.sources.names import Patterns, as_bytes, is_utf8, plain, unsafe
from taskgalaxy.sources.source import File, Listing, Refused, unreadable

COLUMNS = ("path", "image", "file", "file_name", "filename", "image_path")
"""Where paths are looked for, in this order, if no column is named."""


class ListSource(FileSource):
    """The images that the file ``listed`` names, relative to the folder ``root``."""

    def __init__(self, name: str, listed: Path, root: Path, column: str | None, patterns: Patterns) -> None:
        super().__init__(name, root, patterns)
        self._listed = listed
        self._column = column

    def scan(self) -> Listing:
        files: dict[str, File] = {}
        refused = []
        try:
            for written in self._paths():
                verdict = self._judged(written)
                if verdict is None:
                    continue
                if isinstance(verdict, Refused):
                    refused.append(verdict)
                elif verdict[0] in files:
                    refused.append(Refused(verdict[0], "duplicate_name", "it stands in the list more than once"))
                else:
                    files[verdict[0]] = verdict
        except OSError as error:
            raise UserError(*unreadable(self._where, error)) from error
        return Listing(list(files.values()), refused)

    def _judged(self, written: str) -> File | Refused | None:
        """The file, why it is not taken, or ``None`` if nobody wants it."""
        if not is_utf8(written):
            return Refused(as_bytes(written), "name_not_utf8", "")
        path = plain(written)
        if Path(written).is_absolute():
            absolute = Path(os.path.normpath(written))
            if not absolute.is_relative_to(self._root.absolute()):
                return Refused(written, "unsafe_name", f"lies outside of {self._root}")
            path = absolute.relative_to(self._root.absolute()).as_posix()
        if not self._patterns.take(path):
            return None
        problem = unsafe(path)
        if problem:
            return Refused(written, "unsafe_name", problem)
        try:
            status = (self._root / path).stat()
        except OSError as error:
            return Refused(path, "missing", str(error.strerror))
        if not stat.S_ISREG(status.st_mode):
            return Refused(path, "not_a_file", "")
        return path, status.st_size, status.st_mtime_ns

    def _paths(self) -> Iterator[str]:
        if not self._listed.is_file():
            raise UserError(self._where, f"there is no file {self._listed}", "name a list of paths as its path")
        read = {".csv": _csv_rows, ".parquet": _parquet_rows}.get(self._listed.suffix.lower(), _jsonl_rows)
        for number, row in enumerate(read(self._listed, self._column), 1):
            where = f"{self._listed}, row {number}"
            if not isinstance(row, dict):
                raise UserError(where, "is no JSON object", 'write one object per line, such as {"path": "a.jpg"}')
            column = self._column or next((name for name in COLUMNS if name in row), None)
            value = row.get(column) if column else None
            if not isinstance(value, str) or not value:
                looked = self._column or ", ".join(COLUMNS)
                raise UserError(where, f"has no path ({looked})", "name the column of paths as the source's column")
            yield value


def _csv_rows(path: Path, column: str | None) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        try:
            yield from csv.DictReader(file)
        except csv.Error as error:
            raise UserError(
                str(path), f"cannot be read as CSV: {error}", "write it again, its first line the names of columns"
            ) from error


def _jsonl_rows(path: Path, column: str | None) -> Iterator[Any]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise UserError(
                        f"{path}, line {number}", f"is no JSON ({error})", "write one object per line"
                    ) from error


def _parquet_rows(path: Path, column: str | None) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        columns = [name for name in file.schema_arrow.names if name in ((column,) if column else COLUMNS)]
        for batch in file.iter_batches(columns=columns):
            yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(str(path), f"cannot be read as a Parquet file: {error}", "write it again") from error
