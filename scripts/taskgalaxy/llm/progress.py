"""How far a job's questions are, in lines that a person can read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from taskgalaxy.llm.ask import Counts

log = logging.getLogger(__name__)
"""Its lines go to the job's log file, and to the terminal if there is one (:func:`taskgalaxy.jobs.job`)."""

_EVERY_S = 10.0


class ProgressLog:
    """Logs a line every ten seconds while questions are asked; none if all is over before that."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._start = self._told = clock()

    def update(self, counts: Counts) -> None:
        """Take note of ``counts``; called after every reply."""
        now = self._clock()
        if now - self._told >= _EVERY_S:
            self._told = now
            log.info("%s: %s", self._name, progress_line(counts, now - self._start))


def progress_line(counts: Counts, seconds: float) -> str:
    """Done, from where, rate, tokens, money and time left, after ``seconds`` of asking."""
    done = counts.from_ledger + counts.asked
    rate = counts.asked / seconds if seconds > 0 else 0.0
    parts = [f"{done:,} of {counts.total:,} done"]
    parts.append(f"{counts.from_ledger:,} from the ledger")
    parts.append(f"{counts.rejected + counts.failed:,} rejected")
    parts.append(f"{rate:.1f} requests/s")
    parts.append(f"{counts.tokens:,} tokens")
    if counts.usd:
        parts.append(f"${counts.usd:,.2f}")
    if rate:
        parts.append(f"{_duration((counts.total - done) / rate)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
