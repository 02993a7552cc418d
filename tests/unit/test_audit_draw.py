"""The draw of the audit: disjoint strata that cover what was voted on, nested draws, an order that tells nothing."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import audits
import rows
from taskgalaxy.audit.draw import STRATA, allocate, draw_pairs, stratify

NAMES = [stratum.name for stratum in STRATA]


def strata_of(*votes: tuple[int | None, ...], accept_at: int = 2, missing: str = "no", thin: int = 0) -> list[str]:
    """The stratum of each vote on a pair, all of one task type."""
    referees = [f"r{number}" for number in range(len(votes[0]))]
    table = rows.vote_table([("OCR~signs", vote) for vote in votes], referees, accept_at, missing)
    return stratify(table, referees, thin)["stratum"].to_list()


@pytest.mark.parametrize(
    ("vote", "stratum"),
    [
        ((1, 1, 1), "accepted unanimously"),
        ((1, 1, 0), "accepted by a split vote"),
        ((1, 0, 0), "rejected by a split vote"),
        ((0, 0, 0), "rejected unanimously"),
        ((1, 1, None), "accepted unanimously"),
        ((0, None, None), "rejected unanimously"),
        ((1, None, None), "rejected by a split vote"),
        ((None, None, None), "rejected by a split vote"),
    ],
)
def test_a_stratum_is_the_decision_and_whether_a_vote_was_against_it(
    vote: tuple[int | None, ...], stratum: str
) -> None:
    assert strata_of((1, 1, 1), vote)[1] == stratum


def test_what_a_missing_vote_rejects_was_split_and_one_referee_is_always_unanimous() -> None:
    assert strata_of((1, 1, 1), (1, 1, None), missing="reject")[1] == "rejected by a split vote"
    assert strata_of((1,), (0,), accept_at=1) == ["accepted unanimously", "rejected unanimously"]
    assert strata_of((0, 0), accept_at=0) == ["accepted by a split vote"]


def test_pairs_of_thin_task_types_are_apart_however_the_vote_was() -> None:
    split = [("OCR~a", (1, 1, 0))] * 3 + [("OCR~a", (0, 0, 0))] + [("OCR~b", (0, 0, 1))]
    found = stratify(rows.vote_table(split, audits.REFEREES), audits.REFEREES, 2)["stratum"].to_list()
    assert found == ["accepted by a split vote"] * 3 + ["rejected unanimously", "rejected, thin task type"]
    found = stratify(rows.vote_table(split, audits.REFEREES), audits.REFEREES, 3)["stratum"].to_list()
    assert found == ["accepted, thin task type"] * 3 + ["rejected, thin task type"] * 2


VOTE = st.sampled_from([0, 1, None])


@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.tuples(*[VOTE] * n), min_size=1, max_size=40)),
    st.integers(0, 5),
    st.sampled_from(["no", "yes", "reject"]),
    st.integers(0, 4),
    st.integers(1, 50),
)
def test_strata_are_disjoint_and_cover_everything_with_any_referees(
    votes: list[tuple[int | None, ...]], accept_at: int, missing: str, thin: int, places: int
) -> None:
    referees = [f"r{number}" for number in range(len(votes[0]))]
    table = rows.vote_table(
        [(f"OCR~{number % 3}", vote) for number, vote in enumerate(votes)], referees, accept_at, missing
    )
    stratified = stratify(table, referees, thin)
    drawn, sizes = draw_pairs(stratified, places, 1)
    assert [size["name"] for size in sizes] == NAMES
    assert sum(size["population"] for size in sizes) == table.height
    assert drawn.height == sum(size["drawn"] for size in sizes) == min(places, table.height)
    assert Counter(drawn["stratum"]) == Counter({size["name"]: size["drawn"] for size in sizes if size["drawn"]})
    accepted = {stratum.name: stratum.accepted for stratum in STRATA}
    assert all(accepted[name] is decision for name, decision in stratified.select("stratum", "accepted").iter_rows())


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=6), st.integers(1, 200))
def test_another_place_is_one_more_for_one_stratum(populations: list[int], samples: int) -> None:
    fewer, more = allocate(populations, samples), allocate(populations, samples + 1)
    assert sum(fewer) == min(samples, sum(populations))
    assert all(0 <= places <= size for places, size in zip(fewer, populations, strict=True))
    assert sum(more) - sum(fewer) == (1 if sum(populations) > samples else 0)
    assert all(one <= other for one, other in zip(fewer, more, strict=True))
    if samples >= len(populations):
        assert all(places for places, size in zip(fewer, populations, strict=True) if size)


def test_places_follow_the_square_roots_of_the_sizes() -> None:
    assert allocate([1_000_000, 250_000, 10_000, 0], 160) == [100, 50, 10, 0]


def test_a_larger_draw_contains_the_smaller_one_and_another_seed_draws_others() -> None:
    table = stratify(audits.scores(200), audits.REFEREES, 3)
    small, large = (set(draw_pairs(table, places, 1)[0]["sample_id"]) for places in (20, 50))
    assert small < large
    assert set(draw_pairs(table, 20, 2)[0]["sample_id"]) != small


def test_a_draw_depends_on_no_order_and_its_own_order_tells_no_stratum() -> None:
    table = stratify(audits.scores(200), audits.REFEREES, 3)
    drawn, _ = draw_pairs(table, 50, 1)
    shuffled, _ = draw_pairs(table.sample(fraction=1, shuffle=True, seed=5), 50, 1)
    assert drawn["sample_id"].equals(shuffled["sample_id"])
    runs = (drawn["stratum"] != drawn["stratum"].shift(1)).sum()
    assert runs > 2 * drawn["stratum"].n_unique()


def test_every_pair_of_a_stratum_is_drawn_as_often_as_any_other() -> None:
    table = stratify(rows.vote_table([("OCR~a", (1, 1, 1))] * 10, audits.REFEREES), audits.REFEREES, 0)
    times = Counter(name for seed in range(400) for name in draw_pairs(table, 3, seed)[0]["sample_id"])
    assert len(times) == 10
    assert all(80 <= count <= 165 for count in times.values())  # 120 is expected


def test_the_digest_names_the_draw() -> None:
    table = audits.scores()
    assert audits.draw_of(table) == audits.draw_of(table)
    other_votes = audits.draw_of(table.with_columns(vote_first=pl.lit(1, pl.Int8)))
    digests = {audits.draw_of(table)["draw"], audits.draw_of(table, 19)["draw"], other_votes["draw"]}
    assert len(digests) == 3


def test_nothing_to_draw_from_is_an_empty_draw() -> None:
    draw = audits.draw_of(audits.scores(5).clear())
    assert draw["pairs"] == []
    assert all(size["population"] == 0 for size in draw["strata"])
