"""Which task types fit the pictures of a family, from the vocabulary of the embedded provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from taskgalaxy.tables import join_levels

ANY = "any"
"""Stands for every picture in the lists of the vocabulary."""


@dataclass(frozen=True)
class Knowledge:
    """A task type of the vocabulary, and the families that it fits (or ``ANY``, or none)."""

    levels: tuple[str, ...]
    families: tuple[str, ...]

    @property
    def task_type(self) -> str:
        return join_levels(self.levels)

    @property
    def general(self) -> bool:
        """Whether it fits every picture."""
        return self.families == (ANY,)


def read_vocabulary(path: Path | str) -> list[Knowledge]:
    """The leaves of the vocabulary at ``path``, in its order."""
    with Path(path).open(encoding="utf-8") as file:
        return list(_leaves(yaml.safe_load(file), ()))


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Knowledge]:
    for label, below in tree.items():
        levels = (*above, label)
        if isinstance(below, dict):
            yield from _leaves(below, levels)
        else:
            yield Knowledge(levels, tuple(below))


def general_task_types(vocabulary: list[Knowledge]) -> list[str]:
    """The task types that fit every picture."""
    return [each.task_type for each in vocabulary if each.general]


def fitting_task_types(vocabulary: list[Knowledge], family: str) -> list[str]:
    """The task types that fit the pictures of ``family`` in particular."""
    return [each.task_type for each in vocabulary if family in each.families]
