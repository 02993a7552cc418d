"""The filter keeps what the reply names among what was offered, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from taskgalaxy.filtering import filter_rows, parse, problem, render
from taskgalaxy.llm.request import Reply
from taskgalaxy.offered import Offered
from taskgalaxy.prompts import load_templates
from taskgalaxy.rejects import REASONS
from taskgalaxy.schemas import FILTER, REJECTS
from taskgalaxy.tables import to_arrow

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
RECEIPTS, SCENES, BARS, LEAF = "OCR~Receipts, Invoices", "Description~Scenes", "Charts~Bar [vertical]", "Counting"
CANDIDATES = [RECEIPTS, SCENES, BARS, LEAF]


class Picture:
    image_id = "ab" * 32

    def read(self) -> bytes:
        return b""


def answer(text: str, finish_reason: str = "stop") -> Reply:
    return Reply(text, finish_reason, "model")


def kept(text: str) -> set[str]:
    verdicts = parse(answer(text), CANDIDATES).verdicts
    return {candidate for candidate, (keep, _) in zip(CANDIDATES, verdicts, strict=True) if keep}


def reasons(text: str) -> set[str | None]:
    return {reason for _, reason in parse(answer(text), CANDIDATES).verdicts}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([RECEIPTS, BARS]),
        f"```json\n{json.dumps([RECEIPTS, BARS], indent=1)}\n```",
        f"[{RECEIPTS}, {BARS}]",
        f"[{RECEIPTS}; {BARS}]",
        f'["{RECEIPTS}", "{BARS}"]\n\nI chose these two since the image is a receipt.',
        f"[“{RECEIPTS}”, “{BARS}”]",
        f"{RECEIPTS}\n{BARS}",
        f"- {RECEIPTS}\n- {BARS}",
        f'1. "{RECEIPTS}"\n2. "{BARS}"\n',
        f"The suitable task types are:\n{RECEIPTS}\n{BARS}",
        f"[{RECEIPTS}]\n[{BARS}]",
        f"['{RECEIPTS}', '{BARS}']",
        "ocr ～ receipts,  INVOICES\nCharts∼Bar [vertical]",
        json.dumps(["OCR ~ Receipts, Invoices", "ＣＨＡＲＴＳ~bar [vertical]"]),
    ],
)
def test_every_usual_form_of_a_list_is_read(text: str) -> None:
    assert kept(text) == {RECEIPTS, BARS}
    assert reasons(text) == {None, "not_selected"}


@pytest.mark.parametrize(
    "text", ["[None]", "None", "none.", "[]", "[ ]", '["None"]', "```\n[]\n```", "[None] is my answer"]
)
def test_none_is_an_answer(text: str) -> None:
    assert reasons(text) == {"none_fits"}


@pytest.mark.parametrize(
    "text",
    [
        "Receipts, Invoices",  # a last level alone
        '["Scenes"]',
        "OCR",
        f"The sign says {SCENES} but that does not fit.",
        f'"{SCENES}" said the sign',
        '["Description~Sce',
        f"[{SCENES}",
        "zzz \udc00 [[ {",
        f"Suitable:\n{SCENES}\nNot suitable:\n{BARS}",
        "...",
        "I cannot see the image.",
    ],
)
def test_what_names_no_candidate_is_no_verdict(text: str) -> None:
    assert kept(text) == set()
    assert reasons(text) == {"reply_unparsable"}


@pytest.mark.parametrize(
    "form",
    ["{}", " {} ", "```json\n{}\n```", "```\n{}```"],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_of_structured_output_is_a_list(form: str, indent: int | None) -> None:
    reply = form.format(json.dumps({"task_types": [RECEIPTS, "charts~BAR [vertical]"]}, indent=indent))
    assert kept(reply) == {RECEIPTS, BARS}
    assert reasons(form.format(json.dumps({"task_types": []}, indent=indent))) == {"none_fits"}
    assert reasons(form.format(json.dumps({"task_types": ["None"]}, indent=indent))) == {"none_fits"}


def test_an_object_of_structured_output_may_name_what_was_not_offered() -> None:
    selection = parse(answer(json.dumps({"task_types": [SCENES, "Mood"]})), CANDIDATES)
    assert [keep for keep, _ in selection.verdicts] == [False, True, False, False]
    assert selection.unknown_labels == ("Mood",)


@pytest.mark.parametrize(
    "value",
    [
        {"task_types": [SCENES], "why": "it is one"},
        {"task_types": SCENES},
        {"task_types": [[SCENES]]},
        {"task_types": [SCENES, 1]},
        {"task_types": [SCENES, None]},
        {"task_types": None},
        {"task_types": {SCENES: True}},
        {"labels": [SCENES]},
        {SCENES: True},
        {},
    ],
)
def test_no_other_object_is_a_verdict(value: dict[str, object]) -> None:
    assert reasons(json.dumps(value)) == {"reply_unparsable"}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"task_types": ["{SCENES}"',
        f'{{"task_types": ["{SCENES}"], "task_types": []}}',
        f'{{"task_types": ["{SCENES}"]}} {{"task_types": ["{BARS}"]}}',
        f'{{"task_types": ["{SCENES}"]}}\nNot suitable:\n{BARS}',
        f'I chose {{"task_types": ["{SCENES}"]}}',
    ],
)
def test_a_damaged_or_a_second_object_is_no_verdict(text: str) -> None:
    assert reasons(text) == {"reply_unparsable"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps([SCENES]), None),
        (json.dumps([SCENES, "Mood"]), None),
        (json.dumps({"task_types": [SCENES]}), None),
        (json.dumps(CANDIDATES), None),
        ("None", None),
        ("[]", None),
        ("I cannot see the image.", "reply_unparsable"),
        ('["Mood"]', "reply_unparsable"),
        (" ", "reply_empty"),
    ],
)
def test_a_problem_is_what_keeps_a_reply_from_being_a_verdict(text: str, reason: str | None) -> None:
    request = render(load_templates(PROMPTS)["filter"], Picture(), CANDIDATES)
    assert problem(request, answer(text)) == reason
    assert problem(request, answer(text, "length")) == "reply_truncated"


def test_labels_that_were_not_offered_are_ignored_and_reported() -> None:
    selection = parse(answer(json.dumps([SCENES, "Scenes", "Geometry~Angles"])), CANDIDATES)
    assert [keep for keep, _ in selection.verdicts] == [False, True, False, False]
    assert selection.unknown_labels == ("Scenes", "Geometry~Angles")


def test_task_types_that_differ_only_in_spelling_are_told_apart_by_their_exact_text() -> None:
    offered = Offered(["Art~Style", "art~style"])
    assert offered.match("art~style") == "art~style"
    assert offered.match("ART~STYLE") is None


@pytest.mark.parametrize(
    ("finish_reason", "text", "reason"),
    [
        ("failed", "", "request_failed"),
        ("refusal", "", "refused"),
        ("content_filter", SCENES, "content_filter"),
        ("length", json.dumps([SCENES]), "reply_truncated"),
        ("stop", " \n", "reply_empty"),
    ],
)
def test_a_reply_that_ended_badly_is_not_read(finish_reason: str, text: str, reason: str) -> None:
    assert parse(answer(text, finish_reason), CANDIDATES).verdicts == [(False, reason)] * 4


LABEL_TEXT = st.text(st.sampled_from("ab~ ,[]\"'-.:\n“”"), max_size=12)
REPLY_TEXT = st.one_of(
    st.text(),
    st.text(st.sampled_from('[]",~\n`:ab “”')),
    st.lists(st.sampled_from([*CANDIDATES, "None", "Geometry", "\n", ", ", "[", "]", '"', ":\n"])).map("".join),
    st.lists(st.sampled_from(['{"task_types": ', "[", json.dumps(SCENES), ", ", "]", "}", "None", "```\n"])).map(
        "".join
    ),
)


@given(REPLY_TEXT)
def test_no_reply_raises_and_every_candidate_gets_one_verdict(text: str) -> None:
    selection = parse(answer(text), CANDIDATES)
    assert len(selection.verdicts) == len(CANDIDATES)
    for keep, reason in selection.verdicts:
        assert keep == (reason is None)
        assert reason is None or reason in REASONS["filter"]


@given(REPLY_TEXT | st.lists(st.text(st.characters()) | st.sampled_from(CANDIDATES)).map(json.dumps))
@example('["Counting", "half \\ud83d"]')
def test_every_reply_becomes_rows_that_the_tables_take(text: str) -> None:
    topk = [{"image_id": "i", "rank": rank, "task_type": name, "score": 0.5} for rank, name in enumerate(CANDIDATES, 1)]
    rows, rejects = filter_rows(topk, answer(text), provider="openai", model="m", request="k")
    to_arrow(rows, FILTER)
    to_arrow(rejects, REJECTS)


@given(st.lists(LABEL_TEXT, min_size=1, unique=True), REPLY_TEXT | LABEL_TEXT)
def test_what_is_matched_was_offered(labels: list[str], text: str) -> None:
    assert Offered(labels).match(text) in {*labels, None}


@given(st.sets(st.sampled_from(CANDIDATES), min_size=1))
def test_a_sound_reply_keeps_exactly_what_it_names(chosen: set[str]) -> None:
    assert kept(json.dumps(sorted(chosen))) == chosen
    assert kept("\n".join(chosen)) == chosen
    assert kept(json.dumps({"task_types": sorted(chosen)})) == chosen


def test_the_rows_of_an_image_match_its_candidates() -> None:
    topk = [
        {"image_id": "i", "rank": rank, "task_type": task_type, "score": 0.5}
        for rank, task_type in enumerate(CANDIDATES, 1)
    ]
    told = answer(json.dumps([SCENES, "x", "y" * 500]))
    rows, rejects = filter_rows(topk, told, provider="openai", model="m", request="k")
    frame = pl.from_arrow(to_arrow(rows, FILTER))
    assert isinstance(frame, pl.DataFrame)
    assert frame.filter("kept")["task_type"].to_list() == [SCENES]
    assert frame["reason"].to_list() == ["not_selected", None, "not_selected", "not_selected"]
    assert set(frame["request"]) == {"k"}
    to_arrow(rejects, REJECTS)
    assert [row["item"] for row in rejects] == ["i: x", f"i: {'y' * 200}"]
    assert {(row["stage"], row["reason"], row["image_id"], row["task_type"]) for row in rejects} == {
        ("filter", "label_not_offered", "i", None)
    }


def test_the_request_carries_the_candidates_and_the_template() -> None:
    template = load_templates(PROMPTS)["filter"]
    request = render(template, Picture(), CANDIDATES)
    assert (request.stage, request.prompt) == ("filter", template.digest)
    assert all(json.dumps(candidate) in request.text for candidate in CANDIDATES)
    assert request.variables == {"candidates": CANDIDATES}
    schema = request.schema
    assert schema is not None
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"task_types": [SCENES, LEAF]})
    assert validator.is_valid({"task_types": []})
    assert not validator.is_valid({"task_types": ["Mood"]})
    assert not validator.is_valid({"task_types": [], "why": "nothing fits"})
