"""Texts that share a run of words, as benchmark decontamination compares them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

# Chinese and Japanese do not write spaces: there a character counts as a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """The words of ``text`` without case (casefold), compatibility forms (NFKC) and punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


class Overlap:
    """Texts that others are compared with.

    Two texts overlap if they have ``length`` words in a row in common. A text that is shorter than that is compared
    as a whole: it overlaps with texts of the same words in the same order.
    """

    def __init__(self, texts: Iterable[str], length: int) -> None:
        self._length = length
        self._runs: dict[str, int] = {}
        for number, text in enumerate(texts):
            for run in self._of(text):
                self._runs.setdefault(run, number)

    def first(self, text: str) -> tuple[int, str] | None:
        """The number of the first text that has the first shared run of words, and that run."""
        for run in self._of(text):
            number = self._runs.get(run)
            if number is not None:
                return number, run
        return None

    def _of(self, text: str) -> Iterator[str]:
        """Every run of ``length`` words, or all words if there are fewer. The two differ in their number of words."""
        found = words(text)
        if found:
            for start in range(max(1, len(found) - self._length + 1)):
                yield " ".join(found[start : start + self._length])
