"""How many rows every stage took in, let through and turned away, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

UNITS: Mapping[str, str] = {
    "expand": "reply lines",
    "inspect": "image files",
    "duplicates": "images",
    "match": "images",
    "filter": "candidates",
    "qa": "kept task types",
    "referee": "samples",
    "decontaminate": "accepted samples",
    "balance": "clean samples",
    "cot": "samples chosen for step-by-step answers",
}
"""What each stage counts; the order is that of the pipeline."""

WIDTH = 80
"""Columns of the plain-text tables."""


def funnel_rows(counts: Mapping[str, tuple[int, int]], rejects: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of :data:`taskgalaxy.schemas.FUNNEL`, one per stage in ``counts``, in the pipeline's order.

    Args:
        counts: rows in and rows out of each stage, in the stage's unit (:data:`UNITS`).
        rejects: :data:`taskgalaxy.schemas.REJECTS` of these stages, one row per rejected row.

    Raises:
        ValueError: if a stage's rows in are not its rows out and its rejects, naming the figures of
            every such stage; if a stage is unknown, or has rejects but no counts.
    """
    unknown = sorted(set(counts) - set(UNITS))
    if unknown:
        raise ValueError(f"unknown stages {unknown}; the stages are {list(UNITS)}")
    uncounted = sorted(set(rejects["stage"].unique()) - set(counts))
    if uncounted:
        raise ValueError(f"rejects of stages without counts: {uncounted}")
    grouped = rejects.group_by("stage", "reason").len("rows").sort("rows", "reason", descending=[True, False])
    rows: list[dict[str, Any]] = []
    wrong = []
    for stage in (stage for stage in UNITS if stage in counts):
        rows_in, rows_out = counts[stage]
        reasons = grouped.filter(pl.col("stage") == stage).select("reason", "rows").to_dicts()
        rejected = sum(reason["rows"] for reason in reasons)
        if min(rows_in, rows_out) < 0 or rows_in != rows_out + rejected:
            wrong.append(f"{stage}: {rows_in:,} {UNITS[stage]} in, but {rows_out:,} out and {rejected:,} rejected")
        rows.append(
            {
                "position": len(rows) + 1,
                "stage": stage,
                "unit": UNITS[stage],
                "rows_in": rows_in,
                "rows_out": rows_out,
                "reasons": reasons,
            }
        )
    if wrong:
        raise ValueError("the funnel does not add up; " + "; ".join(wrong))
    return rows


def milestones(
    funnel: pl.DataFrame, *, task_types: int | None = None, votes: int | None = None
) -> list[tuple[str, int, tuple[str, ...]]]:
    """What a reader wants counted, from task types to the final set: (name, count, stages that led there).

    ``funnel`` is :data:`taskgalaxy.schemas.FUNNEL`. ``task_types`` (the pool's size, seeds included) and
    ``votes`` are not in it; without them the new task types stand for the pool, and votes are left out.
    Stages that the funnel lacks leave their line out.
    """
    stages = {row["stage"]: row for row in funnel.iter_rows(named=True)}
    found: list[tuple[str, int | None, tuple[str, ...]]] = [
        ("new task types", _count(stages, "expand", "rows_out"), ("expand",))
        if task_types is None
        else ("task types", task_types, ("expand",)),
        ("images", _count(stages, "duplicates", "rows_out"), ("inspect", "duplicates")),
        ("candidates", _count(stages, "filter", "rows_in"), ("match",)),
        ("kept", _count(stages, "filter", "rows_out"), ("filter",)),
        ("questions", _count(stages, "qa", "rows_out"), ("qa",)),
        ("votes", votes, ()),
        ("accepted", _count(stages, "referee", "rows_out"), ("referee",)),
        ("final", _count(stages, "balance", "rows_out"), ("decontaminate", "balance")),
        ("step by step", _count(stages, "cot", "rows_out"), ("cot",)),
    ]
    return [(name, count, led) for name, count, led in found if count is not None]


def _count(stages: Mapping[str, Mapping[str, Any]], stage: str, column: str) -> int | None:
    return int(stages[stage][column]) if stage in stages else None


def format_funnel(
    funnel: pl.DataFrame, *, task_types: int | None = None, votes: int | None = None, top: int = 3
) -> str:
    """The milestones as a plain-text table of at most :data:`WIDTH` columns.

    Each line says what was turned away on the way there, with the ``top`` most frequent reasons.
    Arguments otherwise as :func:`milestones`.
    """
    stages = {row["stage"]: row for row in funnel.iter_rows(named=True)}
    cells: list[tuple[str, str, str, str]] = [("", "count", "rejected", "most frequent reasons")]
    for name, count, led in milestones(funnel, task_types=task_types, votes=votes):
        reasons = sorted(
            (
                (reason["rows"], reason["reason"])
                for stage in led
                if stage in stages
                for reason in stages[stage]["reasons"]
            ),
            key=lambda pair: (-pair[0], pair[1]),
        )
        cells.append((name, f"{count:,}", f"{total:,}" if (total := sum(n for n, _ in reasons)) else "-",
                      _reasons_text(reasons, top)))  # fmt: skip
    return _aligned(cells)


_GLUE = "\N{NO-BREAK SPACE}"
"""Keeps a reason and its count on one line while the text is wrapped."""


def _reasons_text(reasons: Sequence[tuple[int, str]], top: int) -> str:
    rest = sum(rows for rows, _ in reasons[top:])
    named = [*reasons[:top], (rest, "other")] if rest else reasons[:top]
    return ", ".join(f"{reason}{_GLUE}{rows:,}" for rows, reason in named)


def _aligned(cells: Sequence[tuple[str, str, str, str]]) -> str:
    """Name left, two numbers right, then text that wraps under itself."""
    name, count, rejected = (max(len(row[column]) for row in cells) for column in range(3))
    lines = []
    for row in cells:
        head = f"{row[0]:<{name}}  {row[1]:>{count}}  {row[2]:>{rejected}}  "
        wrapped = textwrap.wrap(row[3], WIDTH - len(head), break_long_words=False) or [""]
        lines += [head + wrapped[0], *(" " * len(head) + line for line in wrapped[1:])]
    rule = "-" * max(len(line) for line in lines)
    return "\n".join(line.rstrip().replace(_GLUE, " ") for line in [lines[0], rule, *lines[1:]]) + "\n"
