"""Asking many questions: the ledger first, then the model, every answer recorded as it arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from taskgalaxy.llm.ledger import Ledger, LedgerWriter, record_of
from taskgalaxy.llm.request import Provider, Reply, Request

log = logging.getLogger(__name__)


@dataclass
class Counts:
    """How far a batch is, in distinct questions: ``total = from_ledger + asked + waiting``.

    Attributes:
        total: distinct questions of the batch.
        from_ledger: answered before this run.
        asked: sent to the model and come back, ``failed`` included.
        failed: sent, but no answer was obtained; they are asked again next time.
    """

    total: int
    from_ledger: int = 0
    asked: int = 0
    failed: int = 0


Progress = Callable[[Counts], None]
Recorder = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]


async def ask(
    requests: Sequence[Request],
    provider: Provider,
    ledger: Ledger,
    writer: str,
    *,
    progress: Progress | None = None,
) -> list[Reply]:
    """The replies to ``requests``, all of one stage, in their order.

    A question that stands in the batch twice is asked once. For a provider whose answers are recorded,
    questions that the ledger holds are not asked, and each new answer is on the disk before this
    function does anything else with it.

    Args:
        writer: names the ledger file, which no other process may write meanwhile.
        progress: called after every reply.

    Raises:
        UserError: when no further request can succeed. Nothing new is sent then, and the requests in
            flight are waited for and recorded first.
    """
    keys = [request.key(provider.model, provider.parameters) for request in requests]
    questions = dict(zip(reversed(keys), reversed(requests), strict=True))
    stages = {request.stage for request in requests}
    if len(stages) > 1:
        raise ValueError(f"a batch asks questions of one stage, not of {sorted(stages)}")
    counts = Counts(total=len(questions))
    replies: dict[str, Reply] = {}
    with ExitStack() as stack:
        record: Recorder | None = None
        if provider.recorded and questions:
            (stage,) = stages
            replies = ledger.find(stage, questions)
            if len(replies) < len(questions):
                file = stack.enter_context(await asyncio.to_thread(ledger.writer, stage, writer))
                # One thread: it keeps waiting for the disk off the event loop, and is left before the file is.
                thread = stack.enter_context(ThreadPoolExecutor(max_workers=1))
                record = _recorder(file, thread)
                # Whoever held the file until now may have asked some of these.
                replies |= ledger.find(stage, questions.keys() - replies.keys())
            counts.from_ledger = len(replies)
            if progress:
                progress(counts)
        waiting = iter([(key, questions[key]) for key in dict.fromkeys(keys) if key not in replies])
        await _send(waiting, provider, record, replies, counts, progress)
    log.info(
        "%d questions to %s: %d from the ledger, %d asked, %d of them without an answer",
        counts.total,
        provider.model,
        counts.from_ledger,
        counts.asked,
        counts.failed,
    )
    return [replies[key] for key in keys]


def ask_all(
    requests: Sequence[Request],
    provider: Provider,
    ledger: Ledger,
    writer: str,
    *,
    progress: Progress | None = None,
) -> list[Reply]:
    """:func:`ask` for callers that are not asynchronous; the provider can be used again afterwards."""

    async def run() -> list[Reply]:
        try:
            return await ask(requests, provider, ledger, writer, progress=progress)
        finally:
            await provider.close()

    return asyncio.run(run())


def _recorder(file: LedgerWriter, thread: ThreadPoolExecutor) -> Recorder:
    async def record(records: Sequence[Mapping[str, Any]]) -> None:
        await asyncio.get_running_loop().run_in_executor(thread, file.append, records)

    return record


async def _send(
    waiting: Iterator[tuple[str, Request]],
    provider: Provider,
    record: Recorder | None,
    replies: dict[str, Reply],
    counts: Counts,
    progress: Progress | None,
) -> None:
    """Send what is ``waiting``, ``provider.concurrency`` at a time, and fill ``replies``."""
    errors: list[Exception] = []

    async def work() -> None:
        for key, request in waiting:
            try:
                reply = await provider.answer(request)
                if record and reply.answered:
                    await record([record_of(request, key, provider.model, provider.parameters, reply)])
            except Exception as error:
                # The others finish what they have in flight, so that nothing paid is lost.
                errors.append(error)
            else:
                replies[key] = reply
                counts.asked += 1
                counts.failed += not reply.answered
                if progress:
                    progress(counts)
            if errors:
                return

    await asyncio.gather(*(work() for _ in range(max(1, provider.concurrency))))
    if errors:
        raise errors[0]
