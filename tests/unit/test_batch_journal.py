"""The journal of batches: at every moment it says what was submitted, and of what it is not known."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm import batch_journal
from taskgalaxy.llm.batch_journal import Journal, Part, read_parts
from taskgalaxy.llm.ledger import Ledger


def question(number: int) -> dict[str, Any]:
    return {"key": f"{number:064x}", "stage": "filter", "text": f"question {number} \u2028 \U0001f600"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "filter" / "writer.batches"


def write(path: Path) -> tuple[list[bytes], list[dict[str, Part]]]:
    """A journal with two open parts: its lines, and what was open after so many of them."""
    states: list[dict[str, Part]] = [{}]
    with Journal(path) as journal:
        first = journal.prepared("a", [question(1), question(2)], 30)
        states.append(read_parts(path))
        journal.uploaded(first, "file-1")
        states.append(read_parts(path))
        journal.submitted(first, "batch-1")
        states.append(read_parts(path))
        second = journal.prepared("b", [question(3)], 12)
        states.append(read_parts(path))
        journal.uploaded(second, "file-2")
        states.append(read_parts(path))
    return path.read_bytes().splitlines(keepends=True), states


def test_every_step_is_read_back(path: Path) -> None:
    start = time.time()
    lines, states = write(path)
    assert len(lines) == 5
    assert [
        [(part.name, part.file_id, part.batch_id, part.nano_usd) for part in state.values()] for state in states
    ] == [
        [],
        [("a", None, None, 30)],
        [("a", "file-1", None, 30)],
        [("a", "file-1", "batch-1", 30)],
        [("a", "file-1", "batch-1", 30), ("b", None, None, 12)],
        [("a", "file-1", "batch-1", 30), ("b", "file-2", None, 12)],
    ]
    assert states[-1]["a"].questions == {question(n)["key"]: question(n) for n in (1, 2)}
    assert all(start <= part.at <= time.time() for part in states[-1].values())
    with Journal(path) as journal:
        assert journal.parts == states[-1]
        assert journal.asked == {question(n)["key"] for n in (1, 2, 3)}


def test_a_torn_last_event_is_left_out_wherever_it_was_torn(path: Path) -> None:
    lines, states = write(path)
    whole = b"".join(lines)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b"\n")
        assert read_parts(path) == states[complete]
        if length % 7 == 0:
            with Journal(path) as journal:
                assert journal.parts == states[complete]
            assert path.read_bytes() == b"".join(lines[:complete])


def test_what_follows_a_torn_event_is_readable(path: Path) -> None:
    lines, _ = write(path)
    path.write_bytes(b"".join(lines)[:-3])
    with Journal(path) as journal:
        journal.uploaded(journal.parts["b"], "file-3")
    assert read_parts(path)["b"].file_id == "file-3"


def test_the_journal_is_empty_when_nothing_is_open(path: Path) -> None:
    write(path)
    with Journal(path) as journal:
        journal.closed(journal.parts["a"], "completed")
        assert list(read_parts(path)) == ["b"]
        journal.closed(journal.parts["b"], "not submitted")
        assert path.read_bytes() == b""
        journal.prepared("c", [question(4)], 1)
    assert list(read_parts(path)) == ["c"]


def test_a_journal_that_is_not_there_has_nothing_open(path: Path) -> None:
    assert read_parts(path) == {}
    with Journal(path) as journal:
        assert journal.parts == {}


@pytest.mark.parametrize("line", [b"{}", b"[]", b"{", b'{"event":"submitted","part":"x","batch":"y"}', b"\xff"])
def test_what_is_no_journal_is_named(path: Path, line: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(line + b"\n")
    with pytest.raises(UserError, match=r"writer\.batches: is no journal of batches"):
        Journal(path).__enter__()


@pytest.mark.parametrize("kind", ["nothing", "half", "synced"])
def test_an_event_that_cannot_be_written_is_told_and_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write_bytes = os.write

    def full(handle: int, data: bytes) -> int:
        if kind == "nothing":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(handle, data[: len(data) // 2])

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    write(path)
    before = path.read_bytes()
    with Journal(path) as journal:
        parts = dict(journal.parts)
        with monkeypatch.context() as patched:
            patched.setattr(
                batch_journal.os, "fsync" if kind == "synced" else "write", fail if kind == "synced" else full
            )
            with pytest.raises(UserError, match=r"writer\.batches: what was submitted could not be noted"):
                journal.prepared("c", [question(4)], 1)
        assert path.read_bytes() == before
        assert journal.parts == parts
        journal.submitted(journal.parts["b"], "batch-2")
    assert read_parts(path)["b"].batch_id == "batch-2"


def test_the_ledger_counts_the_open_parts_of_all_writers_as_pending(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.pending.usd() == 0.0
    write(tmp_path / "filter" / "one.batches")
    write(tmp_path / "qa" / "two.batches")
    assert ledger.pending.recount() == pytest.approx(84e-9)
    with Journal(tmp_path / "qa" / "two.batches") as journal:
        journal.closed(journal.parts["a"], "completed")
    assert ledger.pending.recount() == pytest.approx(54e-9)
