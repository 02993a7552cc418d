"""A file is got whole and right, or not at all, and no byte of it twice where that can be helped."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from file_server import FileServer
from taskgalaxy.errors import UserError
from taskgalaxy.pool import http
from taskgalaxy.pool.http import get_file
from taskgalaxy.pool.registry import Expected

CONTENT = os.urandom(300_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(CONTENT) as serving:
        yield serving


class Get:
    """Gets the file, with nothing but a note of how long to wait.

    Attributes:
        got: the counts of bytes that were told.
        waited: seconds.
    """

    def __init__(self, url: str, target: Path) -> None:
        self._url = url
        self._target = target
        self.got: list[int] = []
        self.waited: list[float] = []

    def __call__(self, **expected: Any) -> Path:
        with httpx2.Client() as client:
            wanted = Expected(**expected)
            get_file(self._url, self._target, wanted, client, got=self.got.append, sleep=self.waited.append)
        return self._target


@pytest.fixture
def get(server: FileServer, tmp_path: Path) -> Get:
    return Get(server.url, tmp_path / "pool" / "images.zip")


def test_a_file_comes_whole_and_leaves_nothing_beside_it(server: FileServer, get: Get) -> None:
    digest = ("md5", hashlib.md5(CONTENT).hexdigest())
    path = get(size=len(CONTENT), digest=digest)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["images.zip"]
    assert sum(get.got) == len(CONTENT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("percent", [1, 50, 99])
def test_what_broke_off_goes_on_where_it_was(percent: int, server: FileServer, get: Get) -> None:
    server.drops = [len(CONTENT) * percent // 100]
    assert get().read_bytes() == CONTENT
    assert server.requests == [("GET", None), ("GET", f"bytes={len(CONTENT) * percent // 100}-")]
    assert sum(get.got) == len(CONTENT)


def test_another_process_goes_on_where_one_was_killed(
    server: FileServer, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.drops = [100_000]
    monkeypatch.setattr(http, "TRIES", 1)
    with pytest.raises(UserError, match="100,000 bytes lie in"):
        get()
    assert get().read_bytes() == CONTENT
    assert server.requests[-1] == ("GET", "bytes=100000-")


def test_without_ranges_it_begins_anew(server: FileServer, get: Get) -> None:
    server.ranges, server.drops = False, [100_000]
    assert get().read_bytes() == CONTENT
    assert sum(get.got) == len(CONTENT)


def test_without_a_validator_it_begins_anew(server: FileServer, get: Get) -> None:
    server.etag, server.drops = None, [100_000]
    assert get().read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, None]


def test_a_file_that_was_replaced_in_between_is_not_mixed_with_the_old_one(
    server: FileServer, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.drops = [100_000]
    monkeypatch.setattr(http, "TRIES", 1)
    with pytest.raises(UserError):
        get()
    server.content, server.etag = os.urandom(200_000), '"two"'
    assert get().read_bytes() == server.content


def test_a_wrong_length_is_one_error(server: FileServer, get: Get, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 300,000 bytes there, and not the 7 that are expected"):
        get(size=7)
    assert not list((tmp_path / "pool").iterdir())


def test_a_length_that_the_server_does_not_keep_is_tried_again_and_given_up(
    server: FileServer, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.length = len(CONTENT) + 10
    monkeypatch.setattr(http, "TRIES", 3)
    with pytest.raises(UserError, match="failed 3 times in a row"):
        get()


def test_a_wrong_checksum_is_one_error_and_nothing_of_it_stays(get: Get, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"has the sha256 .*, and not {'0' * 64}"):
        get(digest=("sha256", "0" * 64))
    assert not list((tmp_path / "pool").iterdir())


def test_redirects_are_followed(server: FileServer, get: Get) -> None:
    server.statuses = [(302, {"Location": "/elsewhere.zip"})]
    assert get().read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "words"), [(401, "wants a login"), (403, "an agreement"), (404, "is not there"), (418, "cannot be had")]
)
def test_what_is_not_to_be_had_is_one_error_at_once(status: int, words: str, server: FileServer, get: Get) -> None:
    server.statuses = [(status, {})]
    with pytest.raises(UserError, match=f"{words}.*{status}"):
        get()
    assert len(server.requests) == 1


def test_a_server_that_says_when_is_asked_then(server: FileServer, get: Get) -> None:
    server.statuses = [(429, {"Retry-After": "7"}), (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), (500, {})]
    assert get().read_bytes() == CONTENT
    assert get.waited == [7.0, 0.0, 8.0]


def test_one_that_waits_for_an_hour_is_asked_before(server: FileServer, get: Get) -> None:
    server.statuses = [(429, {"Retry-After": "3600"})]
    get()
    assert get.waited == [http.MOST_WAIT_S]


def test_a_server_that_is_down_is_given_up_after_tries_that_wait_longer_and_longer(
    server: FileServer, get: Get
) -> None:
    server.statuses = [(503, {})] * http.TRIES
    with pytest.raises(UserError, match=f"failed {http.TRIES} times in a row"):
        get()
    assert get.waited == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]


def test_progress_makes_the_count_of_failures_start_again(server: FileServer, get: Get) -> None:
    server.drops = list(range(10_000, 290_000, 10_000))
    assert get().read_bytes() == CONTENT


def test_all_of_it_was_there_before_it_was_broken_off(
    server: FileServer, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = http._Part.finish
    monkeypatch.setattr(http._Part, "finish", lambda part: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output")))
    with pytest.raises(OSError, match="Input/output"):
        get(size=len(CONTENT))
    monkeypatch.setattr(http._Part, "finish", finish)
    assert get(size=len(CONTENT)).read_bytes() == CONTENT
    assert server.requests[1:] == [("GET", f"bytes={len(CONTENT)}-")]


def test_a_full_disk_ends_it_and_what_came_is_kept(
    server: FileServer, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = http._Part.append

    def full(part: Any, blocks: Iterator[bytes], got: Any) -> None:
        real(part, iter([next(blocks)]), got)
        raise OSError(errno.ENOSPC, "No space left on device", str(part.path))

    monkeypatch.setattr(http._Part, "append", full)
    with pytest.raises(OSError, match="No space left"):
        get()
    monkeypatch.setattr(http._Part, "append", real)
    came = (tmp_path / "pool" / "images.zip.part").stat().st_size
    assert 0 < came < len(CONTENT)
    assert get().read_bytes() == CONTENT
    assert server.requests[-1] == ("GET", f"bytes={came}-")
