"""Exact top-k by cosine (paper section 2.2, equation 1; k is 10), and its reverse, the best images of a task type.

A float32 matrix product finds few enough keys that the best ones are provably among them; these are scored
again in float64, always in the same order, so that ranks and scores are the same bits with any chunk,
number of threads and device.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskgalaxy.embeddings import Vectors

_SPARE = 4
"""Further keys that are looked at: with them nearly every query's best k are proven at once."""
_GROUPS = 16
"""A query's keys are searched in groups of so many, by the maximum of each group."""
_CHUNK_BYTES = 64 << 20
"""Scores that are in memory at once, for every thread."""
_EXACT_BYTES = 2 << 20
"""Float64 products that are in memory at once, for every thread; more than a cache holds would make them slower."""
_ROWS = 1024
"""Rows of vectors or results that are worked at where a few bytes to each are enough."""


class Best(NamedTuple):
    """The best keys of every query, best first: ``indices`` int64, ``scores`` float32, both (queries, k)."""

    indices: NDArray[np.int64]
    scores: Vectors


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
    indices, scores = _Search(keys, k, device).best(queries, chunk)
    return Best(indices.numpy(), scores.float().numpy())


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
    indices = torch.empty((len(queries), 0), dtype=torch.int64)
    scores = torch.empty((len(queries), 0), dtype=torch.float64)
    before = 0
    for keys in blocks:
        if not len(keys):
            continue
        _check_finite(keys)
        further, exact = _Search(keys, min(k, len(keys)), device).best(queries)
        width = min(k, scores.shape[1] + len(keys))
        merged_indices = torch.empty((len(queries), width), dtype=torch.int64)
        merged_scores = torch.empty((len(queries), width), dtype=torch.float64)
        for rows in _slices(len(queries), _ROWS):
            # What came earlier stands first, so that a stable sort gives it the ties.
            both = torch.cat([scores[rows], exact[rows]], dim=1)
            names = torch.cat([indices[rows], further[rows] + before], dim=1)
            order = torch.sort(both, dim=1, descending=True, stable=True).indices[:, :width]
            merged_scores[rows], merged_indices[rows] = both.gather(1, order), names.gather(1, order)
        indices, scores, before = merged_indices, merged_scores, before + len(keys)
    return Best(indices.numpy(), scores.float().numpy())


def _check_finite(*arrays: Vectors) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("embeddings must be finite")


class _Search:
    """Keys on a device, laid out for looking for the ``k`` best of them."""

    def __init__(self, keys: Vectors, k: int, device: str) -> None:
        self._keys = torch.from_numpy(np.ascontiguousarray(keys)).to(device)
        self._k = k
        self._candidates = min(k + _SPARE, len(keys))
        # Groups pay where only a small part of them is looked into; group j holds keys j, j + groups, ...
        size = _GROUPS if 2 * _GROUPS * self._candidates < len(keys) else 1
        self._groups = -(-len(keys) // size)
        self._padded = self._groups * size
        self._longest = _longest(self._keys)

    def best(self, queries: Vectors, chunk: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The indices of every query's best keys and their float64 scores, each (N, k), on the CPU."""
        if self._keys.device.type != "cpu":
            return self._best_of_part(queries, chunk)
        # A thread to a part of the queries, from the product to the scores: two pools that take turns at the
        # same cores would wait for each other, since an idle thread of a pool spins for a while.
        threads = torch.get_num_threads()
        _is_numpy_faster()
        try:
            with (
                threadpool_limits(1, user_api="blas"),
                ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
            ):
                parts = list(pool.map(lambda part: self._best_of_part(part, chunk), np.array_split(queries, threads)))
        finally:
            torch.set_num_threads(threads)
        return torch.cat([indices for indices, _ in parts]), torch.cat([scores for _, scores in parts])

    def _best_of_part(self, queries: Vectors, chunk: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        indices = torch.empty((len(queries), self._k), dtype=torch.int64)
        exact = torch.empty((len(queries), self._k), dtype=torch.float64)
        chunk = min(chunk or max(1, _CHUNK_BYTES // (4 * self._padded)), max(1, len(queries)))
        scores = torch.full((chunk, self._padded), -torch.inf, device=self._keys.device)
        for rows in _slices(len(queries), chunk):
            block = torch.from_numpy(np.ascontiguousarray(queries[rows])).to(self._keys.device)
            best, their_scores = self._best_of_chunk(block, scores[: len(block)])
            indices[rows], exact[rows] = best.cpu(), their_scores.cpu()
        return indices, exact

    def _best_of_chunk(self, block: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        products = scores[:, : len(self._keys)]
        if scores.device.type == "cpu" and _is_numpy_faster():
            # The same memory.
            np.matmul(block.numpy(), self._keys.T.numpy(), out=products.numpy())
        else:
            torch.mm(block, self._keys.T, out=products)
        values, candidates = self._greatest(scores)
        if self._candidates == self._k:
            return _ranked(block, self._keys, candidates, self._k)
        # What is below it cannot be among the best: mostly all but k, else all but the candidates, and of a few
        # queries so many are too close that all keys are looked through.
        floor = values[:, self._k - 1] - 2 * self._error(block)
        proven = values[:, self._k] < floor
        indices = torch.empty((len(block), self._k), dtype=torch.int64, device=block.device)
        exact = torch.empty((len(block), self._k), dtype=torch.float64, device=block.device)
        for rows, width in ((proven, self._k), (~proven, self._candidates)):
            indices[rows], exact[rows] = _ranked(block[rows], self._keys, candidates[rows, :width], self._k)
        if self._candidates < len(self._keys):
            for row in torch.nonzero(values[:, -1] >= floor)[:, 0].tolist():
                close = torch.nonzero(scores[row] >= floor[row])[:, 0]
                indices[row], exact[row] = (
                    one[0] for one in _ranked(block[row, None], self._keys, close[None], self._k)
                )
        return indices, exact

    def _greatest(self, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values and indices of the candidates, the greatest first.

        Each of them lies in one of the groups with the greatest maxima, of which there are as many.
        """
        if self._groups == self._padded:
            return torch.topk(scores, self._candidates, dim=1)
        size = self._padded // self._groups
        maxima = scores.view(len(scores), size, self._groups).amax(dim=1)
        groups = torch.topk(maxima, self._candidates, dim=1, sorted=False).indices
        offsets = torch.arange(0, self._padded, self._groups, device=scores.device)
        members = (groups[:, None, :] + offsets[None, :, None]).flatten(1)
        values, positions = torch.topk(scores.gather(1, members), self._candidates, dim=1)
        return values, members.gather(1, positions)

    def _error(self, block: torch.Tensor) -> float:
        """What a float32 dot product may be off, in any order of its sums (Higham 2002, section 3.1).

        It holds for torch's default of full float32 products, not for TF32.
        """
        dimension, unit = block.shape[1], 2.0**-24
        return dimension * unit / (1 - dimension * unit) * _longest(block) * self._longest


@cache
def _is_numpy_faster() -> bool:
    """Whether numpy's float32 product beats torch's on one thread of this processor.

    They bring libraries of their own: on one by AMD numpy's was half as fast again, on one by Intel torch's a little
    faster. Which of them is taken moves no score.
    """
    left, right = torch.rand((256, 768)), torch.rand((4096, 768)).T
    out = torch.empty((256, 4096))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            of_numpy = _least_seconds(lambda: np.matmul(left.numpy(), right.numpy(), out=out.numpy()))
            of_torch = _least_seconds(lambda: torch.mm(left, right, out=out))
    finally:
        torch.set_num_threads(threads)
    return of_numpy < of_torch


def _least_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _longest(vectors: torch.Tensor) -> float:
    norms = (
        torch.linalg.vector_norm(vectors[rows], dim=1, dtype=torch.float64) for rows in _slices(len(vectors), _ROWS)
    )
    return max((float(of_block.max()) for of_block in norms), default=0.0)


def _ranked(
    queries: torch.Tensor, keys: torch.Tensor, candidates: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``k`` best of each query's ``candidates`` (N, c) by their scores in float64, and these scores."""
    candidates = torch.sort(candidates, dim=1).values
    scores = _exact_scores(queries, keys, candidates)
    scores, order = torch.sort(scores, dim=1, descending=True, stable=True)
    return candidates.gather(1, order[:, :k]), scores[:, :k]


def _exact_scores(queries: torch.Tensor, keys: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Dot products in float64 of each query with its candidates, (N, c).

    Products of float32 are exact in float64. Their sum is folded half onto half: elementwise operations,
    which every device and every number of threads rounds alike.
    """
    count, width = candidates.shape
    scores = torch.empty((count, width), dtype=torch.float64, device=queries.device)
    step = max(1, _EXACT_BYTES // (8 * width * queries.shape[1]))
    for rows in _slices(count, step):
        products = keys.index_select(0, candidates[rows].flatten()).double().view(-1, width, queries.shape[1])
        products *= queries[rows, None]
        scores[rows] = _folded(products)
    return scores


def _folded(terms: torch.Tensor) -> torch.Tensor:
    """The sums over the last axis, (..., n) to (...), always in the same order; what ``terms`` held is gone."""
    length = terms.shape[-1]
    while length > 1:
        half = length // 2
        terms[..., :half] += terms[..., half : 2 * half]
        if length % 2:
            terms[..., 0] += terms[..., length - 1]
        length = half
    return terms[..., 0]
