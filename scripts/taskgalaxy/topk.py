"""Exact top-k by cosine (paper section 2.2, equation 1; k is 10), and its reverse, the best images of a task type.

Products that are fast, and off by a known error at most, find the few keys among which the best ones must be. These
are scored again in float64, always in the same order, so that ranks and scores are the same bits with any products,
chunk, number of threads and device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskgalaxy.embeddings import Vectors
from taskgalaxy.products import Products, fastest_float32, fastest_products

_GROUPS = 16
"""A query's keys are searched in groups of so many, by the maximum of each group."""
_CHUNK_BYTES = 64 << 20
"""Float32 products that are in memory at once, for every thread."""
_EXACT_BYTES = 2 << 20
"""Float64 products that are in memory at once, for every thread; more than a cache holds would make them slower."""
_ROWS_SCORED = 128
"""Queries that are looked at together, by every thread: where all keys are alike, each has all keys to be scored."""
_ROWS = 1024
"""Rows of results that are merged at a time."""
_KEYS_PER_SCORE = 400
"""An exact score takes as long as so many products in float32 take longer than in bfloat16."""


class Best(NamedTuple):
    """The best keys of every query, best first: ``indices`` int64, ``scores`` float32, both (queries, k)."""

    indices: NDArray[np.int64]
    scores: Vectors


class _Found(NamedTuple):
    """As :class:`Best`, with float64 scores; where fewer keys than k were needed, -1 and minus infinity."""

    indices: NDArray[np.int64]
    scores: NDArray[np.float64]


def exact_topk(queries: Vectors, keys: Vectors, k: int, *, device: str = "cpu", chunk: int | None = None) -> Best:
    """The ``k`` keys of greatest dot product with every query.

    The order is that of the scores in float64, ties go to the smaller index. Memory is bounded by the chunk.

    Args:
        queries: float32, shape (N, d), of any length. keys: float32, shape (M, d). k: from 1 to M.
        chunk: how many queries go through the matrix product at a time.

    Raises:
        ValueError: if ``k`` is not from 1 to M, or a value is not finite.
    """
    if not 1 <= k <= len(keys):
        raise ValueError(f"k is {k}, it must be from 1 to {len(keys)}, the number of keys")
    _check_finite(queries, keys)
    found = _Search(keys, k, device).best(queries, np.full(len(queries), -np.inf), chunk)
    return Best(found.indices, found.scores.astype(np.float32))


def exact_topk_of_blocks(queries: Vectors, blocks: Iterable[Vectors], k: int, *, device: str = "cpu") -> Best:
    """As :func:`exact_topk`, over keys that come block by block; ``k`` or as many as there are keys.

    Indices count the keys of all blocks in their order. Memory is bounded by the largest block and by
    the result; the blocks' sizes change nothing of it.

    Args:
        queries: float32, shape (N, d). blocks: float32, each of shape (any number, d).

    Raises:
        ValueError: if ``k`` is less than 1, or a value is not finite.
    """
    if k < 1:
        raise ValueError(f"k is {k}, it must be at least 1")
    _check_finite(queries)
    best = _Found(np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0)))
    before = 0
    for keys in blocks:
        if not len(keys):
            continue
        _check_finite(keys)
        needed = best.scores[:, -1] if before >= k else np.full(len(queries), -np.inf)
        found = _Search(keys, min(k, len(keys)), device).best(queries, needed)
        best = _merged(best, _Found(found.indices + before, found.scores), k)
        before += len(keys)
    return Best(best.indices, best.scores.astype(np.float32))


def _check_finite(*arrays: Vectors) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("embeddings must be finite")


def _merged(earlier: _Found, later: _Found, k: int) -> _Found:
    """The ``k`` best of both; of ties the earlier."""
    count, width = len(earlier.scores), min(k, earlier.scores.shape[1] + later.scores.shape[1])
    merged = _Found(np.empty((count, width), np.int64), np.empty((count, width)))
    for rows in _slices(count, _ROWS):
        scores = np.concatenate([earlier.scores[rows], later.scores[rows]], axis=1)
        indices = np.concatenate([earlier.indices[rows], later.indices[rows]], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :width]
        merged.scores[rows] = np.take_along_axis(scores, order, axis=1)
        merged.indices[rows] = np.take_along_axis(indices, order, axis=1)
    return merged


class _Search:
    """Keys on a device, laid out for looking for the ``k`` best of them."""

    def __init__(self, keys: Vectors, k: int, device: str) -> None:
        self._keys = torch.from_numpy(np.ascontiguousarray(keys)).to(device)
        self._k = k
        # Groups pay where only a small part of them is looked into; group j holds keys j, j + groups, ...
        self._size = _GROUPS if 2 * _GROUPS * k < len(keys) else 1
        self._groups = -(-len(keys) // self._size)
        self._products = fastest_products(self._keys.device)(self._keys)

    def best(self, queries: Vectors, needed: NDArray[np.float64], chunk: int | None = None) -> _Found:
        """The best keys of every query; those that score less than is ``needed``, (N,), may be left out."""
        if self._keys.device.type != "cpu":
            return self._best_of_part(queries, needed, chunk)
        # A thread to a part of the queries, from the product to the scores: two pools that take turns at the
        # same cores would wait for each other, since an idle thread of a pool spins for a while.
        threads = torch.get_num_threads()
        parts = np.array_split(queries, threads), np.array_split(needed, threads), [chunk] * threads
        try:
            with (
                threadpool_limits(1, user_api="blas"),
                ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
            ):
                found = list(pool.map(self._best_of_part, *parts))
        finally:
            torch.set_num_threads(threads)
        return _Found(np.concatenate([part.indices for part in found]), np.concatenate([part.scores for part in found]))

    def _best_of_part(self, queries: Vectors, needed: NDArray[np.float64], chunk: int | None) -> _Found:
        best = _Found(np.full((len(queries), self._k), -1), np.full((len(queries), self._k), -np.inf))
        products, length = self._products, self._groups * self._size
        chunk = min(chunk or max(1, _CHUNK_BYTES // (4 * length)), max(1, len(queries)))
        out = torch.full((chunk, length), -torch.inf, dtype=products.dtype, device=self._keys.device)
        for rows in _slices(len(queries), chunk):
            block = torch.from_numpy(np.ascontiguousarray(queries[rows])).to(self._keys.device)
            least = torch.from_numpy(needed[rows]).to(block.device)
            products.write(block, out[: len(block), : len(self._keys)])
            into, scored = _Found(best.indices[rows], best.scores[rows]), 0
            for some in _slices(len(block), _ROWS_SCORED):
                part = _Found(into.indices[some], into.scores[some])
                scored += self._score(products, block[some], least[some], out[some], part)
            if products.dtype != torch.float32 and scored > len(block) * (self._k + length // _KEYS_PER_SCORE):
                products, out = fastest_float32(self._keys.device)(self._keys), out.float()
        return best

    def _score(
        self, products: Products, block: torch.Tensor, needed: torch.Tensor, out: torch.Tensor, into: _Found
    ) -> int:
        """Put the best keys of the block, whose products are in ``out``, ``into`` their place; how many were scored."""
        row, key = self._near(products, block, needed, out)
        scores = _exact_scores(block, self._keys, row, key)
        _put_best(row.cpu().numpy(), key.cpu().numpy(), scores.cpu().numpy(), into)
        return len(row)

    def _near(
        self, products: Products, block: torch.Tensor, needed: torch.Tensor, out: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the block, ascending, each with a key that may be one of its ``k`` best; all that are, are there."""
        maxima = out.view(len(out), self._size, self._groups).amax(dim=1)
        # So many products are at least as great; what was rounded to it may have been a little less.
        kth = torch.topk(maxima, self._k, dim=1).values[:, -1].double()
        kth -= kth.abs() * torch.finfo(out.dtype).eps / 2
        error = products.error(block)
        floor = torch.maximum(kth - 2 * error, needed - products.offset(block) - error)
        # The floor is rounded as the products are. What is no number (too great for a float32) is not below it.
        floor = floor.to(out.dtype)[:, None]
        row, group = torch.nonzero(~(maxima < floor), as_tuple=True)
        members = group[:, None] + torch.arange(0, out.shape[1], self._groups, device=out.device)
        is_near = ~(out[row[:, None], members] < floor[row]) & (members < len(self._keys))
        at, member = torch.nonzero(is_near, as_tuple=True)
        return row[at], members[at, member]


def _put_best(row: NDArray[np.int64], key: NDArray[np.int64], score: NDArray[np.float64], best: _Found) -> None:
    """Put into ``best`` the keys of greatest score of each of its rows, of ties the smaller."""
    order = np.lexsort((key, -score, row))
    row, key, score = row[order], key[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    fits = place < best.scores.shape[1]
    best.indices[row[fits], place[fits]] = key[fits]
    best.scores[row[fits], place[fits]] = score[fits]


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _exact_scores(queries: torch.Tensor, keys: torch.Tensor, row: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Dot products in float64, (n,), of the queries and the keys of such indices, (n,).

    Products of float32 are exact in float64. Their sum is folded half onto half: elementwise operations,
    which every device and every number of threads rounds alike.
    """
    scores = torch.empty(len(row), dtype=torch.float64, device=queries.device)
    for part in _slices(len(row), max(1, _EXACT_BYTES // (8 * queries.shape[1]))):
        terms = keys.index_select(0, key[part]).double()
        terms *= queries.index_select(0, row[part])
        scores[part] = _folded(terms)
    return scores


def _folded(terms: torch.Tensor) -> torch.Tensor:
    """The sums over the last axis, (n, d) to (n,), always in the same order; what ``terms`` held is gone."""
    length = terms.shape[-1]
    while length > 1:
        half = length // 2
        terms[:, :half] += terms[:, half : 2 * half]
        if length % 2:
            terms[:, 0] += terms[:, length - 1]
        length = half
    return terms[:, 0]
