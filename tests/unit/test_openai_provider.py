"""The client against a loopback server, with faults."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat.chat_completion import Choice
from PIL import Image

from endpoint import Endpoint, read_prompt
from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.openai_provider import OpenAIProvider, data_uri, p_yes
from taskgalaxy.llm.providers import make_provider
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.prompts import load_templates

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
SCRIPTS = Path(__file__).parents[2] / "scripts"
KEY = "sk-planted-3f9a"


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


def ask_one(server: Endpoint, folder: Path, request: Request | None = None, **others: Any) -> Reply:
    provider = OpenAIProvider(settings(server, **others))
    return ask_all([request or filter_request()], provider, Ledger(folder), "shard")[0]


def test_a_question_is_answered_with_what_the_server_tells(tmp_path: Path) -> None:
    with Endpoint() as server:
        reply = ask_one(server, tmp_path)
    assert reply.finish_reason == "stop"
    assert reply.model == "test-model-2026"
    assert reply.usage["total_tokens"] == 14
    assert set(json.loads(reply.text)) <= {"OCR~part 0", "Description~scene", "Counting~objects"}
    (record,) = [json.loads(line) for line in (tmp_path / "filter" / "shard.jsonl").read_text().splitlines()]
    assert record["reply"]["system_fingerprint"] == "fp_test"


def test_parameters_and_extra_body_reach_the_server(tmp_path: Path) -> None:
    with Endpoint(keep_bodies=True) as server:
        ask_one(server, tmp_path, seed=3, temperature=0.5, max_tokens=None, extra_body={"top_k": 4})
    (body,) = server.state.bodies
    assert (body["seed"], body["temperature"], body["top_k"]) == (3, 0.5, 4)
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("image_format", "mime"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_an_image_is_sent_untouched_with_the_type_of_its_bytes(image_format: str, mime: str) -> None:
    image = picture(image_format)
    assert data_uri(image, None) == f"data:{mime};base64,{base64.b64encode(image.data).decode()}"
    assert data_uri(image, 64) == data_uri(image, None)


@pytest.mark.parametrize(("image_format", "mode"), [("BMP", "RGB"), ("TIFF", "CMYK"), ("TIFF", "I;16"), ("PPM", "L")])
def test_other_formats_are_sent_as_png(image_format: str, mode: str) -> None:
    head, content = data_uri(picture(image_format, mode=mode), None).split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as sent:
        assert (sent.format, sent.size) == ("PNG", (64, 48))


@pytest.mark.parametrize(("image_format", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P")])
def test_a_larger_image_is_scaled_down_to_the_longest_side(image_format: str, mode: str) -> None:
    head, content = data_uri(picture(image_format, (200, 100), mode), 50).split(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (50, 25))


def test_an_image_is_encoded_once_for_all_its_questions(tmp_path: Path) -> None:
    image = picture("JPEG")
    with Endpoint() as server:
        provider = OpenAIProvider(settings(server))
        replies = ask_all([filter_request(n, image) for n in range(20)], provider, Ledger(tmp_path), "shard")
    assert {reply.finish_reason for reply in replies} == {"stop"}
    assert image.reads == 1


@pytest.mark.parametrize("data", [b"", b"no image", picture("JPEG", (512, 512)).data[:300]])
def test_an_image_that_cannot_be_sent_fails_its_question_alone(tmp_path: Path, data: bytes) -> None:
    with Endpoint() as server:
        requests = [filter_request(0, Picture(data)), filter_request(1, picture("PNG"))]
        provider = OpenAIProvider(settings(server, image_max_side=100))
        broken, sound = ask_all(requests, provider, Ledger(tmp_path), "shard")
    assert broken.failure() == "request_failed"
    assert broken.detail is not None
    assert broken.detail.startswith("the image cannot be sent")
    assert sound.failure() is None
    assert server.state.requests == 1


@pytest.mark.parametrize("fault", ["500", "503", "429", "drop"])
def test_a_passing_fault_is_retried_and_the_question_answered_once(tmp_path: Path, fault: str) -> None:
    with Endpoint(faults={1: fault, 2: fault}) as server:
        assert ask_one(server, tmp_path, max_retries=3).failure() is None
    assert server.state.requests == 3
    assert list(server.answered.values()) == [1]


@pytest.mark.parametrize("fault", ["500", "429", "400", "drop", "malformed", "no_choices"])
def test_a_lasting_fault_fails_the_question_without_a_record(tmp_path: Path, fault: str) -> None:
    with Endpoint(faults=lambda number, body: fault) as server:
        reply = ask_one(server, tmp_path, max_retries=1)
    assert reply.failure() == "request_failed"
    assert reply.detail
    assert (tmp_path / "filter" / "shard.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("refusal", "refused"),
        ("content_filter", "content_filter"),
        ("filtered_prompt", "content_filter"),
        ("length", "reply_truncated"),
        ("empty", "reply_empty"),
        ("nonsense", None),
    ],
)
def test_an_answer_that_helps_nobody_is_recorded_all_the_same(tmp_path: Path, fault: str, reason: str | None) -> None:
    with Endpoint(faults={1: fault}) as server:
        first = ask_one(server, tmp_path)
        again = ask_one(server, tmp_path)
    assert first.failure() == again.failure() == reason
    assert first.text == again.text
    assert server.state.requests == 1


@pytest.mark.parametrize(
    ("fault", "fix"), [("unauthorized", "api_key_env"), ("quota", "Add credit"), ("unknown_model", "Check model")]
)
def test_what_no_retry_can_help_stops_the_run_with_a_fix(tmp_path: Path, fault: str, fix: str) -> None:
    with Endpoint(faults=lambda number, body: fault) as server, pytest.raises(UserError, match=fix):
        ask_one(server, tmp_path, max_retries=0)


def test_answers_before_a_revoked_key_are_kept(tmp_path: Path) -> None:
    requests = [filter_request(number) for number in range(40)]
    with Endpoint(faults=lambda number, body: "unauthorized" if number > 10 else None) as server:
        with pytest.raises(UserError, match="refuses access"):
            ask_all(requests, OpenAIProvider(settings(server)), Ledger(tmp_path), "shard")
        server.state.faults = {}
        ask_all(requests, OpenAIProvider(settings(server)), Ledger(tmp_path), "shard")
    assert len(server.answered) == 40
    assert set(server.answered.values()) == {1}


def test_a_server_that_is_too_slow_fails_the_question(tmp_path: Path) -> None:
    with Endpoint(latency_s=5.0) as server:
        reply = ask_one(server, tmp_path, timeout_s=0.1, max_retries=0)
    assert reply.failure() == "request_failed"
    assert "timed out" in (reply.detail or "")


def test_a_server_that_is_not_there_fails_the_question(tmp_path: Path) -> None:
    with Endpoint() as server:
        gone = settings(server, max_retries=0)
    reply = ask_all([filter_request()], OpenAIProvider(gone), Ledger(tmp_path), "shard")[0]
    assert reply.failure() == "request_failed"


def test_a_killed_job_has_its_answers_and_the_next_one_asks_for_the_rest(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from taskgalaxy.llm.ask import ask_all
        from taskgalaxy.llm.ledger import Ledger
        from taskgalaxy.llm.providers import make_provider
        from taskgalaxy.llm.settings import EndpointSettings
        from taskgalaxy.llm.request import Request
        provider = make_provider(EndpointSettings("local", "openai", "test-model", sys.argv[1], concurrency=4))
        requests = [Request("filter", f"question {number}") for number in range(200)]
        ask_all(requests, provider, Ledger(sys.argv[2]), "shard")
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
    # Only what was in flight at the kill may have been answered twice.
    assert sum(server.answered.values()) <= 200 + 4


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_KEY", raising=False)
    with pytest.raises(UserError, match="PLANTED_KEY is not set"):
        make_provider(EndpointSettings("paid", "openai", "m", api_key_env="PLANTED_KEY"))


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
    left_behind = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert KEY.encode() not in b"".join(left_behind)
    assert KEY not in caplog.text + str(refused.value) + str(failed)


def test_what_decides_an_answer_is_part_of_the_key_and_nothing_else() -> None:
    base = EndpointSettings("a", "openai", "m")
    decisive: list[dict[str, Any]] = [
        {"temperature": 1.0},
        {"max_tokens": 5},
        {"seed": 1},
        {"image_max_side": 512},
        {"image_detail": "low"},
        {"extra_body": {"top_k": 1}},
    ]
    parameters = [OpenAIProvider(replace(base, **change)).parameters for change in [{}, *decisive]]
    assert len({json.dumps(value) for value in parameters}) == 7
    indifferent = {"name": "b", "base_url": "http://x/v1", "concurrency": 1, "timeout_s": 1.0, "max_retries": 0}
    assert OpenAIProvider(replace(base, **indifferent)).parameters == parameters[0]


def test_an_unknown_provider_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="embedded, openai"):
        make_provider(EndpointSettings("a", "opnai", "m"))


def choice(*tokens: tuple[str, dict[str, float]]) -> Choice:
    content = [
        {
            "token": token,
            "logprob": -0.1,
            "bytes": None,
            "top_logprobs": [{"token": t, "logprob": p, "bytes": None} for t, p in top.items()],
        }
        for token, top in tokens
    ]
    message = {"role": "assistant", "content": "".join(token for token, _ in tokens)}
    return Choice.model_validate(
        {"index": 0, "finish_reason": "stop", "message": message, "logprobs": {"content": content}}
    )


def test_the_probability_of_yes_is_taken_at_the_digit() -> None:
    top = {"1": -0.5, " 1": -3.0, "0": -1.5, "yes": -0.01}
    assert p_yes(choice(("\n", {}), ("1", top))) == pytest.approx(0.7463, abs=1e-4)
    assert p_yes(choice(("1", {}))) is None
    assert p_yes(choice(("maybe", {"1": -0.1}))) is None


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
