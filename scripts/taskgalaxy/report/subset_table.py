"""What the subsets hold, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import polars as pl


class SubsetRow(TypedDict):
    """The size of a subset."""

    name: str
    samples: int
    task_types: int
    images: int


def subset_row(name: str, samples: pl.DataFrame) -> SubsetRow:
    """The row of a subset (of ``schemas.DATASET``)."""
    return {
        "name": name,
        "samples": samples.height,
        "task_types": samples["task_type"].n_unique(),
        "images": samples["image_id"].n_unique(),
    }


def format_subsets(rows: Sequence[SubsetRow]) -> str:
    """The rows as a table of text."""
    width = max((len(row["name"]) for row in rows), default=0)
    head = f"{'subset':{width}} {'samples':>10} {'task types':>12} {'images':>10}"
    lines = [f"{row['name']:{width}} {row['samples']:10,} {row['task_types']:12,} {row['images']:10,}" for row in rows]
    return "\n".join([head, *lines, ""])
