"""The kappas against published examples, by hand, and against a loop over all pairs of raters."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.report.agreement import cohen_kappa, fleiss_kappa, mean_agreement

# Fleiss (1971), table 1: 30 patients, 6 psychiatrists each, 5 diagnoses.
PATIENTS = [
    (0, 0, 0, 6, 0), (0, 3, 0, 0, 3), (0, 1, 4, 0, 1), (0, 0, 0, 0, 6), (0, 3, 0, 3, 0), (2, 0, 4, 0, 0),
    (0, 0, 4, 0, 2), (2, 0, 3, 1, 0), (2, 0, 0, 4, 0), (0, 0, 0, 0, 6), (1, 0, 0, 5, 0), (1, 1, 0, 4, 0),
    (0, 3, 3, 0, 0), (1, 0, 0, 5, 0), (0, 2, 0, 3, 1), (0, 0, 5, 0, 1), (3, 0, 0, 1, 2), (5, 1, 0, 0, 0),
    (0, 2, 0, 4, 0), (1, 0, 2, 0, 3), (0, 0, 0, 0, 6), (0, 1, 0, 5, 0), (0, 2, 0, 1, 3), (2, 0, 0, 4, 0),
    (1, 0, 0, 4, 1), (0, 5, 0, 1, 0), (4, 0, 0, 0, 2), (0, 2, 0, 4, 0), (1, 0, 5, 0, 0), (0, 0, 0, 0, 6),
]  # fmt: skip

# The common textbook case: 10 subjects, 14 raters, 5 categories.
SUBJECTS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ratings", "agreement", "kappa"),
    [(PATIENTS, 0.5556, 0.4302), (SUBJECTS, 0.3780, 0.2099)],
    ids=["1971", "textbook"],
)
def test_fleiss_kappa_of_published_examples(ratings: list[tuple[int, ...]], agreement: float, kappa: float) -> None:
    assert mean_agreement(np.array(ratings)) == pytest.approx(agreement, abs=5e-5)
    assert fleiss_kappa(np.array(ratings)) == pytest.approx(kappa, abs=5e-5)


def test_cohen_kappa_by_hand() -> None:
    # 35 of 50 agree; by chance 0.5 x 0.6 + 0.5 x 0.4 of them would.
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert cohen_kappa(np.array([[0, 5], [5, 0]])) == pytest.approx(-1)
    assert cohen_kappa(np.array([[9, 0], [0, 1]])) == pytest.approx(1)


def test_a_kappa_is_not_defined_where_all_ratings_are_of_one_category_or_there_are_none() -> None:
    assert cohen_kappa(np.array([[0, 0], [0, 7]])) is None
    assert cohen_kappa(np.zeros((2, 2), np.int64)) is None
    assert fleiss_kappa(np.array([[0, 3]] * 7)) is None
    assert mean_agreement(np.array([[0, 3]] * 7)) == 1
    for none in (np.zeros((0, 2), np.int64), np.array([[0, 1], [1, 0]])):
        assert fleiss_kappa(none) is mean_agreement(none) is None


def test_subjects_with_unequal_numbers_of_ratings_are_refused() -> None:
    with pytest.raises(ValueError, match="as many ratings"):
        fleiss_kappa(np.array([[1, 2], [1, 3]]))


votes_of_subjects = st.integers(2, 5).flatmap(
    lambda raters: st.lists(st.lists(st.integers(0, 2), min_size=raters, max_size=raters), min_size=1, max_size=12)
)


@given(votes_of_subjects)
def test_fleiss_kappa_is_that_of_a_loop_over_pairs(votes: list[list[int]]) -> None:
    ratings = np.array([[row.count(category) for category in range(3)] for row in votes])
    pairs = [one == other for row in votes for one, other in combinations(row, 2)]
    observed = sum(pairs) / len(pairs)
    everything = [vote for row in votes for vote in row]
    chance = sum(one == other for one in everything for other in everything) / len(everything) ** 2
    assert mean_agreement(ratings) == pytest.approx(observed)
    expected = None if chance == 1 else pytest.approx((observed - chance) / (1 - chance))
    assert fleiss_kappa(ratings) == expected


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12))
def test_cohen_kappa_is_that_of_a_loop_over_pairs_and_the_same_from_either_side(votes: list[tuple[int, int]]) -> None:
    confusion = np.zeros((3, 3), np.int64)
    for one, other in votes:
        confusion[one, other] += 1
    observed = sum(one == other for one, other in votes) / len(votes)
    chance = sum(one == other for one, _ in votes for _, other in votes) / len(votes) ** 2
    expected = None if chance == 1 else pytest.approx((observed - chance) / (1 - chance))
    assert cohen_kappa(confusion) == expected
    assert cohen_kappa(confusion.T) == cohen_kappa(confusion)
