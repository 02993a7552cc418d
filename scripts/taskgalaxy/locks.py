"""Locks between processes: they end with their holder, and so does every wait for one."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from taskgalaxy.errors import UserError

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.2
_TELL_AFTER_S = 10.0


def lock(path: Path, wait_s: float, *, shared: bool = False) -> int:
    """Open ``path``, which is made if it is missing, and lock it; the lock lasts until the handle is closed.

    Raises:
        UserError: if another process still holds it after ``wait_s`` seconds, or the file system has no locks.
        OSError: if the file cannot be opened.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait(handle, path, wait_s, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    except BaseException:
        os.close(handle)
        raise
    return handle


def sign(handle: int) -> None:
    """Write into a locked file who holds it, for the messages of those who wait."""
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


@contextmanager
def locked(path: Path, wait_s: float, *, shared: bool = False) -> Iterator[int]:
    """The handle of :func:`lock`, for as long as the block lasts. Errors of writing to it name the file."""
    handle = lock(path, wait_s, shared=shared)
    try:
        yield handle
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, wait_s: float, kind: int) -> None:
    start = time.monotonic()
    pause_s = _FIRST_PAUSE_S
    told = False
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited_s = time.monotonic() - start
        except OSError as error:
            raise UserError(
                str(path),
                f"cannot be locked ({error.strerror}): without locks two processes could do and pay the same twice",
                "put its folder on a file system with flock (Lustre: mounted with -o flock; NFS: version 4)",
            ) from error
        signature = os.pread(handle, 1000, 0).decode(errors="replace").strip()
        holder = signature if signature.startswith("process ") else "another process"
        if waited_s >= wait_s:
            raise UserError(
                str(path),
                f"is held by {holder}, which did not release it within {wait_s:g} s",
                "wait for that process to end, or end it if it was left over from a killed run; then run again",
            ) from None
        if waited_s >= _TELL_AFTER_S and not told:
            log.warning("%s is held by %s: waiting up to %g s", path, holder, wait_s)
            told = True
        time.sleep(min(pause_s, wait_s - waited_s))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
