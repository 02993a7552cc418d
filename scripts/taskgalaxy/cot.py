"""Step-by-step answers: a chain of thought for some samples of the final set (paper, section A.9; Table A-3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from taskgalaxy.balance import in_draw_order
from taskgalaxy.llm.json_replies import as_text, excerpt, object_schema, read_objects
from taskgalaxy.llm.request import Answer, ImageContent, Reply, Request
from taskgalaxy.qa import sample_id
from taskgalaxy.rejects import reject
from taskgalaxy.schemas import COT_PROVENANCE

if TYPE_CHECKING:
    from taskgalaxy.prompts import Template

_STRING = {"type": "string"}


def choose(dataset: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """The samples that get a step-by-step answer: at most ``most`` per task type, those that were drawn first.

    They are sorted by image, since requests about one image are best sent together.
    """
    chosen = in_draw_order(dataset, seed).filter(pl.col("position") < most).drop("position")
    return chosen.sort("image_id", "sample_id")


def render(template: Template, image: ImageContent, question: str) -> Request:
    """Ask the question again, and for the way to its answer. The plain answer is not shown."""
    variables = {"question": question}
    steps = object_schema(steps={"type": "array", "items": _STRING}, answer=_STRING)
    schema = object_schema(result={"anyOf": [steps, object_schema(abstain=_STRING)]})
    return Request("cot", template.render(**variables), image, variables, template.digest, schema)


def problem(_: Request, reply: Reply) -> str | None:
    """The reason why a reply to :func:`render` is no answer, or ``None``; to abstain is an answer."""
    reason = parse(reply)[1]
    return None if reason == "abstained" else reason


def parse(reply: Reply) -> tuple[str, str | None, str | None]:
    """The text, or the reason (one of ``rejects.REASONS["cot"]``) why there is none and a detail.

    The text has one step per line, then ``Answer:`` and the answer.
    """
    failure = reply.failure()
    if failure:
        return "", failure, reply.detail
    objects, damaged = read_objects(reply.text)
    value = objects[0] if len(objects) == 1 and not damaged else {}
    if set(value) == {"result"} and isinstance(value["result"], Mapping):
        value = dict(value["result"])
    if isinstance(value.get("abstain"), str) and not value.get("answer"):
        return "", "abstained", excerpt(value["abstain"])
    given, answer = value.get("steps"), as_text(value.get("answer"))
    steps = [as_text(step) for step in given] if isinstance(given, list) else []
    if answer is None or None in steps:
        return "", "reply_unparsable", excerpt(reply.text)
    lines = [" ".join(step.split()) for step in steps if step]
    if not lines:
        return "", "no_steps", excerpt(reply.text)
    if not answer:
        return "", "answer_empty", excerpt(reply.text)
    return "\n".join([*lines, f"Answer: {answer}"]), None, None


def cot_row(sample: Mapping[str, Any], answer: Answer) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What came back for ``sample``: a row of ``schemas.COT`` or one of ``schemas.REJECTS``."""
    text, reason, detail = parse(answer.reply)
    identity = {"image_id": sample["image_id"], "task_type": sample["task_type"]}
    if reason:
        return None, reject("cot", sample["sample_id"], reason, **identity, detail=detail)
    row = {
        "sample_id": sample["sample_id"],
        "cot_sample_id": sample_id(**identity, question=sample["question"], answer=text),
        "answer": text,
        "cot_provider": answer.origin["provider"],
        "cot_model": answer.origin["model"],
        "cot_prompt": answer.request.prompt,
        "cot_request": answer.origin["request"],
    }
    return row, None


def with_cot_answers(dataset: pl.DataFrame, cot: pl.DataFrame) -> pl.DataFrame:
    """The samples of ``dataset`` that have a step-by-step answer, with it in place of the plain one.

    They are samples of their own, with ids of their own; their votes are those on the plain sample.
    """
    answered = dataset.drop("answer", *COT_PROVENANCE).join(cot, on="sample_id", how="inner")
    return answered.drop("sample_id").rename({"cot_sample_id": "sample_id"}).select(dataset.columns)
