"""The vote table counts what each referee said, sample by sample."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rows
from taskgalaxy.errors import UserError
from taskgalaxy.schemas import REJECTS, VOTES
from taskgalaxy.tables import read_table, to_arrow, write_table
from taskgalaxy.votes import each_vote, read_vote_table, tally, tally_rejects, vote_table_schema

REFEREES = ["first", "second", "third-one"]
votes_of_samples = st.lists(st.tuples(*[st.sampled_from([0, 1, None])] * 3), max_size=12)


def table_of(
    given_votes: list[tuple[int | None, ...]],
    accept_at: int = 2,
    missing_vote: str = "no",
    shuffled: random.Random | None = None,
) -> pl.DataFrame:
    names = [f"s{number}" for number in range(len(given_votes))]
    cast = [
        rows.vote(name, referee, value)
        for referee, values in zip(REFEREES, zip(*given_votes, strict=True), strict=False)
        for name, value in zip(names, values, strict=True)
    ]
    if shuffled:
        shuffled.shuffle(cast)
    return tally(rows.samples(*map(rows.sample, names)), rows.votes(*cast), REFEREES, accept_at, missing_vote)


@given(votes_of_samples, st.integers(0, 3), st.sampled_from(["no", "yes", "reject"]), st.randoms())
def test_score_and_verdict_follow_from_the_votes(
    given_votes: list[tuple[int | None, ...]], accept_at: int, missing_vote: str, dice: random.Random
) -> None:
    table = table_of(given_votes, accept_at, missing_vote, dice)
    to_arrow(table, vote_table_schema(REFEREES))
    assert table["sample_id"].to_list() == [f"s{number}" for number in range(len(given_votes))]
    for row, values in zip(table.iter_rows(named=True), given_votes, strict=True):
        assert tuple(row[f"vote_{referee}"] for referee in REFEREES) == values
        score = sum((missing_vote == "yes") if value is None else value for value in values)
        assert row["score"] == score
        assert row["accepted"] == (score >= accept_at and (missing_vote != "reject" or None not in values))


@given(votes_of_samples, st.integers(0, 3), st.sampled_from(["no", "yes", "reject"]))
def test_every_sample_is_accepted_or_rejected_with_its_votes(
    given_votes: list[tuple[int | None, ...]], accept_at: int, missing_vote: str
) -> None:
    table = table_of(given_votes, accept_at, missing_vote)
    rejects = tally_rejects(table, REFEREES, accept_at)
    to_arrow(rejects, REJECTS)
    assert sorted([*table.filter("accepted")["sample_id"], *(row["item"] for row in rejects)]) == sorted(
        table["sample_id"]
    )
    by_name = dict(zip(table["sample_id"], given_votes, strict=True))
    for row in rejects:
        assert row["reason"] in ("score_below_threshold", "votes_missing")
        if row["reason"] == "votes_missing":
            assert None in by_name[row["item"]]
            assert missing_vote == "reject"


def test_a_reject_shows_who_voted_how() -> None:
    (row,) = tally_rejects(table_of([(1, 0, None)]), REFEREES, 2)
    assert row["detail"] == "first 1, second 0, third-one none"
    assert (row["image_id"], row["task_type"]) == ("i", "OCR~signs")


@given(votes_of_samples, st.randoms())
def test_every_vote_can_be_had_back(given_votes: list[tuple[int | None, ...]], dice: random.Random) -> None:
    table = table_of(given_votes, shuffled=dice)
    votes = each_vote(table)
    to_arrow(votes, VOTES)
    back = {(row["sample_id"], row["referee"]): row["vote"] for row in votes.iter_rows(named=True)}
    assert back == {
        (f"s{number}", referee): value
        for number, values in enumerate(given_votes)
        for referee, value in zip(REFEREES, values, strict=True)
    }
    assert all(row["model"] == f"model of {row['referee']}" for row in votes.iter_rows(named=True))


def test_a_referee_without_a_row_for_a_sample_is_refused() -> None:
    samples = rows.samples(rows.sample("a"), rows.sample("b"))
    votes = rows.votes(rows.vote("a", "one", 1), rows.vote("b", "one", None), rows.vote("a", "two", 1))
    with pytest.raises(ValueError, match="referee two has no row for 1 of 2"):
        tally(samples, votes, ["one", "two"], 1, "no")
    with pytest.raises(ValueError, match="referee three has no row for 2 of 2"):
        tally(samples, votes, ["one", "three"], 1, "no")
    assert tally(samples, votes, ["one"], 1, "no")["accepted"].to_list() == [True, False]


def test_votes_on_other_samples_do_not_count() -> None:
    votes = rows.votes(rows.vote("a", "one", 1), rows.vote("b", "one", 1))
    table = tally(rows.samples(rows.sample("a")), votes, ["one"], 1, "no")
    assert table["sample_id"].to_list() == ["a"]
    assert each_vote(table).height == 1


def test_no_sample_is_no_error() -> None:
    table = tally(rows.samples(), rows.votes(), REFEREES, 2, "no")
    assert to_arrow(table, vote_table_schema(REFEREES)).num_rows == 0
    assert each_vote(table).height == 0


def test_the_table_is_read_only_for_the_referees_that_made_it(tmp_path: Path) -> None:
    table = table_of([(1, 0, None), (1, 1, 1)])
    write_table(tmp_path / "votes", table, vote_table_schema(REFEREES))
    assert read_vote_table(tmp_path / "votes", REFEREES).equals(table)
    for others in (REFEREES[:2], [*REFEREES, "fourth"], REFEREES[::-1]):
        with pytest.raises(UserError, match="vote table"):
            read_vote_table(tmp_path / "votes", others)
    with pytest.raises(UserError, match="votes table"):
        read_table(tmp_path / "votes", VOTES)
