"""Figures of the set as a whole: the funnel, lengths of questions and answers, and other datasets beside it."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from taskgalaxy.figures.style import (
    ACCENT,
    HATCHED,
    INK,
    MUTED,
    SOLID,
    bars,
    canvas,
    legend_above,
    name_rows,
    no_data,
    percent_axis,
    rows_height,
    share_text,
    styled,
)


@styled
def funnel(frame: pl.DataFrame) -> Figure:
    """What every stage lets through of what came in. The stages count different things, hence shares.

    Args:
        frame: the table funnel.
    """
    figure, axes = canvas(rows_height(frame.height, 0.5), nrows=1)
    stages = frame.to_dicts()
    shares = [stage["rows_out"] / stage["rows_in"] if stage["rows_in"] else 0.0 for stage in stages]
    rejected = [1 - share if stage["rows_in"] else 0.0 for share, stage in zip(shares, stages, strict=True)]
    bars(axes, shares, SOLID, label="let through", height=0.58)
    bars(axes, rejected, HATCHED, label="rejected", height=0.58, left=shares)
    for row, (stage, passed) in enumerate(zip(stages, shares, strict=True)):
        axes.annotate(f"{stage['rows_out']:,} of {stage['rows_in']:,}", (1, row), (6, 0), textcoords="offset points",
                      va="center", fontsize=8.5)  # fmt: skip
        inside = passed > 0.15
        axes.text(passed - 0.01 if inside else passed + 0.01, row, share_text(passed), va="center", fontsize=8.5,
                  ha="right" if inside else "left", color="white" if inside else INK,
                  bbox=None if inside else {"facecolor": "white", "edgecolor": "none", "pad": 1.2})  # fmt: skip
    name_rows(axes, [f"{stage}\n{unit}" for stage, unit in frame.select("stage", "unit").iter_rows()])
    axes.set_xlim(0, 1)
    percent_axis(axes.xaxis)
    axes.set_xlabel("share of what came in")
    legend_above(axes)
    return figure


@styled
def lengths(frame: pl.DataFrame) -> Figure:
    """How long questions and answers are, with their medians; the longest hundredth is left out of the picture.

    Args:
        frame: the table lengths.
    """
    figure, panels = canvas(3.0, ncols=2, sharey=True)
    for axes, part, fill in zip(panels, ("question", "answer"), (SOLID, HATCHED), strict=True):
        counts = frame.filter(pl.col("part") == part).sort("words")
        axes.set_title(f"{part.capitalize()}s")
        axes.set_xlabel("words")
        axes.grid(axis="y")
        if counts.is_empty():
            no_data(axes)
            continue
        total = int(counts["samples"].sum())
        longest = quantile(counts, 0.99)
        width = max(1, -(-(longest + 1) // 40))
        bins = counts.filter(pl.col("words") <= longest).group_by(pl.col("words") // width).agg(pl.col("samples").sum())
        for left, samples in bins.sort("words").iter_rows():
            axes.bar(left * width, samples / total, width, align="edge", **fill)
        median = quantile(counts, 0.5)
        axes.axvline(median + 0.5, color="white", linewidth=3)
        axes.axvline(median + 0.5, color=INK, linewidth=1.4)
        axes.annotate(f"median {median}", (median + 0.5, 1), (4, -2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", va="top", fontsize=8.5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
        axes.set_xlim(left=0)
        percent_axis(axes.yaxis)
    panels[0].set_ylabel("share of the samples")
    return figure


def quantile(counts: pl.DataFrame, share: float) -> int:
    """The least number of words that at least this share of the samples has not more of; ``counts`` is sorted."""
    enough = counts.with_columns(sofar=pl.col("samples").cum_sum()).filter(
        pl.col("sofar") >= share * int(counts["samples"].sum())
    )
    return int(enough["words"][0])


@styled
def datasets(frame: pl.DataFrame) -> Figure:
    """Instances and task types of this run's set and of others (paper, Table A-4), both axes logarithmic.

    Args:
        frame: the table datasets.
    """
    figure, axes = canvas(4.2, nrows=1)
    for scale in (axes.set_xscale, axes.set_yscale):
        scale("log")
    labelled: list[tuple[float, float]] = []
    known = frame.filter((pl.col("task_types") > 0) & (pl.col("instances") > 0))
    points = known.group_by("instances", "task_types", "this_run").agg(pl.col("name").str.join(", "))
    for row in points.sort("task_types", "instances", "this_run").iter_rows(named=True):
        own, x, y = row["this_run"], row["instances"], row["task_types"]
        axes.scatter(x, y, 150 if own else 38, marker="*" if own else "o", facecolor=ACCENT if own else "white",
                     edgecolor=ACCENT if own else MUTED, zorder=3)  # fmt: skip
        # A name moves up where it would lie on that of a point near by.
        near = [text for other, text in labelled if 0.1 < x / other < 10]
        at = max([y, *(1.5 * text for text in near if text <= y < 1.5 * text)])
        labelled.append((x, at))
        axes.annotate(row["name"], (x, at), (8, 0), textcoords="offset points", va="center", fontsize=8.5,
                      fontweight="bold" if own else "normal")  # fmt: skip
    axes.margins(x=0.22, y=0.12)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(True)
    axes.set_xlabel("instances")
    axes.set_ylabel("task types")
    return figure
