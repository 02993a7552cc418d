"""Referees: one vote per referee and sample (paper, section 3, Referee Screening; prompt in Table A-3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from taskgalaxy.llm.json_replies import object_schema, only_value
from taskgalaxy.llm.request import ImageContent, Reply, Request

if TYPE_CHECKING:
    from taskgalaxy.prompts import Template

_FENCE = re.compile(r"\A```[a-z]*\s(.*)```\Z", re.DOTALL)
_LEADING_WORD = re.compile(r"\A(?:score|answer|vote)\s*:\s*", re.IGNORECASE)
VOTE_SCHEMA = object_schema(vote={"type": "integer", "enum": [0, 1]})
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "[": "]", "(": ")"}


def render(template: Template, image: ImageContent, task_type: str, question: str, answer: str | None) -> Request:
    """Ask whether task type and question suit the image; the referee sees the answer unless it is ``None``."""
    variables = {"task_type": task_type, "question": question}
    if answer is not None:
        variables["answer"] = answer
    return Request("referee", template.render(**variables), image, variables, template.digest, VOTE_SCHEMA)


def problem(_: Request, reply: Reply) -> str | None:
    """The reason why a reply to :func:`render` is no vote, or ``None``; to abstain is an answer."""
    reason = parse(reply)[1]
    return None if reason == "abstained" else reason


def parse(reply: Reply) -> tuple[int | None, str | None]:
    """The vote, 0 or 1, or ``None`` and one of ``rejects.VOTE_REASONS``.

    A vote is a reply that is a lone 0 or 1. White space, quotation marks, brackets, a code fence, one
    full stop and a leading "Score:", "Answer:" or "Vote:" around it are tolerated, and an object
    ``{"vote": 1}`` (as structured output has it) is one; anything else that contains a digit is not a vote,
    since it may be quoted from the image.
    """
    failure = reply.failure()
    if failure:
        return None, failure
    bare = _bare(reply.text)
    if bare in ("0", "1"):
        return int(bare), None
    return None, "abstained" if bare.casefold() in ("abstain", "abstained") else "reply_unparsable"


def _bare(text: str) -> str:
    """What is left when the tolerated wrapping is taken off, layer by layer."""
    text = text.strip()
    fenced = _FENCE.match(text)
    text = fenced[1].strip() if fenced else text
    if text.startswith("{"):
        vote = only_value(text, "vote")
        return str(vote) if vote in (0, 1) and not isinstance(vote, bool) else text
    text = _LEADING_WORD.sub("", text)
    stops = 1
    while True:
        if text.endswith(".") and stops:
            text, stops = text[:-1].strip(), 0
        elif len(text) >= 2 and _PAIRS.get(text[0]) == text[-1]:
            text = text[1:-1].strip()
        else:
            return text


def vote_row(sample_id: str, referee: str, reply: Reply, *, provider: str, model: str, request: str) -> dict[str, Any]:
    """One row of ``schemas.VOTES``; ``request`` is the request's ledger key."""
    vote, reason = parse(reply)
    return {
        "sample_id": sample_id,
        "referee": referee,
        "vote": vote,
        "p_yes": None if vote is None else reply.p_yes,
        "reason": reason,
        "provider": provider,
        "model": model,
        "request": request,
    }
