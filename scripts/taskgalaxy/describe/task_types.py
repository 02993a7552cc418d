"""Task types: on which levels they stand, how many samples they have, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

FATES = (
    "in the set",
    "not drawn",
    "none accepted",
    "no question",
    "never kept",
    "never a candidate",
)
"""What became of a task type: how far it came. A task type is "not drawn" if it has accepted samples, but none
of them is in the final set, as where it has fewer than ``balance.min``."""

_EDGES = (0, 1, 5, 10, 20, 50, 100, 200, 500, 1000)
"""The most samples of each bucket but the last. 10, 50 and 100 are edges, so that 1-10, 11-50, 51-100 and more
(the buckets in which the review of the paper's Figure 5 thinks) can be added up from these."""


def count_task_types(
    task_types: pl.DataFrame, by_task_type: pl.DataFrame, votes: pl.DataFrame, final: pl.DataFrame
) -> pl.DataFrame:
    """Every task type of the pool with its counts and its fate, sorted by task type.

    Args:
        task_types: of ``schemas.TASK_TYPES``.
        by_task_type: as in :class:`taskgalaxy.describe.candidates.Candidates`.
        votes: of the vote table, at least task_type and accepted.
        final: of ``schemas.DATASET``, at least task_type.
    """
    voted = votes.group_by("task_type").agg(samples=pl.len(), accepted=pl.col("accepted").sum())
    drawn = final.group_by("task_type").agg(final=pl.len())
    counts = ["candidates", "kept", "samples", "accepted", "final"]
    joined = task_types.select("task_type", "level_1", "depth", "origin", "parent")
    for part in (by_task_type, voted, drawn):
        joined = joined.join(part, on="task_type", how="left", maintain_order="left")
    return joined.with_columns(pl.col(counts).fill_null(0).cast(pl.Int64)).with_columns(fate=_fate()).sort("task_type")


def _fate() -> pl.Expr:
    fate = pl.lit(FATES[-1])
    for reached, column in zip(
        reversed(FATES[:-1]), ("candidates", "kept", "samples", "accepted", "final"), strict=True
    ):
        fate = pl.when(pl.col(column) > 0).then(pl.lit(reached)).otherwise(fate)
    return fate


def count_fates(task_types: pl.DataFrame) -> pl.DataFrame:
    """How many task types came how far, those in the set first; every fate of :data:`FATES` has a row."""
    found = task_types.group_by("fate").agg(task_types=pl.len())
    return (
        pl.DataFrame({"fate": FATES})
        .join(found, on="fate", how="left", maintain_order="left")
        .with_columns(pl.col("task_types").fill_null(0))
        .with_columns(share=pl.col("task_types") / max(task_types.height, 1))
    )


def without_samples(task_types: pl.DataFrame) -> pl.DataFrame:
    """Those that are not in the set: the ones that came least far first."""
    order = {fate: number for number, fate in enumerate(reversed(FATES))}
    return (
        task_types.filter(pl.col("fate") != FATES[0])
        .sort(pl.col("fate").replace_strict(order, return_dtype=pl.Int64), "task_type")
        .select("task_type", "fate", "candidates", "kept", "samples", "accepted")
    )


def samples_per_task_type(task_types: pl.DataFrame) -> pl.DataFrame:
    """How many task types have how many samples, accepted ones and those in the set (paper, Figure 5).

    The buckets partition the task types; ``most`` is null for the last one.
    """
    rows = []
    for least, most in zip((0, *(edge + 1 for edge in _EDGES)), (*_EDGES, None), strict=True):
        row: dict[str, str | int | None] = {"samples": bucket_name(least, most), "least": least, "most": most}
        for column in ("accepted", "final"):
            reached = task_types.filter(pl.col(column) >= least)
            row[f"{column}_task_types"] = (reached if most is None else reached.filter(pl.col(column) <= most)).height
        rows.append(row)
    return pl.DataFrame(rows, schema_overrides={"most": pl.Int64})


def bucket_name(least: int, most: int | None) -> str:
    """A bucket as a reader sees it: ``1``, ``2–5``, ``over 1,000``."""
    if most is None:
        return f"over {least - 1:,}"
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def levels(task_types: pl.DataFrame, paper: Sequence[int]) -> pl.DataFrame:
    """Of every level, its distinct labels (with all above them), the task types that end there, and the paper's count.

    Args:
        task_types: of ``schemas.TASK_TYPES``.
        paper: counts of levels 1, 2, ...; it does not say of which of the two.
    """
    depth = max(int(task_types["depth"].max() or 0), len(paper))  # type: ignore[arg-type]
    rows = []
    for level in range(1, depth + 1):
        reaching = task_types.filter(pl.col("depth") >= level)
        rows.append(
            {
                "level": level,
                "labels": reaching["levels"].list.head(level).list.join("~").n_unique(),
                "task_types": task_types.filter(pl.col("depth") == level).height,
                "paper": paper[level - 1] if level <= len(paper) else None,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"paper": pl.Int64})
