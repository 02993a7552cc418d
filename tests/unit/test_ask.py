"""Questions are asked once, recorded before anything else, and none that was answered is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ask import Bounds, Counts, ask, ask_all
from taskgalaxy.llm.ledger import Ledger, LedgerWriter
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.slots import Slots

CONCURRENCY = 4
FAILED = Reply("", "failed", "model", detail="503")


class Scripted:
    """A provider that answers with the question's number, or as told."""

    name = "scripted"
    model = "model"

    def __init__(
        self,
        special: Mapping[str, Reply | Exception] | None = None,
        *,
        recorded: bool = True,
        asks: bool = True,
        usd: float | None = None,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self.special = special or {}
        self.recorded = recorded
        self.asks = asks
        self.usd = usd
        self.parameters: Mapping[str, Any] = {"temperature": 0.0}
        self.slots = Slots(concurrency)
        self.asked: Counter[str] = Counter()
        self.in_flight = 0
        self.most_at_once = 0

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        self.records = records
        await send_all(questions, self.answer, take, gate, self.slots)

    async def answer(self, request: Request, gate: Gate) -> Reply:
        gate()
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        self.asked[request.text] += 1
        special = self.special.get(request.text)
        await asyncio.sleep(0 if isinstance(special, Exception) else 0.01)
        self.in_flight -= 1
        if isinstance(special, Exception):
            raise special
        return special or Reply(f"answer to {request.text}", "stop", "model", usd=self.usd)

    async def close(self) -> None: ...


def questions(*texts: object) -> list[Request]:
    return [Request("filter", str(text)) for text in texts]


def recorded(folder: Path, *texts: object) -> set[str]:
    """The texts of those questions whose answer is in the ledger."""
    keys = {request.key("model", {"temperature": 0.0}): request.text for request in questions(*texts)}
    return {keys[key] for key in Ledger(folder).find("filter", keys)}


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
    assert sum(provider.asked.values()) <= 2 * CONCURRENCY
    again = Scripted()
    ask_all(questions(*range(100)), again, Ledger(tmp_path), "shard")
    assert {text for text in provider.asked if text in again.asked} == {"1"}
    assert sum(again.asked.values()) == 100 - (sum(provider.asked.values()) - 1)


def test_what_waits_for_its_turn_to_be_sent_when_the_run_is_stopped_is_not_sent(tmp_path: Path) -> None:
    class Paced(Scripted):
        async def answer(self, request: Request, gate: Gate) -> Reply:
            if request.text != "0":
                await asyncio.sleep(0.05)
            return await super().answer(request, gate)

    provider = Paced({"0": UserError("endpoint", "the key is revoked", "use another key")})
    with pytest.raises(UserError, match="revoked"):
        ask_all(questions(*range(20)), provider, Ledger(tmp_path), "shard")
    assert provider.asked == {"0": 1}


def test_concurrency_is_used_and_bounded(tmp_path: Path) -> None:
    provider = Scripted()
    ask_all(questions(*range(20)), provider, Ledger(tmp_path), "shard")
    assert provider.most_at_once == CONCURRENCY


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


def test_progress_counts_rejects_tokens_and_money(tmp_path: Path) -> None:
    refused = Reply("", "refusal", "model", usage={"prompt_tokens": 7, "completion_tokens": 3}, usd=0.5)
    told = {"0": refused, "1": refused, "2": Reply("", "unaskable", "model")}
    seen: list[Counts] = []
    ask_all(questions(*range(4)), Scripted(told, usd=0.25), Ledger(tmp_path), "shard", progress=seen.append)
    assert seen[-1] == Counts(total=4, asked=4, failed=1, rejected=2, tokens=20, usd=1.25)
    ask_all(questions(0, 9), Scripted(), Ledger(tmp_path), "shard", progress=seen.append)
    assert seen[-1] == Counts(total=2, from_ledger=1, asked=1, rejected=1)


def test_the_server_s_whole_answer_goes_to_the_ledger_and_no_further(tmp_path: Path) -> None:
    provider = Scripted({"a": Reply("yes", "stop", "model", raw={"id": "chat-7"})})
    first = ask_all(questions("a"), provider, Ledger(tmp_path), "shard")
    assert first[0].raw is None
    assert "chat-7" in (tmp_path / "filter" / "shard.jsonl").read_text(encoding="utf-8")
    assert ask_all(questions("a"), Scripted(), Ledger(tmp_path), "shard") == first


def test_what_another_job_recorded_until_the_file_was_free_is_not_asked(tmp_path: Path) -> None:
    provider = Scripted()

    def preflight() -> None:
        ask_all(questions("a"), Scripted(), Ledger(tmp_path), "shard")

    replies = asyncio.run(ask(questions("a", "b"), provider, Ledger(tmp_path), "shard", preflight=preflight))
    assert [reply.text for reply in replies] == ["answer to a", "answer to b"]
    assert provider.asked == {"b": 1}


def test_an_answer_to_a_question_of_an_earlier_run_is_recorded_and_counts_for_nothing(tmp_path: Path) -> None:
    (late,) = questions("late")
    question = {"key": late.key("model", {"temperature": 0.0}), "stage": "filter", "text": "late", "prompt": ""}

    class Collecting(Scripted):
        async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
            await take(question["key"], Reply("better late", "stop", "model", usd=5.0), question)
            await super().answer_all(questions, take, gate, records)

    seen: list[Counts] = []
    replies = ask_all(questions("a"), Collecting(usd=1.0), Ledger(tmp_path), "shard", progress=seen.append)
    assert [reply.text for reply in replies] == ["answer to a"]
    assert seen[-1] == Counts(total=1, asked=1, usd=1.0)
    assert recorded(tmp_path, "a", "late") == {"a", "late"}
    assert Ledger(tmp_path).spent.usd() == 6.0


def test_a_provider_is_told_where_the_job_keeps_its_records(tmp_path: Path) -> None:
    provider = Scripted()
    ask_all(questions("a"), provider, Ledger(tmp_path), "shard/1")
    (path,) = (tmp_path / "filter").glob("*.jsonl")
    assert provider.records == path.with_suffix("")


# The budget


def test_nothing_new_is_sent_once_the_budget_is_used_up_and_what_is_in_flight_is_recorded(tmp_path: Path) -> None:
    provider = Scripted(usd=1.0)
    with pytest.raises(UserError, match=r"budget_usd: .* have cost \$1\d\.0000 of \$10\.00.*Raise budget_usd"):
        ask_all(questions(*range(100)), provider, Ledger(tmp_path), "shard", bounds=Bounds(budget_usd=10.0))
    asked = sum(provider.asked.values())
    # The tenth answer ends it; sent before it were at most those under way and those on their way to the disk.
    assert 10 <= asked <= 9 + 2 * CONCURRENCY
    assert recorded(tmp_path, *range(100)) == set(provider.asked)
    assert Ledger(tmp_path).spent.usd() == asked


@pytest.mark.parametrize("budget_usd", [0.0, 3.0])
def test_a_budget_that_is_used_up_lets_no_later_run_send_anything(tmp_path: Path, budget_usd: float) -> None:
    ask_all(questions(0, 1, 2), Scripted(usd=1.0), Ledger(tmp_path), "shard")
    provider = Scripted(usd=1.0)
    with pytest.raises(UserError, match=r"have cost \$3\.0000"):
        ask_all(questions(*range(9)), provider, Ledger(tmp_path), "other", bounds=Bounds(budget_usd))
    assert not provider.asked
    # What is recorded costs nothing.
    assert len(ask_all(questions(2, 1, 0), provider, Ledger(tmp_path), "other", bounds=Bounds(budget_usd))) == 3
    # With a higher one the rest is asked.
    ask_all(questions(*range(9)), provider, Ledger(tmp_path), "other", bounds=Bounds(100.0))
    assert sorted(provider.asked) == [str(number) for number in range(3, 9)]


def test_money_that_another_job_spends_on_the_same_ledger_meanwhile_counts(tmp_path: Path) -> None:
    class Rivalled(Scripted):
        async def answer(self, request: Request, gate: Gate) -> Reply:
            reply = await super().answer(request, gate)
            if request.text == "5":
                rival = Scripted({"rival": Reply("dear", "stop", "model", usd=100.0)})
                await ask(questions("rival"), rival, Ledger(tmp_path), "rival")
                self.sent_until_then = sum(self.asked.values())
            return reply

    provider = Rivalled(usd=0.01)
    with pytest.raises(UserError, match=r"have cost \$100\.\d+ of \$50\.00"):
        ask_all(questions(*range(100)), provider, Ledger(tmp_path), "shard", bounds=Bounds(budget_usd=50.0))
    assert sum(provider.asked.values()) == provider.sent_until_then < 100
    assert recorded(tmp_path, *range(100)) == set(provider.asked)


def test_answers_without_a_price_and_answers_that_are_not_recorded_use_nothing_up(tmp_path: Path) -> None:
    ask_all(questions(*range(9)), Scripted(), Ledger(tmp_path), "shard", bounds=Bounds(budget_usd=0.01))
    free = Scripted(recorded=False, usd=1.0)
    ask_all(questions(*range(9)), free, Ledger(tmp_path), "shard", bounds=Bounds(budget_usd=0.01))
    assert sum(free.asked.values()) == 9


# Questions that stay without an answer


def failing(*numbers: int, reply: Reply = FAILED) -> Scripted:
    return Scripted({str(number): reply for number in numbers})


def test_more_failures_than_allowed_stop_with_the_counts_and_fewer_do_not(tmp_path: Path) -> None:
    bounds = Bounds(max_failed=0.2)
    allowed = ask_all(questions(*range(10)), failing(3, 7), Ledger(tmp_path / "two"), "shard", bounds=bounds)
    assert [reply.failure() for reply in allowed].count("request_failed") == 2
    provider = failing(0, 3, 7)
    with pytest.raises(UserError, match=r"model: gave no answer to 3 of 10 requests \(the last: 503\)"):
        ask_all(questions(*range(10)), provider, Ledger(tmp_path / "three"), "shard", bounds=bounds)
    # What was answered until then is kept.
    assert recorded(tmp_path / "three", *range(10)) == set(provider.asked) - {"0", "3", "7"}


def test_after_too_many_failures_nothing_new_is_sent(tmp_path: Path) -> None:
    provider = failing(*range(100))
    with pytest.raises(UserError, match="gave no answer to 1 of 100"):
        ask_all(questions(*range(100)), provider, Ledger(tmp_path), "shard", bounds=Bounds(max_failed=0.0))
    assert sum(provider.asked.values()) <= 2 * CONCURRENCY


def test_questions_that_cannot_be_asked_do_not_stop_the_others(tmp_path: Path) -> None:
    provider = failing(*range(9), reply=Reply("", "unaskable", "model", detail="no image"))
    replies = ask_all(questions(*range(10)), provider, Ledger(tmp_path), "shard", bounds=Bounds(max_failed=0.0))
    assert [reply.answered for reply in replies] == [False] * 9 + [True]
    assert recorded(tmp_path, *range(10)) == {"9"}


@pytest.mark.parametrize("finish_reason", ["failed", "unaskable"])
@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_batch_none_of_which_was_answered_stops(tmp_path: Path, finish_reason: str, is_recorded: bool) -> None:
    reply = Reply("", finish_reason, "model", detail="it takes no images")
    provider = Scripted({str(number): reply for number in range(10)}, recorded=is_recorded)
    with pytest.raises(UserError, match=r"model: answered none of 10 requests \(the first: it takes no images\)"):
        ask_all(questions(*range(10)), provider, Ledger(tmp_path), "shard")


@pytest.mark.parametrize("number", [1, 2, 9])
def test_few_questions_without_an_answer_are_rejects_of_their_rows(tmp_path: Path, number: int) -> None:
    provider = failing(*range(number), reply=Reply("", "unaskable", "model"))
    replies = ask_all(questions(*range(number)), provider, Ledger(tmp_path), "shard", bounds=Bounds(max_failed=0.0))
    assert [reply.failure() for reply in replies] == ["request_failed"] * number


def test_one_answer_of_an_earlier_run_is_enough_to_go_on(tmp_path: Path) -> None:
    ask_all(questions("answered"), Scripted(), Ledger(tmp_path), "shard")
    provider = failing(*range(20))
    assert len(ask_all(questions("answered", *range(20)), provider, Ledger(tmp_path), "shard")) == 21


# Group commits


class Disk:
    """Stands in for ``LedgerWriter.append``: takes its time, and fails when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.0, fails_at: int | None = None) -> None:
        self.groups: list[int] = []
        self.written: set[str] = set()
        self.threads: set[int] = set()
        append = LedgerWriter.append

        def slowly(writer: LedgerWriter, records: Sequence[Mapping[str, Any]]) -> None:
            self.threads.add(threading.get_ident())
            if len(self.groups) == fails_at:
                raise UserError("ledger", "the disk is full", "make room")
            time.sleep(seconds)
            append(writer, records)
            self.groups.append(len(records))
            self.written |= {str(record["key"]) for record in records}

        monkeypatch.setattr(LedgerWriter, "append", slowly)


class Watched(Scripted):
    """Looks whether a record is on the disk when ``take`` returns."""

    def __init__(self, is_written: Callable[[str], bool], **options: Any) -> None:
        super().__init__(**options)
        self.early: list[str] = []
        self.is_written = is_written

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        async def watched(key: str, reply: Reply, question: Mapping[str, Any] | None = None) -> None:
            await take(key, reply, question)
            if not self.is_written(key):
                self.early.append(key)

        await super().answer_all(questions, watched, gate, records)


def test_records_that_come_while_the_disk_is_busy_are_written_in_few_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, seconds=0.1)
    provider = Watched(lambda key: key in disk.written, concurrency=50)
    ask_all(questions(*range(200)), provider, Ledger(tmp_path), "shard")
    assert sum(disk.groups) == 200
    assert len(disk.groups) <= 20
    assert not provider.early
    assert threading.get_ident() not in disk.threads, "waiting for the disk would keep requests waiting"
    assert len(recorded(tmp_path, *range(200))) == 200


def test_a_reply_counts_only_when_a_reader_finds_its_record(tmp_path: Path) -> None:
    provider = Watched(lambda key: key in Ledger(tmp_path).known("filter", [key]))
    ask_all(questions(*range(30)), provider, Ledger(tmp_path), "shard")
    assert not provider.early


@pytest.mark.parametrize("fails_at", [0, 2])
def test_a_disk_that_fails_stops_the_job_and_nothing_new_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    disk = Disk(monkeypatch, seconds=0.02, fails_at=fails_at)
    provider = Watched(lambda key: key in disk.written)
    with pytest.raises(UserError, match="the disk is full"):
        ask_all(questions(*range(100)), provider, Ledger(tmp_path), "shard")
    assert len(disk.groups) == fails_at
    assert not provider.early
    assert sum(provider.asked.values()) <= sum(disk.groups) + 2 * CONCURRENCY
    assert len(recorded(tmp_path, *range(100))) == sum(disk.groups)


# The preflight


def test_the_preflight_comes_once_and_before_the_first_question(tmp_path: Path) -> None:
    provider = Scripted()
    asked_before: list[int] = []
    many = questions(*range(20))
    asyncio.run(ask(many, provider, Ledger(tmp_path), "s", preflight=lambda: asked_before.append(len(provider.asked))))
    assert asked_before == [0]


def test_there_is_no_preflight_if_nothing_is_to_be_paid(tmp_path: Path) -> None:
    def preflight() -> None:
        pytest.fail("it looked at the endpoints")

    ledger = Ledger(tmp_path)
    ask_all(questions("a", "b"), Scripted(), ledger, "shard")
    assert len(asyncio.run(ask(questions("b", "a"), Scripted(), ledger, "shard", preflight=preflight))) == 2
    assert asyncio.run(ask([], Scripted(), ledger, "shard", preflight=preflight)) == []
    for provider in (Scripted(recorded=False), Scripted(asks=False)):
        assert len(asyncio.run(ask(questions("c"), provider, ledger, "shard", preflight=preflight))) == 1


def test_nothing_is_sent_or_recorded_after_a_preflight_that_failed(tmp_path: Path) -> None:
    def preflight() -> None:
        raise UserError("endpoint", "does not answer", "start it")

    provider = Scripted()
    with pytest.raises(UserError, match="does not answer"):
        asyncio.run(ask(questions("a"), provider, Ledger(tmp_path / "ledger"), "shard", preflight=preflight))
    assert not provider.asked
    assert not (tmp_path / "ledger" / "filter").exists()
