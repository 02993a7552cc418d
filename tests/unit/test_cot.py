"""Step-by-step answers: whose, how they are asked for, what becomes of a reply, and the sets that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

import rows
from taskgalaxy.cot import choose, cot_row, parse, problem, render, with_cot_answers
from taskgalaxy.llm.request import Answer, Reply
from taskgalaxy.prompts import load_templates
from taskgalaxy.rejects import REASONS
from taskgalaxy.schemas import COT, DATASET, REJECTS
from taskgalaxy.tables import to_arrow, to_frame

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
STEPS = {"steps": ["There are two bars.", "The left one ends at 3."], "answer": "3"}
TEXT = "There are two bars.\nThe left one ends at 3.\nAnswer: 3"


class Picture:
    image_id = "ab" * 32

    def read(self) -> bytes:
        return b""


def reply(value: Any, finish_reason: str = "stop") -> Reply:
    return Reply(value if isinstance(value, str) else json.dumps(value), finish_reason, "model")


def dataset(*samples: tuple[str, str]) -> pl.DataFrame:
    return to_frame([rows.dataset_row(name, task_type=task_type) for name, task_type in samples], DATASET)


def test_so_many_of_every_task_type_are_chosen_and_fewer_are_among_more() -> None:
    made = dataset(*((f"{kind}{number}", kind) for kind in "abc" for number in range(4)))
    chosen = {most: set(choose(made, most, 1)["sample_id"]) for most in (1, 3, 9)}
    assert [len(names) for names in chosen.values()] == [3, 9, 12]
    assert chosen[1] < chosen[3] < chosen[9]
    assert chosen[1] != set(choose(made, 1, 2)["sample_id"])


def test_the_question_is_asked_again_and_the_plain_answer_is_not_shown() -> None:
    request = render(load_templates(PROMPTS, ["cot"])["cot"], Picture(), 'What "is" it?')
    assert request.stage == "cot"
    assert '"What \\"is\\" it?"' in request.text
    assert request.variables.keys() == {"question"}
    schema = Draft202012Validator(request.schema)
    assert schema.is_valid({"result": STEPS})
    assert schema.is_valid({"result": {"abstain": "too dark"}})
    assert not schema.is_valid({"result": {"steps": ["a"]}})


@pytest.mark.parametrize(
    "given", [STEPS, {"result": STEPS}, f"```json\n{json.dumps(STEPS)}\n```", {**STEPS, "answer": 3}]
)
def test_steps_stand_on_lines_of_their_own_before_the_answer(given: Any) -> None:
    assert parse(reply(given)) == (TEXT, None, None)


def test_line_breaks_inside_a_step_and_empty_steps_make_no_further_lines() -> None:
    text, _, _ = parse(reply({"steps": ["One\n two", " "], "answer": "x"}))
    assert text == "One two\nAnswer: x"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"abstain": "too dark"}, "abstained"),
        ({"result": {"abstain": "too dark"}}, "abstained"),
        ({"steps": [], "answer": "3"}, "no_steps"),
        ({"steps": ["a"], "answer": " "}, "answer_empty"),
        ({"steps": "a", "answer": None}, "reply_unparsable"),
        ({"steps": ["a", None], "answer": "3"}, "reply_unparsable"),
        ("It is 3.", "reply_unparsable"),
        (json.dumps(STEPS) + json.dumps(STEPS), "reply_unparsable"),
        ("", "reply_empty"),
    ],
)
def test_what_holds_no_steps_is_a_named_reject(given: Any, reason: str) -> None:
    asked = render(load_templates(PROMPTS, ["cot"])["cot"], Picture(), "Why?")
    answer = Answer(asked, reply(given), {"provider": "p", "model": "m", "request": "key"})
    row, rejected = cot_row(rows.sample("s"), answer)
    assert row is None
    assert rejected is not None
    assert (rejected["item"], rejected["reason"]) == ("s", reason)
    assert reason in REASONS["cot"]
    to_arrow([rejected], REJECTS)
    assert problem(asked, answer.reply) == (None if reason == "abstained" else reason)


def test_an_answered_sample_is_another_one_with_its_own_id_and_origin() -> None:
    made = dataset(("s", "a"), ("t", "a"))
    asked = render(load_templates(PROMPTS, ["cot"])["cot"], Picture(), "Why?")
    answer = Answer(asked, reply(STEPS), {"provider": "p", "model": "m", "request": "key"})
    row, rejected = cot_row(made.to_dicts()[0], answer)
    assert rejected is None
    (plain,), (stepwise,) = made[:1].to_dicts(), with_cot_answers(made, to_frame([row or {}], COT)).to_dicts()
    changed = {name for name in plain if plain[name] != stepwise[name]}
    assert changed == {"sample_id", "answer", "cot_provider", "cot_model", "cot_prompt", "cot_request"}
    assert (stepwise["answer"], stepwise["cot_request"]) == (TEXT, "key")
    assert stepwise["cot_prompt"] == load_templates(PROMPTS, ["cot"])["cot"].digest
