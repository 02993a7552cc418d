"""How many requests are under way at once: as many as configured, fewer while the server is overloaded."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import TracebackType

_ONCE_PER_S = 1.0
"""Requests that went out together fail together: they halve the number once."""


class Slots:
    """An asynchronous context manager that lets at most :attr:`limit` requests in.

    The limit is halved when the server says that it is overloaded and grows by one for every ``limit``
    requests that succeed (additive increase, multiplicative decrease), up to ``most``.
    """

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.limit = float(self.most)
        self._used = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._halved = -_ONCE_PER_S

    def succeeded(self) -> None:
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + 1 / self.limit)

    def overloaded(self) -> None:
        now = time.monotonic()
        if now - self._halved >= _ONCE_PER_S:
            self.limit, self._halved = max(1.0, self.limit / 2), now

    async def __aenter__(self) -> None:
        while self._used >= int(self.limit):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                # Its turn may have come all the same, and is then another's.
                self._wake()
                raise
        self._used += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._used -= 1
        self._wake()

    def _wake(self) -> None:
        free = int(self.limit) - self._used
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
