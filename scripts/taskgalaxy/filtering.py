"""The filter: which candidate task types fit an image (paper, section 3, Match and Filter; Table A-3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskgalaxy.labels import label_key
from taskgalaxy.llm.json_replies import object_schema, only_value
from taskgalaxy.llm.request import ImageContent, Reply, Request
from taskgalaxy.offered import Offered
from taskgalaxy.rejects import reject

if TYPE_CHECKING:
    from taskgalaxy.prompts import Template

_FENCE = re.compile(r"^\s*```[a-z]*[ \t]*$", re.MULTILINE | re.IGNORECASE)
_STRAIGHT = str.maketrans("“”„‟‘’", '""""\'\'')
_NONE = ("none", "null")
_EXCERPT_LENGTH = 200


@dataclass(frozen=True)
class Selection:
    """What a reply says about the candidates.

    Attributes:
        verdicts: per candidate, whether it is kept, and the reason (``rejects.REASONS["filter"]``) if not.
        unknown_labels: what the reply names besides, which was never offered.
    """

    verdicts: Sequence[tuple[bool, str | None]]
    unknown_labels: tuple[str, ...] = ()


def render(template: Template, image: ImageContent, candidates: Sequence[str]) -> Request:
    """Ask which of the candidates fit the image."""
    variables = {"candidates": list(candidates)}
    labels = {"type": "array", "items": {"type": "string", "enum": list(candidates)}}
    return Request(
        "filter", template.render(**variables), image, variables, template.digest, object_schema(task_types=labels)
    )


def problem(request: Request, reply: Reply) -> str | None:
    """Why a reply to :func:`render` is no verdict at all: a reason of its own candidates, or ``None``."""
    verdicts = parse(reply, request.variables["candidates"]).verdicts
    return next((reason for _, reason in verdicts if reason not in (None, "none_fits", "not_selected")), None)


def parse(reply: Reply, candidates: Sequence[str]) -> Selection:
    """The verdict on each candidate, in their order.

    The reply may be a JSON array, an object ``{"task_types": [...]}`` (as structured output has it), a
    list in brackets without quotation marks, or one label per line.
    Only a whole label counts, equal to a candidate after cleaning. A reply that names no candidate and
    does not say "None" either is no verdict at all.
    """
    failure = reply.failure()
    if failure:
        return Selection([(False, failure)] * len(candidates))
    offered = Offered(candidates)
    labels = _labels(reply.text, offered)
    if labels is None:
        return Selection([(False, "reply_unparsable")] * len(candidates))
    matches = [(label, offered.match(label)) for label in labels]
    kept = {match for _, match in matches if match is not None}
    unknown = tuple(label for label, match in matches if match is None and label_key(label) not in ("", *_NONE))
    if kept:
        verdicts = [(True, None) if candidate in kept else (False, "not_selected") for candidate in candidates]
        return Selection(verdicts, unknown)
    says_none = any(label_key(label) in _NONE for label in labels)
    reason = "none_fits" if says_none else "reply_unparsable"
    return Selection([(False, reason)] * len(candidates), unknown)


def filter_rows(
    topk_rows: Sequence[Mapping[str, Any]], reply: Reply, *, provider: str, model: str, request: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of ``schemas.FILTER`` for the ``schemas.TOPK`` rows of one image, and rows of ``schemas.REJECTS``
    for the labels that the reply names and that were not offered.

    ``request`` is the request's ledger key.
    """
    selection = parse(reply, [row["task_type"] for row in topk_rows])
    rows = [
        {
            "image_id": row["image_id"],
            "rank": row["rank"],
            "task_type": row["task_type"],
            "score": row["score"],
            "kept": kept,
            "reason": reason,
            "provider": provider,
            "model": model,
            "request": request,
        }
        for row, (kept, reason) in zip(topk_rows, selection.verdicts, strict=True)
    ]
    rejects = [
        reject(
            "filter",
            # A JSON escape may stand for half of a surrogate pair, which no table can hold.
            f"{rows[0]['image_id']}: {label[:_EXCERPT_LENGTH].encode('utf-8', 'replace').decode()}",
            "label_not_offered",
            image_id=rows[0]["image_id"],
        )
        for label in selection.unknown_labels
    ]
    return rows, rejects


def _labels(text: str, offered: Offered) -> list[str] | None:
    """The labels that a reply lists; ``None`` if it is no list of labels."""
    lines = [line.strip() for line in _FENCE.sub("", text).strip().splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":") and offered.match(lines[0]) is None:
        lines = lines[1:]
    # A second heading may well announce what does not fit.
    if not lines or any(line.endswith(":") and offered.match(line) is None for line in lines):
        return None
    if lines[0].startswith("{"):
        values = only_value("\n".join(lines), "task_types")
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
        return values or ["None"]
    if lines[0].startswith("["):
        return _bracketed("\n".join(lines), offered)
    if label_key(lines[0]) in _NONE:
        return lines[:1]
    return lines


def _bracketed(text: str, offered: Offered) -> list[str] | None:
    """The labels in the lists that ``text`` starts with; what follows them is not read."""
    labels: list[str] = []
    while text.startswith("["):
        end = _closing_bracket(text)
        if end is None:
            return None
        labels += _elements(text[:end], offered)
        text = text[end:].lstrip(" ,\n")
    return labels or ["None"]


def _closing_bracket(text: str) -> int | None:
    """Where the bracket that ``text`` starts with is closed, after it; labels may hold brackets themselves."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        depth = 0
        for position, character in enumerate(text):
            depth += (character == "[") - (character == "]")
            if depth == 0:
                return position + 1
        return None


def _elements(text: str, offered: Offered) -> list[str]:
    """The elements of one list, brackets included in ``text``."""
    for candidate in (text, text.translate(_STRAIGHT)):
        try:
            values = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if any(isinstance(value, list) for value in values):
            break
        return [value if isinstance(value, str) else json.dumps(value) for value in values]
    # Labels may hold commas, so the longest run of parts that is an offered label is taken as one.
    parts = re.split(r"[,;\n]", text[1:-1])
    labels: list[str] = []
    start = 0
    while start < len(parts):
        for end in range(len(parts), start, -1):
            label = ",".join(parts[start:end])
            if end == start + 1 or offered.match(label):
                labels.append(label.strip())
                start = end
                break
    return [label for label in labels if label]
