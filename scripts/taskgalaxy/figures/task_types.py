"""Figures of task types: samples per type, levels, what became of them, and how close they are to each other."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from taskgalaxy.figures.style import (
    ACCENT,
    FILLS,
    HATCHED,
    INK,
    MUTED,
    SOLID,
    bars,
    canvas,
    count_axis,
    from_zero,
    label_ends,
    legend_above,
    name_rows,
    no_data,
    percent_axis,
    rows_height,
    share_text,
    styled,
)

BANDS = ((1, 10), (11, 50), (51, 100), (101, None))
"""Coarse buckets: those in which the review of the paper reads its Figure 5."""


def band_counts(frame: pl.DataFrame, column: str) -> list[int]:
    """Task types in each of :data:`BANDS`, added up from the finer buckets."""
    return [
        int(
            frame.filter((pl.col("least") >= least) & (pl.lit(True) if most is None else pl.col("most") <= most))[
                column
            ].sum()
        )
        for least, most in BANDS
    ]


@styled
def samples_per_task_type(frame: pl.DataFrame, paper_share: float) -> Figure:
    """The paper's Figure 5: coarse buckets as shares of the task types with samples, then the finer ones as counts.

    Args:
        frame: the table samples_per_task_type.
        paper_share: the share of the paper's task types with 1 to 10 samples; of its other buckets none is known.
    """
    figure, (above, below) = canvas(7.4, nrows=2, height_ratios=(1.1, 3.6))
    names = ["the paper's set", "accepted, before the cap", "in the set"]
    for row, column in ((1, "accepted_task_types"), (2, "final_task_types")):
        counts = band_counts(frame, column)
        start = 0.0
        for (least, most), count, fill in zip(BANDS, counts, FILLS, strict=True):
            share = count / max(sum(counts), 1)
            label = f"over {least - 1}" if most is None else f"{least}–{most}"
            above.barh(row, share, 0.62, left=start, label=label if row == 1 else None, **fill)
            if share > 0.09:
                _inside(above, start + share / 2, row, share, fill is SOLID)
            start += share
    above.barh(0, paper_share, 0.62, **SOLID)
    _inside(above, paper_share / 2, 0, paper_share, True)
    above.text(paper_share + 0.015, 0, "the others: not given as numbers", va="center", fontsize=8.5, color=MUTED)
    name_rows(above, names)
    above.set_xlim(0, 1)
    percent_axis(above.xaxis)
    above.set_xlabel("share of the task types that have samples")
    legend_above(above, title="samples per task type", alignment="left", title_fontsize=9)

    for shift, column, fill, label in (
        (-0.2, "accepted_task_types", HATCHED, "accepted, before the cap"),
        (0.2, "final_task_types", SOLID, "in the set"),
    ):
        counts = frame[column].to_list()
        bars(below, counts, fill, label=label, shift=shift, height=0.38)
        label_ends(below, [(count, row + shift, f"{count:,}") for row, count in enumerate(counts) if count])
    name_rows(below, frame["samples"].to_list())
    from_zero(below, [*frame["accepted_task_types"], *frame["final_task_types"]], 1.1)
    count_axis(below.xaxis)
    below.set_xlabel("task types")
    below.set_ylabel("samples per task type")
    legend_above(below)
    return figure


def _inside(axes: Axes, x: float, row: int, share: float, dark: bool) -> None:
    """A share inside its bar."""
    behind = None if dark else {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
    ink = "white" if dark else INK
    axes.text(x, row, share_text(share), ha="center", va="center", fontsize=8.5, color=ink, bbox=behind)


@styled
def levels(frame: pl.DataFrame) -> Figure:
    """Labels and task types of every level on a logarithmic axis, with the paper's counts beside.

    Args:
        frame: the table levels.
    """
    figure, axes = canvas(rows_height(frame.height, 0.62), nrows=1)
    kinds = (
        ("labels", "labels on this level", "o", ACCENT, ACCENT, -0.2),
        ("task_types", "task types that end here", "s", "white", ACCENT, 0.0),
        ("paper", "the paper", "D", MUTED, MUTED, 0.2),
    )
    for column, label, marker, face, edge, offset in kinds:
        points = [(count, row + offset) for row, count in enumerate(frame[column]) if count]
        for count, y in points:
            axes.plot([1, count], [y, y], color=edge, linewidth=1, zorder=1)
        axes.scatter([x for x, _ in points], [y for _, y in points], 34, facecolor=face, edgecolor=edge,
                     marker=marker, label=label, zorder=2)  # fmt: skip
        label_ends(axes, [(count, y, f"{count:,}") for count, y in points], 7)
    name_rows(axes, [f"level {level}" for level in frame["level"]])
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("number (each step to the right is ten times as many)")
    legend_above(axes)
    return figure


@styled
def fates(frame: pl.DataFrame) -> Figure:
    """How far the task types came.

    Args:
        frame: the table fates.
    """
    figure, axes = canvas(rows_height(frame.height), nrows=1)
    counts = frame["task_types"].to_list()
    bars(axes, [*counts[:1], *[0] * (len(counts) - 1)], SOLID)
    bars(axes, [0, *counts[1:]], HATCHED)
    texts = [f"{count:,}  ({share_text(share)})" for count, share in zip(counts, frame["share"], strict=True)]
    label_ends(axes, [(count, row, text) for row, (count, text) in enumerate(zip(counts, texts, strict=True))])
    name_rows(axes, frame["fate"].to_list())
    from_zero(axes, counts, 1.2)
    count_axis(axes.xaxis)
    axes.set_xlabel("task types")
    return figure


@styled
def nearest(frame: pl.DataFrame, above: float) -> Figure:
    """How similar every task type's nearest neighbour is, and from where on two are called near-duplicates.

    Args:
        frame: the table task_types.
        above: that cosine.
    """
    figure, axes = canvas(3.0, nrows=1)
    cosines = frame["cosine"].drop_nulls().to_numpy()
    if len(cosines):
        least = min(float(cosines.min()), above, 0.99)
        edges = [least + (1.0 - least) * step / 40 for step in range(41)]
        axes.hist(cosines.clip(least, 1.0), edges, **HATCHED)
        axes.axvline(above, color=INK, linewidth=1.4)
        axes.annotate(f"{above:g} and more: listed as near-duplicates", (above, 1), (0, 4), ha="right",
                      xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8.5)  # fmt: skip
    else:
        no_data(axes)
    axes.grid(axis="y")
    count_axis(axes.yaxis)
    axes.set_xlabel("cosine of a task type's text with its nearest neighbour's")
    axes.set_ylabel("task types")
    return figure
