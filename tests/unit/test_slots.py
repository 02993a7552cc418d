"""How many requests are under way at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.llm.slots import Slots


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("taskgalaxy.llm.slots.time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def most_inside(slots: Slots, visitors: int) -> int:
    """The largest number of ``visitors`` that were inside together."""
    inside = most = 0

    async def visit() -> None:
        nonlocal inside, most
        async with slots:
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await asyncio.sleep(0)
            inside -= 1

    async def run() -> None:
        await asyncio.gather(*(visit() for _ in range(visitors)))

    asyncio.run(run())
    return most


@pytest.mark.parametrize(("most", "visitors", "together"), [(1, 5, 1), (4, 50, 4), (8, 3, 3), (0, 2, 1)])
def test_as_many_as_are_allowed_are_inside_and_no_more(most: int, visitors: int, together: int) -> None:
    assert most_inside(Slots(most), visitors) == together


def test_an_overloaded_server_is_asked_by_half_as_many(clock: Clock) -> None:
    slots = Slots(16)
    slots.overloaded()
    assert slots.limit == 8
    assert most_inside(slots, 50) == 8


def test_requests_that_fail_together_halve_the_number_once(clock: Clock) -> None:
    slots = Slots(16)
    for seconds, limit in ((0.0, 8), (0.5, 8), (0.49, 8), (0.01, 4), (0.99, 4), (0.01, 2)):
        clock.now += seconds
        slots.overloaded()
        assert slots.limit == limit


def test_one_request_is_always_allowed(clock: Clock) -> None:
    slots = Slots(5)
    for _ in range(20):
        slots.overloaded()
        clock.now += 1
    assert slots.limit == 1
    assert most_inside(slots, 5) == 1


def test_success_lets_the_number_grow_back_to_what_is_configured_and_no_further(clock: Clock) -> None:
    slots = Slots(8)
    slots.overloaded()
    for _ in range(4):
        slots.succeeded()
    # About one more after as many successes as are allowed at once.
    assert 4.8 < slots.limit <= 5
    for _ in range(100):
        slots.succeeded()
    assert slots.limit == 8
    assert most_inside(slots, 50) == 8


def test_an_error_inside_gives_the_slot_back() -> None:
    slots = Slots(1)

    async def fail() -> None:
        async with slots:
            raise ValueError("inside")

    async def run() -> list[BaseException | None]:
        return await asyncio.gather(*(fail() for _ in range(5)), return_exceptions=True)

    assert [type(error) for error in asyncio.run(run())] == [ValueError] * 5
    assert most_inside(slots, 5) == 1


def test_the_turn_of_a_waiter_that_is_cancelled_at_that_moment_is_another_s() -> None:
    async def run() -> None:
        slots = Slots(1)
        entered = asyncio.Event()

        async def wait(then: asyncio.Event | None = None) -> None:
            async with slots:
                if then:
                    then.set()

        async with slots:
            second = asyncio.create_task(wait())
            third = asyncio.create_task(wait(entered))
            await asyncio.sleep(0)
        # The second has been given the slot and has not run since.
        second.cancel()
        await asyncio.wait_for(entered.wait(), 30)
        await third

    asyncio.run(run())


@given(
    most=st.integers(1, 4),
    visitors=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=25),
    cancelled=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 24)), max_size=25),
)
def test_whatever_is_cancelled_and_whatever_fails_everybody_else_gets_in(
    most: int, visitors: list[tuple[int, bool]], cancelled: list[tuple[int, int]]
) -> None:
    slots = Slots(most)
    inside = 0

    async def visit(steps: int, overloaded: bool) -> None:
        nonlocal inside
        async with slots:
            inside += 1
            try:
                assert inside <= most
                for _ in range(steps):
                    await asyncio.sleep(0)
                slots.overloaded() if overloaded else slots.succeeded()
            finally:
                inside -= 1

    async def run() -> None:
        tasks = [asyncio.create_task(visit(*visitor)) for visitor in visitors]
        victims = set()
        for steps, victim in cancelled:
            for _ in range(steps):
                await asyncio.sleep(0)
            if victim < len(tasks):
                tasks[victim].cancel()
                victims.add(victim)
        done, pending = await asyncio.wait(tasks, timeout=30)
        assert not pending
        assert all(not task.cancelled() or number in victims for number, task in enumerate(tasks))
        assert all(task.cancelled() or task.exception() is None for task in done)

    asyncio.run(run())
    assert inside == 0
