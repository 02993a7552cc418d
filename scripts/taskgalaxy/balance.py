"""The balanced selection: 1 to 55 samples per task type (paper section 2.2, "Referee Screening")."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

from taskgalaxy.rejects import reject


def draw_key(seed: int, sample_id: str) -> str:
    """The number that decides whether a sample is drawn: smaller is sooner.

    It depends on the seed and the sample alone, so that adding samples moves as few earlier picks as
    possible, and BLAKE2b so that no library's hash function decides it.
    """
    return hashlib.blake2b(f"{seed}:{sample_id}".encode(), digest_size=16).hexdigest()


def in_draw_order(samples: pl.DataFrame, seed: int) -> pl.DataFrame:
    """``samples`` by task type and then by draw key, with their ``position`` (from 0) in their task type."""
    keys = [draw_key(seed, sample_id) for sample_id in samples["sample_id"]]
    return (
        samples.with_columns(draw_key=pl.Series(keys, dtype=pl.String))
        .sort("task_type", "draw_key")
        .with_columns(position=pl.int_range(pl.len()).over("task_type"))
        .drop("draw_key")
    )


def draw(
    accepted: pl.DataFrame, images: pl.Series, minimum: int, maximum: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw at most ``maximum`` samples of every task type that has at least ``minimum``.

    ``accepted`` has the columns sample_id, image_id and task_type; ``images`` are the ids of the images
    that are still there. Returns the drawn samples, sorted by task type and draw key, and the others with
    a column ``reason``: ``image_removed``, ``over_cap`` or ``below_minimum``.
    """
    there = pl.col("image_id").is_in(images.implode())
    removed = accepted.filter(~there).with_columns(reason=pl.lit("image_removed"))
    ranked = in_draw_order(accepted.filter(there), seed).with_columns(available=pl.len().over("task_type"))
    below = pl.col("available") < minimum
    over = pl.col("position") >= maximum
    drawn = ranked.filter(~below & ~over).drop("position", "available")
    left = ranked.filter(below | over).with_columns(
        reason=pl.when(below).then(pl.lit("below_minimum")).otherwise(pl.lit("over_cap"))
    )
    return drawn, pl.concat([removed, left.select(removed.columns)])


def balance_rejects(left: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of ``schemas.REJECTS`` (stage balance) for samples with a ``reason``."""
    return [
        reject("balance", row["sample_id"], row["reason"], image_id=row["image_id"], task_type=row["task_type"])
        for row in left.iter_rows(named=True)
    ]
