"""Every row that a stage is given comes out or is rejected, with where it came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rows
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.prompts import load_templates
from taskgalaxy.stages import filter_shard, qa_shard, vote_shard
from taskgalaxy.tables import FILTER, REJECTS, SAMPLES, TOPK, VOTES, to_arrow, to_frame

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
TEMPLATES = load_templates(PROMPTS)
TYPES = ["OCR~signs", "OCR~pages", "Counting"]


class Scripted:
    """A model that answers by a function of the request, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Request], str | Reply]) -> None:
        self._answer = answer
        self.asked: list[Request] = []

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        self.asked += requests
        replies = [self._answer(request) for request in requests]
        return [Reply(reply, "stop", "m") if isinstance(reply, str) else reply for reply in replies]

    def origin(self, request: Request) -> dict[str, str]:
        return {"provider": "scripted", "model": "m", "request": f"key {self.asked.index(request)}"}


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
    filtered = filter_shard(topk("b", "a", "c"), IMAGES, TEMPLATES["filter"], model)
    to_arrow(filtered, FILTER)
    assert [request.image.image_id for request in model.asked] == ["b", "a", "c"]
    assert all(name in request.text for request in model.asked for name in TYPES)
    assert [(row["image_id"], row["task_type"], row["kept"], row["reason"]) for row in filtered] == [
        *[("b", name, name == "Counting", None if name == "Counting" else "not_selected") for name in TYPES],
        *[("a", name, False, "none_fits") for name in TYPES],
        *[("c", name, name == "Counting", None if name == "Counting" else "not_selected") for name in TYPES],
    ]
    assert [row["request"] for row in filtered] == [f"key {index}" for index in range(3) for _ in TYPES]


def test_a_filter_request_that_failed_rejects_its_candidates_alone() -> None:
    failed = Reply("", "failed", "m", detail="500")
    model = Scripted(lambda request: failed if request.image.image_id == "a" else '["Counting"]')
    filtered = filter_shard(topk("a", "b"), IMAGES, TEMPLATES["filter"], model)
    assert [row["reason"] for row in filtered[:3]] == ["request_failed"] * 3
    assert [row["kept"] for row in filtered[3:]] == [False, False, True]


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
    assert filter_shard(topk(), IMAGES, TEMPLATES["filter"], model) == []
    assert qa_shard(rows.candidates(), IMAGES, TEMPLATES["qa"], model) == ([], [])
    assert vote_shard(rows.samples(), IMAGES, TEMPLATES["referee"], model, "strict", False) == []
