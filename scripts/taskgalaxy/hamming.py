"""Exact search by Hamming distance among 64-bit hashes, in memory bounded by the hashes.

A hash is four blocks of 16 bits. Of two hashes within distance d one block at least is within d // 4, so that the
candidates of a hash are those that share a block with it, but for so few bits: of a million hashes some hundred.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

MOST = 11
"""The largest distance that is searched for: from 12 on there are more candidates than is worth while."""

NOWHERE = -1

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Distances = npt.NDArray[np.uint8]

_BLOCKS, _BLOCK_BITS = 4, 16
_AT_ONCE = 1 << 20
"""Candidates that are compared at once."""

_CHUNK = 4096


class Index:
    """Hashes to be searched, shape (n,), uint64."""

    def __init__(self, hashes: Hashes) -> None:
        self._size = len(hashes)
        distinct, first = np.unique(hashes, return_index=True)
        self._blocks = []
        for block in range(_BLOCKS):
            keys = _block(distinct, block)
            order = np.argsort(keys.astype(np.uint16), kind="stable")  # which is sorted by radix
            starts = np.searchsorted(keys[order], np.arange((1 << _BLOCK_BITS) + 1))
            self._blocks.append((starts, distinct[order], first[order]))

    def nearest(self, hashes: Hashes, distance: int) -> tuple[Positions, Distances]:
        """Where the nearest of the index's hashes stands, the first of several, and its distance.

        Args:
            hashes: shape (n,), uint64.
            distance: the largest that counts, 0 to :data:`MOST`.

        Returns:
            Positions, shape (n,), :data:`NOWHERE` where none is within ``distance``; and the distances, where one is.
        """
        if not 0 <= distance <= MOST:
            raise ValueError(f"distance {distance} is not within 0 to {MOST}")
        size = max(1, self._size)
        # One number per pair, so that the least of them is the nearest and first.
        none = (_BLOCKS * _BLOCK_BITS + 1) * size
        best = np.full(len(hashes), none, np.int64)
        for query, position, found in self._pairs(hashes, distance):
            np.minimum.at(best, query, found.astype(np.int64) * size + position)
        return np.where(best < none, best % size, NOWHERE), (best // size).astype(np.uint8)

    def _pairs(self, hashes: Hashes, distance: int) -> Iterator[tuple[Positions, Positions, Distances]]:
        """Pairs within ``distance``, some more than once: place in ``hashes``, position in the index, distance."""
        for block, (starts, indexed, first) in enumerate(self._blocks):
            keys = _block(hashes, block)
            for mask in _masks(distance // _BLOCKS):
                start = starts[keys ^ mask]
                counts = starts[(keys ^ mask) + 1] - start
                for few in _slices(counts):
                    count = counts[few]
                    query = np.repeat(np.arange(few.start, few.stop), count)
                    before = np.repeat(np.cumsum(count) - count, count)
                    place = np.arange(len(query)) - before + np.repeat(start[few], count)
                    found = np.bitwise_count(hashes[query] ^ indexed[place])
                    near = found <= distance
                    yield query[near], first[place[near]], found[near]


def leaders(hashes: Hashes, distance: int) -> tuple[Positions, Distances]:
    """For every hash the earlier one that stands for it, and the distance between the two.

    A hash leads if no leader before it is within ``distance``; one that does not has the nearest of the leaders
    before it. So a chain of small steps does not make far ends one, and what comes later changes nothing.

    Args:
        hashes: shape (n,), uint64.
        distance: 0 to :data:`MOST`.

    Returns:
        Positions, shape (n,), a leader's being its own; and distances.
    """
    leader = np.arange(len(hashes))
    apart = np.zeros(len(hashes), np.uint8)
    leading = np.empty(0, np.int64)
    for start in range(0, len(hashes), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        position, found = Index(hashes[leading]).nearest(hashes[chunk], distance)
        led = position != NOWHERE
        leader[chunk][led] = leading[position[led]]
        apart[chunk] = np.where(led, found, 0)
        _lead(hashes[chunk], leader[chunk], apart[chunk], start, led, distance)
        own = np.arange(start, min(start + _CHUNK, len(hashes)))
        leading = np.concatenate([leading, own[leader[chunk] == own]])
    return leader, apart


def _lead(
    hashes: Hashes, leader: Positions, apart: Distances, start: int, led: npt.NDArray[np.bool_], distance: int
) -> None:
    """The same among a chunk's own hashes, of which some are ``led`` already; its first is at ``start``."""
    for place in range(len(hashes)):
        if led[place]:
            continue
        found = np.bitwise_count(hashes[place + 1 :] ^ hashes[place])
        nearer = (found <= distance) & (~led[place + 1 :] | (found < apart[place + 1 :]))
        leader[place + 1 :][nearer] = start + place
        apart[place + 1 :][nearer] = found[nearer]
        led[place + 1 :] |= nearer


def _block(hashes: Hashes, block: int) -> Positions:
    return ((hashes >> np.uint64(block * _BLOCK_BITS)) & np.uint64((1 << _BLOCK_BITS) - 1)).astype(np.int64)


def _masks(bits: int) -> list[int]:
    """Every way to change at most ``bits`` of a block's bits."""
    changed = [places for count in range(bits + 1) for places in combinations(range(_BLOCK_BITS), count)]
    return [sum(1 << place for place in places) for places in changed]


def _slices(counts: Positions) -> Iterator[slice]:
    """Neighbours whose ``counts`` are :data:`_AT_ONCE` together, or one alone that has more."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        if ends[stop - 1] > before:
            yield slice(start, stop)
        start = stop
