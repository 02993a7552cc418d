"""Every row that a stage is given comes out or is rejected, with where it came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rows
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.model import Check, Model
from taskgalaxy.llm.request import Answer, Gate, Reply, Request, Take
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.slots import Slots
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import FILTER, REJECTS, SAMPLES, TOPK, VOTES
from taskgalaxy.stages import filter_shard, qa_shard, vote_shard
from taskgalaxy.tables import to_arrow, to_frame

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
TEMPLATES = load_templates(PROMPTS)
TYPES = ["OCR~signs", "OCR~pages", "Counting"]


class Scripted:
    """A model that answers by a function of the request, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Request], str | Reply]) -> None:
        self._answer = answer
        self.asked: list[Request] = []

    def ask(self, requests: Sequence[Request], check: Check) -> list[Answer]:
        return [self._ask(request) for request in requests]

    def _ask(self, request: Request) -> Answer:
        origin = {"provider": "scripted", "model": "m", "request": f"key {len(self.asked)}"}
        self.asked.append(request)
        reply = self._answer(request)
        return Answer(request, Reply(reply, "stop", "m") if isinstance(reply, str) else reply, origin)


class Again:
    """A provider that answers a question the second time that it is asked."""

    name = "scripted"
    model = "m"
    parameters: Mapping[str, Any] = {}
    recorded = True
    asks = True

    def __init__(self, first: str, second: str) -> None:
        self.keys: list[str] = []
        self._replies = (first, second)

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        self.keys += questions
        await send_all(questions, self._answer, take, gate, Slots(1))

    async def _answer(self, request: Request, gate: Gate) -> Reply:
        return Reply(self._replies[request.attempt - 1], "stop", "m")

    async def close(self) -> None: ...


class Picture(SimpleNamespace):
    def read(self) -> bytes:
        return b""


IMAGES: Mapping[str, Any] = {name: Picture(image_id=name) for name in "abc"}


def topk(*image_ids: str) -> Any:
    candidates = [
        {"image_id": image_id, "rank": rank, "task_type": task_type, "score": 1 / rank}
        for image_id in image_ids
        for rank, task_type in enumerate(TYPES, 1)
    ]
    return to_frame(candidates, TOPK)


def test_the_filter_asks_once_per_image_and_judges_every_candidate() -> None:
    answers = {"b": '["Counting"]', "a": "None", "c": '["Counting", "never offered"]'}
    model = Scripted(lambda request: answers[request.image.image_id])
    filtered, rejects = filter_shard(topk("b", "a", "c"), IMAGES, TEMPLATES["filter"], model)
    to_arrow(filtered, FILTER)
    to_arrow(rejects, REJECTS)
    assert [request.image.image_id for request in model.asked] == ["b", "a", "c"]
    assert all(name in request.text for request in model.asked for name in TYPES)
    assert [(row["image_id"], row["task_type"], row["kept"], row["reason"]) for row in filtered] == [
        *[("b", name, name == "Counting", None if name == "Counting" else "not_selected") for name in TYPES],
        *[("a", name, False, "none_fits") for name in TYPES],
        *[("c", name, name == "Counting", None if name == "Counting" else "not_selected") for name in TYPES],
    ]
    assert [row["request"] for row in filtered] == [f"key {index}" for index in range(3) for _ in TYPES]
    assert [(row["stage"], row["image_id"], row["item"], row["reason"], row["task_type"]) for row in rejects] == [
        ("filter", "c", "c: never offered", "label_not_offered", None)
    ]


def test_a_filter_request_that_failed_rejects_its_candidates_alone() -> None:
    failed = Reply("", "failed", "m", detail="500")
    model = Scripted(lambda request: failed if request.image.image_id == "a" else '["Counting"]')
    filtered, rejects = filter_shard(topk("a", "b"), IMAGES, TEMPLATES["filter"], model)
    assert [row["reason"] for row in filtered[:3]] == ["request_failed"] * 3
    assert [row["kept"] for row in filtered[3:]] == [False, False, True]
    assert not rejects


def pair(task_type: str, question: str = "What?", answer: str = "That.") -> str:
    return json.dumps({"task_type": task_type, "question": question, "answer": answer})


def test_pairs_carry_their_own_candidate_and_request() -> None:
    kept = rows.candidates(
        rows.candidate("a", 2, TYPES[0], score=0.5),
        rows.candidate("a", 7, TYPES[1], score=0.25, model="other", request="filter of a"),
        rows.candidate("b", 1, TYPES[0], score=0.125),
    )
    model = Scripted(lambda request: "\n".join(pair(name) for name in reversed(request.variables["task_types"])))
    samples, rejects = qa_shard(kept, IMAGES, TEMPLATES["qa"], model)
    to_arrow(samples, SAMPLES)
    assert not rejects
    assert len(model.asked) == 2
    found = {(row["image_id"], row["task_type"]): row for row in samples}
    assert {key: (row["rank"], row["score"]) for key, row in found.items()} == {
        ("a", TYPES[0]): (2, 0.5),
        ("a", TYPES[1]): (7, 0.25),
        ("b", TYPES[0]): (1, 0.125),
    }
    row = found["a", TYPES[1]]
    assert (row["filter_model"], row["filter_request"]) == ("other", "filter of a")
    assert (row["qa_provider"], row["qa_model"], row["qa_request"]) == ("scripted", "m", "key 0")
    assert row["qa_prompt"] == TEMPLATES["qa"].digest


def test_every_kept_task_type_becomes_a_pair_or_a_reject() -> None:
    kept = rows.candidates(*(rows.candidate(image, rank, name) for image in "abc" for rank, name in enumerate(TYPES)))
    answers = {
        "a": "\n".join([pair(TYPES[0]), pair(TYPES[1], answer=" "), pair("Never~offered"), pair(TYPES[0])]),
        "b": "no JSON here",
        "c": Reply("", "content_filter", "m"),
    }
    model = Scripted(lambda request: answers[request.image.image_id])
    samples, rejects = qa_shard(kept, IMAGES, TEMPLATES["qa"], model)
    to_arrow(rejects, REJECTS)
    assert [(row["image_id"], row["task_type"]) for row in samples] == [("a", TYPES[0])]
    told = sorted([row["reason"] for row in rejects if row["task_type"]])
    assert told == sorted(["answer_empty", "no_pair", *["reply_unparsable"] * 3, *["content_filter"] * 3])
    assert sorted(row["reason"] for row in rejects if not row["task_type"]) == ["label_not_offered", "second_pair"]


@pytest.mark.parametrize("sees_answer", [True, False])
def test_a_referee_votes_on_every_sample_in_order(sees_answer: bool) -> None:
    template = load_templates(PROMPTS, ["referee"], sees_answer=False)["referee"]
    if sees_answer:
        template = SimpleNamespace(render=lambda **given: " ".join(map(str, given.values())), digest="d")
    samples = rows.samples(
        *(rows.sample(name, "ab"[number % 2], answer="Nineteen") for number, name in enumerate("wxyz"))
    )
    model = Scripted(lambda request: {"w": "1", "x": "0", "y": "perhaps", "z": "1."}[request.variables["question"][8]])
    cast = vote_shard(samples, IMAGES, template, model, "strict", sees_answer)
    to_arrow(cast, VOTES)
    assert [(row["sample_id"], row["vote"], row["reason"]) for row in cast] == [
        ("w", 1, None),
        ("x", 0, None),
        ("y", None, "reply_unparsable"),
        ("z", 1, None),
    ]
    assert {row["referee"] for row in cast} == {"strict"}
    assert all(("Nineteen" in request.text) == sees_answer for request in model.asked)


def test_nothing_to_ask_asks_nothing() -> None:
    model = Scripted(lambda request: pytest.fail("it asked"))
    assert filter_shard(topk(), IMAGES, TEMPLATES["filter"], model) == ([], [])
    assert qa_shard(rows.candidates(), IMAGES, TEMPLATES["qa"], model) == ([], [])
    assert vote_shard(rows.samples(), IMAGES, TEMPLATES["referee"], model, "strict", False) == []


def test_what_was_no_verdict_is_asked_again_and_the_rows_name_the_request_that_counts(tmp_path: Path) -> None:
    provider = Again("I cannot say.", '["Counting"]')
    model = Model(provider, Ledger(tmp_path), "shard", retry_replies={"reply_unparsable": 1})
    filtered, _ = filter_shard(topk("a"), IMAGES, TEMPLATES["filter"], model)
    assert [row["kept"] for row in filtered] == [False, False, True]
    assert [row["request"] for row in filtered] == provider.keys[1:] * 3


def test_what_was_no_pair_is_asked_again_and_the_samples_name_the_request_that_counts(tmp_path: Path) -> None:
    provider = Again("I cannot say.", pair(TYPES[0]))
    model = Model(provider, Ledger(tmp_path), "shard", retry_replies={"reply_unparsable": 1})
    samples, rejects = qa_shard(rows.candidates(rows.candidate("a", 1, TYPES[0])), IMAGES, TEMPLATES["qa"], model)
    assert [(row["qa_request"], row["qa_prompt"]) for row in samples] == [(provider.keys[1], TEMPLATES["qa"].digest)]
    assert not rejects


def test_what_was_no_vote_is_asked_again_and_an_abstention_is_not(tmp_path: Path) -> None:
    for first, expected in {"It is 1, I think.": (1, None), "abstain": (None, "abstained")}.items():
        provider = Again(first, "1")
        retry_replies = {"reply_unparsable": 1, "abstained": 1}
        model = Model(provider, Ledger(tmp_path / first), "shard", retry_replies=retry_replies)
        samples = rows.samples(rows.sample("w", "a"))
        (row,) = vote_shard(samples, IMAGES, TEMPLATES["referee"], model, "strict", False)
        assert (row["vote"], row["reason"]) == expected
        assert row["request"] == provider.keys[-1]


def test_an_answer_that_says_something_is_not_asked_again(tmp_path: Path) -> None:
    retry_replies = {"reply_unparsable": 1}
    for text in ('["Counting", "never offered"]', "None"):
        provider = Again(text, '["OCR~signs"]')
        model = Model(provider, Ledger(tmp_path / text[:4]), "shard", retry_replies=retry_replies)
        filter_shard(topk("a"), IMAGES, TEMPLATES["filter"], model)
        assert len(provider.keys) == 1
    provider = Again(f"{pair(TYPES[0])}\n{pair('never offered')}", "")
    kept = rows.candidates(*(rows.candidate("a", rank, name) for rank, name in enumerate(TYPES, 1)))
    samples, rejects = qa_shard(kept, IMAGES, TEMPLATES["qa"], Model(provider, Ledger(tmp_path / "qa"), "shard"))
    assert (len(provider.keys), len(samples), len(rejects)) == (1, 1, 3)
