"""The pace of an endpoint, kept by all the jobs that ask it together."""

from __future__ import annotations

import asyncio
import math
import os
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.llm.pace import Pace

SCRIPTS = Path(__file__).parents[2] / "scripts"
BURST_S = 1.0
SMALL = 1e-3


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.start = self.now = time.time()

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        # The last digits of a time are about a quarter of a microsecond.
        self.now += max(seconds, 1e-6)

    @property
    def slept(self) -> float:
        return self.now - self.start


def use(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let paces see no clock but this one."""
    names = {"Lock": asyncio.Lock, "get_running_loop": asyncio.get_running_loop, "sleep": clock.sleep}
    monkeypatch.setattr("taskgalaxy.llm.pace.time", clock)
    monkeypatch.setattr("taskgalaxy.llm.pace.asyncio", SimpleNamespace(**names))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    use(clock, monkeypatch)
    return clock


def wait(pace: Pace, tokens: int = 0, times: int = 1) -> None:
    async def run() -> None:
        for _ in range(times):
            await pace.wait(tokens)

    asyncio.run(run())


def in_turn(paces: Sequence[Pace], tokens: int, times: int) -> None:
    """Each of ``paces`` sends ``times`` requests, one after another."""
    for _ in range(times):
        for pace in paces:
            wait(pace, tokens)


def test_without_limits_nobody_waits(tmp_path: Path, clock: Clock) -> None:
    wait(Pace(tmp_path / "pace", None, None), 10**6, times=100)
    assert clock.slept == 0


def test_the_folder_of_the_state_is_made(tmp_path: Path) -> None:
    wait(Pace(tmp_path / "ledger" / ".state" / "pace", 60.0, None))
    assert (tmp_path / "ledger" / ".state" / "pace").exists()


def test_requests_per_minute_are_kept_after_a_burst_of_a_second(tmp_path: Path, clock: Clock) -> None:
    pace = Pace(tmp_path / "pace", 1200.0, None)
    wait(pace, times=21)
    assert clock.slept == pytest.approx(0, abs=SMALL)
    wait(pace, times=1200)
    assert clock.slept == pytest.approx(60, abs=SMALL)


def test_tokens_per_minute_are_kept_after_a_burst_of_a_second(tmp_path: Path, clock: Clock) -> None:
    pace = Pace(tmp_path / "pace", None, 6000.0)
    wait(pace, 50, times=3)
    assert clock.slept == pytest.approx(0, abs=SMALL)
    wait(pace, 50, times=120)
    assert clock.slept == pytest.approx(60, abs=SMALL)


def test_a_request_with_more_tokens_than_a_minute_has_is_sent_and_paid_for_by_the_next(
    tmp_path: Path, clock: Clock
) -> None:
    pace = Pace(tmp_path / "pace", None, 600.0)
    wait(pace, 1200)
    assert clock.slept == 0
    wait(pace, 1200)
    assert clock.slept == pytest.approx(120 - BURST_S, abs=SMALL)


def test_the_stricter_limit_decides(tmp_path: Path, clock: Clock) -> None:
    wait(Pace(tmp_path / "pace", 60.0, 60_000.0), 10, times=12)
    assert clock.slept == pytest.approx(11 - BURST_S, abs=SMALL)


def test_what_was_not_used_is_not_saved_up(tmp_path: Path, clock: Clock) -> None:
    pace = Pace(tmp_path / "pace", 60.0, None)
    wait(pace)
    clock.now += 3600
    begin = clock.now
    wait(pace, times=12)
    assert clock.now - begin == pytest.approx(11 - BURST_S, abs=SMALL)


def test_two_jobs_keep_requests_per_minute_together(tmp_path: Path, clock: Clock) -> None:
    paces = [Pace(tmp_path / "pace", 1200.0, None) for _ in range(2)]
    in_turn(paces, 0, times=20)
    # The fortieth follows 39 others of 50 ms each.
    assert clock.slept == pytest.approx(39 * 0.05 - BURST_S, abs=SMALL)


def test_two_jobs_keep_tokens_per_minute_together(tmp_path: Path, clock: Clock) -> None:
    paces = [Pace(tmp_path / "pace", None, 6000.0) for _ in range(2)]
    in_turn(paces, 10, times=15)
    assert clock.slept == pytest.approx(29 * 0.1 - BURST_S, abs=SMALL)


def test_endpoints_have_paces_of_their_own(tmp_path: Path, clock: Clock) -> None:
    in_turn([Pace(tmp_path / name, 60.0, None) for name in ("pace-a", "pace-b")], 0, times=2)
    assert clock.slept == pytest.approx(0, abs=SMALL)


def test_tokens_that_were_not_expected_are_counted_when_they_are_known(tmp_path: Path, clock: Clock) -> None:
    paces = [Pace(tmp_path / "pace", None, 6000.0) for _ in range(2)]
    wait(paces[0], 10)
    paces[0].correct(490)
    wait(paces[1])
    assert clock.slept == pytest.approx(5 - BURST_S, abs=SMALL)


def test_tokens_that_were_expected_and_did_not_come_are_given_back(tmp_path: Path, clock: Clock) -> None:
    pace = Pace(tmp_path / "pace", None, 6000.0)
    wait(pace, 500)
    pace.correct(-450)
    wait(pace)
    assert clock.slept == 0


@pytest.mark.parametrize("limit", [None, 60_000.0])
def test_a_pause_holds_for_all_jobs(tmp_path: Path, clock: Clock, limit: float | None) -> None:
    paces = [Pace(tmp_path / "pace", limit, None) for _ in range(2)]
    paces[0].pause(7.0)
    paces[0].pause(3.0)
    paces[0].pause(0.0)
    wait(paces[1])
    assert clock.slept == pytest.approx(7, abs=SMALL)
    wait(paces[0])
    assert clock.slept == pytest.approx(7, abs=SMALL)


def test_a_pause_that_comes_while_a_request_waits_holds_for_it(tmp_path: Path) -> None:
    async def run() -> float:
        begin = time.time()
        waiting = asyncio.create_task(one.wait(0))
        await asyncio.sleep(0.1)
        other.pause(0.5)
        await waiting
        return time.time() - begin

    one, other = (Pace(tmp_path / "pace", None, None) for _ in range(2))
    one.pause(0.2)
    assert asyncio.run(run()) >= 0.55


def test_a_pace_is_kept_from_one_event_loop_to_the_next(tmp_path: Path) -> None:
    pace = Pace(tmp_path / "pace", 1200.0, None)

    async def run() -> None:
        await asyncio.gather(*(pace.wait(0) for _ in range(25)))

    begin = time.time()
    for _ in range(2):
        asyncio.run(run())
    assert time.time() - begin >= 49 * 0.05 - BURST_S - SMALL


def test_a_request_that_is_cancelled_while_it_waits_takes_no_share(tmp_path: Path) -> None:
    pace = Pace(tmp_path / "pace", 60.0, None)

    async def run() -> None:
        await pace.wait(0)
        await pace.wait(0)
        waiting = [asyncio.create_task(pace.wait(0)) for _ in range(100)]
        await asyncio.sleep(0.05)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    asyncio.run(run())
    assert debt_s(tmp_path / "pace") <= BURST_S + 1.0


def debt_s(path: Path) -> float:
    """How far the requests that are spoken for reach beyond now."""
    return float(struct.unpack("<3d", path.read_bytes())[0]) - time.time()


PROGRAM = textwrap.dedent(
    """
    import asyncio, sys, time
    from pathlib import Path
    from taskgalaxy.llm.pace import Pace

    path, requests, per_minute, tokens_per_minute, tokens = sys.argv[1:]

    async def run():
        pace = Pace(Path(path), float(per_minute) or None, float(tokens_per_minute) or None)

        async def send():
            await pace.wait(int(tokens))
            print(time.time(), flush=True)

        print(time.time(), flush=True)
        await asyncio.gather(*(send() for _ in range(int(requests))))

    asyncio.run(run())
    """
)


def job(path: Path, *arguments: float) -> subprocess.Popen[str]:
    """A process that sends requests: their number, the two limits and the tokens of each.

    It says when it began and when it sent each.
    """
    command = [sys.executable, "-c", PROGRAM, str(path), *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("limits", [(1200, 0, 0), (0, 6000, 5)])
def test_two_processes_keep_the_limits_together(tmp_path: Path, limits: tuple[int, ...]) -> None:
    with job(tmp_path / "pace", 30, *limits) as one, job(tmp_path / "pace", 30, *limits) as other:
        times = sorted(float(line) for process in (one, other) for line in process.communicate()[0].split())
    assert (one.returncode, other.returncode, len(times)) == (0, 0, 2 + 60)
    # The last follows 59 others of 50 ms each, none of which was sent before the first job began.
    assert times[-1] - times[0] >= 59 * 0.05 - BURST_S - SMALL


def test_a_killed_process_leaves_no_debt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with job(tmp_path / "pace", 1000, 60, 0, 0) as process:
        assert process.stdout is not None
        for _ in range(1 + 2):
            process.stdout.readline()
        process.kill()
    clock = Clock()
    use(clock, monkeypatch)
    wait(Pace(tmp_path / "pace", 60.0, None))
    # The share of the one request that was let through last, and not of the thousand that waited.
    assert clock.slept <= 1.0 + SMALL


@given(
    content=st.binary(max_size=23)
    | st.builds(
        lambda *times: struct.pack("<3d", *times),
        *[st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, -1.0, 0.0, 1.0]) | st.floats()] * 3,
    )
)
def test_a_damaged_file_is_as_good_as_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "pace"
    path.write_bytes(content)
    clock = Clock()
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(clock, monkeypatch)
        for limits in ((None, None), (60.0, None), (None, 60.0)):
            wait(Pace(path, *limits), 1)
            assert clock.slept == 0
            path.write_bytes(content)
        pace = Pace(path, 60.0, None)
        wait(pace, times=12)
        assert clock.slept == pytest.approx(11 - BURST_S, abs=SMALL)
        pace.close()
