"""JSON objects in the replies of models: lenient about what stands around them, strict about each one.

Fenced blocks, arrays, JSON Lines, prose before and after, raw line breaks inside strings and
typographic quotation marks as delimiters are accepted. Truncated objects, repeated keys, numbers that
are not finite and text that UTF-8 cannot hold are refused, each with a reason; one object's damage does
not take its neighbours along.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Damaged:
    """A part of a reply that looked like an object: its first characters, and why it was refused."""

    text: str
    reason: str


_EXCERPT_LENGTH = 120
_DETAIL_LENGTH = 200
_FENCE = re.compile(r"\A```[a-z]*\s|```\Z")
_LINE_START_OBJECT = re.compile(r"\n[ \t]*(?=\{)")
_OPENING_QUOTE = re.compile(r"(?<=[{\[,:])(\s*)[“”„‟]")
_CLOSING_QUOTE = re.compile(r"[“”](?=\s*[:,}\]])")


def read_objects(text: str) -> tuple[list[dict[str, Any]], list[Damaged]]:
    """The outermost JSON objects in ``text``, in order, and the parts that were refused."""
    objects: list[dict[str, Any]] = []
    damaged: list[Damaged] = []
    straight = _straightened(text)
    position = text.find("{")
    while position >= 0:
        value, end, reason = _decode(text, position)
        if reason and straight != text:
            other, other_end, other_reason = _decode(straight, position)
            if not other_reason:
                value, end, reason = other, other_end, None
        if value is not None:
            objects.append(value)
        else:
            damaged.append(Damaged(text[position:end][:_EXCERPT_LENGTH].strip(), reason or ""))
        position = text.find("{", end)
    return objects, damaged


def _straightened(text: str) -> str:
    """``text`` with plain quotation marks where typographic ones delimit; positions hold in both."""
    return _CLOSING_QUOTE.sub('"', _OPENING_QUOTE.sub(r'\1"', text))


def only_value(text: str, name: str) -> Any:
    """The value in a reply that is one object with the single key ``name``; ``None`` for any other reply.

    White space and a code fence around the object are tolerated, and nothing else.
    """
    text = _FENCE.sub("", text.strip()).strip()
    if text.startswith("{"):
        for candidate in (text, _straightened(text)):
            value, end, _ = _decode(candidate, 0)
            if value is not None and end == len(candidate) and set(value) == {name}:
                return value[name]
    return None


def as_text(value: object) -> str | None:
    """A text, or a number that a model gave instead of one; anything else is ``None``."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    return None


def excerpt(text: str) -> str:
    """The beginning of a reply, for a reject's detail."""
    return text[:_DETAIL_LENGTH]


def object_schema(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _decode(text: str, start: int) -> tuple[dict[str, Any] | None, int, str | None]:
    """The object at ``start``, where reading goes on, and the reason why it is refused if it is."""
    try:
        value, end = _STRICT.raw_decode(text, start)
        json.dumps(value, ensure_ascii=False).encode()
    except _RefusedError as error:
        return None, _end_of_damage(text, start), str(error)
    except RecursionError:
        return None, len(text), "nested too deeply"
    except UnicodeEncodeError:
        return None, _end_of_damage(text, start), "half of a surrogate pair"
    except json.JSONDecodeError as error:
        end = _end_of_damage(text, start)
        cut = end == len(text) and not text.rstrip().endswith("}")
        return None, end, "truncated" if cut else f"not JSON ({error.msg.lower()})"
    except ValueError as error:
        return None, _end_of_damage(text, start), str(error)
    return value, end, None


def _end_of_damage(text: str, start: int) -> int:
    """Where an object that cannot be read ends: at its closing brace, or where a line starts another one."""
    following = _LINE_START_OBJECT.search(text, start)
    limit = following.end() if following else len(text)
    depth = 0
    quoted = escaped = False
    for position in range(start, limit):
        character = text[position]
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return position + 1
    return limit


class _RefusedError(ValueError):
    """Valid JSON that is refused nevertheless."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedError("repeats a key")
    return value


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _RefusedError(f"{number} is not a finite number")
    return value


_STRICT = json.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_float=_finite, parse_constant=_finite, strict=False
)
