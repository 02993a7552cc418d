"""How all figures look: one width, one ink, one accent; hatches, markers and labels that need no colour.

Figures are drawn without pyplot, which keeps a state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

P = ParamSpec("P")
Row: TypeAlias = dict[str, Any]

WIDTH = 7.2
"""Inches of every figure."""
INK, MUTED, GRID, ACCENT, PALE = "#1d1f20", "#5f6468", "#deded9", "#0c6a62", "#cfe3df"

SOLID: Row = {"facecolor": ACCENT, "edgecolor": ACCENT, "linewidth": 0.8}
HATCHED: Row = {"facecolor": PALE, "edgecolor": ACCENT, "linewidth": 0.8, "hatch": "////"}
EMPTY: Row = {"facecolor": "white", "edgecolor": MUTED, "linewidth": 0.8}
FILLS: tuple[Row, ...] = (
    SOLID,
    HATCHED,
    {"facecolor": "#c4c6c4", "edgecolor": MUTED, "linewidth": 0.8},
    EMPTY,
)
"""Bars that stay apart in black and white, darkest first."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 9,
    "ytick.major.size": 0,
    "ytick.major.pad": 7,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.7,
    "hatch.color": ACCENT,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    # Paths look the same everywhere; the salt makes the same figure the same bytes.
    "svg.fonttype": "path",
    "svg.hashsalt": "taskgalaxy",
}


@contextmanager
def in_style() -> Iterator[None]:
    """This style alone, whatever matplotlib's settings are. It decides what is drawn, and how it is written."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in this style."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with in_style():
            return draw(*args, **kwargs)

    return drawn


def canvas(height: float, **grid: Any) -> tuple[Figure, Any]:
    """A figure of a height in inches, and its axes as :meth:`matplotlib.figure.Figure.subplots` gives them."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.subplots(**grid)


def rows_height(rows: int, each: float = 0.3, rest: float = 1.1) -> float:
    """Inches of a figure with so many rows of bars or dots."""
    return rest + each * max(rows, 1)


def name_rows(axes: Axes, names: Sequence[str], longest: int = 44) -> None:
    """One row per name, the first at the top; long names are cut in their middle."""
    axes.set_yticks(range(len(names)), [shortened(name, longest) for name in names])
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def shortened(name: str, longest: int) -> str:
    """At most so many characters, without a dollar's meaning to matplotlib."""
    if len(name) > longest:
        name = f"{name[: longest // 2 - 1].rstrip()} … {name[-(longest // 2 - 2) :].lstrip()}"
    return name.replace("$", r"\$")


def bars(axes: Axes, widths: Sequence[float], fill: Row, *, label: str | None = None, shift: float = 0,
         height: float = 0.62, left: Sequence[float] | None = None) -> None:  # fmt: skip
    """A horizontal bar in each row, ``shift`` of a row further down; none where it would have no width."""
    for row, width in enumerate(widths):
        if width > 0:
            axes.barh(row + shift, width, height, left=left[row] if left else 0, label=label, **fill)
            label = None


def from_zero(axes: Axes, values: Iterable[float | None], room: float = 1.18) -> None:
    """The x axis from 0 to a little more than the largest value, with room for a text behind it."""
    axes.set_xlim(0, room * (max((value for value in values if value), default=1)))


def percent_axis(axis: Any) -> None:
    """Shares from 0 to 1 as per cent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g} %"))


def count_axis(axis: Any) -> None:
    """Whole numbers with commas."""
    axis.set_major_locator(MaxNLocator(6, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def label_ends(axes: Axes, ends: Iterable[tuple[float, float, str]], gap: float = 4) -> None:
    """A text behind the end of each bar: (x, y, text)."""
    for x, y, text in ends:
        axes.annotate(text, (x, y), (gap, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK)


def legend_above(axes: Axes, **settings: Any) -> None:
    """The legend in a line above the axes, where nothing is drawn."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3, ncols=4, handlelength=1.6, **settings)


def no_data(axes: Axes, text: str = "nothing to show") -> None:
    """Say so in the middle of empty axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def share_text(value: float | None) -> str:
    """A share in per cent, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"
