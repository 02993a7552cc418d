"""Sending questions one by one, several under way at once, until they are answered or no more can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.slots import Slots


class NotSentError(Exception):
    """The run was stopped before this question went out."""


async def send_all(
    questions: Mapping[str, Request],
    answer: Callable[[Request, Gate], Awaitable[Reply]],
    take: Take,
    gate: Gate,
    slots: Slots,
) -> None:
    """Ask ``answer`` for every question, as many at once as there are ``slots``, and hand over the replies.

    Once ``answer``, ``take`` or ``gate`` raises, nothing new is sent; what is under way is waited for and
    taken, so that nothing paid is lost, and the first error is raised.

    Args:
        answer: calls the gate that it is given immediately before every try.
    """
    waiting = iter(questions.items())
    errors: list[Exception] = []

    def may_send() -> None:
        if errors:
            raise NotSentError
        gate()

    async def work() -> None:
        while True:
            try:
                async with slots:
                    question = None if errors else next(waiting, None)
                    if question is None:
                        return
                    key, request = question
                    reply = await answer(request, may_send)
                # Outside of the slot: while this reply goes to the disk another question is asked.
                await take(key, reply)
            except NotSentError:
                return
            except Exception as error:
                errors.append(error)
                return

    await asyncio.gather(*(work() for _ in range(min(2 * slots.most, len(questions)))))
    if errors:
        raise errors[0]
