"""What a server's refusal of a request means: each class of error has one owner, and it is named here.

- The request itself is at fault (400, 413, 415, 422): a reply that is no answer, ``unaskable``.
- The prompt was filtered: an answer, recorded like any other.
- No request can succeed (key, quota, model): :class:`UserError`, which stops the run.
- Anything else may succeed later (transport, timeouts, 408, 409, 429, 5xx, bodies that are no
  completion): :class:`TryAgainError`, which :mod:`taskgalaxy.llm.openai_provider` alone retries.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.llm.request import Reply
from taskgalaxy.llm.settings import EndpointSettings

LONGEST_WAIT_S = 600.0
"""A server that asks for more patience than this stops the run: its limit is one per day or more."""

_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_FILTER_CODES = ("content_filter", "content_policy_violation")
_UNASKABLE = (400, 413, 415, 422)
_OVERLOAD = (429, 503, 529)


class TryAgainError(Exception):
    """A try that failed and may succeed later.

    Attributes:
        after_s: seconds that the server asked to wait, if it did.
        overloaded: whether fewer requests at once would help.
    """

    def __init__(self, detail: str, *, after_s: float | None = None, overloaded: bool = False) -> None:
        super().__init__(detail)
        self.after_s = after_s
        self.overloaded = overloaded


def refusal_of(status: int, body: Any, headers: Mapping[str, str], settings: EndpointSettings) -> Reply:
    """The reply that an error status amounts to, where it is one.

    Args:
        body: the decoded JSON of the answer, whatever it is.

    Raises:
        UserError: if no request can succeed.
        TryAgainError: if this one may later.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    message = str(error.get("message") or error if isinstance(error, dict) else error or "")[:500]
    if code in _FILTER_CODES:
        return Reply("", "content_filter", settings.model, detail=str(code), provider="openai", raw={"error": error})
    if code in _QUOTA_CODES:
        raise UserError(
            settings.where,
            f"the account's quota is used up ({code})",
            "add credit, then run again: what is answered is not asked again",
        )
    if status in (401, 403):
        fix = f"check the key in the environment variable {settings.api_key_env}, and what it allows"
        if settings.api_key_env is None:
            fix = "set api_key_env to the name of the environment variable that holds the key"
        raise UserError(settings.where, f"the server refuses access ({status})", fix)
    if status == 404:
        raise UserError(
            settings.where,
            f"the server knows no model {settings.model!r}, or nothing at this address",
            "check model and base_url",
        )
    if status in _UNASKABLE:
        return unanswered(f"{status}: {message}", settings, "unaskable")
    after_s = retry_after_s(headers)
    if after_s is not None and after_s > LONGEST_WAIT_S:
        raise UserError(
            settings.where,
            f"the server asks to wait {after_s / 60:.0f} minutes ({status}: {message})",
            "run again after that: what is answered is not asked again",
        )
    raise TryAgainError(f"{status}: {message}", after_s=after_s, overloaded=status in _OVERLOAD)


def unanswered(detail: str, settings: EndpointSettings, finish_reason: str = "failed", attempts: int = 1) -> Reply:
    """A reply that is no answer."""
    return Reply("", finish_reason, settings.model, detail=detail[:500], provider="openai", attempts=attempts)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After`` (seconds or a date) or ``Retry-After-Ms``; ``None`` if not told."""
    milliseconds, seconds = headers.get("retry-after-ms"), headers.get("retry-after")
    for text, divisor in ((milliseconds, 1000.0), (seconds, 1.0)):
        try:
            value = float(text or "") / divisor
        except ValueError:
            continue
        if math.isfinite(value):
            return max(0.0, value)
    try:
        return max(0.0, parsedate_to_datetime(seconds or "").timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def used_up_s(headers: Mapping[str, str]) -> float:
    """Seconds until the server takes more, by its own headers: 0 unless it says that none remain.

    ``LONGEST_WAIT_S`` at most: what it replies after that tells whether it is one to wait for.
    """
    waits = [0.0]
    for kind in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0":
            waits.append(_duration_s(headers.get(f"x-ratelimit-reset-{kind}", "")))
    return min(max(waits), LONGEST_WAIT_S)


_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd]|)")


def _duration_s(text: str) -> float:
    """Seconds in a duration such as ``6m0s`` or ``300ms``; 0 for anything else."""
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        return 0.0
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(text))
