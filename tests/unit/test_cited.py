"""The digest of a set's answers depends on these answers, and on nothing else that a ledger holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from taskgalaxy.ledger_tools.cited import cited_answers
from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
from taskgalaxy.llm.request import Reply, Request

STAGES = ("filter", "qa", "referee")


def record(number: int, at: int = 1, text: str = "yes") -> dict[str, Any]:
    """The record of question ``number``, whose stage is the number's, answered in minute ``at``."""
    request = Request(STAGES[number % 3], f"question {number}")
    question = question_record(request, request.key("model", {}), "model", {})
    # A server's raw answer may hold half of a surrogate pair.
    reply = Reply(f"{text} {number}", "stop", "served", raw={"id": f"\ud83d{number}"})
    return answer_record(question, reply) | {"at": f"2026-01-01T00:{at:02}:00.000+00:00"}


def fill(folder: Path, *records: dict[str, Any], name: str = "one") -> Ledger:
    ledger = Ledger(folder)
    for each in records:
        with ledger.writer(each["stage"], name) as writer:
            writer.append([each])
    return ledger


KEYS = [record(number)["key"] for number in range(6)]


def test_what_is_recorded_is_counted_and_dated(tmp_path: Path) -> None:
    ledger = fill(tmp_path, record(0, 5), record(1, 3), record(2, 9), record(7, 1))
    found = cited_answers(ledger, KEYS)
    assert (found["named"], found["recorded"]) == (6, 3)
    assert (found["first"], found["last"]) == ("2026-01-01T00:03:00.000+00:00", "2026-01-01T00:09:00.000+00:00")
    assert len(found["sha256"]) == 64


def test_without_questions_or_without_answers_there_is_no_digest(tmp_path: Path) -> None:
    nothing = {"recorded": 0, "sha256": None, "first": None, "last": None}
    assert cited_answers(Ledger(tmp_path / "none"), KEYS) == {"named": 6, **nothing}
    assert cited_answers(fill(tmp_path, record(0)), []) == {"named": 0, **nothing}


@settings(max_examples=20)
@given(st.permutations(range(6)), st.lists(st.sampled_from("ab"), min_size=6, max_size=6), st.booleans())
def test_neither_order_nor_files_nor_what_else_was_answered_matter(
    tmp_path_factory: Any, order: list[int], names: list[str], more: bool
) -> None:
    plain = fill(tmp_path_factory.mktemp("plain"), *(record(number) for number in range(6)))
    folder = tmp_path_factory.mktemp("shuffled")
    for number, name in zip(order, names, strict=True):
        fill(folder, record(number), name=name)
    if more:
        # Answered again, later: it is the earliest answer that counts. And a question that the set does not name.
        fill(folder, record(order[0], 7, "no"), record(9), name="later")
    assert cited_answers(Ledger(folder), KEYS[::-1]) == cited_answers(plain, KEYS)


def test_another_answer_is_another_digest_and_so_is_one_less(tmp_path: Path) -> None:
    digests = {
        cited_answers(fill(tmp_path / name, *records), KEYS)["sha256"]
        for name, records in {
            "plain": [record(0), record(1)],
            "other": [record(0), record(1, text="no")],
            "later": [record(0), record(1, 2)],
            "less": [record(0)],
        }.items()
    }
    assert len(digests) == 4


def test_two_answers_of_the_same_moment_are_told_apart_by_what_they_say(tmp_path: Path) -> None:
    one, two = record(0), record(0, text="no")
    forth = fill(fill(tmp_path / "forth", one, name="a").folder, two, name="b")
    back = fill(fill(tmp_path / "back", two, name="a").folder, one, name="b")
    assert cited_answers(forth, KEYS) == cited_answers(back, KEYS)
