"""How fast an endpoint may be asked, by all the jobs that ask it.

The limits of an account hold for the whole run and not for one job, so their state lies in a small file
that the jobs share: two times, up to which requests and tokens are spoken for, and one before which the
server wants to hear nothing. Each request moves the first two on by its share of a minute (the generic
cell rate algorithm, a leaky bucket). A job that was killed leaves no debt of more than one request.
Jobs on several machines need clocks that agree, and a file system with locks.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import time
from pathlib import Path
from types import TracebackType

_STATE = struct.Struct("<3d")
_BURST_S = 1.0
"""How far ahead of an even pace an endpoint may be."""
_LATEST_S = 86_400.0
"""A time that lies further ahead than this stands in a damaged file."""


class Pace:
    """The shared pace of one endpoint. Its file is opened when it is first needed, also after :meth:`close`."""

    def __init__(self, path: Path, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._path = path
        self._opened: int | None = None
        self._request_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._token_s = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def wait(self, tokens: int) -> None:
        """Return when a request of about ``tokens`` tokens may be sent, which then counts as sent."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # A lock belongs to one event loop, and the next questions may come in another.
            self._loop, self._turn = loop, asyncio.Lock()
        async with self._turn:
            while (wait_s := self._try(tokens)) > 0:
                await asyncio.sleep(wait_s)

    def correct(self, tokens: int) -> None:
        """Count ``tokens`` more (or less) than were expected of a request."""
        if self._token_s and tokens:
            with _Locked(self._file) as state:
                state.tokens += tokens * self._token_s

    def pause(self, seconds: float) -> None:
        """Let no job send anything for ``seconds``."""
        if seconds > 0:
            with _Locked(self._file) as state:
                state.closed = max(state.closed, time.time() + seconds)

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            os.close(opened)

    @property
    def _file(self) -> int:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._opened = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        return self._opened

    def _try(self, tokens: int) -> float:
        """0 if a request may go now, which is noted; else seconds after which to ask again."""
        now = time.time()
        if not self._request_s and not self._token_s:
            return _read(self._file)[2] - now
        with _Locked(self._file) as state:
            wait_s = max(state.closed, state.requests - _BURST_S, state.tokens - _BURST_S) - now
            if wait_s <= 0:
                state.requests = max(state.requests, now) + self._request_s
                state.tokens = max(state.tokens, now) + tokens * self._token_s
        return wait_s


class _Locked:
    """The state while no other process can change it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __enter__(self) -> _Locked:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.requests, self.tokens, self.closed = _read(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.pwrite(self._file, _STATE.pack(self.requests, self.tokens, self.closed), 0)
        fcntl.flock(self._file, fcntl.LOCK_UN)


def _read(file: int) -> tuple[float, float, float]:
    data = os.pread(file, _STATE.size, 0)
    state = _STATE.unpack(data) if len(data) == _STATE.size else (0.0, 0.0, 0.0)
    latest = time.time() + _LATEST_S
    # What is not a number is not less than anything.
    requests, tokens, closed = (at if 0 < at < latest else 0.0 for at in state)
    return requests, tokens, closed
