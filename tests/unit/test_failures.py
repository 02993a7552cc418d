"""What a server's refusal means, and for how long."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.llm.failures import (
    LONGEST_WAIT_S,
    TryAgainError,
    refusal_of,
    retry_after_s,
    unanswered,
    used_up_s,
)
from taskgalaxy.llm.request import Reply
from taskgalaxy.llm.settings import EndpointSettings

SETTINGS = EndpointSettings("paid", "openai", "test-model", "http://host/v1", "PAID_KEY")


def error(code: Any, message: Any = "what happened", **others: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **others}}


def refusal(status: int, body: Any = None, headers: dict[str, str] = {}) -> Reply:
    return refusal_of(status, error("some_code") if body is None else body, headers, SETTINGS)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_request_that_is_at_fault_is_unaskable_with_the_server_s_words(status: int) -> None:
    reply = refusal(status)
    assert (reply.finish_reason, reply.answered) == ("unaskable", False)
    assert reply.detail == f"{status}: what happened"


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_filtered_prompt_is_an_answer(status: int, code: str) -> None:
    reply = refusal(status, error(code))
    assert (reply.finish_reason, reply.answered, reply.detail) == ("content_filter", True, code)
    assert reply.raw == error(code)


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"])
@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_quota_that_is_used_up_stops_the_run(status: int, code: str) -> None:
    with pytest.raises(UserError, match="quota is used up") as stopped:
        refusal(status, error(code), {"retry-after": "1"})
    assert stopped.value.where == "endpoint paid (http://host/v1)"
    assert "add credit" in stopped.value.fix


def test_the_type_of_an_error_counts_where_it_has_no_code() -> None:
    with pytest.raises(UserError, match="quota is used up"):
        refusal(429, error(None, type="insufficient_quota"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_run_and_names_its_variable(status: int) -> None:
    with pytest.raises(UserError, match=f"refuses access \\({status}\\).*PAID_KEY"):
        refusal(status)


def test_a_server_that_wants_a_key_where_none_is_configured_says_how_to_give_one() -> None:
    with pytest.raises(UserError, match="Set api_key_env"):
        refusal_of(401, error("invalid_api_key"), {}, EndpointSettings("free", "openai", "m"))


def test_an_unknown_model_stops_the_run_and_is_named() -> None:
    with pytest.raises(UserError, match="no model 'test-model'"):
        refusal(404)


@pytest.mark.parametrize("status", [408, 409, 418, 429, 500, 502, 503, 504, 529])
def test_anything_else_may_succeed_later(status: int) -> None:
    with pytest.raises(TryAgainError, match=f"{status}: what happened") as failed:
        refusal(status)
    assert failed.value.overloaded == (status in (429, 503, 529))
    assert failed.value.after_s is None


def test_the_server_says_when_to_try_again() -> None:
    with pytest.raises(TryAgainError) as failed:
        refusal(500, headers={"retry-after": "7"})
    assert failed.value.after_s == 7


def test_a_wait_that_is_too_long_stops_the_run_and_is_told() -> None:
    with pytest.raises(TryAgainError):
        refusal(429, headers={"retry-after": str(LONGEST_WAIT_S)})
    with pytest.raises(UserError, match=r"asks to wait 120 minutes \(429: what happened\)") as stopped:
        refusal(429, headers={"retry-after": "7200"})
    assert "is not asked again" in stopped.value.fix


@pytest.mark.parametrize(
    ("body", "told"),
    [
        *(("down for repair", "down for repair"), ({"error": "down"}, "down"), ({"message": "down"}, "down")),
        *(({"error": None}, ""), ([], ""), (None, ""), (7, "7"), ({"error": {"code": []}}, "{'code': []}")),
        *(({"detail": "down"}, "{'detail': 'down'}"), ({"error": {"message": ["down"]}}, "['down']")),
    ],
)
def test_an_error_of_any_form_is_told_in_the_server_s_words(body: Any, told: str) -> None:
    with pytest.raises(TryAgainError) as failed:
        refusal_of(500, body, {}, SETTINGS)
    assert str(failed.value) == f"500: {told}"


def test_a_page_instead_of_an_error_is_told_in_part() -> None:
    with pytest.raises(TryAgainError) as failed:
        refusal(502, "<html>" * 1000)
    assert len(str(failed.value)) <= 510
    assert len(unanswered("<html>" * 1000, SETTINGS).detail or "") == 500


@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "code", "type", "message"]), inner)
        ),
        max_leaves=8,
    ),
    status=st.sampled_from([400, 401, 404, 429, 500]),
)
def test_every_refusal_is_one_of_the_four_kinds(body: Any, status: int) -> None:
    try:
        reply = refusal_of(status, body, {}, SETTINGS)
    except (UserError, TryAgainError):
        return
    assert reply.finish_reason in ("unaskable", "content_filter")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        *(({}, None), ({"retry-after": "7"}, 7.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after": " 7 "}, 7.0)),
        *(({"retry-after-ms": "250"}, 0.25), ({"retry-after-ms": "250", "retry-after": "7"}, 0.25)),
        *(({"retry-after-ms": "soon", "retry-after": "7"}, 7.0), ({"retry-after-ms": "nan", "retry-after": "7"}, 7.0)),
        *(({"retry-after": "-3"}, 0.0), ({"retry-after": ""}, None), ({"retry-after": "soon"}, None)),
        *(({"retry-after": "nan"}, None), ({"retry-after": "inf"}, None), ({"retry-after": "-inf"}, None)),
        *(({"retry-after": "1e999"}, None), ({"retry-after-ms": "inf"}, None)),
        ({"retry-after": "Mon, 99 Foo 2026 00:00:00 GMT"}, None),
    ],
)
def test_the_server_tells_how_long_to_wait_in_seconds_or_milliseconds(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


def test_the_server_tells_how_long_to_wait_by_a_date() -> None:
    ahead = retry_after_s({"retry-after": formatdate(time.time() + 3600, usegmt=True)})
    assert ahead is not None
    # A test that took a minute would be a slow one; the date has whole seconds.
    assert 3540 < ahead <= 3600
    assert retry_after_s({"retry-after": formatdate(time.time() - 3600, usegmt=True)}) == 0.0
    assert retry_after_s({"retry-after": formatdate(0, usegmt=True)}) == 0.0


@given(text=st.text(max_size=30) | st.from_regex(r"\A[0-9eE+:., A-Za-z-]{0,30}\Z"))
def test_no_header_is_too_strange_for_a_wait(text: str) -> None:
    wait_s = retry_after_s({"retry-after": text, "retry-after-ms": text})
    assert wait_s is None or wait_s >= 0
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": text}
    assert 0 <= used_up_s(headers) <= LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        *(("6m0s", 360.0), ("300ms", 0.3), ("1.5s", 1.5), ("1m2.5s", 62.5), ("17", 17.0), ("0s", 0.0)),
        *(("", 0.0), ("soon", 0.0), ("-5s", 0.0), ("5 s", 0.0), ("2026-01-01T00:00:00Z", 0.0), ("nan", 0.0)),
    ],
)
@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_a_limit_that_is_used_up_says_when_it_no_longer_is(kind: str, reset: str, seconds: float) -> None:
    headers = {f"x-ratelimit-remaining-{kind}": "0", f"x-ratelimit-reset-{kind}": reset}
    assert used_up_s(headers) == pytest.approx(seconds)


def test_nobody_waits_for_a_limit_that_is_not_used_up() -> None:
    assert used_up_s({}) == 0
    assert used_up_s({"x-ratelimit-reset-requests": "6m0s"}) == 0
    assert used_up_s({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "6m0s"}) == 0
    assert used_up_s({"x-ratelimit-remaining-requests": "0"}) == 0


def test_of_two_limits_the_later_decides() -> None:
    both = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}
    assert used_up_s({**both, "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2m"}) == 120


@pytest.mark.parametrize(("reset", "seconds"), [("1h2m", 3720.0), ("1d1s", 86_401.0), ("1h0m0.5s", 3600.5)])
def test_hours_and_days_are_understood(monkeypatch: pytest.MonkeyPatch, reset: str, seconds: float) -> None:
    monkeypatch.setattr("taskgalaxy.llm.failures.LONGEST_WAIT_S", 1e9)
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    assert used_up_s(headers) == seconds


@pytest.mark.parametrize("reset", ["1h2m", "2d", "23h59m59s", "9" * 400])
def test_after_the_longest_wait_the_server_is_asked_again(reset: str) -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    assert used_up_s(headers) == LONGEST_WAIT_S
