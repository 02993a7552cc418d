"""An endpoint that is asked for one job: through the ledger, and again where a reply cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from taskgalaxy.llm.ask import NO_BOUNDS, Bounds, ask
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.progress import ProgressLog
from taskgalaxy.llm.providers import make_preflight, make_provider
from taskgalaxy.llm.request import Answer, Provider, Reply, Request
from taskgalaxy.llm.settings import EndpointSettings, used_endpoints

T = TypeVar("T")
Check = Callable[[Request, Reply], str | None]
"""The reason (one of ``rejects.REASONS``) why a reply is no use, or ``None`` if it can be read."""


def _ended_well(_: Request, reply: Reply) -> str | None:
    return reply.failure()


class Model:
    """An endpoint that is asked for one job, through the ledger.

    Attributes:
        provider: who is asked.
        retry_replies: how often a question is asked again because of its reply, by reject reason.
    """

    def __init__(
        self,
        provider: Provider,
        ledger: Ledger,
        writer: str,
        bounds: Bounds = NO_BOUNDS,
        retry_replies: Mapping[str, int] | None = None,
        preflight: Callable[[], None] | None = None,
    ) -> None:
        self.provider = provider
        self.retry_replies = retry_replies or {}
        self._ledger = ledger
        self._writer = writer
        self._bounds = bounds
        self._preflight = preflight

    def ask(self, requests: Sequence[Request], check: Check = _ended_well) -> list[Answer]:
        """:meth:`ask_async` for callers that are not asynchronous."""

        return self.run(self.ask_async(requests, check))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work``, which asks this model, returns; the model's connections are closed then."""
        return asyncio.run(self.closing(work))

    async def closing(self, work: Coroutine[Any, Any, T]) -> T:
        """:meth:`run` for callers that are asynchronous."""
        try:
            return await work
        finally:
            await self.provider.close()

    async def ask_async(self, requests: Sequence[Request], check: Check = _ended_well) -> list[Answer]:
        """The answers in the order of the requests; only what the ledger does not hold is asked.

        A question whose reply is no use by ``check`` is asked again, as often as :attr:`retry_replies`
        allows for the reason, with what helps; the last answer counts. Each of these is a question of its
        own to the ledger.

        Raises:
            UserError: if no further request can succeed, or bounds are reached.
        """
        answers = await self._ask(requests, self._bounds)
        tries = [0] * len(answers)
        bounds = self._bounds
        if self.provider.asks:
            # A retry that gets no answer leaves a reply behind, so any number of them may go without.
            bounds = replace(bounds, max_failed=1.0, all_may_fail=True)
        while True:
            again: dict[int, Request] = {}
            for index, answer in enumerate(answers):
                reason = check(answer.request, answer.reply) if answer.reply.answered else None
                if reason and tries[index] < self.retry_replies.get(reason, 0):
                    tries[index] += 1
                    again[index] = answer.request.again(answer.reply, reason)
            if not again:
                return answers
            for index, answer in zip(again, await self._ask(list(again.values()), bounds), strict=True):
                # Without a new answer the old one stands, which is a named reject.
                if answer.reply.answered:
                    answers[index] = answer

    async def replies(self, requests: Sequence[Request]) -> list[Reply]:
        """:meth:`ask_async` for callers that want no more than the replies."""
        return [answer.reply for answer in await self.ask_async(requests)]

    async def _ask(self, requests: Sequence[Request], bounds: Bounds) -> list[Answer]:
        progress = ProgressLog(f"{requests[0].stage} {self._writer}" if requests else "")
        keys = [request.key(self.provider.model, self.provider.parameters) for request in requests]
        replies = await ask(
            requests,
            self.provider,
            self._ledger,
            self._writer,
            bounds=bounds,
            progress=progress.update,
            preflight=self._preflight,
            keys=keys,
        )
        return [
            Answer(request, reply, self._origin(key, reply))
            for request, key, reply in zip(requests, keys, replies, strict=True)
        ]

    def _origin(self, key: str, reply: Reply) -> dict[str, str]:
        """Provider, model and ledger key: the provenance of ``reply``."""
        return {"provider": reply.provider or self.provider.name, "model": self.provider.model, "request": key}


def open_model(config: Mapping[str, Any], endpoint: str, writer: str) -> Model:
    """The model of ``endpoint``; ``writer`` names the ledger file that no other process may write."""
    used = {name: EndpointSettings.of(name, config["endpoints"][name]) for name in used_endpoints(config)}
    settings = used[endpoint]
    ledger = Ledger(config["ledger"])
    provider = make_provider(settings, ledger, Path(config["results"]) / "missing", config["budget_usd"])
    bounds = Bounds(config["budget_usd"], settings.max_failed)
    # Whoever asks a server first looks at all of them; others need none.
    asks_a_server = settings.provider == "openai"
    preflight = make_preflight(list(used.values()), ledger, config["budget_usd"]) if asks_a_server else None
    return Model(provider, ledger, writer, bounds, settings.retry_replies, preflight)
