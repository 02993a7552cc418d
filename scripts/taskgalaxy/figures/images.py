"""Figures of images and their candidates: the rank of kept ones, the None rate, sources."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from taskgalaxy.describe.intervals import with_share
from taskgalaxy.figures.style import (
    ACCENT,
    HATCHED,
    MARKERS,
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

MOST_POINTS = 40
"""Points of a line over shards; neighbouring shards share one where there are more."""


@styled
def ranks(frame: pl.DataFrame) -> Figure:
    """Is k large enough? The share of candidates kept at each rank, and what a smaller k would have found.

    Args:
        frame: the table ranks.
    """
    figure, (left, right) = canvas(3.3, ncols=2)
    rank = frame["rank"].to_list()
    if rank:
        _with_bars(left, rank, frame)
        left.plot(rank, frame["share"].to_list(), color=ACCENT, marker="o", markersize=5)
        right.plot(rank, frame["kept_so_far"].to_list(), color=ACCENT, marker="s", markersize=5)
    for axes, title in (
        (left, "Kept of the candidates at a rank"),
        (right, "Of all that were kept, so far"),
    ):
        if not rank:
            no_data(axes)
        axes.set_title(title)
        axes.set_ylim(0, 1.03)
        axes.grid(axis="y")
        percent_axis(axes.yaxis)
        axes.set_xticks(rank if len(rank) <= 12 else rank[:: -(-len(rank) // 10)])
        axes.set_xlabel("rank of the candidate (1: the closest)")
    left.set_ylabel("share")
    return figure


def _with_bars(axes: Axes, x: Sequence[float], frame: pl.DataFrame) -> None:
    """The 95 % intervals of shares, as vertical lines."""
    axes.vlines(x, frame["low"].to_list(), frame["high"].to_list(), color=MUTED, linewidth=1.4)


@styled
def none_rate(by_shard: pl.DataFrame, by_source: pl.DataFrame) -> Figure:
    """The share of images of which no candidate was kept: by source, and over the shards in their order.

    Args:
        by_shard: the table none_rate_by_shard. by_source: the table none_rate_by_source.
    """
    rows = by_source.height
    figure, (above, below) = canvas(rows_height(rows, 0.3, 4.0), nrows=2, height_ratios=(0.75 + 0.3 * rows, 2.6))
    shares = by_source["share"].to_list()
    above.hlines(range(rows), by_source["low"].to_list(), by_source["high"].to_list(), color=MUTED, linewidth=1.4)
    for row, share in enumerate(shares):
        above.plot(share, row, marker=MARKERS[row % len(MARKERS)], color=ACCENT, markersize=7, clip_on=False, zorder=3)
    label_ends(
        above,
        [
            (each["high"] or 0, row, f"{share_text(each['share'])} of {each['images']:,}")
            for row, each in enumerate(by_source.iter_rows(named=True))
        ],
    )
    name_rows(above, by_source["source"].to_list())
    above.set_title("By source")
    percent_axis(above.xaxis)
    from_zero(above, [0.04, *by_source["high"]], 1.25)
    above.set_xlabel("images of which no candidate was kept")

    place = 0
    for number, source in enumerate(by_source["source"]):
        shards = pooled(by_shard.filter(pl.col("source") == source))
        x = [place + middle for middle in shards["middle"].to_list()]
        _with_bars(below, x, shards)
        below.plot(x, shards["share"].to_list(), marker=MARKERS[number % len(MARKERS)], color=ACCENT, markersize=5,
                   linewidth=1, label=source, clip_on=False, zorder=3)  # fmt: skip
        place += int(shards["shards"].sum())
    if place == 0:
        no_data(below)
    elif rows <= len(MARKERS):
        legend_above(below)
    below.set_title("Over the shards, in their order", pad=26)
    below.set_ylim(0, 1.15 * max([0.04, *by_shard["high"].drop_nulls()]))
    below.set_xlim(0.4, max(place, 1) + 0.6)
    below.grid(axis="y")
    percent_axis(below.yaxis)
    count_axis(below.xaxis)
    below.set_xlabel("shard")
    return figure


def pooled(shards: pl.DataFrame, most: int = MOST_POINTS) -> pl.DataFrame:
    """Neighbouring shards of one source taken together where there are more than ``most``, with their share again.

    ``middle`` is where they stand among their source's shards (from 1), ``shards`` how many they are.
    """
    together = -(-shards.height // most) if shards.height else 1
    sums = (
        shards.with_row_index("number")
        .group_by(pl.col("number") // together, maintain_order=True)
        .agg(pl.col("images", "without").sum(), middle=(pl.int_range(pl.len()) + 1).mean(), shards=pl.len())
        .with_columns(middle=pl.col("middle") + pl.col("number") * together)
    )
    return with_share(sums, "without", "images")


@styled
def sources(frame: pl.DataFrame) -> Figure:
    """Images of every source and licence, and those of them that are in the set.

    Args:
        frame: the table sources.
    """
    shown = frame.head(30)
    figure, axes = canvas(rows_height(shown.height, 0.62), nrows=1)
    for shift, column, fill, label in (
        (-0.2, "images", HATCHED, "images"),
        (0.2, "images_in_set", SOLID, "images in the set"),
    ):
        counts = shown[column].to_list()
        bars(axes, counts, fill, label=label, shift=shift, height=0.36)
        label_ends(axes, [(count, row + shift, f"{count:,}") for row, count in enumerate(counts)])
    name_rows(axes, [f"{source}\n{license_}" for source, license_ in shown.select("source", "license").iter_rows()])
    from_zero(axes, [*shown["images"], *shown["images_in_set"]], 1.12)
    count_axis(axes.xaxis)
    axes.set_xlabel("images")
    legend_above(axes)
    return figure
