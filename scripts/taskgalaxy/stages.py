"""The three questions that are asked about images, each for one shard.

Every function renders one request per image (or per sample), asks them all and puts the replies into
rows; each row that came in goes out, or stands among the rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import polars as pl

from taskgalaxy import filtering, qa, referee
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.request import Answer, ImageContent
from taskgalaxy.prompts import Template

Row = dict[str, Any]
Rows = list[Row]


def filter_shard(
    topk: pl.DataFrame, images: Mapping[str, ImageContent], template: Template, model: Model
) -> tuple[Rows, Rows]:
    """Ask for every image which of its candidates fit.

    Returns rows of ``tables.FILTER``, one per row of ``topk``, and rows of ``tables.REJECTS`` for labels
    that came back and were not offered.
    """
    candidates = _by_image(topk.iter_rows(named=True))
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
    kept: pl.DataFrame, images: Mapping[str, ImageContent], template: Template, model: Model
) -> tuple[Rows, Rows]:
    """Ask for a pair per kept task type of every image; rows of ``tables.SAMPLES`` and ``tables.REJECTS``.

    ``kept`` are the rows of ``tables.FILTER`` that were kept.
    """
    offered = [
        (image_id, {row["task_type"]: row for row in rows}) for image_id, rows in _by_image(kept.iter_rows(named=True))
    ]
    requests = [qa.render(template, images[image_id], list(candidates)) for image_id, candidates in offered]
    samples: Rows = []
    rejects: Rows = []
    for (image_id, candidates), answer in zip(offered, model.ask(requests, qa.problem), strict=True):
        pairs, rejected = qa.pair_rows(image_id, list(candidates), answer.reply)
        samples += [_sample(pair, candidates[pair["task_type"]], answer) for pair in pairs]
        rejects += rejected
    return samples, rejects


def _sample(pair: Row, candidate: Row, answer: Answer) -> Row:
    """A question-answer pair with what led to it: the kept candidate and the request."""
    return {
        **pair,
        "rank": candidate["rank"],
        "score": candidate["score"],
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
    """Referee ``name`` votes on every sample; rows of ``tables.VOTES``, in the order of ``samples``."""
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


def _by_image(rows: Any) -> list[tuple[str, Rows]]:
    """Neighbouring rows of one image, together; a shard's rows of one image always are neighbours."""
    return [(image_id, list(group)) for image_id, group in groupby(rows, key=lambda row: row["image_id"])]
