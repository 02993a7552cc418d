"""A small set with everything that its manifest, card and metadata are made of."""

from __future__ import annotations

from typing import Any

import polars as pl

import rows
from taskgalaxy.config import load_schema
from taskgalaxy.manifest import manifest
from taskgalaxy.option_table import ROOT
from taskgalaxy.publish.settings import CardSettings
from taskgalaxy.report.referees import RefereeStatistics, referee_statistics
from taskgalaxy.schemas import DATASET, FUNNEL, TASK_TYPES
from taskgalaxy.tables import to_frame

REFEREES = ["first", "second"]
CONFIG: dict[str, Any] = {
    "seed": 7,
    "sources": {"one": {"path": "package:x/y", "license": "MIT", "located": "/machine/x/y"}},
    "licenses": {"LicenseRef-web": {"unknown": True}},
    "match": {"k": 10},
    "balance": {"min": 1, "max": 55},
    "referee": {"accept_at": 2, "sees_answer": True, "missing_vote": "no"},
    "endpoints": {
        "maker": {"answers": "recorded", "model": "maker-1"},
        "first": {"answers": "recorded", "model": "judge-1", "revision": "0123abcd" * 5},
        "second": {"answers": "recorded", "model": "judge-2"},
    },
    "roles": {"expand": "maker", "filter": "maker", "qa": "maker", "referees": REFEREES},
}
SCHEMA = load_schema(ROOT / "config" / "schemas" / "config.schema.json")
ANSWERS = {
    "named": 12,
    "recorded": 12,
    "sha256": "ab" * 32,
    "first": "2026-01-02T03:04:05.678+00:00",
    "last": "2026-02-03T04:05:06.789+00:00",
}


def sample(sample_id: str, **columns: Any) -> rows.Row:
    """A row of ``schemas.DATASET`` that recorded models made."""
    cast = [
        {**rows.vote(sample_id, name, 1, provider="openai", model=CONFIG["endpoints"][name]["model"])}
        for name in REFEREES
    ]
    votes = [{key: value for key, value in vote.items() if key != "sample_id"} for vote in cast]
    made = {"filter_provider": "openai", "filter_model": "maker-1", "qa_provider": "openai", "qa_model": "maker-1"}
    return rows.dataset_row(sample_id, **{"votes": votes, "vote_score": 2, "license": "MIT", **made, **columns})


def dataset(*samples: rows.Row) -> pl.DataFrame:
    """The samples, or three of two task types."""
    default = (
        sample("a", image_id="x"),
        sample("b", image_id="y", license="CC0-1.0"),
        sample("c", image_id="x", task_type="Counting", level_1="Counting", source="two"),
    )
    return to_frame(samples or default, DATASET)


def task_types(*names: str) -> pl.DataFrame:
    return to_frame(
        [
            {
                "task_type": name,
                "level_1": name.split("~")[0],
                "levels": name.split("~"),
                "depth": name.count("~") + 1,
                "is_leaf": True,
                "origin": "expanded" if "~" in name else "seed",
                "parent": name.rpartition("~")[0] or None,
            }
            for name in names
        ],
        TASK_TYPES,
    )


def funnel() -> pl.DataFrame:
    row = {"position": 1, "stage": "qa", "unit": "kept task types", "rows_in": 5, "rows_out": 4}
    return to_frame([{**row, "reasons": [{"reason": "no_pair", "rows": 1}]}], FUNNEL)


def manifest_of(
    samples: pl.DataFrame | None = None, answers: dict[str, Any] = ANSWERS, **config: Any
) -> dict[str, Any]:
    """The manifest of a set (by default of :func:`dataset`) with a changed configuration."""
    return manifest(
        dataset() if samples is None else samples,
        funnel(),
        task_types("Counting", "OCR~signs", "OCR~charts", "OCR~charts~bars"),
        {**CONFIG, **config},
        {"model": "ViT-L-14"},
        {"prompt qa": "cd" * 32, "seeds": "ef" * 32},
        answers,
    )


def statistics(*votes: tuple[int | None, int | None]) -> RefereeStatistics:
    """Of samples of one task type with these votes; by default the referees agree on all but one of eight."""
    given = votes or ((1, 1),) * 4 + ((0, 0),) * 3 + ((1, 0),)
    return referee_statistics(rows.vote_table([("OCR~signs", pair) for pair in given], REFEREES), REFEREES, "no")


def settings(**changes: Any) -> CardSettings:
    """The card's settings with their defaults, and changes."""
    options = SCHEMA["properties"]["card"]["properties"]
    return CardSettings(**{name: option["default"] for name, option in options.items()} | changes)
