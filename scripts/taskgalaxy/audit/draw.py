"""Which question-answer pairs people judge: a stratified random draw of all that the referees voted on.

Every stratum lies wholly in what was accepted or in what was rejected, so that a share of the accepted pairs is a mean
of the strata's shares with known weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import polars as pl

from taskgalaxy.balance import draw_key
from taskgalaxy.files import sha256_json
from taskgalaxy.labels import split_levels
from taskgalaxy.votes import vote_column


@dataclass(frozen=True)
class Stratum:
    """A part of the pairs that were voted on: its name, and whether these were accepted."""

    name: str
    accepted: bool


STRATA = (
    Stratum("accepted unanimously", True),
    Stratum("accepted by a split vote", True),
    Stratum("accepted, thin task type", True),
    Stratum("rejected unanimously", False),
    Stratum("rejected by a split vote", False),
    Stratum("rejected, thin task type", False),
)


class StratumSize(TypedDict):
    """How many pairs are in a stratum, and how many of these were drawn."""

    name: str
    accepted: bool
    population: int
    drawn: int


class DrawnPair(TypedDict):
    """A pair that people judge; ``votes`` has 0, 1 or None by referee."""

    sample_id: str
    stratum: str
    accepted: bool
    task_type: str
    level_1: str
    question: str
    answer: str
    votes: dict[str, int | None]


class Draw(TypedDict):
    """results/report/audit_draw.json. ``draw`` is the digest of all the rest: it names the draw.

    ``pairs`` are in the order in which people see them.
    """

    draw: str
    referees: list[str]
    strata: list[StratumSize]
    pairs: list[DrawnPair]


def stratify(scores: pl.DataFrame, referees: Sequence[str], thin: int) -> pl.DataFrame:
    """``scores`` with a column ``stratum``: the name of the one of :data:`STRATA` that a pair belongs to.

    A vote was unanimous if one was given at all and none was given against the decision; it was split in every other
    case, such as that of a pair which was rejected for a missing vote alone. Pairs of thin task types, those with at
    most ``thin`` accepted pairs (0 included), make strata of their own, however the vote was.

    Args:
        scores: the vote table, :func:`taskgalaxy.votes.vote_table_schema`, of the images that are there.
        referees: at least one.
        thin: most accepted pairs of a thin task type.
    """
    votes = [pl.col(vote_column(referee)) for referee in referees]
    given = pl.any_horizontal(vote.is_not_null() for vote in votes)
    against = pl.any_horizontal((vote != pl.col("accepted").cast(pl.Int8)).fill_null(False) for vote in votes)
    kind = (
        pl.when(pl.col("accepted").sum().over("task_type") <= thin)
        .then(pl.lit(", thin task type"))
        .when(given & ~against)
        .then(pl.lit(" unanimously"))
        .otherwise(pl.lit(" by a split vote"))
    )
    decision = pl.when(pl.col("accepted")).then(pl.lit("accepted")).otherwise(pl.lit("rejected"))
    return scores.with_columns(stratum=decision + kind)


def allocate(populations: Sequence[int], samples: int) -> list[int]:
    """How many pairs of every stratum are drawn, of ``samples`` in all or of as many as there are.

    Nearly proportional to the square roots of the strata's sizes, the compromise between equal precision of every
    stratum and the best precision of the whole (M. D. Bankier, "Power allocations: determining sample sizes for
    subnational areas", The American Statistician 42 (1988), 174-177, with power 1/2). Places are given one by one to
    the stratum with the largest ratio of this root to the places it has, which first gives one to each; so another
    place is one more for one stratum and takes none from the others.
    """
    places = [0] * len(populations)
    for _ in range(min(samples, sum(populations))):
        open_ones = [number for number, size in enumerate(populations) if places[number] < size]
        # Ratios compared by their squares, whole numbers but for the first place.
        neediest = max(
            open_ones,
            key=lambda number: populations[number] / places[number] ** 2 if places[number] else float("inf"),
        )
        places[neediest] += 1
    return places


def draw_pairs(stratified: pl.DataFrame, samples: int, seed: int) -> tuple[pl.DataFrame, list[StratumSize]]:
    """The drawn rows of :func:`stratify`, in an order that says nothing about their strata, and the strata's sizes.

    What is drawn of a stratum is decided by the smallest key of (seed, sample), as in the balanced set but by other
    keys: a draw of more pairs contains that of fewer.
    """
    keyed = stratified.with_columns(key=_keys("audit", stratified["sample_id"], seed))
    populations = dict.fromkeys((each.name for each in STRATA), 0)
    populations |= dict(stratified.group_by("stratum").len().iter_rows())
    places = allocate(list(populations.values()), samples)
    sizes: list[StratumSize] = [
        {"name": stratum.name, "accepted": stratum.accepted, "population": populations[stratum.name], "drawn": drawn}
        for stratum, drawn in zip(STRATA, places, strict=True)
    ]
    drawn_rows = pl.concat(
        keyed.filter(pl.col("stratum") == size["name"]).bottom_k(size["drawn"], by="key") for size in sizes
    )
    order = _keys("order of the audit", drawn_rows["sample_id"], seed)
    return drawn_rows.with_columns(key=order).sort("key").drop("key"), sizes


def _keys(purpose: str, sample_ids: pl.Series, seed: int) -> pl.Series:
    return pl.Series([draw_key(seed, f"{purpose}:{sample_id}") for sample_id in sample_ids], dtype=pl.String)


def make_draw(
    drawn: pl.DataFrame, sizes: Sequence[StratumSize], samples: Mapping[str, Mapping[str, Any]], referees: Sequence[str]
) -> Draw:
    """The record of a draw.

    Args:
        drawn, sizes: of :func:`draw_pairs`.
        samples: rows of ``schemas.SAMPLES`` by sample_id, at least those that were drawn.
        referees: in the order of their columns.
    """
    pairs: list[DrawnPair] = [
        {
            "sample_id": row["sample_id"],
            "stratum": row["stratum"],
            "accepted": row["accepted"],
            "task_type": row["task_type"],
            "level_1": split_levels(row["task_type"])[0],
            "question": samples[row["sample_id"]]["question"],
            "answer": samples[row["sample_id"]]["answer"],
            "votes": {referee: row[vote_column(referee)] for referee in referees},
        }
        for row in drawn.iter_rows(named=True)
    ]
    named = {"referees": list(referees), "strata": list(sizes), "pairs": pairs}
    return {"draw": sha256_json(named), "referees": list(referees), "strata": list(sizes), "pairs": pairs}
