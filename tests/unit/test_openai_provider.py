"""The client against a loopback server, with faults."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import endpoint
from endpoint import Endpoint, read_prompt
from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import ask_all
from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
from taskgalaxy.llm.openai_provider import OpenAIProvider, _decoded, wait_s
from taskgalaxy.llm.providers import make_provider
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings, Prices
from taskgalaxy.prompts import load_templates

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
SCRIPTS = Path(__file__).parents[2] / "scripts"
KEY = "sk-planted-3f9a"

TRANSIENT = {
    "500": "500: scripted",
    "503": "503: scripted",
    "429": "429: scripted",
    "429_bare": "429: scripted",
    "429_seconds": "429: scripted",
    "429_date": "429: scripted",
    "echo_key": "500: scripted",
    "drop": "the connection failed: Server disconnected",
    "drop_mid_body": "the connection failed: Response payload is not completed",
    "slow_drip": "timed out after",
    "malformed": "not JSON",
    "no_choices": "not a chat completion",
}
"""Faults that may have passed at the next try, and what names each to the user."""
PATIENCE_S = {"slow_drip": 0.5}
"""How long a test waits for an answer that comes byte by byte."""


@dataclass
class Picture:
    """An image in memory that counts how often it is read."""

    data: bytes
    reads: int = 0

    @property
    def image_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def read(self) -> bytes:
        self.reads += 1
        return self.data


def picture(image_format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Picture:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, image_format)
    return Picture(buffer.getvalue())


def settings(server: Endpoint, **others: Any) -> EndpointSettings:
    return EndpointSettings("local", "openai", "test-model", server.url, **others)


def filter_request(number: int = 0, image: Picture | None = None) -> Request:
    labels = [f"OCR~part {number}", "Description~scene", "Counting~objects"]
    text = load_templates(PROMPTS)["filter"].render(candidates=labels)
    return Request("filter", text, image)


def ask_many(server: Endpoint, folder: Path, requests: list[Request], **others: Any) -> list[Reply]:
    ledger = Ledger(folder)
    return ask_all(requests, OpenAIProvider(settings(server, **others), ledger.state), ledger, "shard")


def ask_one(server: Endpoint, folder: Path, request: Request | None = None, **others: Any) -> Reply:
    return ask_many(server, folder, [request or filter_request()], **others)[0]


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "filter" / "shard.jsonl").read_text().splitlines()]


def left_behind(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries that follow one another at once, where the server does not say when."""
    monkeypatch.setattr("taskgalaxy.llm.openai_provider._BACKOFF_S", 0.01)


def test_a_question_is_answered_with_what_the_server_tells(tmp_path: Path) -> None:
    with Endpoint() as server:
        reply = ask_one(server, tmp_path)
    assert reply.finish_reason == "stop"
    assert reply.model == "test-model-2026"
    assert reply.usage["total_tokens"] == 14
    assert reply.attempts == 1
    assert reply.seconds is not None
    assert set(json.loads(reply.text)) <= {"OCR~part 0", "Description~scene", "Counting~objects"}
    (record,) = records(tmp_path)
    assert record["reply"]["system_fingerprint"] == "fp_test"
    assert record["raw"]["object"] == "chat.completion"


def test_parameters_and_extra_body_reach_the_server(tmp_path: Path) -> None:
    with Endpoint(keep_bodies=True) as server:
        ask_one(server, tmp_path, seed=3, temperature=0.5, max_tokens=None, extra_body={"top_k": 4})
    (body,) = server.state.bodies
    assert (body["seed"], body["temperature"], body["top_k"]) == (3, 0.5, 4)
    assert "max_tokens" not in body


def test_the_server_gets_no_field_that_was_not_configured(tmp_path: Path) -> None:
    with Endpoint(keep_bodies=True) as server:
        ask_one(server, tmp_path)
    assert set(server.state.bodies[0]) == {"model", "messages", "temperature", "max_tokens"}


def test_an_answer_costs_what_the_prices_say(tmp_path: Path) -> None:
    with Endpoint() as server:
        reply = ask_one(server, tmp_path, prices=Prices(10.0, 30.0, "2026-01-01"))
    assert reply.usd == pytest.approx(7 * 10e-6 + 7 * 30e-6)
    assert Ledger(tmp_path).spent.recount() == pytest.approx(reply.usd)


def test_an_image_is_encoded_once_for_all_its_questions(tmp_path: Path) -> None:
    image = picture("JPEG")
    with Endpoint() as server:
        replies = ask_many(server, tmp_path, [filter_request(n, image) for n in range(20)])
    assert {reply.finish_reason for reply in replies} == {"stop"}
    assert image.reads == 1


@pytest.mark.parametrize("data", [b"", b"no image", picture("JPEG", (512, 512)).data[:300]])
def test_an_image_that_cannot_be_sent_fails_its_question_alone(tmp_path: Path, data: bytes) -> None:
    with Endpoint() as server:
        requests = [filter_request(0, Picture(data)), filter_request(1, picture("PNG"))]
        broken, sound = ask_many(server, tmp_path, requests, image_max_side=100)
    assert (broken.failure(), broken.finish_reason) == ("request_failed", "unaskable")
    assert broken.detail is not None
    assert broken.detail.startswith("the image cannot be sent")
    assert sound.failure() is None
    assert server.state.requests == 1


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_passing_fault_is_retried_and_the_question_answered_and_recorded_once(tmp_path: Path, fault: str) -> None:
    with Endpoint(faults={1: fault}) as server:
        reply = ask_one(server, tmp_path, max_retries=3, timeout_s=PATIENCE_S.get(fault, 60.0))
    assert reply.failure() is None
    assert reply.attempts == 2
    assert server.state.requests == 2
    assert len(records(tmp_path)) == 1
    # To the server the answer without choices was one.
    assert list(server.answered.values()) == [2 if fault == "no_choices" else 1]


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_lasting_fault_fails_the_question_with_its_cause_and_no_try_too_many(
    tmp_path: Path, fault: str, retries: int
) -> None:
    with Endpoint(faults=lambda number, body: fault) as server:
        reply = ask_one(server, tmp_path, max_retries=retries, timeout_s=PATIENCE_S.get(fault, 60.0))
    assert (reply.failure(), reply.finish_reason) == ("request_failed", "failed")
    assert TRANSIENT[fault] in (reply.detail or "")
    assert server.state.requests == reply.attempts == 1 + retries
    assert (tmp_path / "filter" / "shard.jsonl").read_bytes() == b""


@pytest.mark.parametrize(("fault", "seconds"), [("429_seconds", 1.0), ("429_date", 0.9), ("429", 0.01)])
def test_the_next_try_waits_as_long_as_the_server_says(tmp_path: Path, fault: str, seconds: float) -> None:
    with Endpoint(faults={1: fault}) as server:
        ask_one(server, tmp_path)
    first, second = server.state.times
    assert second - first >= seconds


def test_without_a_word_from_the_server_every_wait_is_longer_up_to_a_minute() -> None:
    waits = [wait_s(attempt, None) for attempt in range(1, 2000)]
    assert 0.375 <= waits[0] <= 0.5
    assert all(0.75 * min(60, 0.5 * 2**number) <= wait <= 60 for number, wait in enumerate(waits[:20]))
    assert max(waits) <= 60
    assert 7.0 <= wait_s(1, 7.0) <= 7.7
    assert wait_s(5, 0.0) == 0.0


@pytest.mark.usefixtures("_hurried")
def test_an_overloaded_server_pauses_all_jobs_that_ask_it(tmp_path: Path) -> None:
    with Endpoint(faults={1: "429_seconds"}) as server:
        ask_one(server, tmp_path, max_retries=0)
        # Another provider stands for another job.
        ask_one(server, tmp_path, max_retries=0)
    first, second = server.state.times
    assert second - first >= 0.95


def test_a_server_that_says_that_no_request_remains_is_left_alone_for_as_long_as_it_says(tmp_path: Path) -> None:
    with Endpoint(faults={1: "ratelimit_headers", 3: "ratelimit_headers"}) as server:
        ask_many(server, tmp_path, [filter_request(0), filter_request(1)], concurrency=1)
        ask_one(server, tmp_path, filter_request(2))
        ask_one(server, tmp_path, filter_request(3))
    times = server.state.times
    assert times[1] - times[0] >= 0.25
    assert times[3] - times[2] >= 0.25


def test_a_server_that_asks_for_more_patience_than_there_is_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskgalaxy.llm.failures.LONGEST_WAIT_S", 0.5)
    with Endpoint(faults={1: "429_seconds"}) as server, pytest.raises(UserError, match="asks to wait 0 minutes"):
        ask_one(server, tmp_path)
    assert server.state.requests == 1


def test_a_refused_request_fails_its_question_and_is_not_tried_again(tmp_path: Path) -> None:
    with Endpoint(faults={1: "400"}) as server:
        refused, sound = ask_many(server, tmp_path, [filter_request(0), filter_request(1)], concurrency=1)
    assert (refused.finish_reason, refused.attempts) == ("unaskable", 1)
    assert "400: scripted" in (refused.detail or "")
    assert sound.failure() is None
    assert server.state.requests == 2
    assert len(records(tmp_path)) == 1


@pytest.mark.parametrize(
    ("fault", "finish_reason", "reason"),
    [
        ("refusal", "refusal", "refused"),
        ("content_filter", "content_filter", "content_filter"),
        ("filtered_prompt", "content_filter", "content_filter"),
        ("length", "length", "reply_truncated"),
        ("empty", "stop", "reply_empty"),
        ("nonsense", "stop", None),
    ],
)
def test_an_answer_that_helps_nobody_is_recorded_all_the_same(
    tmp_path: Path, fault: str, finish_reason: str, reason: str | None
) -> None:
    with Endpoint(faults={1: fault}) as server:
        first = ask_one(server, tmp_path)
        again = ask_one(server, tmp_path)
    assert first.failure() == again.failure() == reason
    assert first.text == again.text
    assert server.state.requests == 1
    (record,) = records(tmp_path)
    assert record["reply"]["finish_reason"] == first.finish_reason == finish_reason


def test_numbers_that_no_ledger_can_hold_make_an_answer_a_poor_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def completion(*arguments: Any, **options: Any) -> dict[str, Any]:
        return {**sound(*arguments, **options), "score": float(planted.pop())}

    sound, planted = endpoint.completion, ["0.5", "nan", "-inf"]
    monkeypatch.setattr(endpoint, "completion", completion)
    monkeypatch.setattr("taskgalaxy.llm.openai_provider._BACKOFF_S", 0.01)
    with Endpoint() as server:
        assert ask_one(server, tmp_path).attempts == 3
    with pytest.raises(ValueError, match="1e999 is not JSON"):
        _decoded("[1e999]")
    with pytest.raises(ValueError, match="too deeply"):
        _decoded("[" * 200_000)


@pytest.mark.parametrize(
    ("fault", "fix"),
    [("unauthorized", "PLANTED_KEY"), ("quota", "Add credit"), ("unknown_model", "Check model")],
)
def test_what_no_retry_can_help_stops_the_run_at_once_with_a_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, fix: str
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    requests = [filter_request(number) for number in range(20)]
    with Endpoint(faults=lambda number, body: fault, latency_s=0.05, keep_bodies=True) as server:
        with pytest.raises(UserError, match=fix):
            ask_one(server, tmp_path, api_key_env="PLANTED_KEY")
        assert server.state.requests == 1
        with pytest.raises(UserError, match=fix):
            ask_many(server, tmp_path, requests, concurrency=4, api_key_env="PLANTED_KEY")
    # Those that were in flight together, and none of them a second time.
    assert server.state.requests == 1 + 4
    assert len({json.dumps(body) for body in server.state.bodies[1:]}) == 4


def test_answers_before_a_revoked_key_are_kept(tmp_path: Path) -> None:
    requests = [filter_request(number) for number in range(40)]
    with Endpoint(faults=lambda number, body: "unauthorized" if number > 10 else None) as server:
        with pytest.raises(UserError, match="refuses access"):
            ask_many(server, tmp_path, requests)
        server.state.faults = {}
        ask_many(server, tmp_path, requests)
    assert len(server.answered) == 40
    assert set(server.answered.values()) == {1}


@pytest.mark.parametrize("answers", [0, 1, 37])
def test_nothing_is_sent_after_the_key_was_revoked_but_what_was_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    requests = [filter_request(number) for number in range(100)]
    common: Mapping[str, Any] = {"concurrency": 4, "api_key_env": "PLANTED_KEY"}
    with Endpoint(key=KEY, revoke_after=answers, latency_s=0.005) as server:
        with pytest.raises(UserError, match="PLANTED_KEY"):
            ask_many(server, tmp_path, requests, **common)
        assert len(records(tmp_path)) == server.answered.total() == answers
        assert server.state.requests <= answers + 4
        server.state.revoke_after = None
        ask_many(server, tmp_path, requests, **common)
    assert len(server.answered) == server.answered.total() == len(records(tmp_path)) == 100


def test_a_server_that_is_too_slow_fails_the_question(tmp_path: Path) -> None:
    with Endpoint(latency_s=5.0) as server:
        reply = ask_one(server, tmp_path, timeout_s=0.1, max_retries=0)
    assert reply.failure() == "request_failed"
    assert "timed out" in (reply.detail or "")


def test_a_server_that_is_not_there_fails_the_question(tmp_path: Path) -> None:
    with Endpoint() as server:
        pass
    reply = ask_one(server, tmp_path, max_retries=0)
    assert reply.failure() == "request_failed"
    assert "the connection failed: Cannot connect to host 127.0.0.1" in (reply.detail or "")


def test_a_provider_with_limits_can_be_used_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with Endpoint() as server:
        provider = OpenAIProvider(settings(server, requests_per_minute=2400.0, tokens_per_minute=1e7), ledger.state)
        for first in (0, 50):
            requests = [filter_request(number) for number in range(first, first + 50)]
            ask_all(requests, provider, ledger, "shard")
    assert len(server.answered) == server.answered.total() == 100


def test_a_killed_job_has_its_answers_and_the_next_one_asks_for_the_rest(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from taskgalaxy.llm.ask import ask_all
        from taskgalaxy.llm.ledger import Ledger
        from taskgalaxy.llm.providers import make_provider
        from taskgalaxy.llm.settings import EndpointSettings
        from taskgalaxy.llm.request import Request
        ledger = Ledger(sys.argv[2])
        settings = EndpointSettings("local", "openai", "test-model", sys.argv[1], concurrency=4)
        requests = [Request("filter", f"question {number}") for number in range(200)]
        ask_all(requests, make_provider(settings, ledger, Path(sys.argv[2])), ledger, "shard")
        """
    )
    with Endpoint(latency_s=0.01) as server:
        command = [sys.executable, "-c", program, server.url, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        with subprocess.Popen(command, env=environment) as job:
            deadline = time.monotonic() + 30
            while server.state.requests < 60 and time.monotonic() < deadline:
                time.sleep(0.005)
            job.kill()
        assert server.state.requests < 200
        subprocess.run(command, env=environment, check=True)
    assert len(server.answered) == 200
    assert max(server.answered.values()) <= 2
    # Only what was in flight at the kill, or on its way to the disk, may have been answered twice.
    assert sum(server.answered.values()) <= 200 + 2 * 4


def test_a_key_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_KEY", raising=False)
    ledger = Ledger(tmp_path)
    for mode in ("online", "batch"):
        paid = EndpointSettings("paid", "openai", "m", api_key_env="PLANTED_KEY", mode=mode)
        with pytest.raises(UserError, match="PLANTED_KEY is not set"):
            ask_all([Request("filter", "?")], make_provider(paid, ledger, tmp_path), ledger, "shard")


def test_what_the_ledger_answers_needs_neither_key_nor_sdk(tmp_path: Path) -> None:
    """Most jobs of a rebuild; the libraries would take each of them a second to import."""
    ledger = Ledger(tmp_path)
    settings = EndpointSettings("paid", "openai", "m", api_key_env="PLANTED_KEY")
    request = Request("filter", "?")
    key = request.key("m", settings.parameters)
    with ledger.writer("filter", "earlier") as writer:
        question = question_record(request, key, "m", settings.parameters)
        writer.append([answer_record(question, Reply("1", "stop", "m"))])
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from taskgalaxy.llm.ask import ask_all
        from taskgalaxy.llm.ledger import Ledger
        from taskgalaxy.llm.providers import make_preflight, make_provider
        from taskgalaxy.llm.request import Request
        from taskgalaxy.llm.settings import EndpointSettings
        settings = EndpointSettings("paid", "openai", "m", api_key_env="PLANTED_KEY")
        ledger = Ledger(sys.argv[1])
        assert make_preflight([settings], ledger, None)
        provider = make_provider(settings, ledger, Path(sys.argv[1]))
        print(ask_all([Request("filter", "?")], provider, ledger, "later")[0].text)
        assert not {"openai", "aiohttp", "httpx2"} & sys.modules.keys()
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    environment.pop("PLANTED_KEY", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_key_stands_in_no_log_and_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with caplog.at_level(logging.DEBUG), Endpoint(key=KEY, faults={1: "500", 3: "400"}) as server:
        assert ask_one(server, tmp_path, api_key_env="PLANTED_KEY").failure() is None
        failed = ask_one(server, tmp_path, filter_request(1), api_key_env="PLANTED_KEY")
        monkeypatch.setenv("PLANTED_KEY", f"{KEY}-revoked")
        with pytest.raises(UserError) as refused:
            ask_one(server, tmp_path, filter_request(2), api_key_env="PLANTED_KEY")
    assert server.state.requests == 4
    assert KEY not in caplog.text + str(refused.value) + str(failed) + left_behind(tmp_path)


@pytest.mark.usefixtures("_hurried")
def test_a_key_that_the_server_repeats_in_an_error_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with caplog.at_level(logging.DEBUG), Endpoint(key=KEY, faults=lambda number, body: "echo_key") as server:
        failed = ask_one(server, tmp_path, max_retries=1, api_key_env="PLANTED_KEY")
        monkeypatch.setattr("taskgalaxy.llm.failures.retry_after_s", lambda headers: 1e5)
        with pytest.raises(UserError) as stopped:
            ask_one(server, tmp_path, api_key_env="PLANTED_KEY")
    assert "Bearer [key]" in (failed.detail or "")
    assert "Bearer [key]" in str(stopped.value)
    assert "Bearer [key]" in caplog.text
    assert KEY not in caplog.text + str(failed) + str(stopped.value) + left_behind(tmp_path)


def test_a_key_that_a_sound_answer_repeats_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def completion(*arguments: Any, **options: Any) -> dict[str, Any]:
        answer = sound(*arguments, **options)
        answer["choices"][0]["message"]["content"] = f"Your key is {KEY}."
        return {**answer, "model": KEY, "headers": {"Authorization": f"Bearer {KEY}"}}

    sound = endpoint.completion
    monkeypatch.setattr(endpoint, "completion", completion)
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with caplog.at_level(logging.DEBUG), Endpoint(key=KEY) as server:
        reply = ask_one(server, tmp_path, api_key_env="PLANTED_KEY")
    assert (reply.text, reply.model) == ("Your key is [key].", "[key]")
    assert KEY not in caplog.text + str(reply) + left_behind(tmp_path)


def test_a_placeholder_for_a_key_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "token")
    with Endpoint(key="token") as server:
        reply = ask_one(server, tmp_path, api_key_env="PLANTED_KEY")
    assert reply.usage["prompt_tokens"] == 7


def test_what_decides_an_answer_is_part_of_the_key_and_nothing_else(tmp_path: Path) -> None:
    base = EndpointSettings("a", "openai", "m")
    decisive: list[dict[str, Any]] = [
        {"temperature": 1.0},
        {"max_tokens": 5},
        {"seed": 1},
        {"image_max_side": 512},
        {"image_max_side": 512, "image_jpeg_quality": 50},
        {"image_detail": "low"},
        {"structured_output": True},
        {"logprobs": True},
        {"extra_body": {"top_k": 1}},
    ]
    parameters = [OpenAIProvider(replace(base, **change), tmp_path).parameters for change in [{}, *decisive]]
    assert len({json.dumps(value) for value in parameters}) == 1 + len(decisive)
    indifferent: dict[str, Any] = {
        **{"name": "b", "base_url": "http://x/v1", "concurrency": 1, "timeout_s": 1.0, "max_retries": 0},
        **{"requests_per_minute": 6.0, "tokens_per_minute": 6.0, "prices": Prices(1.0, 1.0, "2026-01-01")},
        **{"image_jpeg_quality": 50, "max_failed": 0.5, "mode": "batch"},
    }
    assert OpenAIProvider(replace(base, **indifferent), tmp_path).parameters == parameters[0]


def test_an_unknown_provider_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="embedded, openai"):
        make_provider(EndpointSettings("a", "opnai", "m"), Ledger(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("role", "variables", "stage", "strings"),
    [
        ("expand_level_1", {"children": ["OCR", 'a "b"']}, "expand", ["OCR", 'a "b"']),
        ("expand_with_children", {"parent": "OCR", "children": ["x"], "level": 2}, "expand", ["x"]),
        ("expand_without_children", {"parent": "OCR~x", "level": 3}, "expand", []),
        ("filter", {"candidates": ["a~b", "c"]}, "filter", ["a~b", "c"]),
        ("qa", {"task_types": ["a~b", "c"]}, "qa", ["a~b", "c"]),
        ("referee", {"task_type": "a", "question": "b?", "answer": "c"}, "referee", []),
        ("referee", {"task_type": "a", "question": "b?"}, "referee", []),
    ],
)
def test_the_test_server_recognises_the_prompts(
    role: str, variables: dict[str, Any], stage: str, strings: list[str]
) -> None:
    assert read_prompt(load_templates(PROMPTS)[role].render(**variables)) == (stage, strings)
