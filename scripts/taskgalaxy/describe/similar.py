"""Near-duplicate task types: those whose embeddings as texts are close to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from taskgalaxy.embeddings import Vectors
from taskgalaxy.labels import join_levels, split_levels
from taskgalaxy.topk import exact_topk

NEIGHBOURS = 20
"""Of each task type so many nearest ones are looked at."""


def neighbours(names: Sequence[str], vectors: Vectors, count: int = NEIGHBOURS) -> pl.DataFrame:
    """The nearest others of every task type: task_type, other and cosine, nearest first.

    Args:
        vectors: float32, shape (len(names), dimension), unit rows.
        count: how many, or as many as there are.
    """
    width = min(count + 1, len(names))
    if width < 2:
        return pl.DataFrame(schema={"task_type": pl.String, "other": pl.String, "cosine": pl.Float32})
    best = exact_topk(vectors, vectors, width)
    rows = np.arange(len(names))[:, None]
    others = best.indices != rows
    # Where many texts are the same, a task type need not be among the best of its own.
    others[others.all(axis=1), -1] = False
    column = pl.Series(names, dtype=pl.String)
    return pl.DataFrame(
        {
            "task_type": column.gather(np.repeat(np.arange(len(names)), width - 1)),
            "other": column.gather(best.indices[others]),
            "cosine": best.scores[others],
        }
    )


def nearest(found: pl.DataFrame) -> pl.DataFrame:
    """Of :func:`neighbours` the nearest one of every task type: task_type, nearest, cosine."""
    return found.group_by("task_type", maintain_order=True).first().rename({"other": "nearest"})


def similar_pairs(found: pl.DataFrame, above: float) -> pl.DataFrame:
    """Of :func:`neighbours` the pairs of a cosine of ``above`` or more, each once, the most similar first."""
    pairs = (
        found.filter(pl.col("cosine").cast(pl.Float64).round(6) >= above)
        .select(
            first=pl.min_horizontal("task_type", "other"),
            second=pl.max_horizontal("task_type", "other"),
            cosine="cosine",
        )
        .unique(["first", "second"], keep="first", maintain_order=True)
        .sort("cosine", "first", "second", descending=[True, False, False])
    )
    same = [_parent(first) == _parent(second) for first, second in pairs.select("first", "second").iter_rows()]
    return pairs.with_columns(same_parent=pl.Series(same, dtype=pl.Boolean))


def _parent(task_type: str) -> str:
    return join_levels(split_levels(task_type)[:-1])
