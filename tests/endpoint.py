"""A loopback server that speaks OpenAI's chat completions and batches, for tests: ``python -m endpoint --port 8000``.

It answers from the prompt's text alone, the same every time, counts how often each question was
answered, and can be told to fail. The replies and the faults are in ``endpoint_faults``, the Batch API
in ``batch_endpoint``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

from batch_endpoint import Batch, StoredFile, add_batch_routes, check_batch_faults
from endpoint_faults import (
    ERRORS,
    FAULTS,
    RATE_LIMIT_HEADERS,
    TOKEN_COUNT,
    Fault,
    answer,
    completion,
    error_json,
    error_response,
    is_there,
    prompt_text,
    question_digest,
    read_prompt,
    send_half,
    send_slowly,
    stage_of,
)

__all__ = [
    "FAULTS",
    "TOKEN_COUNT",
    "Endpoint",
    "Fault",
    "Script",
    "State",
    "answer",
    "application",
    "completion",
    "prompt_text",
    "question_digest",
    "read_prompt",
]

Script = Mapping[int, Fault] | Callable[[int, Mapping[str, Any]], Fault | None]
"""Faults by the number of the request, the first one being 1, or a function of number and body."""

_CHAT = "/v1/chat/completions"


@dataclass
class State:
    """What the server was asked to do and what it did.

    Attributes:
        revoke_after: after so many answers every request is refused as if the key were wrong.
        model_fields: what every entry of the list of models has besides; without ``list_models`` there
            is no such list.
        drip_s: how long an answer takes with the fault ``slow_drip``.
        batch_polls: how often a batch is asked for before it has ended.
        batch_faults: faults of ``batch_endpoint.BATCH_FAULTS`` by the number of the batch, the first being 1.
        answered: per question (a digest of model and messages), how often a complete answer was sent,
            or could be downloaded.
        stages: answered questions by stage.
        requests: how many chat requests came in, failed ones included; ``times``: when, by the
            monotonic clock.
        bodies: the bodies of the chat requests, in order, if ``keep_bodies``.
        most_at_once: the largest number of chat requests that were in flight together.
        batches: all batches, in the order of their creation.
        files: the stored files by id.
    """

    faults: Script = field(default_factory=dict)
    latency_s: float = 0.0
    key: str | None = None
    revoke_after: int | None = None
    models: tuple[str, ...] = ("test-model",)
    model_fields: Mapping[str, Any] = field(default_factory=dict)
    list_models: bool = True
    ignore_response_format: bool = False
    drip_s: float = 5.0
    keep_bodies: bool = False
    batch_polls: int = 2
    batch_max_rows: int = 50_000
    batch_max_bytes: int = 200_000_000
    batch_faults: Mapping[int, str] = field(default_factory=dict)
    answered: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    times: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    in_flight: int = 0
    most_at_once: int = 0
    batches: list[Batch] = field(default_factory=list)
    batches_created: int = 0
    files: dict[str, StoredFile] = field(default_factory=dict)
    files_uploaded: int = 0

    def __post_init__(self) -> None:
        # A misspelt fault would be no fault, and its test would show nothing.
        if isinstance(self.faults, Mapping) and (unknown := set(self.faults.values()) - set(FAULTS)):
            raise ValueError(f"unknown faults {unknown}")
        check_batch_faults(self.batch_faults.values())

    def refuses(self, request: web.Request) -> bool:
        """Whether ``request`` carries no valid key."""
        if self.revoke_after is not None and self.answered.total() >= self.revoke_after:
            return True
        return self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}"

    def count(self, body: Mapping[str, Any]) -> None:
        """Note that ``body`` was answered completely."""
        self.answered[question_digest(body)] += 1
        self.stages[stage_of(body)] += 1


class Endpoint:
    """The server as a context manager, in a thread of its own; ``url`` ends in ``/v1``."""

    def __init__(self, port: int = 0, **settings: Any) -> None:
        self.state = State(**settings)
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(application(self.state), shutdown_timeout=0.1)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def answered(self) -> Counter[str]:
        return self.state.answered

    def __enter__(self) -> Endpoint:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]


def application(state: State) -> web.Application:
    """The routes of the server over ``state``."""

    @web.middleware
    async def check_key(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        # A chat request is refused in its turn, after it was counted.
        if request.path.startswith("/v1/") and request.path != _CHAT and state.refuses(request):
            return error_response("unauthorized", request)
        return await handler(request)

    async def models(_: web.Request) -> web.Response:
        if not state.list_models:
            return error_json(404, "there is no list of models", "not_found")
        common = {"object": "model", "created": 0, "owned_by": "test", **state.model_fields}
        return web.json_response({"object": "list", "data": [{"id": name, **common} for name in state.models]})

    async def counts(_: web.Request) -> web.Response:
        return web.json_response({"requests": state.requests, "answered": state.answered})

    async def chat(request: web.Request) -> web.StreamResponse:
        state.times.append(time.monotonic())
        state.in_flight += 1
        state.most_at_once = max(state.most_at_once, state.in_flight)
        try:
            return await _chat(request, state)
        finally:
            state.in_flight -= 1

    app = web.Application(client_max_size=1 << 28, middlewares=[check_key])
    app.router.add_get("/v1/models", models)
    app.router.add_get("/counts", counts)
    app.router.add_post(_CHAT, chat)
    add_batch_routes(app, state)
    return app


async def _chat(request: web.Request, state: State) -> web.StreamResponse:
    state.requests += 1
    number = state.requests
    body = await request.json()
    if state.keep_bodies:
        state.bodies.append(body)
    fault = state.faults(number, body) if callable(state.faults) else state.faults.get(number)
    if state.latency_s:
        await asyncio.sleep(state.latency_s)
    if state.refuses(request):
        fault = "unauthorized"
    if fault is not None and fault in ERRORS:
        return error_response(fault, request)
    if fault == "drop":
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault == "malformed":
        return web.Response(text='{"id": "x", "choices": [{"mess', content_type="application/json")
    content = json.dumps(completion(body, fault, ignore_response_format=state.ignore_response_format)).encode()
    if fault == "drop_mid_body":
        return await send_half(request, content, "application/json")
    if fault == "slow_drip":
        return await send_slowly(request, content, state.drip_s, lambda: state.count(body))
    headers = RATE_LIMIT_HEADERS if fault == "ratelimit_headers" else {}
    reply = web.Response(body=content, content_type="application/json", charset="utf-8", headers=headers)
    await reply.prepare(request)
    # Before the end is sent: a test in another thread may look as soon as its client has the answer.
    if is_there(request):
        state.count(body)
    await reply.write_eof()
    return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--key", help="refuse requests that carry another key")
    parser.add_argument("--fault", action="append", default=[], metavar="NUMBER=FAULT", help=", ".join(FAULTS))
    parser.add_argument("--batch-polls", type=int, default=2, help="how often a batch is asked for before its end")
    arguments = parser.parse_args()
    faults = {int(number): fault for number, fault in (entry.split("=") for entry in arguments.fault)}
    state = State(faults=faults, latency_s=arguments.latency_s, key=arguments.key, batch_polls=arguments.batch_polls)
    web.run_app(application(state), host="127.0.0.1", port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
