"""The report's tables: CSV files under results/report/tables, each with a fixed list of columns.

They are for people: a spreadsheet opens them, and a figure is drawn from each. Shares are from 0 to 1, and
``low`` and ``high`` are the ends of their 95 % confidence interval (:mod:`taskgalaxy.describe.intervals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import polars as pl

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic

Sheets: TypeAlias = Mapping[str, pl.DataFrame]
"""The frames of :data:`SCHEMAS`, by name."""

_SHARE = {"share": pl.Float64(), "low": pl.Float64(), "high": pl.Float64()}

SCHEMAS: Mapping[str, Mapping[str, pl.DataType]] = {
    "task_types": {
        "task_type": pl.String(), "level_1": pl.String(), "depth": pl.Int64(), "origin": pl.String(),
        "candidates": pl.Int64(), "kept": pl.Int64(), "samples": pl.Int64(), "accepted": pl.Int64(),
        "final": pl.Int64(), "fate": pl.String(), "nearest": pl.String(), "cosine": pl.Float64(),
    },
    "fates": {"fate": pl.String(), "task_types": pl.Int64(), "share": pl.Float64()},
    "task_types_without_samples": {
        "task_type": pl.String(), "fate": pl.String(), "candidates": pl.Int64(), "kept": pl.Int64(),
        "samples": pl.Int64(), "accepted": pl.Int64(),
    },
    "samples_per_task_type": {
        "samples": pl.String(), "least": pl.Int64(), "most": pl.Int64(),
        "accepted_task_types": pl.Int64(), "final_task_types": pl.Int64(),
    },
    "levels": {"level": pl.Int64(), "labels": pl.Int64(), "task_types": pl.Int64(), "paper": pl.Int64()},
    "sources": {
        "source": pl.String(), "license": pl.String(), "images": pl.Int64(), "images_in_set": pl.Int64(),
        "samples": pl.Int64(), "task_types": pl.Int64(),
    },
    "datasets": {
        "name": pl.String(), "instances": pl.Int64(), "task_types": pl.Int64(), "made": pl.String(),
        "this_run": pl.Boolean(),
    },
    "funnel": {
        "stage": pl.String(), "unit": pl.String(), "rows_in": pl.Int64(), "rows_out": pl.Int64(),
        "rejected": pl.Int64(),
    },
    "ranks": {
        "rank": pl.Int64(), "candidates": pl.Int64(), "kept": pl.Int64(), "first_kept": pl.Int64(), **_SHARE,
        "kept_so_far": pl.Float64(),
    },
    "none_rate_by_shard": {
        "shard": pl.String(), "source": pl.String(), "images": pl.Int64(), "without": pl.Int64(),
        "failed": pl.Int64(), **_SHARE,
    },
    "none_rate_by_source": {
        "source": pl.String(), "images": pl.Int64(), "without": pl.Int64(), "failed": pl.Int64(), **_SHARE,
    },
    "votes": {
        "yes": pl.Int64(), "no": pl.Int64(), "missing": pl.Int64(), "samples": pl.Int64(), "accepted": pl.Int64(),
    },
    "agreement": {
        "first": pl.String(), "second": pl.String(), "samples": pl.Int64(), "agreement": pl.Float64(),
        "cohen_kappa": pl.Float64(),
    },
    "rejection_by_first_level": {
        "level_1": pl.String(), "samples": pl.Int64(), "rejected": pl.Int64(), **_SHARE,
    },
    "similar_task_types": {
        "first": pl.String(), "second": pl.String(), "cosine": pl.Float64(), "same_parent": pl.Boolean(),
    },
    "lengths": {"part": pl.String(), "words": pl.Int64(), "samples": pl.Int64()},
    "questions_asked": {"stage": pl.String(), "asked": pl.Int64(), "per_accepted": pl.Float64()},
}  # fmt: skip
"""The columns of every table; docs/report.md says what they mean."""


def sheet(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with the columns of the table ``name``, in their order and types; fractions to six digits.

    Raises:
        polars.exceptions.PolarsError: for a column that is missing, or does not convert.
    """
    columns = [
        pl.col(column).cast(kind).round(6) if kind == pl.Float64() else pl.col(column).cast(kind)
        for column, kind in SCHEMAS[name].items()
    ]
    return frame.select(columns)


def write_sheets(folder: Path | str, sheets: Sheets) -> None:
    """Write every table as ``folder``/NAME.csv, atomically."""
    for name, frame in sheets.items():
        with atomic(Path(folder) / f"{name}.csv") as file:
            file.write(frame.write_csv())


def read_sheets(folder: Path | str) -> dict[str, pl.DataFrame]:
    """All tables of :data:`SCHEMAS` that :func:`write_sheets` has written.

    Raises:
        UserError: if one is missing or damaged.
    """
    found = {}
    for name, schema in SCHEMAS.items():
        path = Path(folder) / f"{name}.csv"
        try:
            found[name] = pl.read_csv(path, schema=dict(schema))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UserError(
                str(path), f"cannot be read ({error})", "Delete it and run snakemake again: it is made anew"
            ) from error
    return found
