"""The questions that are asked about images: three for one shard each, and one for the final set.

Every function renders one request per image (or per sample), asks them all and puts the replies into
rows; each row that came in goes out, or stands among the rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import polars as pl

from taskgalaxy import cot, filtering, qa, referee
from taskgalaxy.llm.generators import Generators
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.request import Answer, ImageContent
from taskgalaxy.prompts import Template

Row = dict[str, Any]
Rows = list[Row]


def filter_shard(
    topk: pl.DataFrame,
    images: Mapping[str, ImageContent],
    template: Template,
    model: Model,
    *,
    filling: bool = False,
) -> tuple[Rows, Rows]:
    """Ask for every image which of its candidates fit; when ``filling``, about every candidate alone.

    Returns rows of ``schemas.FILTER``, one per row of ``topk``, and rows of ``schemas.REJECTS`` for labels
    that came back and were not offered.
    """
    candidates = _by_request(topk, filling)
    requests = [
        filtering.render(template, images[image_id], [row["task_type"] for row in rows])
        for image_id, rows in candidates
    ]
    filtered: Rows = []
    rejects: Rows = []
    for (_, rows), answer in zip(candidates, model.ask(requests, filtering.problem), strict=True):
        verdicts, rejected = filtering.filter_rows(rows, answer.reply, **answer.origin)
        filtered += verdicts
        rejects += rejected
    return filtered, rejects


def qa_shard(
    kept: pl.DataFrame,
    images: Mapping[str, ImageContent],
    template: Template,
    model: Model | Generators,
    *,
    filling: bool = False,
) -> tuple[Rows, Rows]:
    """Ask for a pair per kept task type of every image; rows of ``schemas.SAMPLES`` and ``schemas.REJECTS``.

    When ``filling``, about every task type alone.

    ``kept`` are the rows of ``schemas.FILTER`` that were kept.
    """
    offered = [(image_id, {row["task_type"]: row for row in rows}) for image_id, rows in _by_request(kept, filling)]
    requests = [qa.render(template, images[image_id], list(candidates)) for image_id, candidates in offered]
    samples: Rows = []
    rejects: Rows = []
    for (image_id, candidates), answer in zip(offered, model.ask(requests, qa.problem), strict=True):
        pairs, rejected = qa.pair_rows(image_id, list(candidates), answer.reply)
        samples += [_sample(pair, candidates[pair["task_type"]], answer, filling) for pair in pairs]
        rejects += rejected
    return samples, rejects


def _sample(pair: Row, candidate: Row, answer: Answer, filled: bool) -> Row:
    """A question-answer pair with what led to it: the kept candidate and the request."""
    return {
        **pair,
        "rank": candidate["rank"],
        "score": candidate["score"],
        "filled": filled,
        "filter_provider": candidate["provider"],
        "filter_model": candidate["model"],
        "filter_request": candidate["request"],
        "qa_provider": answer.origin["provider"],
        "qa_model": answer.origin["model"],
        "qa_prompt": answer.request.prompt,
        "qa_request": answer.origin["request"],
    }


def vote_shard(
    samples: pl.DataFrame,
    images: Mapping[str, ImageContent],
    template: Template,
    model: Model,
    name: str,
    sees_answer: bool,
) -> Rows:
    """Referee ``name`` votes on every sample; rows of ``schemas.VOTES``, in the order of ``samples``."""
    rows = samples.to_dicts()
    requests = [
        referee.render(
            template,
            images[row["image_id"]],
            row["task_type"],
            row["question"],
            row["answer"] if sees_answer else None,
        )
        for row in rows
    ]
    return [
        referee.vote_row(row["sample_id"], name, answer.reply, **answer.origin)
        for row, answer in zip(rows, model.ask(requests, referee.problem), strict=True)
    ]


def cot_samples(
    samples: pl.DataFrame, images: Mapping[str, ImageContent], template: Template, model: Model
) -> tuple[Rows, Rows]:
    """Ask for step-by-step answers to the questions of all samples; rows of ``schemas.COT`` and ``schemas.REJECTS``."""
    rows = samples.to_dicts()
    requests = [cot.render(template, images[row["image_id"]], row["question"]) for row in rows]
    outcomes = [cot.cot_row(row, answer) for row, answer in zip(rows, model.ask(requests, cot.problem), strict=True)]
    return [row for row, _ in outcomes if row], [rejected for _, rejected in outcomes if rejected]


def _by_request(rows: pl.DataFrame, apart: bool) -> list[tuple[str, Rows]]:
    """The rows that one question is about: neighbouring ones of an image, or each by itself.

    A shard's rows of one image always are neighbours.
    """
    named = rows.iter_rows(named=True)
    if apart:
        return [(row["image_id"], [row]) for row in named]
    return [(image_id, list(group)) for image_id, group in groupby(named, key=lambda row: row["image_id"])]
