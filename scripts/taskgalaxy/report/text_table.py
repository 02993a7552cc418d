"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Sequence

Cell = str | int | float | None


def text_table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Aligned columns, the first to the left and numbers to the right; nothing without rows.

    A float has three decimals, an int has its thousands apart, and what is None is a dash.
    """
    if not rows:
        return ""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        )
        for first, *others in cells
    ]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]]) + "\n"


def percent(value: float | None) -> str:
    """A share of 1 in per cent; a dash for None."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else value
