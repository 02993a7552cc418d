"""Chat completions: what is sent, and what is read from whatever comes back."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.llm.chat import chat_body, p_yes, read_completion
from taskgalaxy.llm.request import Request
from taskgalaxy.llm.settings import EndpointSettings

SCHEMA = {"type": "object", "properties": {"vote": {"type": "integer"}}, "required": ["vote"]}
QUESTION = Request("referee", "Is it?", schema=SCHEMA)
URI = "data:image/png;base64,AAAA"


class Picture:
    """An image that is not read here."""

    image_id = hashlib.sha256(b"").hexdigest()

    def read(self) -> bytes:
        raise AssertionError("read")


def settings(**others: Any) -> EndpointSettings:
    return EndpointSettings("local", "openai", "test-model", **others)


def completion(message: Any = None, **others: Any) -> dict[str, Any]:
    """A sound chat completion, where nothing else is asked for."""
    choice = {"index": 0, "finish_reason": "stop", "message": message or {"role": "assistant", "content": "1"}}
    choice |= {name: others.pop(name) for name in ("finish_reason", "logprobs") if name in others}
    return {"id": "x", "model": "test-model-2026", "choices": [choice], **others}


def test_by_default_only_what_every_server_understands_is_sent() -> None:
    assert chat_body(settings(), QUESTION, None) == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "Is it?"}],
        "temperature": 0.0,
        "max_tokens": 1024,
    }


def test_what_is_set_to_nothing_is_left_out() -> None:
    body = chat_body(settings(temperature=None, max_tokens=None), QUESTION, None)
    assert set(body) == {"model", "messages"}
    assert chat_body(settings(seed=0), QUESTION, None)["seed"] == 0


def test_a_schema_is_sent_where_the_endpoint_takes_one_and_the_question_has_one() -> None:
    structured = settings(structured_output=True)
    assert chat_body(structured, QUESTION, None)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "referee", "strict": True, "schema": SCHEMA},
    }
    assert "response_format" not in chat_body(structured, Request("referee", "Is it?"), None)


def test_log_probabilities_are_asked_for_where_the_endpoint_has_them() -> None:
    body = chat_body(settings(logprobs=True), QUESTION, None)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)
    assert "response_format" not in body


def test_turns_become_messages_of_both_sides_in_their_order() -> None:
    request = Request("qa", "Ask.", turns=(("zzz", "Again."), ("yyy", "And again.")))
    assert chat_body(settings(), request, None)["messages"] == [
        {"role": "user", "content": "Ask."},
        {"role": "assistant", "content": "zzz"},
        {"role": "user", "content": "Again."},
        {"role": "assistant", "content": "yyy"},
        {"role": "user", "content": "And again."},
    ]


def test_the_image_stands_behind_the_text_of_the_first_message() -> None:
    request = Request("qa", "Look.", Picture(), turns=(("zzz", "Again."),))
    first, _, last = chat_body(settings(), request, URI)["messages"]
    assert first["content"] == [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": URI}}]
    assert last["content"] == "Again."


def test_the_detail_of_images_is_sent_where_it_is_set() -> None:
    body = chat_body(settings(image_detail="low"), Request("qa", "Look.", Picture()), URI)
    assert body["messages"][0]["content"][1]["image_url"] == {"url": URI, "detail": "low"}
    assert "detail" not in body


def test_a_question_may_have_more_tokens_than_the_endpoint_allows() -> None:
    request = Request("qa", "Ask.", token_factor=2)
    assert chat_body(settings(max_tokens=100), request, None)["max_tokens"] == 200
    assert "max_tokens" not in chat_body(settings(max_tokens=None), request, None)


def test_the_extra_body_has_the_last_word() -> None:
    extra = {"max_completion_tokens": 5, "temperature": 1, "response_format": {"type": "text"}}
    body = chat_body(settings(structured_output=True, extra_body=extra), QUESTION, None)
    assert {name: body[name] for name in extra} == extra


def test_a_sound_answer_is_read_with_all_that_the_server_tells() -> None:
    raw = completion(system_fingerprint="fp", usage={"prompt_tokens": 5, "completion_tokens": 2})
    reply = read_completion(raw, settings(), "filter")
    assert reply is not None
    assert (reply.text, reply.finish_reason, reply.model) == ("1", "stop", "test-model-2026")
    assert (reply.system_fingerprint, reply.usage) == ("fp", {"prompt_tokens": 5, "completion_tokens": 2})
    assert (reply.raw, reply.provider, reply.detail) == (raw, "openai", None)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        *(("length", "length"), ("content_filter", "content_filter"), ("stop", "stop")),
        *((None, "stop"), ("eos", "stop"), (["length"], "stop")),
    ],
)
def test_the_finish_reason_is_one_of_those_that_have_a_meaning(told: Any, read: str) -> None:
    reply = read_completion(completion(finish_reason=told), settings(), "filter")
    assert reply is not None
    assert reply.finish_reason == read


def test_a_refusal_is_told_from_an_empty_answer() -> None:
    refused = read_completion(completion({"content": None, "refusal": "No."}), settings(), "filter")
    empty = read_completion(completion({"content": None, "refusal": None}), settings(), "filter")
    assert refused is not None
    assert empty is not None
    assert (refused.finish_reason, refused.detail, refused.failure()) == ("refusal", "No.", "refused")
    assert (empty.finish_reason, empty.detail, empty.failure()) == ("stop", None, "reply_empty")


def test_cached_tokens_are_counted_where_the_server_does() -> None:
    usage = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0}}
    reply = read_completion(completion(usage=usage), settings(), "filter")
    assert reply is not None
    assert reply.usage == {"prompt_tokens": 9, "cached_tokens": 4}


def test_counts_that_are_none_are_passed_over() -> None:
    usage = {"prompt_tokens": -1, "completion_tokens": 10**400, "total_tokens": True, "cost": 0.1, "other": "7"}
    reply = read_completion(completion(usage=usage), settings(), "filter")
    assert reply is not None
    assert reply.usage == {}


def test_half_a_surrogate_pair_is_replaced() -> None:
    raw = json.loads(json.dumps(completion({"content": "é\udc00 \U0001f600"}, model="\ud800")))
    reply = read_completion(raw, settings(), "filter")
    assert reply is not None
    assert (reply.text.strip("�"), reply.text.replace("�", "")) == (reply.text, "é \U0001f600")
    json.dumps([reply.text, reply.model], ensure_ascii=False).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def nearly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object of which any part may be missing or anything else, or something else altogether."""
    return st.fixed_dictionaries({}, optional={name: JSON | value for name, value in fields.items()}) | JSON


DIGIT = nearly(token=st.sampled_from(["0", " 1", "yes"]), logprob=st.sampled_from([-(10**400), -1e308, 3.0, -0.5]))
TOKEN = nearly(token=st.sampled_from(["0", "1\n", "yes"]), top_logprobs=st.lists(DIGIT, max_size=3))
CHOICE = nearly(
    message=nearly(content=st.text(), refusal=st.text()),
    finish_reason=st.sampled_from(["stop", "length"]),
    logprobs=nearly(content=st.lists(TOKEN, max_size=3)),
)
COMPLETION = nearly(
    choices=st.lists(CHOICE, min_size=1, max_size=2),
    usage=nearly(prompt_tokens=st.integers(), prompt_tokens_details=nearly(cached_tokens=st.integers())),
    model=st.text(),
)


@given(raw=JSON | COMPLETION)
def test_no_json_value_is_too_strange_to_be_read_or_refused(raw: Any) -> None:
    reply = read_completion(raw, settings(), "referee")
    if reply is None:
        return
    assert reply.answered
    assert reply.p_yes is None or 0 <= reply.p_yes <= 1
    assert all(type(count) is int and count >= 0 for count in reply.usage.values())
    json.dumps([reply.text, reply.model, reply.detail], ensure_ascii=False).encode()


@given(choice=CHOICE)
def test_any_choice_with_a_message_is_an_answer(choice: Any) -> None:
    reply = read_completion({"choices": [choice]}, settings(), "referee")
    message = choice.get("message") if isinstance(choice, dict) else None
    assert (reply is not None) == isinstance(message, dict)


def choice(*tokens: tuple[str, dict[str, float]]) -> dict[str, Any]:
    content = [
        {
            "token": token,
            "logprob": -0.1,
            "bytes": None,
            "top_logprobs": [{"token": t, "logprob": p, "bytes": None} for t, p in top.items()],
        }
        for token, top in tokens
    ]
    message = {"role": "assistant", "content": "".join(token for token, _ in tokens)}
    return {"index": 0, "finish_reason": "stop", "message": message, "logprobs": {"content": content}}


def test_the_probability_of_yes_is_taken_at_the_digit() -> None:
    top = {"1": -0.5, " 1": -3.0, "0": -1.5, "yes": -0.01}
    assert p_yes(choice(("\n", {}), ("1", top))) == pytest.approx(0.7463, abs=1e-4)
    assert p_yes(choice(("1", {}))) is None
    assert p_yes(choice(("maybe", {"1": -0.1}))) is None


@pytest.mark.parametrize("logprobs", [None, [], {}, {"content": None}, {"content": [None, 7]}])
def test_without_log_probabilities_there_is_no_probability_of_yes(logprobs: Any) -> None:
    assert p_yes({"logprobs": logprobs}) is None


@pytest.mark.parametrize("others", [5, "01", {"0": 1}, [None, "1", {"token": "1"}, {"token": "0", "logprob": "x"}]])
def test_a_digit_without_sound_alternatives_has_no_probability(others: Any) -> None:
    assert p_yes({"logprobs": {"content": [{"token": "1", "top_logprobs": others}]}}) is None


def test_only_a_vote_has_a_probability_of_yes() -> None:
    logprobs = choice(("1", {"1": -0.1}))["logprobs"]
    for stage, expected in (("referee", 1.0), ("filter", None)):
        reply = read_completion(completion(logprobs=logprobs), settings(), stage)
        assert reply is not None
        assert reply.p_yes == expected
