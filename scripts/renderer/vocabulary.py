"""Which task types fit the pictures of a family, from the vocabulary of the embedded provider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from taskgalaxy.embedded.vocabulary import ANY, Knowledge, load_vocabulary

__all__ = ["ANY", "Knowledge", "fitting_task_types", "general_task_types", "read_vocabulary"]


def read_vocabulary(path: Path | str) -> list[Knowledge]:
    """The leaves of the vocabulary at ``path``, in its order."""
    return list(load_vocabulary(path).leaves)


def general_task_types(vocabulary: Sequence[Knowledge]) -> list[str]:
    """The task types that fit every picture."""
    return [each.task_type for each in vocabulary if each.general]


def fitting_task_types(vocabulary: Sequence[Knowledge], family: str) -> list[str]:
    """The task types that fit the pictures of ``family`` in particular."""
    return [each.task_type for each in vocabulary if family in each.families]
