"""What the vote table says about the referees (paper section 2.2, "Referee Screening").

Everything is counted in the votes; nothing here knows which of them are right. A missing (null) vote is no vote:

- shares are of the votes that were given;
- what two referees have in common is counted on the samples on which both voted, what all of them have on those on
  which all did;
- what a referee alone would have kept is what :func:`taskgalaxy.votes.tally` accepts of this one referee at one vote,
  so that there a missing vote counts as the configuration says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taskgalaxy.labels import SEPARATOR
from taskgalaxy.report.agreement import MISSING, Votes, agreement_of_all, agreement_of_two
from taskgalaxy.report.text_table import percent, text_table
from taskgalaxy.votes import each_vote, vote_column


class YesRate(TypedDict):
    """A referee's votes and those that are yes; ``yes_rate`` is their share, None without votes."""

    referee: str
    votes: int
    yes: int
    yes_rate: float | None


class MissingVotes(TypedDict):
    """How many votes are missing for a reason of :data:`taskgalaxy.rejects.VOTE_REASONS`."""

    reason: str
    votes: int


class ToldCertainty(TypedDict):
    """Mean and median of ``p_yes``, over the ``votes`` that came with it; None without such votes."""

    votes: int
    mean: float | None
    median: float | None


class OddOneOut(TypedDict):
    """Samples in which a referee's vote stood alone against two or more: a yes against noes, a no against yeses."""

    yes: int
    no: int


class KeptAlone(TypedDict):
    """What a referee alone would have kept, and what of this the vote kept too (``shared``)."""

    samples: int
    task_types: int
    shared_samples: int
    shared_task_types: int


class Referee(YesRate):
    """All about one referee; the most frequent reason why votes are missing comes first."""

    missing: int
    missing_by_reason: list[MissingVotes]
    p_yes: ToldCertainty
    odd_one_out: OddOneOut
    alone: KeptAlone


class Pair(TypedDict):
    """Two referees on the ``samples`` on which both voted: the share of equal votes, and Cohen's kappa."""

    referees: list[str]
    samples: int
    agreement: float | None
    cohen_kappa: float | None


class Together(TypedDict):
    """All referees on the ``samples`` on which all voted: the mean of their pairs' agreement, and Fleiss' kappa."""

    samples: int
    agreement: float | None
    fleiss_kappa: float | None


class Split(TypedDict):
    """How many samples had so many votes of each kind, and how many of these were accepted."""

    yes: int
    no: int
    missing: int
    samples: int
    accepted: int


class FirstLevel(TypedDict):
    """The samples of the task types under one label of the first level; ``referees`` in their order."""

    level_1: str
    samples: int
    accepted: int
    referees: list[YesRate]


class RefereeStatistics(TypedDict):
    """results/report/referees.json.

    ``accepted`` and ``accepted_task_types`` are the vote's. ``splits`` are complete ones first, those with more yes
    before others; ``first_levels`` have those of most samples first.
    """

    samples: int
    accepted: int
    accepted_task_types: int
    referees: list[Referee]
    pairs: list[Pair]
    together: Together
    splits: list[Split]
    first_levels: list[FirstLevel]


def referee_statistics(scores: pl.DataFrame, referees: Sequence[str], missing_vote: str) -> RefereeStatistics:
    """The statistics of a vote table.

    Args:
        scores: the vote table, :func:`taskgalaxy.votes.vote_table_schema`.
        referees: at least one.
        missing_vote: what a missing vote counts as, as in :func:`taskgalaxy.votes.tally`.
    """
    votes: Votes = scores.select(map(vote_column, referees)).fill_null(MISSING).to_numpy()
    accepted = scores.filter("accepted")
    return {
        "samples": scores.height,
        "accepted": accepted.height,
        "accepted_task_types": accepted["task_type"].n_unique(),
        "referees": _referees(scores, votes, referees, missing_vote),
        "pairs": [
            _pair([referees[first], referees[second]], votes[:, first], votes[:, second])
            for first, second in combinations(range(len(referees)), 2)
        ],
        "together": _together(votes),
        "splits": _splits(votes, scores["accepted"].to_numpy()),
        "first_levels": _first_levels(scores, referees),
    }


def _referees(scores: pl.DataFrame, votes: Votes, referees: Sequence[str], missing_vote: str) -> list[Referee]:
    cast = each_vote(scores).select("referee", "vote", "p_yes", "reason")
    yes_of_all, no_of_all = (votes == 1).sum(axis=1), (votes == 0).sum(axis=1)
    rows: list[Referee] = []
    for number, referee in enumerate(referees):
        own = votes[:, number]
        of_referee = cast.filter(pl.col("referee") == referee)
        rows.append(
            {
                **_yes_rate(referee, int((own != MISSING).sum()), int((own == 1).sum())),
                "missing": int((own == MISSING).sum()),
                "missing_by_reason": _missing(of_referee),
                "p_yes": _p_yes(of_referee["p_yes"]),
                "odd_one_out": {
                    "yes": int(((own == 1) & (yes_of_all == 1) & (no_of_all >= 2)).sum()),
                    "no": int(((own == 0) & (no_of_all == 1) & (yes_of_all >= 2)).sum()),
                },
                "alone": _alone(scores, (pl.col(vote_column(referee)) == 1).fill_null(missing_vote == "yes")),
            }
        )
    return rows


def _yes_rate(referee: str, votes: int, yes: int) -> YesRate:
    return {"referee": referee, "votes": votes, "yes": yes, "yes_rate": yes / votes if votes else None}


def _missing(of_referee: pl.DataFrame) -> list[MissingVotes]:
    sizes = of_referee.filter(pl.col("vote").is_null()).group_by("reason").len()
    return [
        {"reason": reason, "votes": votes}
        for reason, votes in sizes.sort("len", "reason", descending=[True, False]).iter_rows()
    ]


def _p_yes(told: pl.Series) -> ToldCertainty:
    values = told.drop_nulls().cast(pl.Float64).to_numpy()
    if not len(values):
        return {"votes": 0, "mean": None, "median": None}
    # fsum is exact: the order of the samples makes no difference.
    return {"votes": len(values), "mean": math.fsum(values) / len(values), "median": float(np.median(values))}


def _alone(scores: pl.DataFrame, kept: pl.Expr) -> KeptAlone:
    alone = scores.filter(kept).select("task_type", "accepted")
    shared = alone.filter("accepted")
    return {
        "samples": alone.height,
        "task_types": alone["task_type"].n_unique(),
        "shared_samples": shared.height,
        "shared_task_types": shared["task_type"].n_unique(),
    }


def _pair(referees: list[str], first: Votes, second: Votes) -> Pair:
    samples, agreement, kappa = agreement_of_two(first, second)
    return {"referees": referees, "samples": samples, "agreement": agreement, "cohen_kappa": kappa}


def _together(votes: Votes) -> Together:
    samples, agreement, kappa = agreement_of_all(votes)
    return {"samples": samples, "agreement": agreement, "fleiss_kappa": kappa}


def _splits(votes: Votes, accepted: NDArray[np.bool_]) -> list[Split]:
    """Every split without missing votes, also those that never occurred, and the others that did."""
    referees = votes.shape[1]
    counts = pl.DataFrame({"yes": (votes == 1).sum(axis=1), "no": (votes == 0).sum(axis=1), "accepted": accepted})
    found = {
        (yes, no): (samples, kept)
        for yes, no, samples, kept in counts.group_by("yes", "no").agg(pl.len(), pl.col("accepted").sum()).iter_rows()
    }
    places = {(yes, referees - yes) for yes in range(referees + 1)} | found.keys()
    rows: list[Split] = []
    for yes, no in sorted(places, key=lambda split: (-sum(split), -split[0])):
        samples, kept = found.get((yes, no), (0, 0))
        rows.append({"yes": yes, "no": no, "missing": referees - yes - no, "samples": samples, "accepted": kept})
    return rows


def _first_levels(scores: pl.DataFrame, referees: Sequence[str]) -> list[FirstLevel]:
    columns = pl.col(list(map(vote_column, referees)))
    groups = (
        scores.group_by(level_1=pl.col("task_type").str.split(SEPARATOR).list.first())
        .agg(
            pl.len().alias("samples"),
            pl.col("accepted").sum(),
            votes=pl.concat_list(columns.count()),
            yes=pl.concat_list(columns.sum()),
        )
        .sort("samples", "level_1", descending=[True, False])
    )
    return [
        {
            "level_1": row["level_1"],
            "samples": row["samples"],
            "accepted": row["accepted"],
            "referees": list(map(_yes_rate, referees, row["votes"], row["yes"])),
        }
        for row in groups.iter_rows(named=True)
    ]


def format_referees(statistics: RefereeStatistics) -> str:
    """The statistics as plain-text tables, one below the other; a table that would be empty is left out."""
    referees, together = statistics["referees"], statistics["together"]
    tables = [
        text_table(
            ("how they voted", "votes", "yes", "missing", "mean p_yes", "median p_yes"),
            [
                (each["referee"], each["votes"], percent(each["yes_rate"]), each["missing"],
                 each["p_yes"]["mean"], each["p_yes"]["median"])
                for each in referees
            ],
        ),
        text_table(
            ("missing votes", "votes"),
            [
                (f"{each['referee']}: {missing['reason']}", missing["votes"])
                for each in referees for missing in each["missing_by_reason"]
            ],
        ),
        text_table(
            ("how the votes split", "samples", "accepted"),
            [(_split_words(each), each["samples"], each["accepted"]) for each in statistics["splits"]],
        ),
        text_table(
            ("the odd one out", "yes against noes", "no against yeses"),
            [
                (each["referee"], each["odd_one_out"]["yes"], each["odd_one_out"]["no"])
                for each in referees if len(referees) > 2
            ],
        ),
        text_table(
            ("how two agree", "samples", "equal votes", "Cohen's kappa"),
            [
                (", ".join(each["referees"]), each["samples"], percent(each["agreement"]), each["cohen_kappa"])
                for each in statistics["pairs"]
            ],
        ),
        text_table(
            ("how all agree", "samples", "equal pairs", "Fleiss' kappa"),
            [
                (f"{len(referees)} referees", together["samples"], percent(together["agreement"]),
                 together["fleiss_kappa"])
            ] if len(referees) > 1 else [],
        ),
        text_table(
            ("kept by one alone", "samples", "the vote too", "task types", "the vote too"),
            [
                (each["referee"], each["alone"]["samples"], each["alone"]["shared_samples"],
                 each["alone"]["task_types"], each["alone"]["shared_task_types"])
                for each in referees
            ]
            + [("the vote", statistics["accepted"], "", statistics["accepted_task_types"], "")],
        ),
        text_table(
            ("yes by first level", "samples", *(each["referee"] for each in referees)),
            [
                (level["level_1"], level["samples"], *(percent(each["yes_rate"]) for each in level["referees"]))
                for level in statistics["first_levels"]
            ],
        ),
    ]  # fmt: skip
    return "\n".join(filter(None, tables))


def _split_words(split: Split) -> str:
    words = f"{split['yes']} yes, {split['no']} no"
    return f"{words}, {split['missing']} missing" if split["missing"] else words
