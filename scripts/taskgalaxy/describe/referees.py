"""Votes as tables: how they split, which referees agree, and what is rejected under each first level."""

from __future__ import annotations

import polars as pl

from taskgalaxy.describe.intervals import with_share
from taskgalaxy.report.referees import RefereeStatistics


def votes(statistics: RefereeStatistics) -> pl.DataFrame:
    """How the votes of a sample split: complete ones first, those with more yes before others."""
    schema = dict.fromkeys(("yes", "no", "missing", "samples", "accepted"), pl.Int64)
    return pl.DataFrame([dict(split) for split in statistics["splits"]], schema=schema)


def agreement(statistics: RefereeStatistics) -> pl.DataFrame:
    """Every two referees: the share of equal votes, and Cohen's kappa."""
    rows = [
        {
            "first": pair["referees"][0],
            "second": pair["referees"][1],
            "samples": pair["samples"],
            "agreement": pair["agreement"],
            "cohen_kappa": pair["cohen_kappa"],
        }
        for pair in statistics["pairs"]
    ]
    names = dict.fromkeys(("first", "second"), pl.String)
    return pl.DataFrame(rows, schema={**names, "samples": pl.Int64, "agreement": pl.Float64, "cohen_kappa": pl.Float64})


def rejection_by_first_level(statistics: RefereeStatistics) -> pl.DataFrame:
    """The share of samples that the referees rejected, by first level; the highest first.

    A high share does not tell whether the questions were bad or the referees not up to them: only people who look
    at the rejected ones can.
    """
    rows = [
        {"level_1": level["level_1"], "samples": level["samples"], "rejected": level["samples"] - level["accepted"]}
        for level in statistics["first_levels"]
    ]
    frame = pl.DataFrame(rows, schema={"level_1": pl.String, "samples": pl.Int64, "rejected": pl.Int64})
    return with_share(frame, "rejected", "samples").sort("share", "level_1", descending=[True, False])
