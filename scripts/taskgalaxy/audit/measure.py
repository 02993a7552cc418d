"""How far the referees are to be believed, by what people said of a stratified draw.

The paper accepts what two of three models accept (section 2.2, "Referee Screening") and checks that with nobody.

A pair counts as people's majority says, among those who said yes or no; a tie, or nobody, leaves it out, as if it had
not been drawn from its stratum. What is told of accepted and rejected pairs weights the strata by how many pairs they
have; what is told of the people among themselves counts the drawn pairs as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal, TypedDict

import numpy as np

from taskgalaxy.audit.draw import Draw, DrawnPair
from taskgalaxy.audit.intervals import (
    LEVEL,
    Estimate,
    Part,
    share_of_first,
    stratified_share,
    stratified_total,
    weighted_share,
    wilson,
)
from taskgalaxy.audit.judgements import Judge, Judgement
from taskgalaxy.report.agreement import MISSING, agreement_of_all, agreement_of_two, cohen_kappa

CriterionName = Literal["suits", "good"]

Majority = Mapping[str, bool]
"""sample_id -> whether people say yes, for the pairs on which there is a majority."""


class Share(TypedDict):
    """A share, the limits of its interval, and of how many judged pairs it was computed."""

    value: float
    low: float
    high: float
    n: int


class StratumShare(TypedDict):
    """A stratum: its pairs, those drawn and judged by a majority, and what share of it people say yes to."""

    stratum: str
    population: int
    drawn: int
    judged: int
    yes: int
    share: Share | None


class LevelShare(TypedDict):
    """The pairs of one first-level type: among its judged ones, weighted by their strata."""

    level_1: str
    judged: int
    precision: Share | None
    false_negatives: Share | None


class Criterion(TypedDict):
    """By one meaning of good: ``precision`` is the share of good pairs among the accepted ones, ``false_negatives``
    that of rejected pairs among the good ones; ``left_out`` are judged pairs without a majority."""

    judged: int
    left_out: int
    precision: Share | None
    false_negatives: Share | None
    strata: list[StratumShare]
    first_levels: list[LevelShare]


class JudgeRow(TypedDict):
    """What a person said, and how often after having seen votes of an earlier pair."""

    judge: str
    judged: int
    suits: dict[str, int]
    right: dict[str, int]
    saw_votes: int
    comments: int


class PeoplePair(TypedDict):
    """Two people on the pairs to which both said yes or no."""

    judges: list[str]
    pairs: int
    agreement: float | None
    cohen_kappa: float | None


class People(TypedDict):
    """All people on the pairs to which all said yes or no."""

    pairs: int
    agreement: float | None
    fleiss_kappa: float | None


class RefereeRow(TypedDict):
    """A referee, or the vote of all, against people's majority, weighted by the strata."""

    referee: str
    pairs: int
    accuracy: Share | None
    cohen_kappa: float | None


class JudgedPair(TypedDict):
    """A pair with what everyone said; ``suits`` and ``good`` are the majorities, None without one."""

    sample_id: str
    task_type: str
    stratum: str
    question: str
    answer: str
    votes: dict[str, int | None]
    suits: bool | None
    good: bool | None
    judgements: list[dict[str, str | bool | None]]


class Audit(TypedDict):
    """results/report/audit.json.

    ``suits`` takes a pair for good if task type and question suit the image, ``good`` if the answer is right too;
    ``asked`` is the one of these that the referees were asked, by which they and the people are compared.
    """

    draw: str
    level: float
    asked: CriterionName
    pairs: int
    judges: list[JudgeRow]
    suits: Criterion
    good: Criterion
    people: People
    people_pairs: list[PeoplePair]
    referees: list[RefereeRow]
    judged_pairs: list[JudgedPair]


def suits(judgement: Judgement) -> bool | None:
    """Whether task type and question suit the image; None if not judged, or unsure."""
    return _decided(judgement.suits)


def good(judgement: Judgement) -> bool | None:
    """Whether they do and the answer is right; None if what this depends on was not judged, or unsure."""
    return _decided(judgement.right) if judgement.suits == "yes" else _decided(judgement.suits)


def _decided(verdict: str | None) -> bool | None:
    return {"yes": True, "no": False}.get(verdict or "")


CRITERIA: dict[CriterionName, Callable[[Judgement], bool | None]] = {"suits": suits, "good": good}


def measure_audit(draw: Draw, judges: Sequence[Judge], sees_answer: bool) -> Audit:
    """All that the audit says.

    Args:
        draw: what was drawn.
        judges: at least one, of :func:`taskgalaxy.audit.judgements.read_judgements`.
        sees_answer: whether the referees were asked about the answer too (``referee.sees_answer``).
    """
    majorities = {name: majority(judges, verdict) for name, verdict in CRITERIA.items()}
    judged = {sample_id for judge in judges for sample_id, said in judge.judgements.items() if said.suits}
    asked: CriterionName = "good" if sees_answer else "suits"
    ratings = _ratings(draw, judges, CRITERIA[asked])
    names = [judge.name for judge in judges]
    agreement = agreement_of_all(ratings)
    return {
        "draw": draw["draw"],
        "level": LEVEL,
        "asked": asked,
        "pairs": len(draw["pairs"]),
        "judges": [_judge_row(judge) for judge in judges],
        "suits": _criterion(draw, majorities["suits"], len(judged)),
        "good": _criterion(draw, majorities["good"], len(judged)),
        "people": {"pairs": agreement[0], "agreement": agreement[1], "fleiss_kappa": agreement[2]},
        "people_pairs": [
            _people_pair([names[one], names[other]], *agreement_of_two(ratings[:, one], ratings[:, other]))
            for one, other in combinations(range(len(names)), 2)
        ],
        "referees": _referees(draw, majorities[asked]),
        "judged_pairs": [
            _judged_pair(pair, judges, majorities) for pair in draw["pairs"] if _said(pair["sample_id"], judges)
        ],
    }


def majority(judges: Iterable[Judge], verdict: Callable[[Judgement], bool | None]) -> dict[str, bool]:
    """What more people say than the contrary, by sample_id; who is unsure does not count, and a tie is left out."""
    balance: dict[str, int] = {}
    for judge in judges:
        for sample_id, judgement in judge.judgements.items():
            said = verdict(judgement)
            if said is not None:
                balance[sample_id] = balance.get(sample_id, 0) + (1 if said else -1)
    return {sample_id: surplus > 0 for sample_id, surplus in balance.items() if surplus}


def _criterion(draw: Draw, said: Majority, judged: int) -> Criterion:
    pairs = [pair for pair in draw["pairs"] if pair["sample_id"] in said]
    parts = _parts(draw, {pair["sample_id"]: said[pair["sample_id"]] for pair in pairs})
    accepted = [parts[size["name"]] for size in draw["strata"] if size["accepted"]]
    rejected = [parts[size["name"]] for size in draw["strata"] if not size["accepted"]]
    missed = share_of_first(stratified_total(rejected), stratified_total(accepted))
    return {
        "judged": len(pairs),
        "left_out": judged - len(pairs),
        "precision": _share(stratified_share(accepted), sum(part.n for part in accepted)),
        "false_negatives": _share(missed, len(pairs)),
        "strata": [
            {
                "stratum": size["name"],
                "population": size["population"],
                "drawn": size["drawn"],
                "judged": part.n,
                "yes": part.hits,
                "share": _share(wilson(part.hits, part.n, part.population) if part.n else None, part.n),
            }
            for size, part in ((size, parts[size["name"]]) for size in draw["strata"])
        ],
        "first_levels": _first_levels(pairs, said, parts),
    }


def _parts(draw: Draw, said: Majority) -> dict[str, Part]:
    """The strata, of which those pairs were looked at that are in ``said``."""
    in_stratum: dict[str, list[bool]] = {size["name"]: [] for size in draw["strata"]}
    for pair in draw["pairs"]:
        if pair["sample_id"] in said:
            in_stratum[pair["stratum"]].append(said[pair["sample_id"]])
    return {
        size["name"]: Part(size["population"], len(in_stratum[size["name"]]), sum(in_stratum[size["name"]]))
        for size in draw["strata"]
    }


def _weight(part: Part) -> float:
    """How many pairs of its stratum one that was looked at stands for."""
    return part.population / part.n


def _first_levels(pairs: Sequence[DrawnPair], said: Majority, parts: Mapping[str, Part]) -> list[LevelShare]:
    rows: list[LevelShare] = []
    for level in {pair["level_1"] for pair in pairs}:
        of_level = [pair for pair in pairs if pair["level_1"] == level]
        yes = [pair for pair in of_level if said[pair["sample_id"]]]
        accepted = [pair for pair in of_level if pair["accepted"]]

        def share(among: Sequence[DrawnPair], hits: Sequence[bool]) -> Share | None:
            return _share(weighted_share([_weight(parts[pair["stratum"]]) for pair in among], hits), len(among))

        rows.append(
            {
                "level_1": level,
                "judged": len(of_level),
                "precision": share(accepted, [said[pair["sample_id"]] for pair in accepted]),
                "false_negatives": share(yes, [not pair["accepted"] for pair in yes]),
            }
        )
    return sorted(rows, key=lambda row: (-row["judged"], row["level_1"]))


def _share(estimate: Estimate | None, n: int) -> Share | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": n}


def _ratings(draw: Draw, judges: Sequence[Judge], verdict: Callable[[Judgement], bool | None]) -> np.ndarray:
    """(pairs, judges): 0, 1, or missing, which includes unsure."""
    nothing = Judgement(None, None, "", False)
    said = [[verdict(judge.judgements.get(pair["sample_id"], nothing)) for judge in judges] for pair in draw["pairs"]]
    return np.array([[MISSING if value is None else int(value) for value in row] for row in said], np.int8).reshape(
        len(draw["pairs"]), len(judges)
    )


def _people_pair(judges: list[str], pairs: int, agreement: float | None, kappa: float | None) -> PeoplePair:
    return {"judges": judges, "pairs": pairs, "agreement": agreement, "cohen_kappa": kappa}


def _referees(draw: Draw, said: Majority) -> list[RefereeRow]:
    rows = [
        _referee(draw, referee, said, {pair["sample_id"]: pair["votes"][referee] for pair in draw["pairs"]})
        for referee in draw["referees"]
    ]
    return [*rows, _referee(draw, "the vote", said, {pair["sample_id"]: pair["accepted"] for pair in draw["pairs"]})]


def _referee(draw: Draw, referee: str, said: Majority, votes: Mapping[str, int | None]) -> RefereeRow:
    """Of the pairs on which there is a vote and a majority."""
    both = {sample_id: yes for sample_id, yes in said.items() if votes[sample_id] is not None}
    agrees = {sample_id: bool(votes[sample_id]) == yes for sample_id, yes in both.items()}
    parts = _parts(draw, agrees)
    confusion = np.zeros((2, 2))
    for pair in draw["pairs"]:
        sample_id = pair["sample_id"]
        if sample_id in both:
            confusion[int(bool(votes[sample_id])), int(both[sample_id])] += _weight(parts[pair["stratum"]])
    return {
        "referee": referee,
        "pairs": len(both),
        "accuracy": _share(stratified_share(list(parts.values())), len(both)),
        "cohen_kappa": cohen_kappa(confusion),
    }


def _judge_row(judge: Judge) -> JudgeRow:
    said = list(judge.judgements.values())
    return {
        "judge": judge.name,
        "judged": sum(each.suits is not None for each in said),
        "suits": {verdict: sum(each.suits == verdict for each in said) for verdict in ("yes", "no", "unsure")},
        "right": {verdict: sum(each.right == verdict for each in said) for verdict in ("yes", "no", "unsure")},
        "saw_votes": sum(each.saw_votes for each in said),
        "comments": sum(bool(each.comment) for each in said),
    }


def _said(sample_id: str, judges: Iterable[Judge]) -> list[tuple[str, Judgement]]:
    return [(judge.name, judge.judgements[sample_id]) for judge in judges if sample_id in judge.judgements]


def _judged_pair(pair: DrawnPair, judges: Sequence[Judge], majorities: Mapping[CriterionName, Majority]) -> JudgedPair:
    return {
        "sample_id": pair["sample_id"],
        "task_type": pair["task_type"],
        "stratum": pair["stratum"],
        "question": pair["question"],
        "answer": pair["answer"],
        "votes": pair["votes"],
        "suits": majorities["suits"].get(pair["sample_id"]),
        "good": majorities["good"].get(pair["sample_id"]),
        "judgements": [
            {"judge": name, "suits": said.suits, "right": said.right, "comment": said.comment}
            for name, said in _said(pair["sample_id"], judges)
        ],
    }
