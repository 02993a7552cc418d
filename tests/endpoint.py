"""A loopback server that speaks OpenAI's chat completions, for tests: ``python -m endpoint --port 8000``.

It answers from the prompt's text alone, the same every time, counts how often each question was
answered, and can be told to fail.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

Fault = str
"""One of ``FAULTS``."""

Script = Mapping[int, Fault] | Callable[[int, Mapping[str, Any]], Fault | None]
"""Faults by the number of the request, the first one being 1, or a function of number and body."""

_ERRORS: Mapping[Fault, tuple[int, str]] = {
    "500": (500, "server_error"),
    "503": (503, "overloaded"),
    "429": (429, "rate_limit_exceeded"),
    "400": (400, "invalid_request"),
    "quota": (429, "insufficient_quota"),
    "unauthorized": (401, "invalid_api_key"),
    "unknown_model": (404, "model_not_found"),
    "filtered_prompt": (400, "content_filter"),
}
FAULTS = (*_ERRORS, "drop", "malformed", "refusal", "content_filter", "length", "empty", "nonsense", "no_choices")

TOKEN_COUNT = 7


@dataclass
class State:
    """What the server was asked to do and what it did.

    Attributes:
        answered: per question (a digest of model and messages), how often a complete answer was sent.
        stages: answered questions by stage.
        requests: how many requests came in, failed ones included.
        bodies: the bodies of the requests, in order, if ``keep_bodies``.
        most_at_once: the largest number of requests that were in flight together.
    """

    faults: Script = field(default_factory=dict)
    latency_s: float = 0.0
    key: str | None = None
    models: tuple[str, ...] = ("test-model",)
    keep_bodies: bool = False
    answered: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    in_flight: int = 0
    most_at_once: int = 0


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

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": m, "object": "model"} for m in state.models]})

    async def counts(_: web.Request) -> web.Response:
        return web.json_response({"requests": state.requests, "answered": state.answered})

    async def chat(request: web.Request) -> web.StreamResponse:
        state.in_flight += 1
        state.most_at_once = max(state.most_at_once, state.in_flight)
        try:
            return await _chat(request, state)
        finally:
            state.in_flight -= 1

    app = web.Application(client_max_size=1 << 28)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/counts", counts)
    app.router.add_post("/v1/chat/completions", chat)
    return app


async def _chat(request: web.Request, state: State) -> web.StreamResponse:
    state.requests += 1
    number = state.requests
    body = await request.json()
    if state.keep_bodies:
        state.bodies.append(body)
    fault = state.faults(number, body) if callable(state.faults) else state.faults.get(number)
    if state.key is not None and request.headers.get("Authorization") != f"Bearer {state.key}":
        fault = "unauthorized"
    if state.latency_s:
        await asyncio.sleep(state.latency_s)
    if fault is not None and fault in _ERRORS:
        status, code = _ERRORS[fault]
        error = {"message": f"scripted: {code}", "type": code, "code": code, "param": None}
        # The client waits half a second and more if it is not told how long.
        return web.json_response({"error": error}, status=status, headers={"Retry-After-Ms": "10"})
    if fault == "drop":
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault == "malformed":
        return web.Response(text='{"id": "x", "choices": [{"mess', content_type="application/json")
    reply = web.json_response(completion(body, fault))
    await reply.prepare(request)
    await reply.write_eof()
    state.answered[question_digest(body)] += 1
    state.stages[_stage(body)] += 1
    return reply


def _stage(body: Mapping[str, Any]) -> str:
    try:
        return read_prompt(prompt_text(body))[0]
    except ValueError:
        return "other"


def question_digest(body: Mapping[str, Any]) -> str:
    """Identifies a question: the model asked and the messages, images included."""
    content = json.dumps([body["model"], body["messages"]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def completion(body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
    """The chat completion that answers ``body``."""
    text, finish_reason, refusal = answer(prompt_text(body), question_digest(body)), "stop", None
    if fault == "refusal":
        text, refusal = "", "I cannot help with that."
    elif fault in ("content_filter", "length"):
        text, finish_reason = text[: len(text) // 2], fault
    elif fault == "empty":
        text = ""
    elif fault == "nonsense":
        text = "zzz \udc00 [[ {"
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": text, "refusal": refusal},
    }
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": f"{body['model']}-2026",
        "system_fingerprint": "fp_test",
        "choices": [] if fault == "no_choices" else [choice],
        "usage": {
            "prompt_tokens": TOKEN_COUNT,
            "completion_tokens": TOKEN_COUNT,
            "total_tokens": 2 * TOKEN_COUNT,
        },
    }


def prompt_text(body: Mapping[str, Any]) -> str:
    """The text parts of the last message."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


_JSON_STRING = r'"(?:[^"\\]|\\.)*"'
_STRING_LINES = re.compile(rf"^{_JSON_STRING}$", re.MULTILINE)
_PARENT = re.compile(rf"The task type to refine is ({_JSON_STRING})")
_STAGE_MARKERS = {
    "expand": "taxonomy of everything that can be asked",
    "filter": "candidate task types",
    "qa": "Answer in JSON Lines",
    "referee": "Otherwise reply 0",
}
_KINDS = "colours counts shapes sizes positions materials reasons changes risks styles uses names".split()


def read_prompt(text: str) -> tuple[str, list[str]]:
    """The stage that a prompt of config/prompts/ belongs to, and the strings it lists one per line.

    Raises:
        ValueError: for a text that is no prompt of the workflow, or could be of several stages.
    """
    stages = [stage for stage, marker in _STAGE_MARKERS.items() if marker in text]
    if len(stages) != 1:
        raise ValueError(f"not one stage but {stages} in the prompt {text[:80]!r}")
    return stages[0], [json.loads(line) for line in _STRING_LINES.findall(text)]


def answer(prompt: str, seed: str) -> str:
    """A sound reply to a prompt of the workflow, decided by ``seed`` alone."""
    try:
        stage, strings = read_prompt(prompt)
    except ValueError as error:
        return str(error)
    if stage == "referee":
        return "1" if _chance(seed) < 0.75 else "0"
    if stage == "filter":
        return json.dumps([label for label in strings if _chance(seed, label) < 0.6])
    if stage == "qa":
        return "\n".join(json.dumps(_pair(label, seed)) for label in strings)
    parent = _PARENT.search(prompt)
    above = f"{json.loads(parent[1])}~" if parent else ""
    kinds = [f"{kind} of things" for kind in _KINDS if _chance(above, kind) < 0.3]
    return "\n".join(above + kind for kind in kinds if kind not in strings) or "None"


def _pair(label: str, seed: str) -> dict[str, str]:
    if _chance(seed, label) < 0.05:
        return {"task_type": label, "abstain": "nothing can be seen of it"}
    number = int(_chance(seed, label) * 1000)
    return {
        "task_type": label,
        "question": f"What does part {number} of the image show about {label.rsplit('~', 1)[-1]}?",
        "answer": f"It shows {number} of them.",
    }


def _chance(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--key", help="refuse requests that carry another key")
    parser.add_argument("--fault", action="append", default=[], metavar="NUMBER=FAULT", help=", ".join(FAULTS))
    arguments = parser.parse_args()
    faults = {int(number): fault for number, fault in (entry.split("=") for entry in arguments.fault)}
    state = State(faults=faults, latency_s=arguments.latency_s, key=arguments.key)
    web.run_app(application(state), host="127.0.0.1", port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
