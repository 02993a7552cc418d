"""What the subsets are called, which the Snakefile has to know before any is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.llm.settings import endpoints_of

WHOLE = "taskgalaxy"
"""What the whole set is called where a subset might stand."""

COMMERCIAL = "commercial"
UNSCREENED = "unscreened"
COT, COT_PLAIN, WITH_COT = "cot", "cot-plain", "with-cot"


def subset_names(config: Mapping[str, Any]) -> list[str]:
    """The subsets that the configuration's ``subsets`` asks for, and those that its ``roles`` bring along."""
    settings = config["subsets"]
    caps = [cap_name(cap) for cap in settings["caps"]]
    bands = [band_name(low, high) for low, high in band_edges(settings["bands"])]
    switched = [name for name in (COMMERCIAL, UNSCREENED) if settings[name]]
    stepwise = [] if config["roles"]["cot"] is None else [COT, COT_PLAIN, WITH_COT]
    generators = generator_names(endpoints_of(config, "qa"))
    return [*type_names(settings["task_types"]), *caps, *bands, *switched, *generators, *stepwise]


def type_names(sizes: Sequence[int]) -> list[str]:
    """The subsets of so many task types, and that of all."""
    return [*(f"types-{size}" for size in sizes), "types-all"] if sizes else []


def cap_name(cap: int) -> str:
    """The subset of at most ``cap`` samples per task type."""
    return f"cap-{cap}"


def band_name(low: int, high: int | None) -> str:
    """The subset of task types with ``low`` to ``high`` accepted samples, or ``low`` and more."""
    return f"band-{low}-{'more' if high is None else high}"


def generator_names(generators: Sequence[str]) -> list[str]:
    """The subsets of what each generator wrote, where there are several to compare."""
    return [f"generator-{name}" for name in generators] if len(generators) > 1 else []


def band_edges(bands: Sequence[int]) -> list[tuple[int, int | None]]:
    """First and last frequency of every band: 10, 50 make (1, 10), (11, 50) and (51, None)."""
    if not bands:
        return []
    lows = [1, *(band + 1 for band in bands)]
    return [*zip(lows, bands, strict=False), (lows[-1], None)]


def check_subsets(settings: Mapping[str, Any]) -> None:
    """Refuse sizes that are not each inside the next.

    Raises:
        UserError: naming the key.
    """
    for key in ("task_types", "caps", "bands"):
        if any(low >= high for low, high in pairwise(settings[key])):
            raise UserError(f"config, subsets.{key}", "does not ascend", "write every number once, the smallest first")
