"""What the answers in a ledger have cost so far, known to all the jobs of a run at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_DIGITS = 20


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
        """US dollars that the recorded answers have cost."""
        try:
            with self._path.open("rb") as file:
                return int(file.read(_DIGITS)) / 1e9
        except (FileNotFoundError, ValueError):
            return self.recount()

    def recount(self) -> float:
        """Count the ledger's records again; US dollars."""
        with self._locked() as file:
            return _write(file, self._count()) / 1e9

    def add(self, nano_usd: int) -> None:
        """Add to the sum."""
        if not nano_usd:
            return
        with self._locked() as file:
            known = os.pread(file, _DIGITS, 0)
            # What is added is in the ledger already, so a sum that is counted now has it.
            _write(file, int(known) + nano_usd if known.isdigit() else self._count())

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _write(file: int, nano_usd: int) -> int:
    nano_usd = max(0, nano_usd)
    os.pwrite(file, f"{nano_usd:0{_DIGITS}d}".encode(), 0)
    return nano_usd
