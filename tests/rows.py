"""Rows of the tables with every column filled, of which a test states only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from taskgalaxy.schemas import COT_PROVENANCE, FILTER, IMAGE_INDEX, IMAGES, REMOVED, SAMPLES, VOTES
from taskgalaxy.tables import to_frame
from taskgalaxy.votes import tally

Row = dict[str, Any]


def image(image_id: str, shard: str = "one-00000", path: str | None = None, **columns: Any) -> Row:
    """A row of ``schemas.IMAGES``; the source is the shard's."""
    return {
        "image_id": image_id,
        "source": shard.rpartition("-")[0],
        "shard": shard,
        "path": path or f"{image_id}.png",
        "width": 640,
        "height": 480,
        "format": "PNG",
        "bytes": 1000,
        "license": "CC0-1.0",
        **columns,
    }


def images(*rows: Row) -> pl.DataFrame:
    return to_frame(rows, IMAGES)


def index(*rows: Row) -> pl.DataFrame:
    """Rows of :func:`image` as ``schemas.IMAGE_INDEX``; present where the row does not say otherwise."""
    return to_frame([{"present": True, **row} for row in rows], IMAGE_INDEX)


def removed(*places: tuple[str, str]) -> pl.DataFrame:
    """``schemas.REMOVED`` of (shard, path)."""
    return to_frame([{"shard": shard, "path": path} for shard, path in places], REMOVED)


def candidate(image_id: str, rank: int, task_type: str, kept: bool = True, **columns: Any) -> Row:
    """A row of ``schemas.FILTER``."""
    return {
        "image_id": image_id,
        "rank": rank,
        "task_type": task_type,
        "score": 0.25,
        "kept": kept,
        "reason": None if kept else "not_selected",
        "provider": "embedded",
        "model": "filtering",
        "request": f"filter {image_id}",
        **columns,
    }


def candidates(*rows: Row) -> pl.DataFrame:
    return to_frame(rows, FILTER)


def sample(sample_id: str, image_id: str = "i", task_type: str = "OCR~signs", **columns: Any) -> Row:
    """A row of ``schemas.SAMPLES``."""
    return {
        "sample_id": sample_id,
        "image_id": image_id,
        "task_type": task_type,
        "question": f"What is {sample_id}?",
        "answer": "A sign.",
        "rank": 1,
        "score": 0.25,
        "filled": False,
        "filter_provider": "embedded",
        "filter_model": "filtering",
        "filter_request": f"filter {image_id}",
        "qa_provider": "embedded",
        "qa_model": "asking",
        "qa_prompt": "digest",
        "qa_request": f"qa {image_id}",
        **columns,
    }


def samples(*rows: Row) -> pl.DataFrame:
    return to_frame(rows, SAMPLES)


def vote(sample_id: str, referee: str, value: int | None, **columns: Any) -> Row:
    """A row of ``schemas.VOTES``."""
    return {
        "sample_id": sample_id,
        "referee": referee,
        "vote": value,
        "p_yes": None,
        "reason": "abstained" if value is None else None,
        "provider": "embedded",
        "model": f"model of {referee}",
        "request": f"{referee} {sample_id}",
        **columns,
    }


def votes(*rows: Row) -> pl.DataFrame:
    return to_frame(rows, VOTES)


def vote_table(
    given: Iterable[tuple[str, Sequence[int | None]]],
    referees: Sequence[str],
    accept_at: int = 2,
    missing_vote: str = "no",
    **columns: Any,
) -> pl.DataFrame:
    """The vote table of samples s0, s1, ..., each of a task type and with a vote of every referee.

    ``columns`` are those of every vote, as in :func:`vote`.
    """
    given = list(given)
    drawn = samples(*(sample(f"s{number}", task_type=task_type) for number, (task_type, _) in enumerate(given)))
    cast = votes(
        *(
            vote(f"s{number}", referee, value, **columns)
            for number, (_, values) in enumerate(given)
            for referee, value in zip(referees, values, strict=True)
        )
    )
    return tally(drawn, cast, referees, accept_at, missing_vote)


def dataset_row(sample_id: str, **columns: Any) -> Row:
    """A row of ``schemas.DATASET``, with a yes of one referee."""
    of_vote = {key: value for key, value in vote(sample_id, "first", 1).items() if key != "sample_id"}
    place = {"source": "one", "image": "i.png", "width": 640, "height": 480, "license": "CC0-1.0"}
    return {
        **sample(sample_id),
        **place,
        "level_1": "OCR",
        "votes": [of_vote],
        "vote_score": 1,
        **dict.fromkeys(COT_PROVENANCE),
        **columns,
    }
