"""Questions are sent several at once, until no more can be; what is under way then is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm.request import Gate, Reply, Request
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.slots import Slots

STOP = UserError("endpoint", "the key is revoked", "use another key")


class Run:
    """One call of ``send_all`` over questions "0", "1", ... and what happened in it.

    Attributes:
        sent: keys in the order in which their requests went out; taken: in which replies were taken.
        most: the largest number of requests that were under way together.
    """

    def __init__(
        self,
        questions: int,
        slots: int,
        *,
        reply: Mapping[str, Exception] = {},
        take: Mapping[str, Exception] = {},
        gate: Callable[[int], None] = lambda passed: None,
        tries: int = 1,
    ) -> None:
        self.questions = {str(number): Request("filter", str(number)) for number in range(questions)}
        self.slots = slots
        self.sent: list[str] = []
        self.taken: list[str] = []
        self.most = self._inside = self._passed = 0
        self._reply, self._take, self._gate, self._tries = reply, take, gate, tries

    def go(self) -> Run:
        asyncio.run(send_all(self.questions, self._answer, self._taken, self._pass, Slots(self.slots)))
        return self

    def _pass(self) -> None:
        self._passed += 1
        self._gate(self._passed)

    async def _answer(self, request: Request, gate: Gate) -> Reply:
        self._inside += 1
        try:
            for _ in range(self._tries):
                gate()
                self.sent.append(request.text)
                self.most = max(self.most, self._inside)
                await asyncio.sleep(0.001)
            if request.text in self._reply:
                raise self._reply[request.text]
        finally:
            self._inside -= 1
        return Reply(request.text, "stop", "model")

    async def _taken(self, key: str, reply: Reply, question: Mapping[str, Any] | None = None) -> None:
        assert reply.text == key
        await asyncio.sleep(0.001)
        if key in self._take:
            raise self._take[key]
        self.taken.append(key)


def test_every_question_is_sent_once_and_every_reply_taken() -> None:
    run = Run(50, 4).go()
    assert run.sent == list(run.questions)
    assert sorted(run.taken) == sorted(run.questions)


@pytest.mark.parametrize(("questions", "slots", "together"), [(30, 4, 4), (2, 8, 2), (1, 1, 1)])
def test_as_many_are_under_way_as_there_are_slots(questions: int, slots: int, together: int) -> None:
    assert Run(questions, slots).go().most == together


def test_nothing_to_ask_is_no_error() -> None:
    assert Run(0, 4).go().sent == []


def test_another_question_is_sent_while_a_reply_is_taken() -> None:
    async def run() -> None:
        second_sent = asyncio.Event()

        async def answer(request: Request, gate: Gate) -> Reply:
            gate()
            if request.text == "1":
                second_sent.set()
            return Reply("", "stop", "model")

        async def take(key: str, reply: Reply, question: Mapping[str, Any] | None = None) -> None:
            # With one slot this ends only if the first reply no longer holds it.
            await asyncio.wait_for(second_sent.wait(), 30)

        questions = {text: Request("filter", text) for text in "01"}
        await send_all(questions, answer, take, lambda: None, Slots(1))

    asyncio.run(run())


def test_after_an_error_nothing_is_sent_and_what_is_under_way_is_taken() -> None:
    run = Run(100, 4, reply={"9": STOP})
    with pytest.raises(UserError, match="revoked"):
        run.go()
    assert sorted({*run.taken, "9"}) == sorted(run.sent)
    assert len(run.sent) <= 10 + 3


def test_an_error_while_taking_stops_as_well() -> None:
    run = Run(100, 4, take={"9": STOP})
    with pytest.raises(UserError, match="revoked"):
        run.go()
    assert sorted({*run.taken, "9"}) == sorted(run.sent)
    assert len(run.sent) <= 10 + 2 * 4


def test_a_gate_that_closes_stops_before_the_request() -> None:
    def gate(passed: int) -> None:
        if passed > 10:
            raise STOP

    run = Run(100, 4, gate=gate)
    with pytest.raises(UserError, match="revoked"):
        run.go()
    assert len(run.sent) == 10
    assert sorted(run.taken) == sorted(run.sent)


def test_after_an_error_what_is_under_way_is_not_tried_again() -> None:
    def gate(passed: int) -> None:
        if passed == 4:
            raise STOP

    run = Run(8, 4, gate=gate, tries=3)
    with pytest.raises(UserError, match="revoked"):
        run.go()
    assert run.sent == ["0", "1", "2"]
    assert run.taken == []


def test_the_first_of_several_errors_is_raised() -> None:
    errors = {str(number): ValueError(f"error {number}") for number in range(4)}
    with pytest.raises(ValueError, match="error 0"):
        Run(20, 4, reply=errors).go()
