"""Asking many questions: the ledger first, then the model, every answer recorded as it arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ledger import Ledger, LedgerWriter, answer_record, question_record
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
        rejected: answered, old or new, with nothing that could be read (a refusal, say).
        tokens: prompt and completion tokens of what was asked.
        usd: what it cost, in US dollars.
    """

    total: int
    from_ledger: int = 0
    asked: int = 0
    failed: int = 0
    rejected: int = 0
    tokens: int = 0
    usd: float = 0.0

    def note(self, reply: Reply) -> None:
        """Count a reply that was asked for."""
        self.asked += 1
        self.failed += not reply.answered
        self.rejected += reply.answered and reply.failure() is not None
        self.tokens += reply.usage.get("prompt_tokens", 0) + reply.usage.get("completion_tokens", 0)
        self.usd += reply.usd or 0.0


@dataclass(frozen=True)
class Bounds:
    """When to stop asking.

    Attributes:
        budget_usd: nothing is sent once the answers in the ledger have cost this much; ``None``: no bound.
        max_failed: the part of a batch's questions that a server may leave without an answer.
        all_may_fail: whether it is fine if not one question of a batch is answered.
    """

    budget_usd: float | None = None
    max_failed: float = 1.0
    all_may_fail: bool = False


NO_BOUNDS = Bounds()
_ENOUGH_TO_TELL = 10
"""Fewer requests may each be at fault by chance."""

Progress = Callable[[Counts], None]


async def ask(
    requests: Sequence[Request],
    provider: Provider,
    ledger: Ledger,
    writer: str,
    *,
    bounds: Bounds = NO_BOUNDS,
    progress: Progress | None = None,
    preflight: Callable[[], None] | None = None,
    keys: Sequence[str] | None = None,
) -> list[Reply]:
    """The replies to ``requests``, all of one stage, in their order.

    A question that stands in the batch twice is asked once. For a provider whose answers are recorded,
    questions that the ledger holds are not asked, and each new answer is on the disk before this
    function does anything else with it.

    Args:
        writer: names the ledger file, which no other process may write meanwhile.
        progress: called after every reply.
        preflight: called before anything is sent; it may take its time.
        keys: the ledger keys of ``requests``, where they are at hand.

    Raises:
        UserError: when no further request can succeed or ``bounds`` are reached. Nothing new is sent
            then, and the requests in flight are waited for and recorded first.
    """
    keys = keys or [request.key(provider.model, provider.parameters) for request in requests]
    questions = dict(zip(reversed(keys), reversed(requests), strict=True))
    questions = {key: questions[key] for key in dict.fromkeys(keys)}
    stages = {request.stage for request in requests}
    if len(stages) > 1:
        raise ValueError(f"a batch asks questions of one stage, not of {sorted(stages)}")
    if not questions:
        return []
    (stage,) = stages
    counts = Counts(total=len(questions))
    replies = ledger.find(stage, questions) if provider.recorded else {}
    with ExitStack() as stack:
        file: LedgerWriter | None = None
        if provider.recorded and provider.asks and len(replies) < len(questions):
            if preflight:
                await asyncio.to_thread(preflight)
            file = stack.enter_context(await asyncio.to_thread(ledger.writer, stage, writer))
            # Whoever held the file until now may have asked some of these.
            replies |= ledger.find(stage, questions.keys() - replies.keys())
        counts.from_ledger = len(replies)
        counts.rejected = sum(reply.failure() is not None for reply in replies.values())
        if progress:
            progress(counts)
        waiting = {key: request for key, request in questions.items() if key not in replies}
        if waiting:
            desk = _Desk(waiting, replies, counts, provider, ledger, file, bounds, progress, stack)
            await provider.answer_all(waiting, desk.take, desk.check_budget, ledger.records_path(stage, writer))
            if provider.asks and not bounds.all_may_fail:
                _check_any_answered(list(replies.values()), provider)
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
    bounds: Bounds = NO_BOUNDS,
    progress: Progress | None = None,
) -> list[Reply]:
    """:func:`ask` for callers that are not asynchronous; the provider can be used again afterwards."""

    async def run() -> list[Reply]:
        try:
            return await ask(requests, provider, ledger, writer, bounds=bounds, progress=progress)
        finally:
            await provider.close()

    return asyncio.run(run())


def _check_any_answered(replies: Sequence[Reply], provider: Provider) -> None:
    """Refuse to take an endpoint that cannot be asked at all for rows that are at fault one by one."""
    if len(replies) >= _ENOUGH_TO_TELL and not any(reply.answered for reply in replies):
        raise UserError(
            f"model {provider.model}",
            f"answered none of {len(replies)} requests (the first: {replies[0].detail})",
            "check that the model takes such requests (images, parameters) and that the images can be read",
        )


class _Desk:
    """Where replies come in: recorded first, then counted, then looked at for reasons to stop."""

    def __init__(
        self,
        questions: Mapping[str, Request],
        replies: dict[str, Reply],
        counts: Counts,
        provider: Provider,
        ledger: Ledger,
        file: LedgerWriter | None,
        bounds: Bounds,
        progress: Progress | None,
        stack: ExitStack,
    ) -> None:
        self._questions = questions
        self._replies = replies
        self._counts = counts
        self._provider = provider
        self._ledger = ledger
        self._bounds = bounds
        self._progress = progress
        self._commits = _GroupCommits(file, stack) if file else None
        self._failed = 0

    async def take(self, key: str, reply: Reply, question: Mapping[str, Any] | None = None) -> None:
        """See :class:`taskgalaxy.llm.request.Take`."""
        if self._commits and reply.answered:
            model, parameters = self._provider.model, self._provider.parameters
            question = question or question_record(self._questions[key], key, model, parameters)
            await self._commits.record(answer_record(question, reply))
        if key not in self._questions:
            return
        self._replies[key] = replace(reply, raw=None)
        self._counts.note(reply)
        if self._progress:
            self._progress(self._counts)
        self._check_failures(reply)

    def check_budget(self) -> None:
        """Raise ``UserError`` if the answers of all jobs together have used the budget up."""
        budget_usd = self._bounds.budget_usd
        if self._commits and budget_usd is not None and (spent_usd := self._ledger.spent.usd()) >= budget_usd:
            raise UserError(
                "budget_usd",
                f"the answers in {self._ledger.folder} have cost ${spent_usd:,.4f} of ${budget_usd:,.2f}, "
                "and nothing more is sent",
                "raise budget_usd and run again: what is answered is not asked again",
            )

    def _check_failures(self, reply: Reply) -> None:
        """Refuse to take a server that is down for one that rejects every row."""
        self._failed += reply.finish_reason == "failed"
        if reply.finish_reason == "failed" and self._failed > self._bounds.max_failed * self._counts.total:
            raise UserError(
                f"model {self._provider.model}",
                f"gave no answer to {self._failed} of {self._counts.total} requests (the last: {reply.detail})",
                "check its server, then run snakemake again: what is answered is not asked again "
                "(max_failed says how many may go without)"
                if self._provider.asks
                else "import a ledger that holds them, or set the provider of this endpoint to openai to ask them",
            )


class _GroupCommits:
    """Appends records to the ledger: those that come while the disk is busy go together in the next write.

    A caller returns when its own record is on the disk. A crash costs the answers of the group that is
    being written and of the one that is gathering, as it costs the requests that are in flight.
    """

    def __init__(self, file: LedgerWriter, stack: ExitStack) -> None:
        self._file = file
        # One thread: it keeps waiting for the disk off the event loop, and is left before the file is.
        self._thread = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        self._gathering: list[dict[str, Any]] = []
        self._next: asyncio.Future[None] | None = None
        self._busy = False

    async def record(self, record: dict[str, Any]) -> None:
        """Raises ``UserError`` if the group of this record cannot be written."""
        loop = asyncio.get_running_loop()
        self._gathering.append(record)
        self._next = self._next or loop.create_future()
        group = self._next
        if not self._busy:
            self._busy = True
            self._write_task = loop.create_task(self._write())
        await asyncio.shield(group)

    async def _write(self) -> None:
        while self._next:
            records, group = self._gathering, self._next
            self._gathering, self._next = [], None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._file.append, records)
            except Exception as error:
                group.set_exception(error)
            else:
                group.set_result(None)
        self._busy = False
