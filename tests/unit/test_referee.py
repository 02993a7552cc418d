"""A vote is a lone 0 or 1; nothing that is quoted from an image can become one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.prompts import load_templates
from taskgalaxy.referee import VOTE_SCHEMA, parse, problem, render, vote_row
from taskgalaxy.rejects import VOTE_REASONS
from taskgalaxy.schemas import VOTES
from taskgalaxy.tables import to_arrow

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"


def vote(text: str, finish_reason: str = "stop") -> tuple[int | None, str | None]:
    return parse(Reply(text, finish_reason, "model"))


@pytest.mark.parametrize("digit", [0, 1])
@pytest.mark.parametrize(
    "form",
    [
        *("%d", " %d\n", "%d.", "[%d]", "(%d)", '"%d"', "'%d'.", "“%d”", "`%d`", '["%d"]', '"%d."'),
        *("```\n%d\n```", "```text\n%d```", "Score: %d", "score:%d.", "Answer: %d", "Vote: [%d]"),
    ],
)
def test_a_lone_digit_is_a_vote(form: str, digit: int) -> None:
    assert vote(form % digit) == (digit, None)


@pytest.mark.parametrize("digit", [0, 1])
@pytest.mark.parametrize(
    "form",
    [
        *('{"vote": %d}', '{"vote":%d}', ' {\n  "vote": %d\n}\n', "{“vote”: %d}"),
        *('```json\n{"vote": %d}\n```', '```\n{"vote": %d}```'),
    ],
)
def test_an_object_of_structured_output_is_a_vote(form: str, digit: int) -> None:
    assert vote(form % digit) == (digit, None)


@pytest.mark.parametrize(
    "text",
    [
        '{"vote": true}',
        '{"vote": false}',
        '{"vote": null}',
        '{"vote": 2}',
        '{"vote": -1}',
        '{"vote": 10}',
        '{"vote": 01}',
        '{"vote": 1.0}',
        '{"vote": 1e0}',
        '{"vote": "1"}',
        '{"vote": [1]}',
        '{"vote": {"vote": 1}}',
        '{"vote": }',
        '{"vote": 1',
        '{"vote": 1,}',
        '{"vote": 1}}',
        '{{"vote": 1}}',
        '[{"vote": 1}]',
        '"{"vote": 1}"',
        '{"score": 1}',
        '{"Vote": 1}',
        '{"vote": 1, "why": "the sign says so"}',
        '{"vote": 1, "vote": 1}',
        '{"vote": 1, "vote": 0}',
        '{"vote": 1} {"vote": 1}',
        '{"vote": 1}\n{"vote": 0}',
        'My vote: {"vote": 1}',
        'Vote: {"vote": 1}',
        '{"vote": 1}.',
        '{"vote": 1} since it fits',
        '{"vote": 1} is what the sign says :}',
        '{"vote": 1} {',
        '```json\n{"vote": 1}\n```\n```json\n{"vote": 1}\n```',
        '```json\n{"vote": 1}\n``` is my vote',
    ],
)
def test_any_other_object_and_any_word_around_it_is_no_vote(text: str) -> None:
    assert vote(text) == (None, "reply_unparsable")


@pytest.mark.parametrize(
    "text",
    [
        '"1" said the sign',
        "The sign says 1",
        "1 because the chart is there",
        "0 or 1",
        "1\n0",
        "10",
        "01",
        "-1",
        "+1",
        "1.0",
        "1/1",
        "2",
        "１",
        "¹",
        "①",
        "yes",
        "1..",
        "Score: Score: 1",
        "Score 1",
        "Score:",
        "The answer: 1",
        "[1",
        "1]",
        '"1',
        "[1, 0]",
        "**1**",
        "{1}",
        "```\n1\n```\n```\n0\n```",
    ],
)
def test_anything_else_is_no_vote(text: str) -> None:
    assert vote(text) == (None, "reply_unparsable")


@pytest.mark.parametrize(
    ("finish_reason", "text", "reason"),
    [
        ("failed", "", "request_failed"),
        ("refusal", "", "refused"),
        ("content_filter", "1", "content_filter"),
        ("length", "1", "reply_truncated"),
        ("stop", "\n", "reply_empty"),
        ("stop", "Abstain.", "abstained"),
    ],
)
def test_a_missing_vote_has_a_reason(finish_reason: str, text: str, reason: str) -> None:
    assert vote(text, finish_reason) == (None, reason)
    assert reason in VOTE_REASONS


@given(st.text() | st.text(st.sampled_from("01 .\"'[]()`:\nScoreVtAnsw")))
def test_no_reply_raises_and_a_vote_needs_exactly_one_digit(text: str) -> None:
    value, reason = vote(text)
    assert (value is None) != (reason is None)
    if value is not None:
        assert [character for character in text if character.isdigit()] == [str(value)]
    else:
        assert reason in VOTE_REASONS


OBJECT_PARTS = ["{", "}", '"vote"', ":", " ", "1", "0", "true", "-", ".", ",", "[", "]", '"', "```", "\n", "is 1"]
OBJECTS = ['{"vote": 1}', '{"vote": 0}', '{"vote": 2}', '{"vote": "1"}', '{"vote": 1, "x": 0}', "{}"]


@given(st.lists(st.sampled_from([*OBJECTS, *OBJECT_PARTS]), max_size=8).map("".join))
def test_an_object_is_a_vote_only_if_it_is_the_whole_reply(text: str) -> None:
    value, _ = vote(text)
    if value is not None and "{" in text:
        bare = re.sub(r"\A```\s|```\Z", "", text.strip())
        assert json.loads(bare) == {"vote": value}


@given(st.dictionaries(st.text() | st.just("vote"), st.integers(0, 1) | st.booleans() | st.text() | st.none()))
def test_no_object_but_a_lone_vote_is_one(value: dict[str, object]) -> None:
    is_vote = value.keys() == {"vote"} and type(value["vote"]) is int
    assert (vote(json.dumps(value))[0] is not None) == is_vote


@given(
    st.text(min_size=1).filter(str.isalpha),
    st.sampled_from(["_ 1", "1 _", '"1" _', "_\n1", "[1] _", '_ {"vote": 1}', '{"vote": 1} _', '{"vote": 1} _}']),
)
def test_words_beside_a_digit_are_no_vote(words: str, form: str) -> None:
    assert vote(form.replace("_", words))[0] is None


def test_the_row_holds_vote_and_probability() -> None:
    reply = Reply("1", "stop", "served", p_yes=0.9)
    rows = [vote_row("s", "one", reply, provider="openai", model="m", request="k")]
    rows.append(vote_row("s", "two", Reply("", "failed", "m"), provider="openai", model="m", request="k"))
    assert to_arrow(rows, VOTES)["vote"].to_pylist() == [1, None]
    assert [row["p_yes"] for row in rows] == [0.9, None]
    assert rows[1]["reason"] == "request_failed"


@pytest.mark.parametrize(
    ("text", "finish_reason"), [("perhaps 1", "stop"), ("abstain", "stop"), ("1", "length"), ("", "refusal")]
)
def test_without_a_vote_there_is_no_probability(text: str, finish_reason: str) -> None:
    reply = Reply(text, finish_reason, "served", p_yes=0.7)
    row = vote_row("s", "one", reply, provider="openai", model="m", request="k")
    assert (row["vote"], row["p_yes"]) == (None, None)
    assert row["reason"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1", None),
        ("0.", None),
        ('{"vote": 0}', None),
        ("Abstain", None),
        ("maybe", "reply_unparsable"),
        ("", "reply_empty"),
    ],
)
def test_an_abstention_is_an_answer_and_what_cannot_be_read_is_a_problem(text: str, reason: str | None) -> None:
    request = Request("referee", "text")
    assert problem(request, Reply(text, "stop", "m")) == reason
    assert problem(request, Reply(text, "refusal", "m")) == "refused"


def test_the_schema_of_a_vote_allows_a_vote_and_nothing_else() -> None:
    validator = Draft202012Validator(VOTE_SCHEMA)
    assert all(validator.is_valid({"vote": digit}) for digit in (0, 1))
    for value in ({"vote": 2}, {"vote": True}, {"vote": "1"}, {"vote": 1, "why": "so"}, {}, 1):
        assert not validator.is_valid(value)


@pytest.mark.parametrize("answer", ["Three.", None])
def test_the_referee_sees_the_answer_only_if_it_is_given(answer: str | None) -> None:
    class Picture:
        image_id = "ab" * 32

        def read(self) -> bytes:
            return b""

    template = load_templates(PROMPTS, sees_answer=answer is not None)["referee"]
    request = render(template, Picture(), "Counting", "How many?", answer)
    assert ("Three." in request.text) == (answer is not None)
    assert "How many?" in request.text
    assert request.variables.get("answer") == answer
    assert request.schema == VOTE_SCHEMA
