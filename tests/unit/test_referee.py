"""A vote is a lone 0 or 1; nothing that is quoted from an image can become one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.llm.request import Reply
from taskgalaxy.prompts import load_templates
from taskgalaxy.referee import parse, render, vote_row
from taskgalaxy.rejects import VOTE_REASONS
from taskgalaxy.tables import VOTES, to_arrow

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


@given(st.text(min_size=1).filter(str.isalpha), st.sampled_from(["{} 1", "1 {}", '"1" {}', "{}\n1", "[1] {}"]))
def test_words_beside_a_digit_are_no_vote(words: str, form: str) -> None:
    assert vote(form.format(words))[0] is None


def test_the_row_holds_vote_and_probability() -> None:
    reply = Reply("1", "stop", "served", p_yes=0.9)
    rows = [vote_row("s", "one", reply, provider="openai", model="m", request="k")]
    rows.append(vote_row("s", "two", Reply("", "failed", "m"), provider="openai", model="m", request="k"))
    assert to_arrow(rows, VOTES)["vote"].to_pylist() == [1, None]
    assert rows[1]["reason"] == "request_failed"


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
