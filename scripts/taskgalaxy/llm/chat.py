"""Chat completions as they go over the wire: the body of a request, and what a server's answer says.

Only what every server understands is sent unless the settings say more, and nothing that a server may
ignore is relied on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings

_TOP_LOGPROBS = 5


def chat_body(settings: EndpointSettings, request: Request, image_url: str | None) -> dict[str, Any]:
    """The JSON body of ``request``; ``image_url`` is its image's data URI."""
    parameters = request.effective(settings.parameters)
    content: str | list[dict[str, Any]] = request.text
    if image_url is not None:
        image = {"url": image_url, "detail": parameters["detail"]} if "detail" in parameters else {"url": image_url}
        content = [{"type": "text", "text": request.text}, {"type": "image_url", "image_url": image}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    for reply, correction in request.turns:
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": correction}]
    body: dict[str, Any] = {"model": settings.model, "messages": messages}
    body |= {name: parameters[name] for name in ("temperature", "max_tokens", "seed") if name in parameters}
    if settings.structured_output and request.schema is not None:
        schema = {"name": request.stage, "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if settings.logprobs:
        body |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}
    return body | dict(settings.extra_body)


def read_completion(raw: Any, settings: EndpointSettings, stage: str) -> Reply | None:
    """The reply in a server's answer, a decoded JSON value; ``None`` if that is no chat completion."""
    choices = raw.get("choices") if isinstance(raw, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    text, refusal = _text(message.get("content")), _text(message.get("refusal"))
    finish_reason = choice.get("finish_reason")
    return Reply(
        text=text,
        finish_reason="refusal" if refusal else finish_reason if finish_reason in _CUT else "stop",
        model=_text(raw.get("model")) or settings.model,
        p_yes=p_yes(choice) if stage == "referee" else None,
        usage=_usage(raw.get("usage")),
        detail=refusal or None,
        system_fingerprint=_text(raw.get("system_fingerprint")) or None,
        provider="openai",
        raw=raw,
    )


_CUT = ("length", "content_filter")
_NO_CHANCE = -1e4
"""A log probability whose exponential is 0."""
_MOST_TOKENS = 1 << 40


def p_yes(choice: Mapping[str, Any]) -> float | None:
    """P("1") against "0" at the first token that is either, where the server sent log probabilities."""
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    for token in tokens if isinstance(tokens, list) else ():
        if _digit(token) is None:
            continue
        mass = {"0": 0.0, "1": 0.0}
        others = token.get("top_logprobs")
        for other in others if isinstance(others, list) else ():
            digit = _digit(other)
            if digit is not None and isinstance(other.get("logprob"), int | float):
                mass[digit] += math.exp(max(_NO_CHANCE, min(0.0, other["logprob"])))
        total = sum(mass.values())
        return mass["1"] / total if total > 0 else None
    return None


def _digit(token: Any) -> str | None:
    text = token.get("token") if isinstance(token, dict) else None
    return text.strip() if isinstance(text, str) and text.strip() in ("0", "1") else None


def _usage(usage: Any) -> dict[str, int]:
    """Token counts, with those of the cached part of the prompt as ``cached_tokens``."""
    if not isinstance(usage, dict):
        return {}
    details = usage.get("prompt_tokens_details")
    counts = {"cached_tokens": details.get("cached_tokens")} if isinstance(details, dict) else {}
    return {
        name: value
        for name, value in (usage | counts).items()
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS
    }


def _text(value: Any) -> str:
    """A text without lone surrogates, which JSON can carry and UTF-8 cannot."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
