"""Small tables of a report for the tests: every table of a run of a few task types, or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

import rows
from report_data import REFEREES
from taskgalaxy.describe import candidates, referees, samples, similar, task_types
from taskgalaxy.describe.paper import read_paper
from taskgalaxy.describe.sheets import sheet
from taskgalaxy.figures.plates import Material
from taskgalaxy.report.referees import referee_statistics
from taskgalaxy.schemas import TASK_TYPES
from taskgalaxy.tables import to_frame


def pool(names: Sequence[str]) -> pl.DataFrame:
    """``schemas.TASK_TYPES`` of leaves, every other one a seed."""
    return to_frame(
        [
            {
                "task_type": name,
                "level_1": name.split("~")[0],
                "levels": name.split("~"),
                "depth": name.count("~") + 1,
                "is_leaf": True,
                "origin": "expanded" if number % 2 else "seed",
                "parent": name.rpartition("~")[0] or None,
            }
            for number, name in enumerate(names)
        ],
        TASK_TYPES,
    )


def final(*drawn: Mapping[str, Any]) -> pl.DataFrame:
    """The columns of ``schemas.DATASET`` that are described."""
    return pl.DataFrame([rows.dataset_row(f"s{number}", **each) for number, each in enumerate(drawn)],
                        infer_schema_length=None)  # fmt: skip


def material(names: Sequence[str] = ("OCR~signs", "OCR~bills", "Chart~bar~height", "Chart~pie", "Scene")) -> Material:
    """All tables of a run in which every task type but the last has its number of samples, three of four accepted."""
    names = list(names)
    numbered = list(enumerate(names[:-1], 1))
    given = [(name, (1, int(n % 4 > 0), int(n % 4 > 1))) for number, name in numbered for n in range(min(number, 60))]
    votes = rows.vote_table(given, REFEREES)
    drawn = [
        {"task_type": name, "image_id": f"i{number}", "source": ("one", "two")[number % 2]}
        for number, (name, accepted) in enumerate(votes.select("task_type", "accepted").iter_rows())
        if accepted
    ]
    statistics = referee_statistics(votes, REFEREES, "no")
    by_task_type = votes.group_by("task_type").agg(candidates=pl.len() + 1, kept=pl.len())
    images = [rows.image(f"i{number}", ("one-00000", "two-00000")[number % 2]) for number in range(votes.height + 5)]
    by_shard = pl.DataFrame(
        [
            {"shard": f"{source}-{number:05d}", "source": source, "images": 20, "without": number % 4, "failed": 0}
            for source in ("one", "two")
            for number in range(3)
        ]
    )
    by_rank = pl.DataFrame(
        [{"rank": rank, "candidates": 120, "kept": 120 - 10 * rank, "first_kept": 9} for rank in range(1, 11)]
    )
    found = pl.DataFrame(
        [
            {"task_type": name, "other": names[number - 1], "cosine": 0.8 + 0.19 * (number % 7) / 7}
            for number, name in enumerate(names)
        ]
    )
    types = task_types.count_task_types(pool(names), by_task_type, votes, final(*drawn)).join(
        similar.nearest(found), on="task_type", how="left"
    )
    stages = [("filter", "candidates", 600, 300), ("referee", "samples", votes.height, len(drawn))]
    paper = read_paper()
    frames = {
        "task_types": types,
        "fates": task_types.count_fates(types),
        "task_types_without_samples": task_types.without_samples(types),
        "samples_per_task_type": task_types.samples_per_task_type(types),
        "levels": task_types.levels(pool(names), paper["levels"]),
        "sources": samples.sources(rows.index(*images), final(*drawn)),
        "datasets": samples.datasets(paper["datasets"], len(drawn), len(names) - 1, "by embedded"),
        "funnel": pl.DataFrame(
            [{"stage": s, "unit": u, "rows_in": i, "rows_out": o, "rejected": i - o} for s, u, i, o in stages]
        ),
        "ranks": candidates.ranks(by_rank),
        "none_rate_by_shard": candidates.none_rate_by_shard(by_shard),
        "none_rate_by_source": candidates.none_rate_by_source(by_shard),
        "votes": referees.votes(statistics),
        "agreement": referees.agreement(statistics),
        "rejection_by_first_level": referees.rejection_by_first_level(statistics),
        "similar_task_types": similar.similar_pairs(found, 0.9),
        "lengths": samples.lengths(final(*drawn)),
        "questions_asked": samples.questions_asked(by_shard, votes.height, len(REFEREES), len(drawn)),
    }
    numbers = {
        "providers": ["embedded"],
        "similar_above": 0.9,
        "similar_pairs": 3,
        "paper": paper,
        **dict.fromkeys(("images", "candidates", "kept", "samples", "accepted", "final", "task_types_in_set"), 1234),
        "task_types": len(names),
    }
    return Material({name: sheet(name, frame) for name, frame in frames.items()}, numbers)
