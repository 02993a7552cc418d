"""Questions are asked once, recorded before anything else, and none that was answered is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import Counts, ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.request import Reply, Request


class Scripted:
    """A provider that answers with the question's number, or as told."""

    name = "scripted"
    model = "model"
    concurrency = 4

    def __init__(self, special: Mapping[str, Reply | Exception] | None = None, *, recorded: bool = True) -> None:
        self.special = special or {}
        self.recorded = recorded
        self.parameters: Mapping[str, Any] = {"temperature": 0.0}
        self.asked: Counter[str] = Counter()
        self.in_flight = 0
        self.most_at_once = 0

    async def answer(self, request: Request) -> Reply:
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        self.asked[request.text] += 1
        special = self.special.get(request.text)
        await asyncio.sleep(0 if isinstance(special, Exception) else 0.01)
        self.in_flight -= 1
        if isinstance(special, Exception):
            raise special
        return special or Reply(f"answer to {request.text}", "stop", "model")

    async def close(self) -> None: ...


def questions(*texts: object) -> list[Request]:
    return [Request("filter", str(text)) for text in texts]


def test_replies_come_in_the_order_of_the_requests_and_equal_questions_are_asked_once(tmp_path: Path) -> None:
    provider = Scripted()
    replies = ask_all(questions("a", "b", "a", "c", "b"), provider, Ledger(tmp_path), "shard")
    assert [reply.text[-1] for reply in replies] == list("abacb")
    assert provider.asked == {"a": 1, "b": 1, "c": 1}


def test_an_answered_question_is_not_asked_again_by_any_shard(tmp_path: Path) -> None:
    first = ask_all(questions(*range(30)), Scripted(), Ledger(tmp_path), "one")
    provider = Scripted()
    again = ask_all(questions(*range(40)), provider, Ledger(tmp_path), "two")
    assert again[:30] == first
    assert sorted(map(int, provider.asked)) == list(range(30, 40))


def test_other_parameters_are_other_questions(tmp_path: Path) -> None:
    ask_all(questions("a"), Scripted(), Ledger(tmp_path), "shard")
    provider = Scripted()
    provider.parameters = {"temperature": 1.0}
    ask_all(questions("a"), provider, Ledger(tmp_path), "shard")
    assert provider.asked == {"a": 1}


def test_a_ledger_that_answers_everything_needs_no_lock(tmp_path: Path) -> None:
    ask_all(questions("a"), Scripted(), Ledger(tmp_path), "shard")
    with Ledger(tmp_path).writer("filter", "shard"):
        assert ask_all(questions("a"), Scripted(), Ledger(tmp_path), "shard")[0].text == "answer to a"


def test_a_failed_request_is_not_recorded_and_is_asked_again(tmp_path: Path) -> None:
    failing = Scripted({"b": Reply("", "failed", "model", detail="500")})
    assert ask_all(questions("a", "b"), failing, Ledger(tmp_path), "shard")[1].failure() == "request_failed"
    provider = Scripted()
    assert ask_all(questions("a", "b"), provider, Ledger(tmp_path), "shard")[1].text == "answer to b"
    assert provider.asked == {"b": 1}


@pytest.mark.parametrize("finish_reason", ["length", "content_filter", "refusal"])
def test_every_kind_of_answer_is_recorded(tmp_path: Path, finish_reason: str) -> None:
    ask_all(questions("a"), Scripted({"a": Reply("", finish_reason, "model")}), Ledger(tmp_path), "shard")
    provider = Scripted()
    assert ask_all(questions("a"), provider, Ledger(tmp_path), "shard")[0].finish_reason == finish_reason
    assert not provider.asked


def test_what_is_in_flight_when_the_key_is_revoked_is_recorded_and_nothing_new_is_sent(tmp_path: Path) -> None:
    provider = Scripted({"1": UserError("endpoint", "the key is revoked", "use another key")})
    with pytest.raises(UserError, match="revoked"):
        ask_all(questions(*range(100)), provider, Ledger(tmp_path), "shard")
    assert sum(provider.asked.values()) <= 2 * provider.concurrency
    again = Scripted()
    ask_all(questions(*range(100)), again, Ledger(tmp_path), "shard")
    assert {text for text in provider.asked if text in again.asked} == {"1"}
    assert sum(again.asked.values()) == 100 - (sum(provider.asked.values()) - 1)


def test_concurrency_is_used_and_bounded(tmp_path: Path) -> None:
    provider = Scripted()
    ask_all(questions(*range(20)), provider, Ledger(tmp_path), "shard")
    assert provider.most_at_once == provider.concurrency


def test_a_provider_without_record_leaves_no_ledger(tmp_path: Path) -> None:
    provider = Scripted(recorded=False)
    ask_all(questions("a", "b"), provider, Ledger(tmp_path / "ledger"), "shard")
    assert not (tmp_path / "ledger").exists()


def test_nothing_to_ask_is_no_error(tmp_path: Path) -> None:
    assert ask_all([], Scripted(), Ledger(tmp_path / "ledger"), "shard") == []
    assert not (tmp_path / "ledger").exists()


def test_progress_adds_up(tmp_path: Path) -> None:
    ask_all(questions(*range(5)), Scripted(), Ledger(tmp_path), "shard")
    seen: list[Counts] = []
    failing = Scripted({"7": Reply("", "failed", "model")})
    ask_all(questions(*range(8), 0), failing, Ledger(tmp_path), "shard", progress=seen.append)
    assert seen[-1] == Counts(total=8, from_ledger=5, asked=3, failed=1)


def test_questions_of_two_stages_in_one_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one stage"):
        ask_all([Request("qa", "a"), Request("filter", "a")], Scripted(), Ledger(tmp_path), "shard")
