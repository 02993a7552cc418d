"""Expected against found, sub-set by sub-set (paper, Table A-1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from taskgalaxy.errors import UserError
from taskgalaxy.pool.registry import Subset
from taskgalaxy.pool.space import missing_files
from taskgalaxy.sources.source import Source


class Line(NamedTuple):
    """A sub-set, how many images were found (none if it is not there), and what is the matter."""

    subset: Subset
    found: int
    problem: str | None


def check_subset(subset: Subset, source: Source, pool: Path) -> Line:
    """Count the images of a sub-set as a run would find them."""
    missing = missing_files(subset.files, pool)
    try:
        found = len(source.scan().files)
    except UserError as error:
        return Line(subset, 0, None if missing or subset.steps else str(error))
    return Line(subset, found, None)


def checklist(lines: Sequence[Line], pool: Path) -> str:
    """The checklist as text; under what is not complete stands what to do."""
    width = max(len(f"{line.subset.family}/{line.subset.name}") for line in lines)
    text = [f"{'':4}{'sub-set':{width}}  {'expected':>9}  {'found':>9}  {'missing':>9}  licence"]
    for line in lines:
        subset, missing = line.subset, max(0, line.subset.images - line.found)
        mark = "[ ]" if missing else "[x]"
        name = f"{subset.family}/{subset.name}"
        text.append(f"{mark} {name:{width}}  {subset.images:>9,}  {line.found:>9,}  {missing:>9,}  {subset.license}")
        if missing:
            text += [f"      {each}" for each in _what_to_do(line, pool)]
    complete = sum(line.found >= line.subset.images for line in lines)
    expected, found = sum(line.subset.images for line in lines), sum(line.found for line in lines)
    text.append(f"{complete} of {len(lines)} sub-sets are complete: {found:,} images of {expected:,}.")
    return "\n".join(text) + "\n"


def _what_to_do(line: Line, pool: Path) -> list[str]:
    if line.problem:
        return [line.problem]
    files = missing_files(line.subset.files, pool)
    lines = [f"{len(files)} of {len(line.subset.files)} files are missing: snakemake download"] if files else []
    if line.subset.steps:
        lines += line.subset.steps.strip().splitlines()
    if not lines:
        lines = ["all files are there: upstream's count differs, or names in the archive do (its include patterns)"]
    return lines
