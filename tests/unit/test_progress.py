"""Lines that say how far a job's questions are."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from taskgalaxy.llm.ask import Counts
from taskgalaxy.llm.progress import ProgressLog, progress_line

COUNTS = Counts(total=12_000, from_ledger=2_000, asked=4_000, failed=10, rejected=30, tokens=1_234_567, usd=1234.5)


def test_a_line_says_everything() -> None:
    assert progress_line(COUNTS, 400.0) == (
        "6,000 of 12,000 done, 2,000 from the ledger, 40 rejected, 10.0 requests/s, "
        "1,234,567 tokens, $1,234.50, 0:10:00 left"
    )


def test_the_time_left_counts_what_is_asked_and_not_what_the_ledger_held() -> None:
    line = progress_line(Counts(total=10_100, from_ledger=9_000, asked=100), 100.0)
    assert line.endswith("1.0 requests/s, 0 tokens, 0:16:40 left")


def test_hours_are_told() -> None:
    assert progress_line(Counts(total=100_001, asked=1), 1.0).endswith(", 27:46:40 left")


def test_without_prices_there_is_no_word_of_money() -> None:
    assert "$" not in progress_line(Counts(total=10, asked=5, tokens=100), 10.0)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_before_the_first_answer_no_end_is_foretold(seconds: float) -> None:
    line = progress_line(Counts(total=10, from_ledger=2), seconds)
    assert line == "2 of 10 done, 2 from the ledger, 0 rejected, 0.0 requests/s, 0 tokens"


def test_at_the_end_no_time_is_left() -> None:
    assert progress_line(Counts(total=10, from_ledger=2, asked=8), 4.0).endswith(
        "2.0 requests/s, 0 tokens, 0:00:00 left"
    )


def lines(caplog: pytest.LogCaptureFixture, times: Sequence[float]) -> list[str]:
    """What is logged by a clock that shows ``times``, the first at the start and each other at an update."""
    clock = iter(times)
    with caplog.at_level(logging.INFO):
        progress = ProgressLog("filter shard", lambda: next(clock))
        for number in range(1, len(times)):
            progress.update(Counts(total=1000, asked=number))
    assert next(clock, None) is None
    return [record.getMessage() for record in caplog.records]


def test_a_line_is_logged_every_ten_seconds_and_not_more(caplog: pytest.LogCaptureFixture) -> None:
    # The clock starts anywhere, and an answer comes every half second for a minute.
    told = lines(caplog, [500 + 0.5 * number for number in range(121)])
    assert [line.split(" of ")[0] for line in told] == [f"filter shard: {n}" for n in (20, 40, 60, 80, 100, 120)]
    assert all("2.0 requests/s" in line for line in told)


def test_what_is_over_before_ten_seconds_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, [0.0, 1.0, 9.99]) == []


def test_after_a_long_silence_one_line_is_logged_and_the_next_ten_seconds_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = lines(caplog, [0.0, 100.0, 101.0, 109.0, 110.0])
    assert [line.split(" of ")[0] for line in told] == ["filter shard: 1", "filter shard: 4"]
