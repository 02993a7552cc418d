"""The final set: drawn samples with everything that is known about them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from taskgalaxy.labels import split_levels
from taskgalaxy.schemas import COT_PROVENANCE, DATASET, SAMPLES
from taskgalaxy.tables import read_samples, to_frame


def read_all_samples(paths: Iterable[Path | str]) -> pl.DataFrame:
    """Samples of many shards, in the order given; of ``schemas.SAMPLES``."""
    return pl.concat([to_frame([], SAMPLES), *(read_samples(path) for path in paths)])


def assemble(drawn: pl.DataFrame, samples: pl.DataFrame, images: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``schemas.DATASET`` for ``drawn`` (column sample_id), sorted by task type and sample_id.

    ``samples`` are of ``schemas.SAMPLES``, ``images`` of ``schemas.IMAGE_INDEX``; ``scores`` is the vote table.

    Raises:
        ValueError: if a sample's image or votes are missing.
    """
    rows = (
        drawn.select("sample_id")
        .join(samples, on="sample_id", how="left")
        .join(
            images.select("image_id", "source", "width", "height", "license", image="path"), on="image_id", how="left"
        )
        .join(scores.select("sample_id", "votes", vote_score="score"), on="sample_id", how="left")
        .with_columns(
            level_1=pl.col("task_type").map_elements(lambda name: split_levels(name)[0], return_dtype=pl.String)
        )
        .with_columns(pl.lit(None, pl.String).alias(name) for name in COT_PROVENANCE)
        .sort("task_type", "sample_id")
    )
    for column in ("question", "image", "votes"):
        missing = rows[column].null_count()
        if missing:
            raise ValueError(f"{missing} of {rows.height} samples have no {column}")
    return rows.select(DATASET.schema.names)
