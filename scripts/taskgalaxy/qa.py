"""Question-answer generation: one pair per kept task type of an image (paper, section 3, Q&A Generation)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskgalaxy.files import sha256_json
from taskgalaxy.llm.json_replies import Damaged, as_text, excerpt, object_schema, read_objects
from taskgalaxy.llm.request import ImageContent, Reply, Request
from taskgalaxy.offered import Offered
from taskgalaxy.rejects import reject

if TYPE_CHECKING:
    from taskgalaxy.prompts import Template

_STRING = {"type": "string"}


@dataclass(frozen=True)
class Pair:
    """A question and its answer, tied to the offered task type that the reply names."""

    task_type: str
    question: str
    answer: str


@dataclass(frozen=True)
class Rejected:
    """What did not become a pair.

    Attributes:
        task_type: the offered task type that is left without a pair, or ``None`` for a surplus part of
            the reply (``label_not_offered``, ``second_pair``, or a part that names no task type).
        reason: one of ``rejects.REASONS["qa"]``.
        detail: the part of the reply, or the reason that the model gave.
    """

    task_type: str | None
    reason: str
    detail: str | None = None


def render(template: Template, image: ImageContent, task_types: Sequence[str]) -> Request:
    """Ask for one pair for each of the task types."""
    variables = {"task_types": list(task_types)}
    label = {"type": "string", "enum": list(task_types)}
    pair = object_schema(task_type=label, question=_STRING, answer=_STRING)
    abstention = object_schema(task_type=label, abstain=_STRING)
    schema = object_schema(pairs={"type": "array", "items": {"anyOf": [pair, abstention]}})
    return Request("qa", template.render(**variables), image, variables, template.digest, schema)


def problem(request: Request, reply: Reply) -> str | None:
    """The reason why a reply to :func:`render` says nothing that can be used, or ``None``."""
    failure = reply.failure()
    if failure:
        return failure
    return None if _objects(reply.text)[0] else "reply_unparsable"


def _objects(text: str) -> tuple[list[dict[str, Any]], list[Damaged]]:
    """The objects in a reply; those in ``{"pairs": [...]}``, as structured output has it, stand for themselves."""
    objects, damaged = read_objects(text)
    if len(objects) == 1 and isinstance(pairs := objects[0].get("pairs"), list) and "task_type" not in objects[0]:
        objects = [value for value in pairs if isinstance(value, dict)]
        others = [json.dumps(value, ensure_ascii=False) for value in pairs if not isinstance(value, dict)]
        damaged += [Damaged(excerpt(other), "not an object") for other in others]
    return objects, damaged


def parse(reply: Reply, task_types: Sequence[str]) -> tuple[list[Pair], list[Rejected]]:
    """The pairs, in the order of ``task_types``, and what was rejected.

    Each offered task type ends as exactly one pair or exactly one reject that carries it; surplus parts
    of the reply are rejects without a task type. A pair belongs to the task type it names, never to the
    one at its position; the first sound pair of a task type counts.
    """
    task_types = list(dict.fromkeys(task_types))
    failure = reply.failure()
    if failure:
        return [], [Rejected(task_type, failure, reply.detail) for task_type in task_types]
    objects, damaged = _objects(reply.text)
    if not objects:
        why = f"{damaged[0].reason}: {damaged[0].text}" if damaged else excerpt(reply.text)
        return [], [Rejected(task_type, "reply_unparsable", why) for task_type in task_types]
    offered = Offered(task_types)
    pairs: dict[str, Pair] = {}
    broken: dict[str, Rejected] = {}
    surplus = [Rejected(None, "malformed_pair", f"{part.reason}: {part.text}") for part in damaged]
    for value in objects:
        label = value.get("task_type")
        task_type = offered.match(label) if isinstance(label, str) else None
        if task_type is None:
            reason = "label_not_offered" if isinstance(label, str) else "malformed_pair"
            surplus.append(Rejected(None, reason, excerpt(json.dumps(value, ensure_ascii=False))))
            continue
        outcome = _pair(task_type, value)
        if task_type in pairs:
            surplus.append(Rejected(None, "second_pair", excerpt(json.dumps(value, ensure_ascii=False))))
        elif isinstance(outcome, Pair):
            pairs[task_type] = outcome
        else:
            broken.setdefault(task_type, outcome)
    missing = [
        broken.get(task_type, Rejected(task_type, "no_pair")) for task_type in task_types if task_type not in pairs
    ]
    return [pairs[task_type] for task_type in task_types if task_type in pairs], missing + surplus


def _pair(task_type: str, value: Mapping[str, Any]) -> Pair | Rejected:
    """The pair in an object of the reply, or why it holds none."""
    if "abstain" in value and not (value.get("question") or value.get("answer")):
        reason = value["abstain"]
        return Rejected(task_type, "abstained", excerpt(reason) if isinstance(reason, str) else None)
    question, answer = as_text(value.get("question")), as_text(value.get("answer"))
    if question is None or answer is None:
        return Rejected(task_type, "malformed_pair", excerpt(json.dumps(value, ensure_ascii=False)))
    if not question:
        return Rejected(task_type, "question_empty")
    if not answer:
        return Rejected(task_type, "answer_empty")
    return Pair(task_type, question, answer)


def sample_id(image_id: str, task_type: str, question: str, answer: str) -> str:
    """The identity of a sample, from its content alone: 20 hexadecimal digits."""
    content = {"image_id": image_id, "task_type": task_type, "question": question, "answer": answer}
    return sha256_json(content)[:20]


def pair_rows(
    image_id: str, task_types: Sequence[str], reply: Reply
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The pairs (sample_id, image_id, task_type, question, answer) and rows of ``schemas.REJECTS`` in a reply.

    As many rows carry an offered task type as were offered; rejects without one are surplus parts of the
    reply.
    """
    pairs, rejected = parse(reply, task_types)
    samples = [
        {
            "sample_id": sample_id(image_id, pair.task_type, pair.question, pair.answer),
            "image_id": image_id,
            "task_type": pair.task_type,
            "question": pair.question,
            "answer": pair.answer,
        }
        for pair in pairs
    ]
    rejects = [
        reject(
            "qa",
            f"{image_id}: {part.task_type or 'surplus part of the reply'}",
            part.reason,
            image_id=image_id,
            task_type=part.task_type,
            detail=part.detail,
        )
        for part in rejected
    ]
    return samples, rejects
