"""Getting a large file by HTTP: it goes on where it was broken off, and is checked before it has its name."""

from __future__ import annotations

import email.utils
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from taskgalaxy.errors import UserError
from taskgalaxy.files import read_json, sync_folder, write_json
from taskgalaxy.pool.registry import Expected

log = logging.getLogger(__name__)

TIMEOUT_S = 60
TRIES = 8
"""Failures in a row, none of which brought a byte, after which it gives up."""
MOST_WAIT_S = 300

_PART = 206
_NO_SUCH_RANGE = 416
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_MEANINGS = {
    401: "wants a login",
    403: "may not be had without a login or an agreement",
    404: "is not there",
    410: "is no longer there",
}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _TryAgainError(Exception):
    """Something that passes; ``wait_s`` if the server says how long."""

    def __init__(self, problem: str, wait_s: float | None = None) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


def get_file(
    url: str,
    target: Path,
    expected: Expected,
    client: httpx2.Client,
    *,
    got: Callable[[int], object] = lambda count: None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Get ``url`` into ``target``, which appears when it is whole and right.

    What has come lies in ``target.part``, and the validator of the server's file beside it: so a later call, in
    this process or another, asks for the rest alone, and begins anew if the server has another file now.

    Args:
        got: is told of bytes as they come; of a negative number if they are of no use after all.

    Raises:
        UserError: if it is not to be had, is another file than expected, or the server failed ``TRIES`` times.
        OSError: if it cannot be written.
    """
    part = _Part(target, url)
    failures, most = 0, part.size
    while True:
        try:
            _get_rest(url, part, expected, client, got)
            break
        except (_TryAgainError, httpx2.TransportError) as error:
            # More than there ever was, since what begins anew again and again comes to nothing.
            failures = 1 if part.size > most else failures + 1
            most = max(most, part.size)
            if failures == TRIES:
                raise UserError(
                    url,
                    f"failed {TRIES} times in a row ({error})",
                    f"try again later: {part.size:,} bytes lie in {part.path} and are not asked for again",
                ) from error
            wait_s = getattr(error, "wait_s", None)
            wait_s = min(2.0**failures if wait_s is None else wait_s, MOST_WAIT_S)
            log.info("%s: %s; again in %.0f s, from byte %d", url, error or type(error).__name__, wait_s, part.size)
            sleep(wait_s)
    try:
        expected.check(part.path, url)
    except UserError:
        part.throw_away()
        raise
    part.finish()


class _Part:
    """What has come of a file, and of which file of the server."""

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._target = target
        self._state = target.with_name(f"{target.name}.part.json")
        self._url = url
        target.parent.mkdir(parents=True, exist_ok=True)
        self.validator: str | None = None
        if self._state.exists() and self.path.exists():
            state = read_json(self._state)
            if state["url"] == url:
                self.validator = state["validator"]
        if self.validator is None:
            self.path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, validator: str | None) -> None:
        """Throw away what there is, and note what comes now."""
        self.path.unlink(missing_ok=True)
        self.validator = validator
        write_json(self._state, {"url": self._url, "validator": validator})

    def append(self, blocks: Iterator[bytes], got: Callable[[int], object]) -> None:
        with self.path.open("ab") as file:
            for block in blocks:
                file.write(block)
                got(len(block))
            file.flush()
            os.fsync(file.fileno())

    def throw_away(self) -> None:
        self.path.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def finish(self) -> None:
        os.replace(self.path, self._target)
        self._state.unlink(missing_ok=True)
        sync_folder(self._target.parent)


def _get_rest(url: str, part: _Part, expected: Expected, client: httpx2.Client, got: Callable[[int], object]) -> None:
    """One request, and what it brings."""
    headers = {"Accept-Encoding": "identity"}
    if part.size and part.validator:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.validator}
    with client.stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S) as reply:
        _refuse(url, reply)
        if reply.status_code == _NO_SUCH_RANGE:
            # All of it is here, or more than there is: its size and digest tell.
            if expected.size is not None and part.size == expected.size:
                return
            got(-part.size)
            part.throw_away()
            raise _TryAgainError("the server has no more of the file than has come")
        whole = _whole_size(reply, part.size)
        if reply.status_code != _PART:
            got(-part.size)
            part.begin(_validator(reply))
        if expected.size is not None and whole is not None and whole != expected.size:
            part.throw_away()
            raise UserError(
                url,
                f"has {whole:,} bytes there, and not the {expected.size:,} that are expected",
                "look whether it is still the file that the registry means, and correct its size there",
            )
        part.append(reply.iter_raw(), got)
        if whole is not None and part.size < whole:
            raise _TryAgainError(f"the connection broke off after {part.size:,} of {whole:,} bytes")


def _refuse(url: str, reply: httpx2.Response) -> None:
    if reply.status_code in _LATER:
        raise _TryAgainError(f"the server answered {reply.status_code}", _retry_after_s(reply))
    if reply.is_success or reply.status_code == _NO_SUCH_RANGE:
        return
    meaning = _MEANINGS.get(reply.status_code, "cannot be had")
    raise UserError(
        url,
        f"{meaning}: the server answered {reply.status_code}",
        "look at the page that it comes from; the registry says which",
    )


def _whole_size(reply: httpx2.Response, start: int) -> int | None:
    """The size of the whole file, as the reply says. Raises ``_TryAgainError`` if it begins elsewhere."""
    if reply.status_code == _PART:
        match = _RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise _TryAgainError("the server sent another part than was asked for")
        return None if match[2] == "*" else int(match[2])
    length = reply.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _validator(reply: httpx2.Response) -> str | None:
    """What names this very content; a weak ETag does not."""
    etag: str = reply.headers.get("ETag", "")
    return etag if etag.startswith('"') else reply.headers.get("Last-Modified")


def _retry_after_s(reply: httpx2.Response) -> float | None:
    value = reply.headers.get("Retry-After")
    if value is None:
        return None
    if value.isdigit():
        return float(value)
    when = email.utils.parsedate_to_datetime(value)
    return max(0.0, when.timestamp() - time.time())


@contextmanager
def http_client() -> Iterator[httpx2.Client]:
    """For all files of a run."""
    with httpx2.Client(headers={"User-Agent": "taskgalaxy"}) as client:
        yield client
