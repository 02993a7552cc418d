"""Which of the task types that a model was offered a piece of its reply names."""

from __future__ import annotations

from collections.abc import Sequence

from taskgalaxy.labels import path_key, split_path


class Offered:
    """Task types that a model was offered; nothing else can come out of :meth:`match`."""

    def __init__(self, task_types: Sequence[str]) -> None:
        self._exact = frozenset(task_types)
        self._by_key: dict[tuple[str, ...], str | None] = {}
        for task_type in dict.fromkeys(task_types):
            key = path_key(split_path(task_type))
            # Two task types that differ only in spelling can only be told apart by their exact text.
            self._by_key[key] = None if key in self._by_key else task_type

    def match(self, text: str) -> str | None:
        """The offered task type that is all of ``text`` after cleaning, or ``None``.

        The last level alone is not enough, however clear: the pool may hold it under another parent.
        """
        return text if text in self._exact else self._by_key.get(path_key(split_path(text)))
