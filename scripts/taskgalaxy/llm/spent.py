"""What the answers in a ledger have cost so far, known to all the jobs of a run at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from taskgalaxy.locks import locked

_DIGITS = 20
_WAIT_S = 300.0
"""Counting a million records takes less."""


class Spent:
    """A sum of money in a file that jobs add to, in billionths of a US dollar.

    It is worth nothing by itself: the ledger's records say what each answer cost, and the sum is counted
    from them where the file is missing, and anew before the first paid job of every run. It is added to
    after an answer is recorded; a kill between the two makes it too low by one group of answers until then.
    """

    def __init__(self, path: Path, count: Callable[[], int]) -> None:
        self._path = path
        self._count = count

    def usd(self) -> float:
        """US dollars that the recorded answers have cost; in a ledger that cannot be written they are counted."""
        try:
            with self._path.open("rb") as file:
                return int(file.read(_DIGITS)) / 1e9
        except (FileNotFoundError, ValueError):
            pass
        try:
            return self.recount()
        except OSError:
            return self._count() / 1e9

    def recount(self) -> float:
        """Count the ledger's records again; US dollars."""
        with self._locked("counting"), self._locked() as file:
            return _write(file, self._count()) / 1e9

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Nobody counts while something is being recorded and added."""
        with self._locked("counting", shared=True):
            yield

    def add(self, nano_usd: int) -> None:
        """Add to the sum, if there is one: where it is missing it will be counted."""
        if nano_usd:
            with self._locked() as file:
                known = os.pread(file, _DIGITS, 0)
                if known.isdigit():
                    _write(file, int(known) + nano_usd)

    def _locked(self, suffix: str = "", *, shared: bool = False) -> AbstractContextManager[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return locked(self._path.with_name(f"{self._path.name}{suffix and '.'}{suffix}"), _WAIT_S, shared=shared)


def _write(file: int, nano_usd: int) -> int:
    nano_usd = max(0, nano_usd)
    os.pwrite(file, f"{nano_usd:0{_DIGITS}d}".encode(), 0)
    return nano_usd
