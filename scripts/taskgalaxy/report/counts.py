"""Counting what went into and came out of every stage, from the files of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from taskgalaxy.dataset import read_all_samples
from taskgalaxy.rejects import reject
from taskgalaxy.schemas import CLEAN, COT, DATASET, DUPLICATES, FILTER, IMAGE_INDEX, REJECTS
from taskgalaxy.tables import read_table, read_tables, to_frame
from taskgalaxy.votes import read_vote_table


class RunFiles(Protocol):
    """The files of a run, by what they hold; lists are in the order of the shards."""

    expand_rejects: Sequence[str]
    refused_rejects: str
    inspect_rejects: Sequence[str]
    images: str
    duplicates: str
    match_rejects: Sequence[str]
    filtered: Sequence[str]
    filter_rejects: Sequence[str]
    samples: Sequence[str]
    qa_rejects: Sequence[str]
    votes: str
    referee_rejects: str
    clean: str
    decontaminate_rejects: str
    dataset: str
    balance_rejects: str
    cot: Sequence[str]
    cot_rejects: Sequence[str]


def filter_rejects(filtered: pl.DataFrame) -> pl.DataFrame:
    """The candidates that were not kept (``schemas.FILTER``) as rows of ``schemas.REJECTS``."""
    return filtered.filter(~pl.col("kept")).select(
        stage=pl.lit("filter"),
        item=pl.format("candidate {} of {}", "rank", "image_id"),
        image_id="image_id",
        task_type="task_type",
        reason="reason",
        detail=pl.lit(None, pl.String),
    )


def duplicate_rejects(duplicates: pl.DataFrame) -> pl.DataFrame:
    """Later occurrences of an image (``schemas.DUPLICATES``) as rows of ``schemas.REJECTS``."""
    rows = [
        reject(
            "duplicates",
            f"{row['shard']}: {row['path']}",
            "duplicate",
            image_id=row["image_id"],
            detail=f"first seen as {row['first_shard']}: {row['first_path']}",
        )
        for row in duplicates.iter_rows(named=True)
    ]
    return to_frame(rows, REJECTS)


def count_stages(
    files: RunFiles,
    expansions: Sequence[Mapping[str, int]],
    image_files: int,
    referees: Sequence[str],
    cot_most: int,
) -> tuple[dict[str, tuple[int, int]], pl.DataFrame, int]:
    """Rows in and out of every stage, all rejected rows, and the number of votes.

    Rows in are counted where they come from, not as the sum of what became of them, so that
    :func:`taskgalaxy.report.funnel.funnel_rows` can find a row that vanished.

    Args:
        expansions: the counts of every level's expansion.
        image_files: how many files the shard manifests list.
        cot_most: samples per task type that are to have a step-by-step answer.
    """
    refused = read_table(files.refused_rejects, REJECTS)
    distinct = read_table(files.images, IMAGE_INDEX).height
    duplicates = read_table(files.duplicates, DUPLICATES)
    filtered = read_tables(files.filtered, FILTER)
    not_offered = read_tables(files.filter_rejects, REJECTS)
    kept = filtered.filter("kept").height
    samples = read_all_samples(files.samples).height
    scores = read_vote_table(files.votes, referees)
    accepted = scores.filter("accepted").height
    dataset = read_table(files.dataset, DATASET)
    clean = read_table(files.clean, CLEAN).filter("accepted").height
    qa_rejects = read_tables(files.qa_rejects, REJECTS)
    surplus = qa_rejects.filter(pl.col("task_type").is_null()).height
    counts: dict[str, tuple[int, int]] = {
        "expand": (sum(level["lines"] for level in expansions), sum(level["accepted"] for level in expansions)),
        "inspect": (image_files + refused.height, distinct + duplicates.height),
        "duplicates": (distinct + duplicates.height, distinct),
        "match": (distinct, filtered["image_id"].n_unique()),
        "filter": (filtered.height + not_offered.height, kept),
        "qa": (kept + surplus, samples),
        "referee": (samples, accepted),
        "decontaminate": (accepted, clean),
        "balance": (clean, dataset.height),
    }
    cot_rejects = read_tables(files.cot_rejects, REJECTS)
    if files.cot:
        sizes = dataset.group_by("task_type").len()["len"]
        counts["cot"] = (int(sizes.clip(upper_bound=cot_most).sum()), read_tables(files.cot, COT).height)
    rejects = pl.concat(
        [
            read_tables(files.expand_rejects, REJECTS),
            refused,
            read_tables(files.inspect_rejects, REJECTS),
            duplicate_rejects(duplicates),
            read_tables(files.match_rejects, REJECTS),
            filter_rejects(filtered),
            not_offered,
            qa_rejects,
            read_table(files.referee_rejects, REJECTS),
            read_table(files.decontaminate_rejects, REJECTS),
            read_table(files.balance_rejects, REJECTS),
            cot_rejects,
        ]
    )
    return counts, rejects, scores.height * len(referees)
