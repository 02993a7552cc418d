"""The report: one HTML file with all figures, their tables and captions, and a hierarchy to walk through.

It loads nothing: style, script, data and figures lie inside, and its content security policy allows the one style
sheet and the one script by their hashes and forbids everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.figures.plates import Material, Plate
from taskgalaxy.files import atomic
from taskgalaxy.report.hierarchy import hierarchy
from taskgalaxy.report.html_page import environment, script_json, source_hash, template

ROWS_SHOWN = 40
"""Rows of a table on the page; the file has all."""

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("way", "The way to the set", ("funnel",)),
    ("types", "Task types", ("samples_per_task_type", "levels", "fates", "nearest_task_types")),
    ("images", "Images", ("sources", "ranks", "none_rate")),
    ("referees", "Referees", ("votes", "rejection_by_first_level")),
    ("set", "The set", ("lengths", "datasets")),
)
"""Identifier, heading and figures of the page's sections."""

_HEADINGS = {
    "license": "licence",
    "rows_in": "in", "rows_out": "out", "least": "from", "most": "to", "without": "images without",
    "failed": "of these no usable reply", "low": "95 % from", "high": "95 % to", "kept_so_far": "kept so far",
    "level_1": "first level", "cohen_kappa": "Cohen’s kappa", "made": "source", "final": "in the set",
    "accepted_task_types": "task types, accepted", "final_task_types": "task types, in the set",
    "per_accepted": "per accepted sample", "first_kept": "images whose first kept one",
}  # fmt: skip
_SHARES = ("share", "low", "high", "kept_so_far", "agreement")
_LEFT_OUT = ("this_run",)


def write_report_page(path: Path | str, material: Material, plates: Sequence[tuple[Plate, str]]) -> None:
    """Write the page to ``path``, atomically; the same arguments give the same bytes.

    Args:
        plates: the figures of :data:`SECTIONS` and what :meth:`taskgalaxy.figures.plates.Plate.svg` made of each.
    """
    package = "taskgalaxy.report"
    style, script = template(package, "report_page.css"), template(package, "report_page.js")
    drawn = {plate.name: (plate, svg) for plate, svg in plates}
    # Every figure of a section and every section of a figure: a name that stands in one place only is a KeyError.
    sections = [
        {"id": name, "heading": heading, "figures": [_figure(*drawn.pop(each), material) for each in figures]}
        for name, heading, figures in SECTIONS
    ]
    if drawn:
        raise KeyError(f"figures without a section: {sorted(drawn)}")
    page = environment(package).get_template("report_page.html.jinja").render(
        numbers=material.numbers,
        sections=sections,
        asked=table("questions_asked", material.sheets["questions_asked"]),
        hierarchy=script_json(hierarchy(material.sheets["task_types"])),
        style=style,
        script=script,
        style_hash=source_hash(style),
        script_hash=source_hash(script),
    )  # fmt: skip
    with atomic(path) as file:
        file.write(page)


def _figure(plate: Plate, svg: str, material: Material) -> dict[str, Any]:
    return {
        "name": plate.name,
        "title": plate.title,
        "caption": plate.caption,
        "svg": svg,
        "tables": [table(name, material.sheets[name]) for name in plate.sheets],
    }


def table(name: str, frame: pl.DataFrame) -> dict[str, Any]:
    """A table as the page shows it: headings, the first rows as text, and which columns are numbers."""
    shown = frame.select(pl.exclude(_LEFT_OUT)).head(ROWS_SHOWN)
    return {
        "name": name,
        "rows": [[cell(column, value) for column, value in row.items()] for row in shown.iter_rows(named=True)],
        "headings": [_HEADINGS.get(column, column.replace("_", " ")) for column in shown.columns],
        "numbers": [kind.is_numeric() for kind in shown.dtypes],
        "total": frame.height,
    }


def cell(column: str, value: Any) -> str:
    """A value as a reader wants it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{100 * value:.1f} %" if column in _SHARES else f"{value:.3f}".replace("-", "−")
    return f"{value:,}" if isinstance(value, int) else str(value).replace("~", " › ")
