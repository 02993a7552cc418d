"""What became of the candidates: at which rank they were kept, and for how many images none was (the None rate).

The files of the shards are read one by one, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from taskgalaxy.describe.intervals import with_share
from taskgalaxy.rejects import REASONS
from taskgalaxy.schemas import FILTER
from taskgalaxy.shards import source_of
from taskgalaxy.tables import read_table

_ANSWERED = ("none_fits", "not_selected", "label_not_offered")
_FAILED = [reason for reason in REASONS["filter"] if reason not in _ANSWERED]
"""Reasons of a request that brought no usable reply: why nothing was kept is then not the candidates' fault."""

_RANKS = {"rank": pl.Int16, "candidates": pl.Int64, "kept": pl.Int64, "first_kept": pl.Int64}
_TYPES = {"task_type": pl.String, "candidates": pl.Int64, "kept": pl.Int64}
_SHARDS = {"shard": pl.String, "source": pl.String, "images": pl.Int64, "without": pl.Int64, "failed": pl.Int64}


@dataclass(frozen=True)
class Candidates:
    """Counts over all shards.

    Attributes:
        by_rank: rank, candidates, kept, and first_kept: images whose best kept candidate stood there.
        by_task_type: task_type, candidates, kept.
        by_shard: shard, source, images, without (images of which no candidate was kept) and failed (those of
            them of which no reply could be used), in the order of the shards.
    """

    by_rank: pl.DataFrame
    by_task_type: pl.DataFrame
    by_shard: pl.DataFrame


def count_candidates(paths: Iterable[Path | str], fill: Iterable[Path | str]) -> Candidates:
    """Count in the files of ``schemas.FILTER``, which are named by their shards, in the order given.

    Those of the ``fill`` count by task type alone: there the task types chose the images.
    """
    by_rank = pl.DataFrame(schema=_RANKS)
    by_task_type = pl.DataFrame(schema=_TYPES)
    shards = []
    for path in paths:
        rows = read_table(path, FILTER).select("image_id", "rank", "task_type", "kept", "reason")
        by_rank = _sum(by_rank, _by_rank(rows), "rank")
        by_task_type = _sum(by_task_type, _by_task_type(rows), "task_type")
        shards.append({"shard": Path(path).stem, "source": source_of(Path(path).stem), **_images(rows)})
    for path in fill:
        by_task_type = _sum(by_task_type, _by_task_type(read_table(path, FILTER)), "task_type")
    return Candidates(by_rank, by_task_type, pl.DataFrame(shards, schema=_SHARDS))


def _by_rank(rows: pl.DataFrame) -> pl.DataFrame:
    first = rows.filter("kept").group_by("image_id").agg(pl.col("rank").min())
    return (
        rows.group_by("rank")
        .agg(candidates=pl.len().cast(pl.Int64), kept=pl.col("kept").sum().cast(pl.Int64))
        .join(first.group_by("rank").agg(first_kept=pl.len().cast(pl.Int64)), on="rank", how="left")
        .with_columns(pl.col("first_kept").fill_null(0))
    )


def _by_task_type(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("task_type").agg(candidates=pl.len().cast(pl.Int64), kept=pl.col("kept").sum().cast(pl.Int64))


def _images(rows: pl.DataFrame) -> dict[str, int]:
    images = rows.group_by("image_id").agg(
        kept=pl.col("kept").any(), failed=pl.col("reason").is_in(_FAILED).fill_null(False).all()
    )
    return {
        "images": images.height,
        "without": images.filter(~pl.col("kept")).height,
        "failed": images.filter("failed").height,
    }


def _sum(total: pl.DataFrame, further: pl.DataFrame, key: str) -> pl.DataFrame:
    both = pl.concat([total, further.select(total.columns)])
    return both.group_by(key).agg(pl.all().sum()).sort(key)


def ranks(by_rank: pl.DataFrame) -> pl.DataFrame:
    """Of every rank, the share of its candidates that were kept; and of all that were kept, the share so far."""
    return with_share(by_rank, "kept", "candidates").with_columns(
        kept_so_far=pl.col("kept").cum_sum() / pl.when(pl.col("kept").sum() > 0).then(pl.col("kept").sum())
    )


def none_rate_by_shard(by_shard: pl.DataFrame) -> pl.DataFrame:
    """The share of the images of a shard of which no candidate was kept."""
    return with_share(by_shard, "without", "images")


def none_rate_by_source(by_shard: pl.DataFrame) -> pl.DataFrame:
    """The same by source, in their order."""
    sums = by_shard.group_by("source", maintain_order=True).agg(pl.col("images", "without", "failed").sum())
    return with_share(sums, "without", "images")
