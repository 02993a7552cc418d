"""Every offered task type ends as one pair or one named reject, tied by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from taskgalaxy.llm.request import Reply
from taskgalaxy.prompts import load_templates
from taskgalaxy.qa import Pair, pair_rows, parse, problem, render, sample_id
from taskgalaxy.rejects import REASONS
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import to_arrow

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
OFFERED = ["OCR~Signs", "Counting~Objects", "Colour"]


class Picture:
    image_id = "ab" * 32

    def read(self) -> bytes:
        return b""


def answer(text: str, finish_reason: str = "stop") -> Reply:
    return Reply(text, finish_reason, "model")


def line(task_type: Any, question: Any = "Why?", answer: Any = "Because.") -> str:
    return json.dumps({"task_type": task_type, "question": question, "answer": answer})


def outcome(*lines: str) -> tuple[dict[str, str], list[tuple[str | None, str]]]:
    """The questions by task type, and the (task type, reason) of the rejects."""
    pairs, rejects = parse(answer("\n".join(lines)), OFFERED)
    return {pair.task_type: pair.question for pair in pairs}, [(part.task_type, part.reason) for part in rejects]


def test_pairs_are_tied_by_name_and_not_by_position() -> None:
    questions, rejects = outcome(line("colour", "C?"), line("OCR ～ signs", "O?"), line('"Counting~Objects"', "N?"))
    assert questions == {"OCR~Signs": "O?", "Counting~Objects": "N?", "Colour": "C?"}
    assert rejects == []


def test_a_pair_for_another_label_goes_to_no_offered_one() -> None:
    questions, rejects = outcome(line("Signs", "S?"), line("Colour", "C?"), line("Geometry", "G?"))
    assert questions == {"Colour": "C?"}
    assert rejects == [
        ("OCR~Signs", "no_pair"),
        ("Counting~Objects", "no_pair"),
        (None, "label_not_offered"),
        (None, "label_not_offered"),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line("Colour", "  "), "question_empty"),
        (line("Colour", "Q?", "\n"), "answer_empty"),
        (line("Colour", None), "malformed_pair"),
        (line("Colour", ["Q?"]), "malformed_pair"),
        (line("Colour", "Q?", True), "malformed_pair"),
        ('{"task_type": "Colour", "question": "Q?"}', "malformed_pair"),
        ('{"task_type": "Colour", "abstain": "nothing to see"}', "abstained"),
        ('{"task_type": "Colour", "question": null, "answer": null, "abstain": "no"}', "abstained"),
    ],
)
def test_a_part_that_is_no_pair_is_a_named_reject_of_its_task_type(bad: str, reason: str) -> None:
    questions, rejects = outcome(line("OCR~Signs"), line("Counting~Objects"), bad)
    assert questions.keys() == {"OCR~Signs", "Counting~Objects"}
    assert rejects == [("Colour", reason)]
    # A sound pair after it counts.
    questions, rejects = outcome(line("OCR~Signs"), line("Counting~Objects"), bad, line("Colour"))
    assert questions.keys() == set(OFFERED)
    assert rejects == []


def test_the_first_sound_pair_counts_and_a_second_one_is_surplus() -> None:
    questions, rejects = outcome(line("Colour", "first"), line("Colour", "second"), *map(line, OFFERED[:2]))
    assert questions["Colour"] == "first"
    assert rejects == [(None, "second_pair")]


def test_damage_in_one_line_leaves_the_others() -> None:
    questions, rejects = outcome(line("OCR~Signs"), '{"task_type": "Colour", "question": "say "hi""}', line(OFFERED[1]))
    assert questions.keys() == {"OCR~Signs", "Counting~Objects"}
    assert rejects == [("Colour", "no_pair"), (None, "malformed_pair")]


def test_a_number_is_an_answer() -> None:
    pairs, _ = parse(answer(line("Colour", "How many?", 3)), ["Colour"])
    assert pairs == [Pair("Colour", "How many?", "3")]


def test_an_abstention_tells_the_models_reason() -> None:
    _, rejects = parse(answer('{"task_type": "Colour", "abstain": "it is a grey image"}'), ["Colour"])
    assert rejects[0].detail == "it is a grey image"


@pytest.mark.parametrize(
    ("finish_reason", "text", "reason"),
    [
        ("failed", "", "request_failed"),
        ("refusal", "", "refused"),
        ("length", line("Colour"), "reply_truncated"),
        ("stop", "", "reply_empty"),
        ("stop", "I see a dog.", "reply_unparsable"),
        ("stop", '{"task_type": "Colour", "questi', "reply_unparsable"),
    ],
)
def test_a_reply_without_any_object_rejects_every_task_type(finish_reason: str, text: str, reason: str) -> None:
    pairs, rejects = parse(answer(text, finish_reason), OFFERED)
    assert pairs == []
    assert [(part.task_type, part.reason) for part in rejects] == [(task_type, reason) for task_type in OFFERED]


def structured(*values: Any, indent: int | None = None) -> str:
    return json.dumps(
        {"pairs": [json.loads(value) if isinstance(value, str) else value for value in values]}, indent=indent
    )


@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```", "Here they are:\n{}"])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_pairs_of_structured_output_stand_for_themselves(form: str, indent: int | None) -> None:
    abstention = '{"task_type": "Colour", "abstain": "it is grey"}'
    text = structured(
        line("counting~objects", "N?"), line("Geometry"), abstention, line("OCR~Signs", "O?"), indent=indent
    )
    assert outcome(form.replace("{}", text)) == (
        {"OCR~Signs": "O?", "Counting~Objects": "N?"},
        [("Colour", "abstained"), (None, "label_not_offered")],
    )


def test_structured_pairs_are_held_to_the_same_rules() -> None:
    several = [line("Colour", "first"), line("Colour", "second"), line("OCR~Signs", " "), line(OFFERED[1], None)]
    assert outcome(structured(*several)) == outcome(*several)


@pytest.mark.parametrize(
    "text",
    [
        structured(),
        structured(["no pair"], 1),
        '{"pairs": [' + line("Colour"),
        f'{{"pairs": [{line("Colour")}], "pairs": []}}',
    ],
)
def test_structured_output_without_any_pair_cannot_be_read(text: str) -> None:
    assert outcome(text) == ({}, [(task_type, "reply_unparsable") for task_type in OFFERED])


def test_only_a_lone_list_of_pairs_is_taken_apart() -> None:
    questions, rejects = outcome(structured(line("Colour")), line("OCR~Signs"))
    assert questions.keys() == {"OCR~Signs"}
    assert (None, "malformed_pair") in rejects
    pair_that_has_pairs = json.dumps(json.loads(line("Colour", "C?")) | {"pairs": [json.loads(line("OCR~Signs"))]})
    assert outcome(pair_that_has_pairs)[0] == {"Colour": "C?"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line("Colour"), None),
        (line("Geometry"), None),
        ('{"task_type": "Colour", "abstain": "nothing to see"}', None),
        (structured(line("Colour")), None),
        (structured(), "reply_unparsable"),
        ("I see a dog.", "reply_unparsable"),
        ('{"task_type": "Colour", "questi', "reply_unparsable"),
        ("", "reply_empty"),
    ],
)
def test_a_problem_is_what_keeps_a_reply_from_saying_anything(text: str, reason: str | None) -> None:
    request = render(load_templates(PROMPTS)["qa"], Picture(), OFFERED)
    assert problem(request, answer(text)) == reason
    assert problem(request, answer(text, "content_filter")) == "content_filter"


FIELD = st.one_of(st.text(max_size=5), st.none(), st.integers(), st.floats(), st.lists(st.text(max_size=2), max_size=2))
LINE = st.one_of(
    st.builds(line, st.sampled_from([*OFFERED, "Geometry", "colour "]) | FIELD, FIELD, FIELD),
    st.sampled_from(
        ['{"task_type": "Colour", "abstain": "x"}', "```json", "[", "]", "{", "}", '{"task_type": "Colour"']
    ),
    st.builds(structured, st.builds(line, st.sampled_from([*OFFERED, "Geometry"]), FIELD, FIELD), st.just(1)),
    st.text(max_size=20),
)


@given(st.lists(LINE).map("\n".join))
def test_no_reply_raises_and_the_rows_add_up(text: str) -> None:
    samples, rejects = pair_rows("i", OFFERED, answer(text))
    assert all(row.keys() == {"sample_id", "image_id", "task_type", "question", "answer"} for row in samples)
    to_arrow(rejects, REJECTS)
    assert sorted(row["task_type"] for row in [*samples, *rejects] if row["task_type"]) == sorted(OFFERED)
    assert {row["reason"] for row in rejects} <= set(REASONS["qa"])


def test_a_sample_is_identified_by_its_content() -> None:
    first = sample_id("i", "t", "q", "a")
    assert len(first) == 20
    assert int(first, 16) >= 0
    others = {sample_id("j", "t", "q", "a"), sample_id("i", "u", "q", "a"), sample_id("i", "t", "q a", "")}
    assert len({first, *others, sample_id("i", "t", "q", "b")}) == 5
    assert sample_id("i", "t", "q", "a") == first


def test_the_request_carries_the_task_types() -> None:
    template = load_templates(PROMPTS)["qa"]
    request = render(template, Picture(), OFFERED)
    assert (request.stage, request.prompt, request.variables) == ("qa", template.digest, {"task_types": OFFERED})
    assert all(json.dumps(task_type) in request.text for task_type in OFFERED)
    schema = request.schema
    assert schema is not None
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"pairs": [{"task_type": "Colour", "question": "Q?", "answer": "A."}]})
    assert validator.is_valid({"pairs": [{"task_type": "Colour", "abstain": "nothing to see"}]})
    assert not validator.is_valid({"pairs": [{"task_type": "Geometry", "abstain": "nothing to see"}]})
    assert not validator.is_valid({"pairs": [{"task_type": "Colour", "question": "Q?"}]})
