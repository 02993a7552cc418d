"""Figures of referees: how their votes split, which agree, and what they reject where."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from taskgalaxy.figures.style import (
    ACCENT,
    HATCHED,
    INK,
    MUTED,
    SOLID,
    bars,
    canvas,
    count_axis,
    from_zero,
    label_ends,
    name_rows,
    no_data,
    percent_axis,
    rows_height,
    share_text,
    styled,
)

MOST_FIRST_LEVELS = 40


@styled
def votes(splits: pl.DataFrame, pairs: pl.DataFrame) -> Figure:
    """How the votes of a sample split, and how often two referees vote alike.

    Args:
        splits: the table votes. pairs: the table agreement.
    """
    shown = pairs.head(20)
    rows = splits.height + max(shown.height, 1)
    figure, (above, below) = canvas(
        rows_height(rows, 0.36, 2.0), nrows=2, height_ratios=(splits.height + 1.5, max(shown.height, 1) + 1.5)
    )
    total = max(int(splits["samples"].sum()), 1)
    accepted = splits["accepted"].to_list()
    bars(above, accepted, SOLID, label="accepted")
    bars(above, (splits["samples"] - splits["accepted"]).to_list(), HATCHED, label="rejected", left=accepted)
    label_ends(
        above,
        [
            (samples, row, f"{samples:,}  ({share_text(samples / total)})")
            for row, samples in enumerate(splits["samples"])
        ],
    )
    name_rows(above, [split_name(split) for split in splits.iter_rows(named=True)])
    above.set_title("Votes of a sample")
    from_zero(above, splits["samples"], 1.22)
    count_axis(above.xaxis)
    above.set_xlabel("samples")
    if splits["samples"].sum():
        above.legend(loc="lower right")

    for column, marker, face, label in (
        ("agreement", "o", ACCENT, "share of equal votes"),
        ("cohen_kappa", "D", "white", "Cohen's kappa (0: as by chance, 1: always)"),
    ):
        points = [(value, row) for row, value in enumerate(shown[column]) if value is not None]
        below.scatter([x for x, _ in points], [y for _, y in points], 44, facecolor=face, edgecolor=ACCENT,
                      marker=marker, label=label, zorder=3)  # fmt: skip
        for value, row in points:
            below.annotate(
                f"{round(value, 2) + 0:.2f}".replace("-", "−"),
                (value, row),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    if shown.is_empty():
        no_data(below, "a single referee agrees with nobody")
    name_rows(below, [f"{first}, {second}" for first, second in shown.select("first", "second").iter_rows()])
    below.set_ylim(max(shown.height, 1) - 0.4, -0.75)
    below.set_title("Two referees on the same samples", pad=24)
    below.set_xlim(min([0.0, *(value - 0.05 for value in shown["cohen_kappa"].drop_nulls())]), 1.05)
    if not shown.is_empty():
        below.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3, ncols=2, handletextpad=0.3)
    return figure


def split_name(split: dict[str, int]) -> str:
    """A row of the table votes in words."""
    words = f"{split['yes']} yes, {split['no']} no"
    return f"{words}, {split['missing']} missing" if split["missing"] else words


@styled
def rejection(frame: pl.DataFrame) -> Figure:
    """The share of samples that the referees rejected, by first level, with 95 % confidence intervals.

    Args:
        frame: the table rejection_by_first_level; of many the :data:`MOST_FIRST_LEVELS` with most samples are shown.
    """
    largest = frame.sort("samples", "level_1", descending=[True, False]).head(MOST_FIRST_LEVELS)
    shown = largest.sort("share", "level_1", descending=[True, False])
    figure, axes = canvas(rows_height(shown.height, 0.25, 1.2), nrows=1)
    rows = range(shown.height)
    axes.hlines(rows, shown["low"].to_list(), shown["high"].to_list(), color=MUTED, linewidth=1.4)
    axes.scatter(shown["share"].to_list(), rows, 30, color=ACCENT, zorder=3, clip_on=False)
    samples = int(frame["samples"].sum())
    if samples:
        overall = int(frame["rejected"].sum()) / samples
        axes.axvline(overall, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"all: {share_text(overall)}", (overall, 1), (3, 3), xycoords=("data", "axes fraction"),
                      textcoords="offset points", fontsize=8.5)  # fmt: skip
    else:
        no_data(axes)
    name_rows(axes, [f"{row['level_1']}  ({row['samples']:,})" for row in shown.iter_rows(named=True)])
    if not shown.is_empty():
        least, most = min(shown["low"]), max([0.02, *shown["high"]])
        axes.set_xlim(max(0, least - 0.1 * (most - least)), most + 0.05 * (most - least))
    percent_axis(axes.xaxis)
    axes.set_xlabel("samples that the referees rejected (in brackets: samples)")
    return figure
