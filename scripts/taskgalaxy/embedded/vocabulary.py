"""What the embedded provider knows of task types: a tree of labels, and the pictures that each leaf fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from taskgalaxy.errors import UserError
from taskgalaxy.labels import join_levels, label_key, path_key, split_path

ANY = "any"
"""Stands for every picture in a leaf's list."""


@dataclass(frozen=True)
class Knowledge:
    """A leaf of the vocabulary, and the families that it fits (or ``ANY``, or none)."""

    levels: tuple[str, ...]
    families: tuple[str, ...]

    @property
    def task_type(self) -> str:
        return join_levels(self.levels)

    @property
    def general(self) -> bool:
        """Whether it fits every picture."""
        return self.families == (ANY,)


class Vocabulary:
    """The tree in resources/embedded/vocabulary.yaml, looked up without regard to upper and lower case."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree
        self.leaves = tuple(_leaves(tree, ()))
        self._by_key = {path_key(leaf.levels): leaf for leaf in self.leaves}

    def children(self, parent: Sequence[str]) -> list[str]:
        """The labels under a path, ``()`` for level 1; none for a leaf or a path that is not known."""
        node: Any = self._tree
        for label in parent:
            below = {label_key(known): value for known, value in node.items()} if isinstance(node, dict) else {}
            node = below.get(label_key(label))
        return list(node) if isinstance(node, dict) else []

    def find(self, task_type: str) -> Knowledge | None:
        """The leaf that a task type names."""
        return self._by_key.get(path_key(split_path(task_type)))


def load_vocabulary(path: Path | str) -> Vocabulary:
    """The vocabulary in a YAML file.

    Raises:
        UserError: if the file cannot be read, or is not a tree of labels that ends in lists.
    """
    try:
        tree = yaml.load(Path(path).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return Vocabulary(tree)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, AttributeError) as error:
        raise UserError(
            str(path),
            f"cannot be read as the embedded provider's vocabulary ({error})",
            "restore the file that came with the project",
        ) from error


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Knowledge]:
    for label, below in tree.items():
        levels = (*above, str(label))
        if isinstance(below, dict):
            yield from _leaves(below, levels)
        elif isinstance(below, list):
            yield Knowledge(levels, tuple(str(family) for family in below))
        else:
            raise ValueError(f"{join_levels(levels)} holds neither labels nor a list")
