"""Lies in every environment that the stub of conda makes: a job finds the packages of its environment alone.

Snakemake puts its own search path behind that of every script, for the sake of its own modules. A package
that an environment lacks would so be found among those of the Python that runs Snakemake, and no missing
pin would ever show.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import DistributionFinder, PathDistribution
from types import ModuleType

_OWN = list(sys.path)
"""The search path before any script has added to it."""
_ELSEWHERE = ("snakemake", "snakemake_interface_", "taskgalaxy")
"""What a job may find anywhere: Snakemake, whose modules import no other package, and the workflow's library."""


class OwnPackages(PathFinder):
    """Finds modules and what is installed as Python does, in the environment's own folders."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and not fullname.startswith(_ELSEWHERE):
            path = _OWN
        return super().find_spec(fullname, path, target)

    @classmethod
    def find_distributions(cls, context: DistributionFinder.Context | None = None) -> Iterable[PathDistribution]:
        name = context.name if context else None
        return super().find_distributions(DistributionFinder.Context(name=name, path=_OWN))


sys.meta_path[sys.meta_path.index(PathFinder)] = OwnPackages
