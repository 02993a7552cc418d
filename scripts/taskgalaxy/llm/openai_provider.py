"""Any server that speaks OpenAI's chat completions, asked online."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import openai

from taskgalaxy.errors import UserError
from taskgalaxy.llm.batch_journal import journal_path, read_parts
from taskgalaxy.llm.chat import chat_body, read_completion
from taskgalaxy.llm.failures import TryAgainError, refusal_of, unanswered, used_up_s
from taskgalaxy.llm.image_uri import ImageURIs
from taskgalaxy.llm.pace import Pace
from taskgalaxy.llm.prices import TYPICAL_IMAGE_TOKENS, text_tokens, usd
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.llm.slots import Slots

log = logging.getLogger(__name__)

_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 60.0
_SHORTEST_SECRET = 8
"""A shorter key is a placeholder (``EMPTY``, ``token``), and may well be a word of an answer."""


class OpenAIProvider:
    """The model of one endpoint. See :class:`taskgalaxy.llm.request.Provider`.

    Raises:
        UserError: if the environment variable that should hold the key is not set.
    """

    name = "openai"
    recorded = True
    asks = True

    def __init__(self, settings: EndpointSettings, state: Path) -> None:
        """``state`` is the folder in which the jobs that ask this endpoint share its pace."""
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters
        self.key = api_key(settings)
        self._client: openai.AsyncOpenAI | None = None
        self._images = ImageURIs(settings.image_max_side, settings.image_jpeg_quality)
        self._pace = Pace(state / f"pace-{settings.name}", settings.requests_per_minute, settings.tokens_per_minute)
        self._slots = Slots(settings.concurrency)
        self._completion_tokens = float(min(settings.max_tokens or 256, 256))

    @property
    def client(self) -> openai.AsyncOpenAI:
        """The connection, which retries nothing itself; opened when it is first needed."""
        if self._client is None:
            # Longer than ours, which counts a whole try; the client's starts again with every byte.
            timeout_s = self.settings.timeout_s + 5
            self._client = openai.AsyncOpenAI(
                api_key=self.key or "EMPTY",
                base_url=self.settings.base_url,
                timeout=timeout_s,
                max_retries=0,
                http_client=openai.DefaultAioHttpClient(timeout=timeout_s),
            )
        return self._client

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Ask every question; see :class:`taskgalaxy.llm.request.Provider`.

        Raises:
            UserError: also if a batch that was submitted earlier asks one of them.
        """
        journal = journal_path(records)
        if submitted := questions.keys() & {key for part in read_parts(journal).values() for key in part.questions}:
            raise UserError(
                self.settings.where,
                f"{len(submitted)} of these questions are with the server in batches, and would be paid for twice",
                f"set mode: batch until they are collected; to give their answers up, remove {journal}",
            )
        await send_all(questions, self.answer, take, gate, self._slots)

    async def answer(self, request: Request, gate: Gate = lambda: None) -> Reply:
        """The reply to ``request``; what may succeed later is tried again ``max_retries`` times.

        Raises:
            UserError: when no further request can succeed (wrong key, unknown model, quota).
            Exception: what ``gate`` raises.
        """
        try:
            body = await self.body(request)
        except OSError as error:
            return unanswered(f"the image cannot be sent: {error}", self.settings, "unaskable")
        attempt = 1
        while True:
            try:
                return replace(await self._try(request, body, gate), attempts=attempt)
            except TryAgainError as error:
                if attempt > self.settings.max_retries:
                    return unanswered(self.without_key(str(error)), self.settings, attempts=attempt)
                gate()
                log.info("%s: try %d failed: %s", self.settings.where, attempt, self.without_key(str(error)))
                await asyncio.sleep(wait_s(attempt, error.after_s))
                attempt += 1

    async def close(self) -> None:
        """Close the connections; they are opened anew if another question comes."""
        self._images.clear()
        self._pace.close()
        client, self._client = self._client, None
        if client:
            await client.close()

    async def body(self, request: Request) -> dict[str, Any]:
        """The JSON body of ``request``.

        Raises:
            OSError: if its image cannot be read or decoded.
        """
        image_url = await self._images.get(request.image) if request.image else None
        return chat_body(self.settings, request, image_url)

    def without_key(self, text: str) -> str:
        """``text`` without the key, which some servers repeat in their messages."""
        return text.replace(self.key, "[key]") if self.key and len(self.key) >= _SHORTEST_SECRET else text

    async def _try(self, request: Request, body: Mapping[str, Any], gate: Gate) -> Reply:
        """One try. Raises as :func:`taskgalaxy.llm.failures.refusal_of` does."""
        expected = prompt_tokens(request) + round(self._completion_tokens)
        await self._pace.wait(expected)
        gate()
        start = time.monotonic()
        try:
            reply = await self._send(request, body)
        except TryAgainError as error:
            if error.overloaded:
                self._slots.overloaded()
                self._pace.pause(error.after_s or 0.0)
            raise
        self._slots.succeeded()
        if reply.usage:
            completion_tokens = reply.usage.get("completion_tokens", 0)
            self._pace.correct(reply.usage.get("prompt_tokens", 0) + completion_tokens - expected)
            # A running mean, so that the next expectation is nearer.
            self._completion_tokens += (completion_tokens - self._completion_tokens) / 16
        return replace(
            reply,
            usd=self.cost(request.text, request.image is not None, reply),
            seconds=round(time.monotonic() - start, 3),
        )

    async def _send(self, request: Request, body: Mapping[str, Any]) -> Reply:
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                # Not chat.completions.create, which walks through every message to no effect: that is a
                # quarter of a request's CPU time.
                response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        except openai.APIStatusError as error:
            return self.refusal(error)
        except TimeoutError as error:
            raise TryAgainError(f"timed out after {self.settings.timeout_s:g} s", overloaded=True) from error
        except (openai.APIError, OSError) as error:
            # Not by the error's name: the library calls a refused connection a timeout.
            cause = error.__cause__ or error
            raise TryAgainError(f"the connection failed: {str(cause) or type(cause).__name__}") from error
        self._pace.pause(used_up_s(response.headers))
        try:
            raw = _decoded(self.without_key(response.text))
        except ValueError as error:
            raise TryAgainError(f"the server sent something that is not JSON ({error})") from error
        reply = read_completion(raw, self.settings, request.stage)
        if reply is None:
            raise TryAgainError("the server sent something that is not a chat completion")
        return reply

    def cost(self, text: str, has_image: bool, reply: Reply, *, batch: bool = False) -> float | None:
        """US dollars for ``reply``, estimated from the lengths where the server counted nothing."""
        if self.settings.prices is None:
            return None
        usage = reply.usage or {
            "prompt_tokens": text_tokens(text) + (TYPICAL_IMAGE_TOKENS if has_image else 0),
            "completion_tokens": text_tokens(reply.text),
        }
        return usd(self.settings.prices, usage, batch=batch)

    def refusal(self, error: openai.APIStatusError) -> Reply:
        """What an error status means; raises as :func:`taskgalaxy.llm.failures.refusal_of` does."""
        try:
            body = _decoded(self.without_key(error.response.text))
        except ValueError:
            body = self.without_key(error.response.text)
        return refusal_of(error.status_code, body, error.response.headers, self.settings)


def wait_s(attempt: int, after_s: float | None) -> float:
    """How long to wait after try number ``attempt``: as told, else twice as long each time, with jitter."""
    if after_s is not None:
        return after_s * random.uniform(1.0, 1.1)
    return min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.75, 1.0)


def prompt_tokens(request: Request) -> int:
    """About how many tokens a request's prompt has."""
    return text_tokens(request.text) + (TYPICAL_IMAGE_TOKENS if request.image else 0)


def _decoded(text: str) -> Any:
    """The JSON value in ``text``.

    Raises:
        ValueError: also for what can be read and then not be written to the ledger.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(number: str) -> float:
    raise ValueError(f"{number} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def api_key(settings: EndpointSettings) -> str | None:
    """The key of an endpoint, from the environment; ``None`` where none is wanted.

    Raises:
        UserError: if the variable is not set.
    """
    if settings.api_key_env is None:
        return None
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise UserError(
            f"endpoints: {settings.name}: api_key_env",
            f"the environment variable {settings.api_key_env} is not set",
            f"export {settings.api_key_env}=... in the shell that starts snakemake",
        )
    return key
