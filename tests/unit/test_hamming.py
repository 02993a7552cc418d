"""The search by Hamming distance finds what comparing everything with everything finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskgalaxy import hamming
from taskgalaxy.hamming import MOST, NOWHERE, Hashes, Index, leaders


def apart(first: int, second: int) -> int:
    return (first ^ second).bit_count()


@st.composite
def lists(draw: st.DrawFn, most: int = 40) -> Hashes:
    """Hashes of which many are near to one another: a few, with some bits turned over."""
    origins = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    turned = st.sets(st.integers(0, 63), max_size=MOST + 2)
    made = draw(st.lists(st.tuples(st.sampled_from(origins), turned), max_size=most))
    return np.array([origin ^ sum(1 << bit for bit in bits) for origin, bits in made], np.uint64)


@settings(max_examples=60)
@given(lists(), lists(), st.integers(0, MOST))
def test_the_nearest_is_the_one_that_brute_force_finds_and_the_first_of_several(
    queries: Hashes, indexed: Hashes, distance: int
) -> None:
    positions, distances = Index(indexed).nearest(queries, distance)
    for query, position, found in zip(queries.tolist(), positions.tolist(), distances.tolist(), strict=True):
        nearest = min(((apart(query, other), place) for place, other in enumerate(indexed.tolist())), default=(65, 0))
        if nearest[0] <= distance:
            assert (found, position) == nearest
        else:
            assert position == NOWHERE


@settings(max_examples=60)
@given(lists(), st.integers(0, MOST), st.integers(1, 50))
def test_a_hash_is_led_by_the_nearest_leader_before_it(hashes: Hashes, distance: int, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "_CHUNK", chunk)
        patch.setattr(hamming, "_AT_ONCE", 7)
        leader, found = leaders(hashes, distance)
    leading: list[int] = []
    for place, own in enumerate(hashes.tolist()):
        near = [(apart(own, int(hashes[other])), other) for other in leading]
        near = [pair for pair in near if pair[0] <= distance]
        if near:
            assert (found[place], leader[place]) == min(near)
        else:
            assert (found[place], leader[place]) == (0, place)
            leading.append(place)


@given(lists(), lists(10), st.integers(0, MOST))
def test_what_comes_later_changes_nothing(hashes: Hashes, later: Hashes, distance: int) -> None:
    before, _ = leaders(hashes, distance)
    after, _ = leaders(np.concatenate([hashes, later]), distance)
    assert after[: len(hashes)].tolist() == before.tolist()


def test_a_chain_of_small_steps_does_not_make_far_ends_one() -> None:
    chain = np.array([0b0, 0b11, 0b1111, 0b111111], np.uint64)
    assert leaders(chain, 2)[0].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("distance", [-1, MOST + 1])
def test_a_distance_that_is_not_searched_for_is_refused(distance: int) -> None:
    with pytest.raises(ValueError, match="not within 0 to 11"):
        Index(np.zeros(1, np.uint64)).nearest(np.zeros(1, np.uint64), distance)
