"""Samples: their sources and licences, how long questions and answers are, and how many questions they took."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def sources(images: pl.DataFrame, final: pl.DataFrame) -> pl.DataFrame:
    """Images and samples by source and licence (paper, Tables 1 and A-1), those of most images first.

    Args:
        images: of ``schemas.IMAGE_INDEX``: distinct images, each of the source where it lies; those that are gone
            are not counted.
        final: of ``schemas.DATASET``.
    """
    keys = ["source", "license"]
    held = images.filter("present").group_by(keys).agg(images=pl.len())
    used = final.group_by(keys).agg(
        images_in_set=pl.col("image_id").n_unique(), samples=pl.len(), task_types=pl.col("task_type").n_unique()
    )
    both = held.join(used, on=keys, how="full", coalesce=True)
    return both.with_columns(pl.exclude(keys).fill_null(0)).sort("images", *keys, descending=[True, False, False])


def lengths(final: pl.DataFrame) -> pl.DataFrame:
    """How many questions and answers of the set have how many words: runs of characters between blanks."""
    parts = []
    for part in ("question", "answer"):
        words = final.select(words=pl.col(part).str.count_matches(r"\S+"))
        parts.append(words.group_by("words").agg(samples=pl.len()).sort("words").with_columns(part=pl.lit(part)))
    return pl.concat(parts)


def questions_asked(by_shard: pl.DataFrame, samples: int, referees: int, accepted: int) -> pl.DataFrame:
    """What was asked of models about images, in all and per accepted sample.

    The filter is asked once per image, for question-answer pairs once per image of which a candidate was kept, and
    every referee once per sample. What was asked to expand the task types is not among it: it does not grow with
    the images. Where an answer was in the ledger already, nothing was paid for it here.
    """
    images, without = int(by_shard["images"].sum()), int(by_shard["without"].sum())
    asked = {"filter": images, "qa": images - without, "referee": samples * referees}
    return pl.DataFrame(
        {
            "stage": list(asked),
            "asked": list(asked.values()),
            "per_accepted": [each / accepted if accepted else None for each in asked.values()],
        },
        schema_overrides={"per_accepted": pl.Float64},
    )


def datasets(paper: list[Mapping[str, object]], instances: int, task_types: int, made: str) -> pl.DataFrame:
    """The comparison of datasets (paper, Table A-4) with this run's set as its last row.

    Args:
        paper: the table's rows: name, instances, task_types (or None), made.
        made: by which providers this run's set was made.
    """
    row = {"name": "this run", "instances": instances, "task_types": task_types, "made": made}
    return pl.DataFrame(
        [{**each, "this_run": False} for each in paper] + [{**row, "this_run": True}], infer_schema_length=None
    )
