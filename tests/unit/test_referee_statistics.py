"""The statistics of referees: by hand, against plain loops, and at the edges."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean, median
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rows
from taskgalaxy.files import write_json
from taskgalaxy.report.referees import RefereeStatistics, format_referees, referee_statistics
from taskgalaxy.votes import tally

Given = Sequence[tuple[str, Sequence[int | None]]]

THREE = [
    ("OCR~signs", (1, 1, 1)),
    ("OCR~signs", (1, 1, 0)),
    ("OCR~labels", (1, 0, 0)),
    ("Chart~bar", (0, 0, 0)),
    ("Chart~bar", (1, None, 0)),
    ("Chart~pie", (None, None, 1)),
]
"""Votes of a, b and c; the vote accepts the first two samples."""


def names(given: Given) -> list[str]:
    return list("abcd"[: len(given[0][1])])


def statistics(given: Given, missing_vote: str = "no", **columns: Any) -> RefereeStatistics:
    table = rows.vote_table(given, names(given), min(2, len(given[0][1])), missing_vote, **columns)
    return referee_statistics(table, names(given), missing_vote)


def test_yes_rates_and_missing_votes_by_hand() -> None:
    found = [
        (each["referee"], each["votes"], each["yes"], each["yes_rate"], each["missing"])
        for each in statistics(THREE)["referees"]
    ]
    assert found == [("a", 5, 4, 0.8, 1), ("b", 4, 2, 0.5, 2), ("c", 6, 2, 1 / 3, 0)]


def test_the_odd_one_out_stands_alone_against_two_or_more() -> None:
    found = {each["referee"]: each["odd_one_out"] for each in statistics(THREE)["referees"]}
    assert found == {"a": {"yes": 1, "no": 0}, "b": {"yes": 0, "no": 0}, "c": {"yes": 0, "no": 1}}
    four = [("T", (1, 0, 0, 0)), ("T", (1, 1, 0, 0)), ("T", (1, 1, None, 0))]
    found = {each["referee"]: each["odd_one_out"] for each in statistics(four)["referees"]}
    assert found == {
        "a": {"yes": 1, "no": 0}, "b": {"yes": 0, "no": 0}, "c": {"yes": 0, "no": 0}, "d": {"yes": 0, "no": 1}
    }  # fmt: skip


def test_splits_are_those_of_all_samples_complete_ones_first() -> None:
    found = [tuple(each.values()) for each in statistics(THREE)["splits"]]
    assert found == [
        (3, 0, 0, 1, 1), (2, 1, 0, 1, 1), (1, 2, 0, 1, 0), (0, 3, 0, 1, 0), (1, 1, 1, 1, 0), (1, 0, 2, 1, 0)
    ]  # fmt: skip


def test_agreement_and_kappas_by_hand_on_samples_on_which_all_of_them_voted() -> None:
    found = statistics(THREE)
    assert [(each["referees"], each["samples"]) for each in found["pairs"]] == [
        (["a", "b"], 4), (["a", "c"], 5), (["b", "c"], 4)
    ]  # fmt: skip
    assert [each["agreement"] for each in found["pairs"]] == pytest.approx([3 / 4, 2 / 5, 3 / 4])
    assert [each["cohen_kappa"] for each in found["pairs"]] == pytest.approx([1 / 2, 2 / 17, 1 / 2])
    assert list(found["together"].values()) == pytest.approx([4, 2 / 3, 1 / 3])


def test_what_a_referee_alone_would_have_kept_and_what_of_it_the_vote_kept_too() -> None:
    found = statistics(THREE)
    assert (found["samples"], found["accepted"], found["accepted_task_types"]) == (6, 2, 1)
    assert [tuple(each["alone"].values()) for each in found["referees"]] == [(4, 3, 2, 1), (2, 1, 2, 1), (2, 2, 1, 1)]


def test_yes_rates_by_the_first_level_of_the_task_type() -> None:
    found = [
        (each["level_1"], each["samples"], each["accepted"], [(of["votes"], of["yes"]) for of in each["referees"]])
        for each in statistics([*THREE, ("OCR", (1, 0, 0))])["first_levels"]
    ]
    assert found == [("OCR", 4, 2, [(4, 4), (4, 2), (4, 1)]), ("Chart", 3, 0, [(2, 1), (1, 0), (3, 1)])]


def test_missing_votes_are_counted_by_reason_and_p_yes_where_it_is_told() -> None:
    values = [
        (None, None, "refused"),
        (None, None, "abstained"),
        (None, None, "refused"),
        (1, 0.75, None),
        (1, 0.5, None),
    ]
    cast = [rows.vote(f"s{n}", "a", vote, p_yes=p, reason=reason) for n, (vote, p, reason) in enumerate(values)]
    cast += [rows.vote(f"s{n}", "b", 1) for n in range(5)]
    samples = rows.samples(*(rows.sample(f"s{n}") for n in range(5)))
    found = referee_statistics(tally(samples, rows.votes(*cast), ["a", "b"], 2, "no"), ["a", "b"], "no")
    first, second = found["referees"]
    assert first["missing_by_reason"] == [{"reason": "refused", "votes": 2}, {"reason": "abstained", "votes": 1}]
    assert first["p_yes"] == {"votes": 2, "mean": 0.625, "median": 0.625}
    assert second["missing_by_reason"] == []
    assert second["p_yes"] == {"votes": 0, "mean": None, "median": None}


def test_one_referee_alone_has_nobody_to_agree_with() -> None:
    found = statistics([("T", (1,)), ("T", (0,)), ("T", (None,))])
    assert found["pairs"] == []
    assert found["together"] == {"samples": 2, "agreement": None, "fleiss_kappa": None}
    assert "agree" not in format_referees(found)
    assert "odd" not in format_referees(found)


def test_kappa_is_not_defined_where_nobody_ever_says_no_and_one_where_all_agree_otherwise() -> None:
    found = statistics([("T", (1, 1, 1))] * 3)
    assert found["together"] == {"samples": 3, "agreement": 1, "fleiss_kappa": None}
    assert {(each["agreement"], each["cohen_kappa"]) for each in found["pairs"]} == {(1, None)}
    assert "Fleiss' kappa\n-" in format_referees(found)
    found = statistics([("T", (1, 1, 1)), ("T", (0, 0, 0))])
    assert found["together"]["fleiss_kappa"] == 1
    assert {each["cohen_kappa"] for each in found["pairs"]} == {1}


def test_referees_that_never_vote_on_the_same_sample_have_no_agreement() -> None:
    (pair,) = statistics([("T", (1, None)), ("T", (None, 1))])["pairs"]
    assert pair == {"referees": ["a", "b"], "samples": 0, "agreement": None, "cohen_kappa": None}


def test_a_run_without_samples_has_statistics_too() -> None:
    found = referee_statistics(rows.vote_table([], ["a", "b"]), ["a", "b"], "no")
    assert (found["samples"], found["accepted"], found["first_levels"]) == (0, 0, [])
    assert {each["yes_rate"] for each in found["referees"]} == {None}
    assert {each["samples"] for each in found["splits"]} == {0}
    assert "0 yes, 2 no" in format_referees(found)


def test_the_statistics_survive_their_file(tmp_path: Path) -> None:
    found = statistics(THREE, p_yes=0.3)
    write_json(tmp_path / "referees.json", found)
    assert json.loads((tmp_path / "referees.json").read_text(encoding="utf-8")) == found


def test_the_text_holds_the_figures_in_aligned_tables() -> None:
    text = format_referees(statistics(THREE))
    tables = [table.splitlines() for table in text.split("\n\n")]
    heads = [table[0].split("  ")[0] for table in tables]
    assert heads == [
        "how they voted", "missing votes", "how the votes split", "the odd one out", "how two agree", "how all agree",
        "kept by one alone", "yes by first level",
    ]  # fmt: skip
    lines = {tuple(line.split()) for table in tables for line in table}
    assert {
        ("a", "5", "80.0", "%", "1", "-", "-"),
        ("b:", "abstained", "2"),
        ("1", "yes,", "1", "no,", "1", "missing", "1", "0"),
        ("a,", "c", "5", "40.0", "%", "0.118"),
        ("3", "referees", "4", "66.7", "%", "0.333"),
        ("the", "vote", "2", "1"),
        ("Chart", "3", "50.0", "%", "0.0", "%", "33.3", "%"),
    } <= lines
    assert all(len(set(map(len, table[:3]))) == 1 for table in tables)


any_votes = st.integers(1, 4).flatmap(
    lambda referees: st.lists(
        st.tuples(
            st.sampled_from(["A", "A~b", "A~c", "B~b", "C~d~e"]),
            st.lists(st.sampled_from([0, 1, 1, None]), min_size=referees, max_size=referees),
        ),
        min_size=1,
        max_size=15,
    )
)
policies = st.sampled_from(["no", "yes", "reject"])


def is_odd_one_out(number: int, votes: Sequence[int | None]) -> bool:
    others = [vote for place, vote in enumerate(votes) if place != number and vote is not None]
    return votes[number] is not None and len(others) >= 2 and votes[number] not in others


@given(any_votes, policies)
def test_all_counts_are_those_of_plain_loops(given_votes: Given, missing_vote: str) -> None:
    found = statistics(given_votes, missing_vote)
    for number, each in enumerate(found["referees"]):
        own = [votes[number] for _, votes in given_votes]
        odd = [votes[number] for _, votes in given_votes if is_odd_one_out(number, votes)]
        assert (each["yes"], each["votes"]) == (own.count(1), len(own) - own.count(None))
        assert each["missing"] == own.count(None)
        assert each["odd_one_out"] == {"yes": odd.count(1), "no": odd.count(0)}
    for each, (one, other) in zip(found["pairs"], combinations(range(len(given_votes[0][1])), 2), strict=True):
        both = [(votes[one], votes[other]) for _, votes in given_votes if None not in (votes[one], votes[other])]
        assert each["samples"] == len(both)
        assert each["agreement"] == (pytest.approx(mean(a == b for a, b in both)) if both else None)
    for each in found["first_levels"]:
        under = [votes for task_type, votes in given_votes if task_type.split("~")[0] == each["level_1"]]
        assert each["samples"] == len(under)
        assert [(of["votes"], of["yes"]) for of in each["referees"]] == [
            (len(column) - column.count(None), column.count(1)) for column in zip(*under, strict=True)
        ]
    assert sum(each["samples"] for each in found["first_levels"]) == len(given_votes)
    assert sum(each["accepted"] for each in found["first_levels"]) == found["accepted"]
    for each in found["splits"]:
        alike = [votes for _, votes in given_votes if (votes.count(1), votes.count(0)) == (each["yes"], each["no"])]
        assert each["samples"] == len(alike)
    assert sum(each["samples"] for each in found["splits"]) == len(given_votes)
    assert sum(each["accepted"] for each in found["splits"]) == found["accepted"]


@given(any_votes, policies)
def test_a_referee_alone_keeps_what_the_tally_of_its_votes_alone_accepts(given_votes: Given, missing_vote: str) -> None:
    everybody = names(given_votes)
    accept_at = min(2, len(everybody))
    table = rows.vote_table(given_votes, everybody, accept_at, missing_vote)
    by_vote = set(table.filter("accepted")["sample_id"])
    for number, each in enumerate(referee_statistics(table, everybody, missing_vote)["referees"]):
        own = rows.vote_table(
            [(task_type, votes[number : number + 1]) for task_type, votes in given_votes],
            [each["referee"]], 1, missing_vote,
        ).filter("accepted")  # fmt: skip
        shared = own.filter(pl.col("sample_id").is_in(list(by_vote)))
        assert each["alone"] == {
            "samples": own.height,
            "task_types": len(set(own["task_type"])),
            "shared_samples": shared.height,
            "shared_task_types": len(set(shared["task_type"])),
        }


@given(any_votes, st.randoms())
def test_the_order_of_samples_and_referees_makes_no_difference(given_votes: Given, dice: random.Random) -> None:
    everybody = names(given_votes)
    table = rows.vote_table(given_votes, everybody, 1)
    found = referee_statistics(table, everybody, "no")
    places = dice.sample(range(table.height), table.height)
    assert referee_statistics(table[places], everybody, "no") == found
    shuffled = dice.sample(everybody, len(everybody))
    other = referee_statistics(table, shuffled, "no")
    assert {each["referee"]: each for each in other["referees"]} == {
        each["referee"]: each for each in found["referees"]
    }
    assert (other["splits"], other["together"]) == (found["splits"], found["together"])
    pairs = [
        {frozenset(each["referees"]): (each["samples"], each["agreement"], each["cohen_kappa"]) for each in of["pairs"]}
        for of in (found, other)
    ]
    assert pairs[0] == pairs[1]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.randoms())
def test_mean_and_median_of_p_yes_do_not_depend_on_the_order(told: list[float], dice: random.Random) -> None:
    found = []
    for values in (told, dice.sample(told, len(told))):
        drawn = rows.samples(*(rows.sample(f"s{n}") for n in range(len(values))))
        cast = rows.votes(*(rows.vote(f"s{n}", "a", 1, p_yes=p_yes) for n, p_yes in enumerate(values)))
        (referee,) = referee_statistics(tally(drawn, cast, ["a"], 1, "no"), ["a"], "no")["referees"]
        found.append(referee["p_yes"])
    assert found[0] == found[1]
    assert found[0]["mean"] == pytest.approx(mean(told))
    assert found[0]["median"] == pytest.approx(median(told))
