"""An endpoint is asked again where a reply is no use, and a ledger answers in its stead for good."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.config import load_schema, validated
from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import NO_BOUNDS, Bounds
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.model import Model, open_model
from taskgalaxy.llm.preflight import Preflight
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.slots import Slots

SCHEMA = load_schema(Path(__file__).parents[2] / "config" / "schemas" / "config.schema.json")
MODEL = "small"
PARAMETERS = {"temperature": 0, "max_tokens": 100}
UNSAID = Reply("", "failed", MODEL, detail="connection refused")
Script = Callable[[Request], str | Reply]


class Scripted:
    """A provider that answers by a function of the request, and remembers what it was asked."""

    name = "scripted"
    model = MODEL
    parameters: Mapping[str, Any] = PARAMETERS
    asks = True

    def __init__(self, script: Script, *, recorded: bool = True) -> None:
        self.recorded = recorded
        self.asked: list[Request] = []
        self._script = script

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        await send_all(questions, self._answer, take, gate, Slots(1))

    async def _answer(self, request: Request, gate: Gate) -> Reply:
        gate()
        self.asked.append(request)
        reply = self._script(request)
        return Reply(reply, "stop", "served", provider="openai") if isinstance(reply, str) else reply

    async def close(self) -> None: ...


def script(*replies: str | Reply) -> Script:
    """One reply after the other, to the first, second, ... time that something is asked."""
    return lambda request: replies[request.attempt - 1]


def is_good(_: Request, reply: Reply) -> str | None:
    return reply.failure() or (None if reply.text.startswith("good") else "reply_unparsable")


def questions(*texts: object) -> list[Request]:
    return [Request("filter", str(text), prompt="digest") for text in texts]


def model(folder: Path, provider: Any, bounds: Bounds = NO_BOUNDS, **retry_replies: int) -> Model:
    return Model(provider, Ledger(folder / "ledger"), "shard", bounds, retry_replies)


def forbidden(_: Request) -> str:
    raise AssertionError("it was asked")


# Asking again


def test_an_unparsable_reply_is_asked_again_with_what_is_wrong_and_the_second_answer_counts(tmp_path: Path) -> None:
    provider = Scripted(script("what?", "good"))
    (answer,) = model(tmp_path, provider, reply_unparsable=1).ask(questions("a"), is_good)
    assert answer.reply.text == "good"
    first, second = provider.asked
    assert first.turns == ()
    ((said, correction),) = second.turns
    assert said == "what?"
    assert "could not be read" in correction
    assert (second.text, second.prompt, second.stage) == (first.text, first.prompt, first.stage)
    assert answer.request == second


def test_every_wrong_reply_becomes_a_turn_and_tries_are_bounded(tmp_path: Path) -> None:
    provider = Scripted(script("1st", "2nd", "3rd", "good, but too late"))
    (answer,) = model(tmp_path, provider, reply_unparsable=2).ask(questions("a"), is_good)
    assert answer.reply.text == "3rd"
    assert [[said for said, _ in request.turns] for request in provider.asked] == [[], ["1st"], ["1st", "2nd"]]


def test_a_truncated_reply_may_be_twice_as_long_the_next_time(tmp_path: Path) -> None:
    cut = Reply("good, as far as", "length", "served")
    provider = Scripted(script(cut, cut, "good"))
    (answer,) = model(tmp_path, provider, reply_truncated=2).ask(questions("a"), is_good)
    assert answer.reply.text == "good"
    assert [request.effective(PARAMETERS)["max_tokens"] for request in provider.asked] == [100, 200, 400]
    assert all(request.turns == () for request in provider.asked)


def test_an_empty_reply_is_simply_asked_again(tmp_path: Path) -> None:
    provider = Scripted(script(" ", "good"))
    (answer,) = model(tmp_path, provider, reply_empty=1).ask(questions("a"), is_good)
    assert answer.reply.text == "good"
    first, second = provider.asked
    assert (second.turns, second.effective(PARAMETERS)) == ((), PARAMETERS)
    assert first.key(MODEL, PARAMETERS) != second.key(MODEL, PARAMETERS)


@pytest.mark.parametrize("first", ["what?", "", Reply("", "refusal", "served"), Reply("good", "length", "served")])
def test_nothing_is_asked_again_unless_it_is_set(tmp_path: Path, first: str | Reply) -> None:
    provider = Scripted(script(first, "good"))
    (answer,) = model(tmp_path, provider).ask(questions("a"), is_good)
    assert len(provider.asked) == 1
    assert is_good(answer.request, answer.reply)


@pytest.mark.parametrize(
    ("reason", "first"),
    [("refused", Reply("", "refusal", "served")), ("content_filter", Reply("good", "content_filter", "served"))],
)
def test_a_refusal_is_asked_again_only_if_its_own_reason_is_set(tmp_path: Path, reason: str, first: Reply) -> None:
    others = {"reply_unparsable": 3, "reply_truncated": 3, "reply_empty": 3}
    assert model(tmp_path, Scripted(script(first, "good")), **others).ask(questions("a"), is_good)[0].reply == first
    (answer,) = model(tmp_path, Scripted(script(first, "good")), **{reason: 1}).ask(questions("a"), is_good)
    assert answer.reply.text == "good"


def test_only_what_was_no_use_is_asked_again_and_the_order_stays(tmp_path: Path) -> None:
    provider = Scripted(lambda request: f"good {request.text}" if request.text != "b" or request.turns else "what?")
    answers = model(tmp_path, provider, reply_unparsable=1).ask(questions("a", "b", "c", "b"), is_good)
    assert [answer.reply.text for answer in answers] == ["good a", "good b", "good c", "good b"]
    assert [request.text for request in provider.asked] == ["a", "b", "c", "b"]
    assert [bool(answer.request.turns) for answer in answers] == [False, True, False, True]


def test_without_a_new_answer_the_first_one_and_its_origin_stay(tmp_path: Path) -> None:
    provider = Scripted(script("what?", UNSAID))
    (question,) = questions("a")
    (answer,) = model(tmp_path, provider, reply_unparsable=1).ask([question], is_good)
    assert len(provider.asked) == 2
    assert (answer.request, answer.reply.text) == (question, "what?")
    assert answer.origin["request"] == question.key(MODEL, PARAMETERS)
    # What was never answered is asked once more by the next run.
    later = Scripted(script("forgotten", "good"))
    (answer,) = model(tmp_path, later, reply_unparsable=1).ask([question], is_good)
    assert [request.attempt for request in later.asked] == [2]
    assert answer.reply.text == "good"


def test_a_question_without_an_answer_is_not_asked_again_because_of_its_reply(tmp_path: Path) -> None:
    provider = Scripted(lambda request: UNSAID if request.text == "a" else "good")
    judged: list[str] = []

    def is_good_too(request: Request, reply: Reply) -> str | None:
        judged.append(request.text)
        return None if reply.text == "good" else "reply_unparsable"

    model(tmp_path, provider, reply_unparsable=5).ask(questions("a", "b"), is_good_too)
    assert [request.text for request in provider.asked] == ["a", "b"]
    assert judged == ["b"]


def test_a_rerun_asks_nothing_again(tmp_path: Path) -> None:
    replies = script("what?", Reply("good, as far", "length", "served"), "good")
    first = model(tmp_path, Scripted(replies), reply_unparsable=2).ask(questions("a", "b"), is_good)
    again = model(tmp_path, Scripted(forbidden), reply_unparsable=2).ask(questions("a", "b"), is_good)
    assert again == first
    assert all(answer.request.attempt == 2 for answer in again)
    # Fewer tries use less of the ledger.
    assert model(tmp_path, Scripted(forbidden)).ask(questions("a"), is_good)[0].reply.text == "what?"


def test_asking_again_keeps_to_the_budget(tmp_path: Path) -> None:
    dear = Reply("what?", "stop", "served", usd=1.0)
    with pytest.raises(UserError, match="budget_usd"):
        model(tmp_path, Scripted(script(dear, dear)), Bounds(1.0), reply_unparsable=1).ask(questions("a"), is_good)
    assert Ledger(tmp_path / "ledger").spent.usd() == 1.0


# What an answer tells


def test_the_origin_is_the_request_that_was_really_answered(tmp_path: Path) -> None:
    provider = Scripted(lambda request: "good" if request.text == "a" or request.turns else "what?")
    answers = model(tmp_path, provider, reply_unparsable=1).ask(questions("a", "b"), is_good)
    keys = [request.key(MODEL, PARAMETERS) for request in provider.asked]
    assert [answer.origin["request"] for answer in answers] == [keys[0], keys[2]]
    found = Ledger(tmp_path / "ledger").find("filter", keys)
    assert [found[answer.origin["request"]] for answer in answers] == [answer.reply for answer in answers]


def test_the_origin_names_who_answered_and_the_configured_model(tmp_path: Path) -> None:
    asked = model(tmp_path, Scripted(lambda request: Reply("good", "stop", "small-2026")))
    (answer,) = asked.ask(questions("a"))
    key = questions("a")[0].key(MODEL, PARAMETERS)
    assert answer.origin == {"provider": "scripted", "model": MODEL, "request": key}
    told = model(tmp_path, Scripted(lambda request: Reply("good", "stop", "small-2026", provider="openai")))
    assert told.ask(questions("b"))[0].origin["provider"] == "openai"


def ask(folder: Path, *finish_reasons: str) -> list[str]:
    provider = Scripted(
        lambda request: Reply("", finish_reasons[int(request.text)], MODEL, detail="connection refused"), recorded=False
    )
    return [
        answer.reply.finish_reason for answer in model(folder, provider).ask(questions(*range(len(finish_reasons))))
    ]


def test_a_server_that_answers_nothing_stops_the_job(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"small: answered none of 10 requests \(the first: connection refused\)"):
        ask(tmp_path, *["failed"] * 10)


def test_single_failures_are_rejects_of_their_rows(tmp_path: Path) -> None:
    assert ask(tmp_path, "failed", "stop", "failed") == ["failed", "stop", "failed"]
    assert ask(tmp_path, "refusal", "content_filter", "length") == ["refusal", "content_filter", "length"]
    assert ask(tmp_path, "failed", "failed") == ["failed"] * 2
    assert ask(tmp_path) == []


# Endpoints by name, and replayed ones


def config(folder: Path, **endpoint: Any) -> dict[str, Any]:
    """A configuration in which all roles are played by one endpoint, ``large``."""
    given = {
        "results": str(folder / "results"),
        "ledger": str(folder / "ledger"),
        "sources": {"own": {"path": "images", "license": "CC0-1.0"}},
        "endpoints": {"large": {"provider": "openai", "model": MODEL, **PARAMETERS, **endpoint}},
        "roles": {"expand": "large", "filter": "large", "qa": "large", "referees": ["large"]},
        "referee": {"accept_at": 1},
    }
    return validated(given, SCHEMA)


def test_a_model_is_opened_by_the_name_of_its_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_model(config(tmp_path, temperature=0.5, retry_replies={"refused": 2}), "large", "shard")
    assert (opened.provider.name, opened.provider.model) == ("openai", MODEL)
    assert opened.provider.parameters == {"temperature": 0.5, "max_tokens": 100}
    assert opened.retry_replies["refused"] == 2
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UserError, match="NO_SUCH_KEY"):
        open_model(config(tmp_path, api_key_env="NO_SUCH_KEY"), "large", "shard").ask(questions("a"))
    embedded = open_model(config(tmp_path, provider="embedded", model="embedded-traits"), "large", "shard")
    assert embedded.provider.name == "embedded"


def test_the_budget_the_bound_on_failures_and_the_preflight_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[list[str]] = []
    monkeypatch.setattr(Preflight, "ensure", lambda self: looked.append([entry.name for entry in self.endpoints]))
    settings = config(tmp_path, max_failed=0.5, prices={"input": 1, "output": 2, "date": "2026-11-01"})
    settings |= {"budget_usd": 2.0}
    spare = {**settings["endpoints"]["large"], "provider": "replay"}
    settings["endpoints"] |= {"recorded": spare, "spare": settings["endpoints"]["large"]}
    settings["roles"]["referees"].append("recorded")

    def ask_for(*texts: str, usd: float | None = None, failing: str = "") -> None:
        provider = Scripted(lambda request: UNSAID if request.text in failing else Reply("1", "stop", "m", usd=usd))
        monkeypatch.setattr("taskgalaxy.llm.model.make_provider", lambda *_: provider)
        open_model(settings, "large", "shard").ask(questions(*texts))

    ask_for("a", "b", failing="b")
    assert looked == [["large"]]
    with pytest.raises(UserError, match="gave no answer to 2 of 3 requests"):
        ask_for("c", "d", "e", failing="cd")
    ask_for("f", "g", usd=1.0)
    with pytest.raises(UserError, match=r"have cost \$2\.0000 of \$2\.00"):
        ask_for("h")


def replayed(folder: Path, **endpoint: Any) -> Model:
    return open_model(config(folder, provider="replay", api_key_env="NO_SUCH_KEY", **endpoint), "large", "shard 1")


def test_a_replayed_answer_is_that_of_who_gave_it(tmp_path: Path) -> None:
    replies = script("what?", "good")
    first = model(tmp_path, Scripted(replies), reply_unparsable=1).ask(questions("a", "b"), is_good)
    again = replayed(tmp_path).ask(questions("b", "a"), is_good)
    assert again == first[::-1]
    assert {answer.origin["provider"] for answer in again} == {"openai"}
    assert not (tmp_path / "results").exists()


def test_what_a_replayed_ledger_does_not_hold_is_listed(tmp_path: Path) -> None:
    class Picture:
        image_id = "ab" * 32

        def read(self) -> bytes:
            return b""

    model(tmp_path, Scripted(script("good"))).ask(questions("a"))
    seen = Request("filter", "with a picture", Picture())
    path = tmp_path / "results" / "missing" / "filter" / "shard 1.jsonl"
    with pytest.raises(UserError) as caught:
        replayed(tmp_path).ask([*questions("b", "a"), seen, *questions("b")])
    message = str(caught.value)
    assert "2 questions are not in the ledger" in message
    assert str(path) in message
    assert "openai" in message
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {"key": questions("b")[0].key(MODEL, PARAMETERS), "stage": "filter", "image": None, "text": "b"},
        {"key": seen.key(MODEL, PARAMETERS), "stage": "filter", "image": "ab" * 32, "text": "with a picture"},
    ]


def test_a_single_missing_question_is_not_taken_for_a_failed_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 questions are not in the ledger"):
        replayed(tmp_path).ask(questions("a"))


def test_a_second_try_that_was_never_recorded_is_missing(tmp_path: Path) -> None:
    model(tmp_path, Scripted(script("what?"))).ask(questions("a"), is_good)
    assert replayed(tmp_path, retry_replies={"reply_unparsable": 0}).ask(questions("a"), is_good)
    with pytest.raises(UserError, match="1 questions are not in the ledger"):
        replayed(tmp_path).ask(questions("a"), is_good)


def test_replaying_needs_no_write_access_to_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model(tmp_path, Scripted(script("good"))).ask(questions("a"))
    ledger = tmp_path / "ledger"
    for path in ledger.rglob("*.lock"):
        path.unlink()
    for path in ledger.rglob("*.index"):
        path.unlink()
    before = sorted(ledger.rglob("*"))
    opened, made = os.open, os.mkdir

    def open_or_refuse(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        if str(name).startswith(str(ledger)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(13, "Permission denied", str(name))
        return opened(name, flags, *rest, **named)

    def make_or_refuse(name: Any, *rest: Any) -> None:
        if str(name).startswith(str(ledger)):
            raise PermissionError(13, "Permission denied", str(name))
        made(name, *rest)

    monkeypatch.setattr(os, "open", open_or_refuse)
    monkeypatch.setattr(os, "mkdir", make_or_refuse)
    assert replayed(tmp_path).ask(questions("a"))[0].reply.text == "good"
    with pytest.raises(UserError, match="are not in the ledger"):
        replayed(tmp_path).ask(questions("a", "b"))
    assert sorted(ledger.rglob("*")) == before
