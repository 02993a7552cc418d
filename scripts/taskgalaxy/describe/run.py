"""All tables of a run, from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from taskgalaxy.describe import candidates, referees, samples, similar, task_types
from taskgalaxy.describe.sheets import sheet
from taskgalaxy.embeddings import read_embeddings
from taskgalaxy.files import read_json
from taskgalaxy.report.referees import RefereeStatistics
from taskgalaxy.schemas import DATASET, FUNNEL, IMAGE_INDEX, TASK_TYPES
from taskgalaxy.tables import read_columns, read_table
from taskgalaxy.votes import vote_table_schema


class RunFiles(Protocol):
    """The files of a run, by what they hold.

    ``filtered`` are in the order of the shards of images, and named by them; ``fill`` are those of the fill.
    """

    task_types: str
    embeddings: str
    images: str
    filtered: Sequence[str]
    fill: Sequence[str]
    votes: str
    dataset: str
    funnel: str
    referees: str


def describe(
    files: RunFiles, paper: Mapping[str, Any], referee_names: Sequence[str], similar_above: float
) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """The tables of :data:`taskgalaxy.describe.sheets.SCHEMAS`, and the numbers that the report states.

    Args:
        paper: of :func:`taskgalaxy.describe.paper.read_paper`; it becomes a part of the numbers.
        referee_names: the referees of the vote table.
        similar_above: the cosine from which on two task types count as near-duplicates.

    Raises:
        UserError: if a file is missing or damaged.
    """
    pool = read_table(files.task_types, TASK_TYPES)
    final = read_columns(
        files.dataset,
        DATASET,
        ["image_id", "source", "license", "task_type", "question", "answer", "filter_provider", "qa_provider"],
    )
    votes = read_columns(files.votes, vote_table_schema(referee_names), ["task_type", "accepted"])
    images = read_columns(files.images, IMAGE_INDEX, ["image_id", "present", "source", "license"])
    funnel = read_table(files.funnel, FUNNEL)
    statistics: RefereeStatistics = read_json(files.referees)
    counted = candidates.count_candidates(files.filtered, files.fill)
    names, vectors, _ = read_embeddings(files.embeddings)
    found = similar.neighbours(names, vectors)
    types = task_types.count_task_types(pool, counted.by_task_type, votes, final).join(
        similar.nearest(found), on="task_type", how="left", maintain_order="left"
    )
    providers = sorted({*final["filter_provider"].unique(), *final["qa_provider"].unique()})
    in_set = final["task_type"].n_unique()
    accepted = int(votes["accepted"].sum())
    frames = {
        "task_types": types,
        "fates": task_types.count_fates(types),
        "task_types_without_samples": task_types.without_samples(types),
        "samples_per_task_type": task_types.samples_per_task_type(types),
        "levels": task_types.levels(pool, paper["levels"]),
        "sources": samples.sources(images, final),
        "datasets": samples.datasets(
            paper["datasets"], final.height, in_set, f"by {', '.join(providers)}" if providers else "nothing"
        ),
        "funnel": _funnel(funnel),
        "ranks": candidates.ranks(counted.by_rank),
        "none_rate_by_shard": candidates.none_rate_by_shard(counted.by_shard),
        "none_rate_by_source": candidates.none_rate_by_source(counted.by_shard),
        "votes": referees.votes(statistics),
        "agreement": referees.agreement(statistics),
        "rejection_by_first_level": referees.rejection_by_first_level(statistics),
        "similar_task_types": similar.similar_pairs(found, similar_above),
        "lengths": samples.lengths(final),
        "questions_asked": samples.questions_asked(counted.by_shard, votes.height, len(referee_names), accepted),
    }
    sheets = {name: sheet(name, frame) for name, frame in frames.items()}
    numbers = {
        "task_types": pool.height,
        "images": int(images["present"].sum()),
        "images_asked_about": int(counted.by_shard["images"].sum()),
        "images_without_task_type": int(counted.by_shard["without"].sum()),
        "candidates": int(counted.by_rank["candidates"].sum()),
        "kept": int(counted.by_rank["kept"].sum()),
        "samples": votes.height,
        "accepted": accepted,
        "final": final.height,
        "task_types_in_set": in_set,
        "images_in_set": final["image_id"].n_unique(),
        "k": int(counted.by_rank["rank"].max() or 0),  # type: ignore[arg-type]
        "providers": providers,
        "similar_above": similar_above,
        "similar_pairs": sheets["similar_task_types"].height,
        "neighbours": similar.NEIGHBOURS,
        "agreement": statistics["together"]["agreement"],
        "fleiss_kappa": statistics["together"]["fleiss_kappa"],
        "paper": dict(paper),
    }
    return sheets, numbers


def _funnel(funnel: pl.DataFrame) -> pl.DataFrame:
    return funnel.sort("position").with_columns(rejected=pl.col("rows_in") - pl.col("rows_out"))
