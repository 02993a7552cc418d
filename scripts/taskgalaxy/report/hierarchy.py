"""The tree of task types with counts at every node, for the report's sunburst."""

from __future__ import annotations

from typing import Any, TypeAlias

import polars as pl

from taskgalaxy.labels import split_levels

Node: TypeAlias = "list[Any]"
"""``[label, task types, accepted samples, samples in the set, children]``; counts include those below."""

_COUNTS = ("accepted", "final")


def hierarchy(task_types: pl.DataFrame) -> Node:
    """The root of the tree; children in alphabetical order.

    Args:
        task_types: the table task_types of :mod:`taskgalaxy.describe.sheets`.
    """
    root: dict[str, Any] = {"counts": [0, 0, 0], "children": {}}
    for name, *counts in task_types.select("task_type", *_COUNTS).sort("task_type").iter_rows():
        node = root
        _add(node, counts)
        for label in split_levels(name):
            node = node["children"].setdefault(label, {"counts": [0, 0, 0], "children": {}})
            _add(node, counts)
    return _compact("All task types", root)


def _add(node: dict[str, Any], counts: list[int]) -> None:
    node["counts"] = [before + more for before, more in zip(node["counts"], [1, *counts], strict=True)]


def _compact(label: str, node: dict[str, Any]) -> Node:
    children = sorted(node["children"].items())
    return [label, *node["counts"], [_compact(below, child) for below, child in children]]
