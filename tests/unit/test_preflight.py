"""One look at every endpoint before anything is paid for."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from endpoint import Endpoint
from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import ask, ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.openai_provider import OpenAIProvider
from taskgalaxy.llm.preflight import Preflight
from taskgalaxy.llm.request import Request
from taskgalaxy.llm.settings import EndpointSettings, Prices

KEY = "sk-planted-3f9a"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    monkeypatch.setattr("taskgalaxy.llm.openai_provider._BACKOFF_S", 0.01)


def settings(server: Endpoint, name: str = "local", **others: Any) -> EndpointSettings:
    return EndpointSettings(name, "openai", "test-model", server.url, **others)


def look(folder: Path, *endpoints: EndpointSettings) -> None:
    """What the first paid request of a job does."""
    Preflight(endpoints, Ledger(folder)).ensure()


def recorded(folder: Path, name: str = "local") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "preflight" / f"{name}.jsonl").read_text().splitlines()]


def state(folder: Path) -> str:
    return "".join(path.read_bytes().decode(errors="replace") for path in (folder / ".state").iterdir())


def refusing(field: str) -> Callable[[int, Mapping[str, Any]], str | None]:
    """The faults of a server that does not take ``field``."""
    return lambda number, body: "400" if field in body else None


def test_a_sound_endpoint_passes_after_one_tiny_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Endpoint(key=KEY, keep_bodies=True) as server:
        look(tmp_path, settings(server, api_key_env="PLANTED_KEY"))
    (body,) = server.state.bodies
    assert len(body["messages"]) == 1
    assert len(body["messages"][0]["content"]) < 100
    assert caplog.records == []


def test_every_endpoint_is_looked_at(tmp_path: Path) -> None:
    with (
        Endpoint() as one,
        Endpoint(faults={1: "quota"}) as other,
        pytest.raises(UserError, match=r"endpoint second .*quota is used up"),
    ):
        look(tmp_path, settings(one, "first"), settings(other, "second"))
    assert (one.state.requests, other.state.requests) == (1, 1)


def test_a_key_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_KEY")
    with Endpoint() as server, pytest.raises(UserError, match="PLANTED_KEY is not set"):
        look(tmp_path, settings(server, api_key_env="PLANTED_KEY"))
    assert server.state.requests == 0


def test_a_wrong_key_is_found_out_with_the_variable_that_holds_it(tmp_path: Path) -> None:
    with Endpoint(key="sk-another") as server, pytest.raises(UserError, match=r"refuses access.*PLANTED_KEY"):
        look(tmp_path, settings(server, api_key_env="PLANTED_KEY"))
    assert server.state.requests == 1


def test_an_unknown_model_is_found_out_with_those_that_have_a_similar_name(tmp_path: Path) -> None:
    models = ("gpt-4o", "gpt-4o-mini", "llama-3", "whisper")
    with Endpoint(models=models, faults={1: "unknown_model"}) as server, pytest.raises(UserError) as stopped:
        look(tmp_path, replace(settings(server), model="gtp-4o"))
    assert "knows no model 'gtp-4o'" in stopped.value.what
    assert "the server lists gpt-4o, gpt-4o-mini and others" in stopped.value.fix
    assert "whisper" not in stopped.value.fix


def test_a_model_like_no_other_is_found_out_with_some_that_there_are(tmp_path: Path) -> None:
    models = tuple(f"llama-{number}" for number in range(9))
    with Endpoint(models=models, faults={1: "unknown_model"}) as server, pytest.raises(UserError) as stopped:
        look(tmp_path, replace(settings(server), model="ZZZ"))
    assert "lists llama-0, llama-1, llama-2, llama-3, llama-4 and others" in stopped.value.fix


def test_an_unknown_model_of_a_server_without_a_list_is_found_out(tmp_path: Path) -> None:
    with Endpoint(list_models=False, faults={1: "unknown_model"}) as server, pytest.raises(UserError) as stopped:
        look(tmp_path, settings(server))
    assert "lists" not in str(stopped.value)


def test_a_server_that_is_not_there_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    with Endpoint() as server:
        pass
    with pytest.raises(UserError, match=r"does not answer.*Cannot connect") as stopped:
        look(tmp_path, settings(server))
    assert server.url in stopped.value.where
    assert "provider: replay" in stopped.value.fix


def test_a_server_that_starts_slowly_is_waited_for_but_not_for_long(tmp_path: Path) -> None:
    with Endpoint(faults={1: "503", 2: "503"}) as server:
        look(tmp_path / "slow", settings(server))
        assert server.state.requests == 3
    with Endpoint(faults=lambda number, body: "503") as server:
        with pytest.raises(UserError, match="does not answer"):
            look(tmp_path / "down", settings(server, max_retries=100))
        assert server.state.requests == 1 + 3
    with Endpoint(faults=lambda number, body: "503") as server:
        with pytest.raises(UserError, match="does not answer"):
            look(tmp_path / "impatient", settings(server, max_retries=0))
        assert server.state.requests == 1 + 1


@pytest.mark.parametrize("field", ["shutdown_date", "deprecation", "deprecation_date", "retirement_date"])
def test_the_end_of_a_model_that_the_server_announces_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    with caplog.at_level(logging.WARNING), Endpoint(model_fields={field: "2030-06-01"}) as server:
        look(tmp_path, settings(server))
    (record,) = caplog.records
    assert f"test-model is to be shut down: {field} 2030-06-01" in record.getMessage()


@pytest.mark.parametrize("fields", [{"shutdown_date": None}, {"deprecation": ""}, {"created": 2**40}])
def test_a_model_without_an_end_is_not_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    with caplog.at_level(logging.WARNING), Endpoint(model_fields=fields) as server:
        look(tmp_path, settings(server))
    assert caplog.records == []


def test_a_server_without_a_list_of_models_passes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Endpoint(list_models=False) as server:
        look(tmp_path, settings(server))
    assert caplog.records == []


def test_a_model_that_answers_and_is_not_listed_passes_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Endpoint(models=("another",)) as server:
        look(tmp_path, settings(server))
    (record,) = caplog.records
    assert "does not list the model test-model" in record.getMessage()


@pytest.mark.parametrize(
    ("field", "others"),
    [
        *(("logprobs", {"logprobs": True}), ("response_format", {"structured_output": True})),
        *(("min_p", {"extra_body": {"min_p": 0.1}}), ("seed", {"seed": 1}), ("temperature", {})),
    ],
)
def test_a_parameter_that_the_server_refuses_is_found_out(tmp_path: Path, field: str, others: dict[str, Any]) -> None:
    with Endpoint(faults=refusing(field)) as server:
        with pytest.raises(UserError, match=r"refuses a tiny request.*400: scripted") as stopped:
            look(tmp_path, settings(server, **others))
        assert "check model and parameters" in stopped.value.fix
        assert server.state.requests == 1
        look(tmp_path, settings(server, temperature=None))


def test_an_answer_of_any_kind_shows_that_the_endpoint_works(tmp_path: Path) -> None:
    for fault in ("length", "refusal", "empty", "nonsense", "content_filter"):
        with Endpoint(faults={1: fault}) as server:
            look(tmp_path / fault, settings(server))
        assert server.state.requests == 1


def test_the_answer_is_recorded_with_what_it_cost_and_never_taken_from_there(tmp_path: Path) -> None:
    with Endpoint() as server:
        paid = settings(server, prices=Prices(10.0, 30.0, "2026-01-01"))
        look(tmp_path, paid)
        look(tmp_path, replace(paid, timeout_s=99.0))
    assert server.state.requests == 2
    first, second = recorded(tmp_path)
    assert first["stage"] == "preflight"
    assert first["key"] == second["key"]
    assert Ledger(tmp_path).spent.usd() == pytest.approx(2 * first["reply"]["usd"])


def test_what_the_ledger_has_cost_is_counted_anew(tmp_path: Path) -> None:
    with Endpoint() as server:
        paid = settings(server, prices=Prices(10.0, 30.0, "2026-01-01"))
        ledger = Ledger(tmp_path)
        ask_all([Request("filter", "?")], OpenAIProvider(paid, ledger.state), ledger, "shard")
        ledger.spent.add(10**12)
        look(tmp_path, paid)
    assert Ledger(tmp_path).spent.usd() < 1


def test_jobs_that_start_together_look_once(tmp_path: Path) -> None:
    with Endpoint(latency_s=0.5) as server, ThreadPoolExecutor(4) as jobs:
        together = threading.Barrier(4)

        def start() -> None:
            together.wait()
            look(tmp_path, settings(server))

        for job in [jobs.submit(start) for _ in range(4)]:
            job.result()
    assert server.state.requests == 1


def test_jobs_that_start_together_fail_together(tmp_path: Path) -> None:
    with Endpoint(latency_s=0.5, faults={1: "unauthorized"}) as server, ThreadPoolExecutor(4) as jobs:
        together = threading.Barrier(4)

        def start() -> None:
            together.wait()
            look(tmp_path, settings(server))

        errors = [job.exception() for job in [jobs.submit(start) for _ in range(4)]]
        assert [type(error) for error in errors] == [UserError] * 4
        assert len({str(error) for error in errors}) == 1
        assert server.state.requests == 1
        # The next job looks for itself: the cause may have been removed.
        look(tmp_path, settings(server))
    assert server.state.requests == 2


def test_what_was_found_holds_for_a_quarter_of_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    with Endpoint() as server:
        for ahead_s in (0.0, 1.0, 800.0, 1800.0, 2600.0):
            clock = SimpleNamespace(time=lambda ahead_s=ahead_s: time.time() + ahead_s)
            monkeypatch.setattr("taskgalaxy.llm.preflight.time", clock)
            look(tmp_path, settings(server))
            looks.append(server.state.requests)
    assert looks == [1, 1, 1, 2, 2]


def test_other_settings_are_looked_at_again(tmp_path: Path) -> None:
    with Endpoint() as server:
        for endpoints in (
            [settings(server)],
            [settings(server, seed=1)],
            [settings(server, seed=1)],
            [settings(server, seed=1), settings(server, "another")],
        ):
            look(tmp_path, *endpoints)
    assert server.state.requests == 1 + 1 + 0 + 2


@pytest.mark.parametrize("found", ["", "{", "[]", "{}", '{"endpoints": "other"}'])
def test_a_note_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, found: str) -> None:
    with Endpoint() as server:
        look(tmp_path, settings(server))
        (tmp_path / ".state" / "preflight.json").write_text(found)
        look(tmp_path, settings(server))
    assert server.state.requests == 2


def test_no_key_is_left_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = ""
    with caplog.at_level(logging.DEBUG):
        with Endpoint(key=KEY) as server:
            look(tmp_path, settings(server, api_key_env="PLANTED_KEY"))
        with Endpoint(key=KEY, faults=lambda number, body: "echo_key") as server:
            with pytest.raises(UserError) as stopped:
                look(tmp_path, settings(server, api_key_env="PLANTED_KEY"))
            told += str(stopped.value)
        with Endpoint(key=f"{KEY}-another") as server:
            with pytest.raises(UserError) as stopped:
                look(tmp_path, settings(server, "third", api_key_env="PLANTED_KEY"))
            told += str(stopped.value)
    assert "Bearer [key]" in told
    assert "preflight" in "".join(path.name for path in (tmp_path / ".state").iterdir())
    assert KEY not in told + caplog.text + state(tmp_path) + json.dumps(recorded(tmp_path))


def test_a_job_looks_before_it_asks_and_not_where_the_ledger_answers(tmp_path: Path) -> None:
    looks: list[int] = []
    with Endpoint() as server:
        ledger = Ledger(tmp_path)
        provider = OpenAIProvider(settings(server), ledger.state)
        preflight = Preflight([settings(server)], ledger)

        def ensure() -> None:
            looks.append(server.state.requests)
            preflight.ensure()

        async def run() -> None:
            for _ in range(2):
                await ask([Request("filter", "?")], provider, ledger, "shard", preflight=ensure)
            await provider.close()

        asyncio.run(run())
    assert looks == [0]
    assert server.state.requests == 2


def test_not_even_a_tiny_question_is_sent_once_the_budget_is_used_up(tmp_path: Path) -> None:
    with Endpoint() as server:
        Preflight([settings(server)], Ledger(tmp_path), budget_usd=0.0).ensure()
        assert server.state.requests == 0
        Preflight([settings(server)], Ledger(tmp_path), budget_usd=0.1).ensure()
        assert server.state.requests == 1
