"""Expansion: what is asked, what is accepted, and that no line of a reply vanishes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from taskgalaxy.expand import Expansion, LevelSettings, expand_level, parse_reply, render_requests
from taskgalaxy.labels import clean_label, label_key
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import to_arrow
from taskgalaxy.taxonomy import Taxonomy, nodes_at

TEMPLATES = load_templates(
    Path(__file__).parents[2] / "config" / "prompts",
    ["expand_level_1", "expand_with_children", "expand_without_children"],
)
SEEDS: Taxonomy = {"OCR": {"chart OCR": {"bar chart OCR": {}}}, "Detection": {}}


def expand(
    taxonomy: Taxonomy, level: int, settings: LevelSettings, answer: Callable[[Request], str | Reply]
) -> tuple[Expansion, list[Request]]:
    """The expansion with the replies of ``answer``, and the requests that were asked."""
    asked: list[Request] = []

    async def ask(requests: Sequence[Request]) -> list[Reply]:
        asked.extend(requests)
        replies = [answer(request) for request in requests]
        return [reply if isinstance(reply, Reply) else Reply(reply, "stop", "test") for reply in replies]

    expansion = asyncio.run(expand_level(taxonomy, level, settings, TEMPLATES, ask))
    assert expansion.lines == expansion.accepted + len(expansion.rejects)
    to_arrow(expansion.rejects, REJECTS)
    return expansion, asked


def reasons(expansion: Expansion) -> list[tuple[str | None, str | None]]:
    return [(row["item"], row["reason"]) for row in expansion.rejects]


def test_the_first_level_is_supplemented_as_a_whole() -> None:
    (request,) = render_requests([((), ["OCR", "Detection"])], 1, 1, TEMPLATES)
    assert request.stage == "expand"
    assert request.variables == {"parent": "", "children": ["OCR", "Detection"], "level": 1, "round": 1}
    assert request.prompt == TEMPLATES["expand_level_1"].digest
    assert '"OCR"\n"Detection"\n' in request.text
    schema = request.schema
    assert schema is not None
    assert Draft202012Validator(schema).is_valid({"task_types": ["Counting"]})
    assert not Draft202012Validator(schema).is_valid({"task_types": [1]})


def test_a_node_with_children_and_one_without_get_different_prompts() -> None:
    first, second = render_requests([(("OCR",), ["chart OCR"]), (("Detection",), [])], 2, 3, TEMPLATES)
    assert first.prompt == TEMPLATES["expand_with_children"].digest
    assert '"chart OCR"' in first.text
    assert second.prompt == TEMPLATES["expand_without_children"].digest
    assert '"Detection"' in second.text
    assert second.variables == {"parent": "Detection", "children": [], "level": 2, "round": 3}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1. **OCR ∼ Receipt OCR**", None),
        ("ocr~receipt OCR", None),
        ("OCR → receipt OCR.", None),
        ("receipt OCR", "not_under_parent"),
        ("OCR", "not_under_parent"),
        ("Detection~receipt OCR", "not_under_parent"),
        ("~OCR~receipt OCR", "not_under_parent"),
        ("Here are the subtypes:", "not_under_parent"),
        ("OCR~receipt OCR~till receipt", "too_deep"),
        ("OCR~", "empty_label"),
        ("OCR~None", "empty_label"),
        ("---", "empty_label"),
        ("OCR~CHART ocr", "known_label"),
        ("OCR~" + "x" * 101, "too_long"),
    ],
)
def test_a_line_is_accepted_only_one_level_under_its_parent(line: str, reason: str | None) -> None:
    parsed = parse_reply("OCR", f"{line}\nOCR~invoice OCR", ["chart OCR"])
    assert [row["reason"] for row in parsed.rejects] == ([reason] if reason else [])
    assert [label.casefold() for label in parsed.labels] == ([] if reason else ["receipt ocr"]) + ["invoice ocr"]
    assert parsed.lines == 2
    if reason:
        assert parsed.rejects[0]["item"] == line
        assert parsed.rejects[0]["task_type"] == "OCR"


def test_a_bare_label_is_enough_on_the_first_level_only() -> None:
    parsed = parse_reply("", "- Counting\nOCR~chart OCR\nocr\nNone", ["OCR"])
    assert parsed.labels == ["Counting"]
    assert [row["reason"] for row in parsed.rejects] == ["too_deep", "known_label", "empty_label"]
    assert {row["task_type"] for row in parsed.rejects} == {None}


def test_a_label_that_a_reply_repeats_is_known_the_second_time() -> None:
    parsed = parse_reply("OCR", "OCR~a\nOCR~A", [])
    assert parsed.labels == ["a"]
    assert [row["reason"] for row in parsed.rejects] == ["known_label"]


@pytest.mark.parametrize("text", ["None", "[None]", "none.", "[]", "- None\n", "N/A", "`None`"])
def test_a_reply_with_nothing_to_add_is_no_reject(text: str) -> None:
    parsed = parse_reply("OCR", text, [])
    assert (parsed.labels, parsed.rejects, parsed.lines) == ([], [], 0)


@pytest.mark.parametrize("indent", [None, 1])
def test_the_list_of_structured_output_is_read_as_lines_are(indent: int | None) -> None:
    written = ["OCR~receipt OCR", "1. **OCR ∼ Invoice OCR**", "Detection", "OCR~CHART ocr", "OCR~a~b", "OCR~None"]
    as_lines = parse_reply("OCR", "\n".join(written), ["chart OCR"])
    as_object = parse_reply("OCR", json.dumps({"task_types": written}, indent=indent), ["chart OCR"])
    assert as_object == as_lines
    assert (as_object.labels, as_object.lines) == (["receipt OCR", "Invoice OCR"], 6)


@pytest.mark.parametrize("values", [[], ["None"], ["none."], ["", " "]])
def test_a_structured_list_with_nothing_to_add_is_no_reject(values: list[str]) -> None:
    parsed = parse_reply("", json.dumps({"task_types": values}), [])
    assert (parsed.labels, parsed.rejects, parsed.lines) == ([], [], 0)


def test_an_element_of_a_structured_list_is_one_label_whatever_is_in_it() -> None:
    text = json.dumps({"task_types": ["two\nlines", 'a "quoted" word', "one, two"]})
    assert parse_reply("", text, []).labels == ["two lines", 'a "quoted" word', "one, two"]


@pytest.mark.parametrize(
    "text",
    [
        '{"task_types": ["OCR~a"], "why": "it is one"}',
        '{"task_types": "OCR~a"}',
        '{"task_types": ["OCR~a", 1]}',
        '{"task_types": ["OCR~a"',
        '{"task_types": ["OCR~a"]} {"task_types": ["OCR~b"]}',
        '{"OCR": ["OCR~a"]}',
    ],
)
def test_no_other_object_brings_a_label(text: str) -> None:
    parsed = parse_reply("OCR", text, [])
    assert parsed.labels == []
    assert [row["reason"] for row in parsed.rejects] == ["reply_unparsable"]
    assert parsed.lines == 1
    assert parse_reply("", text, []).labels == []


def test_deeper_seeds_stay_and_the_given_tree_is_left_alone() -> None:
    before = repr(SEEDS)
    expansion, asked = expand(SEEDS, 1, LevelSettings(), lambda _: "Counting")
    assert expansion.taxonomy == {**SEEDS, "Counting": {}}
    assert list(expansion.taxonomy) == ["OCR", "Detection", "Counting"]
    assert repr(SEEDS) == before
    assert len(asked) == 1
    assert expansion.nodes == 3


def test_rounds_go_on_with_the_grown_list_until_one_brings_nothing_new() -> None:
    def answer(request: Request) -> str:
        number = len(request.variables["children"])
        return f"Type {number}" if number < 4 else "None"

    expansion, asked = expand(SEEDS, 1, LevelSettings(rounds=9), answer)
    assert list(expansion.taxonomy) == ["OCR", "Detection", "Type 2", "Type 3"]
    assert [request.variables["round"] for request in asked] == [1, 2, 3]
    assert '"Type 3"' in asked[-1].text
    assert expansion.counts == {
        "rounds": 3,
        "requests": 3,
        "lines": 2,
        "accepted": 2,
        "rejected": 0,
        "nodes": 4,
    }


def test_rounds_are_bounded() -> None:
    expansion, asked = expand(SEEDS, 1, LevelSettings(rounds=2), lambda r: f"Type {len(r.variables['children'])}")
    assert (expansion.rounds, len(asked), expansion.accepted) == (2, 2, 2)
    expansion, asked = expand(SEEDS, 1, LevelSettings(rounds=0), lambda _: "Counting")
    assert (asked, expansion.taxonomy) == ([], SEEDS)


def test_no_request_is_made_for_a_level_that_has_its_target() -> None:
    expansion, asked = expand(SEEDS, 1, LevelSettings(target=2, rounds=5), lambda _: "Counting")
    assert (asked, expansion.rounds, expansion.taxonomy) == ([], 0, SEEDS)


def test_a_parent_whose_request_would_be_the_same_is_not_asked_again() -> None:
    def answer(request: Request) -> str:
        parent, children = request.variables["parent"], request.variables["children"]
        return f"{parent}~new {len(children)}" if parent == "OCR" and len(children) < 3 else "None"

    _, asked = expand(SEEDS, 2, LevelSettings(rounds=9), answer)
    assert [request.variables["parent"] for request in asked] == ["OCR", "Detection", "OCR", "OCR"]
    assert len({request.text for request in asked}) == len(asked)


def test_the_last_places_of_a_target_go_round_the_parents() -> None:
    taxonomy: Taxonomy = {"A": {}, "B": {}, "C": {}}
    replies = {"A": "A~1st\nA~2nd\nA~3rd", "B": "B~1st\nB~2nd", "C": "None"}
    expansion, _ = expand(taxonomy, 2, LevelSettings(target=3), lambda request: replies[request.variables["parent"]])
    assert expansion.taxonomy == {"A": {"1st": {}, "2nd": {}}, "B": {"1st": {}}, "C": {}}
    assert reasons(expansion) == [("B~2nd", "over_target"), ("A~3rd", "over_target")]


def test_a_parent_takes_no_more_children_than_it_may() -> None:
    answer = "OCR~a\nOCR~b\nOCR~c"
    expansion, asked = expand(
        {"OCR": {"chart OCR": {}}}, 2, LevelSettings(max_per_parent=3, rounds=4), lambda _: answer
    )
    assert list(expansion.taxonomy["OCR"]) == ["chart OCR", "a", "b"]
    assert reasons(expansion) == [("OCR~c", "over_target")]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("OCR~half a li", "length", "test"), "reply_truncated"),
        (Reply("", "refusal", "test"), "refused"),
        (Reply("OCR~x", "content_filter", "test"), "content_filter"),
        (Reply(" \n", "stop", "test"), "reply_empty"),
        (Reply("", "failed", "test", detail="timed out"), "request_failed"),
    ],
)
def test_a_reply_that_failed_is_rejected_whole(reply: Reply, reason: str) -> None:
    expansion, _ = expand({"OCR": {}}, 2, LevelSettings(), lambda _: reply)
    assert expansion.taxonomy == {"OCR": {}}
    assert reasons(expansion) == [("OCR", reason)]
    assert "the whole reply" in str(expansion.rejects[0]["detail"])
    assert (reply.detail or "") in str(expansion.rejects[0]["detail"])


def test_only_a_failure_without_an_answer_is_asked_again() -> None:
    def answer(request: Request) -> str | Reply:
        parent, number = request.variables["parent"], request.variables["round"]
        if parent == "A":
            return f"A~{number}"
        return Reply("", "failed" if parent == "B" else "refusal", "test") if number == 1 else f"{parent}~late"

    expansion, asked = expand({"A": {}, "B": {}, "C": {}}, 2, LevelSettings(rounds=2), answer)
    assert [request.variables["parent"] for request in asked] == ["A", "B", "C", "A", "B"]
    assert expansion.taxonomy["B"] == {"late": {}}


def test_a_missing_reply_is_a_defect() -> None:
    async def ask(requests: Sequence[Request]) -> list[Reply]:
        return []

    with pytest.raises(ValueError, match="1 requests were answered by 0 replies"):
        asyncio.run(expand_level(SEEDS, 1, LevelSettings(), TEMPLATES, ask))


parents = st.sampled_from(["", "OCR", "OCR~chart OCR"])
lines = st.one_of(
    st.text(max_size=15),
    st.lists(
        st.sampled_from(["OCR", "chart OCR", "ocr", "~", " > ", "→", "∼", "1. ", "**", "\u200b", "x", "é", "None"]),
        max_size=6,
    ).map("".join),
)
replies = st.lists(lines, max_size=8).map("\n".join)
structured = st.lists(lines, max_size=8)


@given(parents, replies, st.lists(st.sampled_from(["x", "é", "OCR"])))
def test_no_line_vanishes_and_labels_are_new_and_well_formed(parent: str, text: str, known: list[str]) -> None:
    parsed = parse_reply(parent, text, known, max_characters=12)
    written = [line for line in text.splitlines() if line.strip()]
    assert parsed.lines == len(parsed.labels) + len(parsed.rejects)
    assert parsed.lines in (0, len(written))
    if not parsed.lines:
        assert {clean_label(line).strip("[]").casefold() for line in written} <= {"", "none"}
    keys = [label_key(label) for label in parsed.labels]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & {label_key(label) for label in known}
    assert all(0 < len(label) <= 12 and "~" not in label for label in parsed.labels)
    to_arrow(parsed.rejects, REJECTS)


@given(parents, structured)
def test_no_element_of_a_structured_list_vanishes(parent: str, values: list[str]) -> None:
    parsed = parse_reply(parent, json.dumps({"task_types": values}), [])
    assert parsed.lines == len(parsed.labels) + len(parsed.rejects)
    assert parsed.lines in (0, len([value for value in values if value.strip()]))
    to_arrow(parsed.rejects, REJECTS)


@given(st.dictionaries(st.sampled_from(["OCR", "Detection"]), replies), st.integers(1, 8), st.integers(1, 4))
def test_an_expansion_is_the_same_twice_and_keeps_its_bounds(
    texts: dict[str, str], target: int, max_per_parent: int
) -> None:
    settings = LevelSettings(target=target, rounds=3, max_per_parent=max_per_parent)

    def answer(request: Request) -> str:
        return texts.get(request.variables["parent"], "None")

    first, _ = expand(SEEDS, 2, settings, answer)
    second, _ = expand(SEEDS, 2, settings, answer)
    assert (first, list(first.taxonomy)) == (second, list(second.taxonomy))
    assert first.nodes == len(nodes_at(first.taxonomy, 2)) == 1 + first.accepted
    assert first.nodes <= max(target, 1)
    assert all(len(children) <= max_per_parent for _, children in nodes_at(first.taxonomy, 1))
    assert first.taxonomy["OCR"]["chart OCR"] == {"bar chart OCR": {}}
