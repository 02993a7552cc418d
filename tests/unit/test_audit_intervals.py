"""Intervals of the audit: right against published figures, and against populations whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.audit.draw import allocate
from taskgalaxy.audit.intervals import (
    Estimate,
    Part,
    share_of_first,
    stratified_share,
    stratified_total,
    weighted_share,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # The score intervals without continuity correction of R. G. Newcombe, Statistics in Medicine 17 (1998), Table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_published_limits(hits: int, n: int, low: float, high: float) -> None:
    found = wilson(hits, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_drawing_without_replacement_leaves_less_uncertain_and_at_last_nothing() -> None:
    widths = [found.high - found.low for found in (wilson(6, 10, size) for size in (10**9, 100, 20, 11))]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(wilson(6, 10).high - wilson(6, 10).low)
    assert wilson(6, 10, 10) == Estimate(0.6, 0.6, 0.6)


COUNTS = st.tuples(st.integers(1, 5000), st.integers(1, 60), st.floats(0, 1)).map(
    lambda drawn: Part(drawn[0], min(drawn[0], drawn[1]), round(drawn[2] * min(drawn[0], drawn[1])))
)


@given(st.lists(COUNTS, min_size=1, max_size=4), st.lists(COUNTS, min_size=1, max_size=4))
def test_an_estimate_lies_inside_its_limits_and_these_inside_0_and_1(first: list[Part], second: list[Part]) -> None:
    share = stratified_share(first)
    ratio = share_of_first(stratified_total(first), stratified_total(second))
    for found in filter(None, (share, ratio)):
        assert -1e-12 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1 + 1e-12


@given(COUNTS)
def test_one_stratum_is_the_plain_interval(part: Part) -> None:
    plain, stratified = wilson(part.hits, part.n, part.population), stratified_share([part])
    assert stratified is not None
    assert (stratified.value, stratified.low, stratified.high) == pytest.approx((plain.value, plain.low, plain.high))


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 1)), min_size=1, max_size=5))
def test_a_proportional_draw_gives_the_plain_share(strata: list[tuple[int, float]]) -> None:
    parts = [Part(50 * n, n, round(share * n)) for n, share in strata]
    found = stratified_share(parts)
    assert found is not None
    assert found.value == pytest.approx(sum(part.hits for part in parts) / sum(part.n for part in parts))


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_equal_weights_give_the_plain_interval(hits: list[bool]) -> None:
    plain, weighted = wilson(sum(hits), len(hits)), weighted_share([2.5] * len(hits), hits)
    assert weighted is not None
    assert (weighted.value, weighted.low, weighted.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_a_stratum_that_nobody_judged_may_be_anything() -> None:
    seen, unseen = Part(900, 30, 27), Part(100, 0, 0)
    found, alone = stratified_share([seen, unseen]), stratified_share([seen])
    assert found is not None
    assert alone is not None
    assert found.value == pytest.approx(0.9)
    assert found.low < alone.low
    mostly_unseen = stratified_share([Part(100, 30, 27), Part(900, 0, 0)])
    assert mostly_unseen is not None
    assert mostly_unseen.low < 0.1
    assert mostly_unseen.high > 0.98
    assert stratified_share([unseen]) is None
    assert stratified_share([]) is None


def test_a_share_of_nothing_is_none_and_a_certain_one_has_no_width() -> None:
    nothing = Estimate(0, 0, 0)
    assert share_of_first(nothing, nothing) is None
    assert share_of_first(None, nothing) is None
    assert share_of_first(Estimate(5, 5, 5), Estimate(15, 15, 15)) == Estimate(0.25, 0.25, 0.25)
    assert share_of_first(Estimate(0, 0, 5), Estimate(95, 90, 99)) == Estimate(0, 0, pytest.approx(5 / 100, abs=0.003))
    assert share_of_first(Estimate(5, 3, 6), nothing) == Estimate(1, 1, 1)


@pytest.mark.parametrize(
    ("populations", "shares", "drawn"),
    [
        ((1300, 400, 200, 300, 150, 100), (0.95, 0.8, 0.85, 0.2, 0.5, 0.3), 100),
        ((250_000, 120_000, 40_000, 150_000, 100_000, 30_000), (0.97, 0.85, 0.9, 0.1, 0.4, 0.2), 100),
        ((5000, 1000, 300, 500, 500, 100), (0.98, 0.9, 0.9, 0.02, 0.1, 0.05), 300),
    ],
)
def test_the_intervals_cover_a_known_truth_in_about_95_of_100_draws(
    populations: Sequence[int], shares: Sequence[float], drawn: int
) -> None:
    """The first three strata were accepted. 2,000 seeded draws: two standard errors of 95 % are 1 %."""
    good = [round(size * share) for size, share in zip(populations, shares, strict=True)]
    precision, missed = sum(good[:3]) / sum(populations[:3]), sum(good[3:]) / sum(good)
    places, random = allocate(populations, drawn), np.random.default_rng(7)
    values, covered = np.zeros((2, 2000)), np.zeros(2)
    for repetition in range(2000):
        parts = [
            Part(size, n, int(random.hypergeometric(hits, size - hits, n)))
            for size, hits, n in zip(populations, good, places, strict=True)
        ]
        found = (
            stratified_share(parts[:3]),
            share_of_first(stratified_total(parts[3:]), stratified_total(parts[:3])),
        )
        for number, (estimate, truth) in enumerate(zip(found, (precision, missed), strict=True)):
            assert estimate is not None
            values[number, repetition] = estimate.value
            covered[number] += estimate.low <= truth <= estimate.high
    assert values.mean(axis=1) == pytest.approx([precision, missed], abs=0.006)
    assert all(0.915 <= share <= 0.985 for share in covered / 2000), covered / 2000
