"""Reading and writing tables, which are checked against their schemas both times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic, read_jsonl, write_jsonl
from taskgalaxy.rejects import REASONS, VOTE_REASONS
from taskgalaxy.schemas import FILTER, REJECTS, REMAKE, SAMPLES, VOTES, Table


def to_arrow(rows: pl.DataFrame | Sequence[Mapping[str, Any]], table: Table) -> pa.Table:
    """``rows`` in the table's schema.

    Raises:
        ValueError: for a missing or unknown column, a type that does not convert, a null where none
            may be, a repeated key, or a reject's reason outside the closed list.
    """
    if isinstance(rows, pl.DataFrame):
        extra = set(rows.columns) ^ set(table.schema.names)
        if extra:
            raise ValueError(f"table {table.name}: columns {sorted(extra)} are missing or unknown")
        data = rows.select(table.schema.names).to_arrow().cast(table.schema)
    else:
        for row in rows:
            if row.keys() ^ set(table.schema.names):
                raise ValueError(f"table {table.name}: columns {sorted(row.keys() ^ set(table.schema.names))}")
        try:
            data = pa.Table.from_pylist([dict(row) for row in rows], schema=table.schema)
        except pa.ArrowTypeError as error:
            raise ValueError(f"table {table.name}: {error}") from error
    for field in table.schema:
        if not field.nullable and data.column(field.name).null_count:
            raise ValueError(f"table {table.name}: column {field.name} holds nulls")
    if table.key and data.num_rows:
        distinct = data.select(table.key).group_by(list(table.key)).aggregate([]).num_rows
        if distinct != data.num_rows:
            raise ValueError(f"table {table.name}: {data.num_rows - distinct} rows repeat a key {table.key}")
    _check_reasons(data, table)
    return data


def _check_reasons(data: pa.Table, table: Table) -> None:
    """Refuse a reason that is not in the closed list of its stage."""
    if table is REJECTS:
        given = {(row["stage"], row["reason"]) for row in data.select(["stage", "reason"]).to_pylist()}
    elif table is VOTES:
        given = {("vote", reason) for reason in data["reason"].unique().to_pylist() if reason is not None}
    elif table is FILTER:
        given = {("filter", reason) for reason in data["reason"].unique().to_pylist() if reason is not None}
    else:
        return
    for stage, reason in sorted(given):
        if reason not in (VOTE_REASONS if stage == "vote" else REASONS.get(stage, ())):
            raise ValueError(f"stage {stage}: {reason!r} is not one of its reasons")


def write_table(
    path: Path | str, rows: pl.DataFrame | Sequence[Mapping[str, Any]], table: Table, row_group_size: int = 1 << 17
) -> None:
    """Write ``rows`` as zstd Parquet, atomically; the same rows give the same bytes.

    Raises as :func:`to_arrow`. Small row groups let readers that filter skip most of the file.
    """
    data = to_arrow(rows, table)
    with atomic(path, "wb") as file:
        # Without checksums a damaged page may be read as other values.
        pq.write_table(data, file, compression="zstd", row_group_size=row_group_size, write_page_checksum=True)


def to_frame(rows: Sequence[Mapping[str, Any]], table: Table) -> pl.DataFrame:
    """``rows`` as a frame of the table's schema. Raises as :func:`to_arrow`."""
    return _frame(to_arrow(rows, table))


def _frame(data: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(data)
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_table(path: Path | str, table: Table, **equal: str) -> pl.DataFrame:
    """The table at ``path``; with ``column="value"`` only the rows that hold this value.

    Raises:
        UserError: if the file is missing, damaged or of another schema.
    """
    filters = [(name, "=", value) for name, value in equal.items()] or None
    with _readable(path, table):
        data = pq.read_table(path, filters=filters, page_checksum_verification=True)
    _check_columns(path, data.schema, table)
    return _frame(data)


def read_columns(path: Path | str, table: Table, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of the table at ``path``, in memory for these alone.

    Raises:
        UserError: if the file is missing, damaged or of another schema.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.remove_metadata().equals(table.schema):
                raise UserError(str(path), f"does not have the columns of the {table.name} table", table.remedy)
            return _frame(file.read(list(columns)))
    except (OSError, pa.ArrowException) as error:
        raise UserError(str(path), f"cannot be read as the {table.name} table ({error})", table.remedy) from error


def iter_rows(path: Path | str, table: Table) -> Iterator[dict[str, Any]]:
    """The rows of the table at ``path``, one by one, in memory bounded by a batch of rows.

    Raises:
        UserError: if the file is missing, damaged or of another schema.
    """
    with _readable(path, table), pq.ParquetFile(path, page_checksum_verification=True) as file:
        _check_columns(path, file.schema_arrow, table)
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()


@contextmanager
def _readable(path: Path | str, table: Table) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise UserError(str(path), f"cannot be read as the {table.name} table ({error})", table.remedy) from error


def _check_columns(path: Path | str, schema: pa.Schema, table: Table) -> None:
    if not schema.remove_metadata().equals(table.schema):
        raise UserError(str(path), f"does not have the columns of the {table.name} table", table.remedy)


def read_tables(paths: Iterable[Path | str], table: Table) -> pl.DataFrame:
    """Several files of one table, in the order given; an empty table for no files."""
    frames = [read_table(path, table) for path in paths]
    if frames:
        return pl.concat(frames)
    return _frame(table.schema.empty_table())


def write_samples(path: Path | str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write question-answer pairs as JSON Lines, checked as a ``SAMPLES`` table."""
    write_jsonl(path, to_arrow(rows, SAMPLES).to_pylist())


def read_samples(path: Path | str) -> pl.DataFrame:
    """Question-answer pairs from JSON Lines; of ``SAMPLES``.

    Raises:
        UserError: if the file is missing, damaged or of another schema.
    """
    try:
        data = to_arrow(list(read_jsonl(path)), SAMPLES)
    except (OSError, ValueError, AttributeError, pa.ArrowException) as error:
        raise UserError(str(path), f"cannot be read as question-answer pairs ({error})", REMAKE) from error
    return _frame(data)
