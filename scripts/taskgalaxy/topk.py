"""Exact top-k by cosine (paper section 2.2, equation 1; k is 10), and its reverse, the best images of a task type.

A float32 matrix product finds few enough keys that the best ones are provably among them; these are scored
again in float64, always in the same order, so that ranks and scores are the same bits with any chunk,
number of threads and device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from taskgalaxy.embeddings import Vectors

_SPARE = 4
"""Further keys that are scored exactly: with them nearly every query's best k are proven at once."""
_GROUPS = 16
"""A query's keys are searched in groups of so many, by the maximum of each group."""
_CHUNK_BYTES = 32 << 20
"""Scores that are in memory at once."""
_EXACT_BYTES = 2 << 20
"""Float64 products that are in memory at once; more than a core's cache would make them slower."""


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
    found = _Search(keys, k, device).best(queries, chunk)
    indices = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for start, best, exact in found:
        indices[start : start + len(best)] = best.cpu().numpy()
        scores[start : start + len(best)] = exact.cpu().numpy()
    return Best(indices, scores)


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
    indices = torch.empty((len(queries), 0), dtype=torch.int64)
    scores = torch.empty((len(queries), 0), dtype=torch.float64)
    before = 0
    for keys in blocks:
        if not len(keys):
            continue
        _check_finite(queries, keys)
        width = min(k, scores.shape[1] + len(keys))
        merged_indices = torch.empty((len(queries), width), dtype=torch.int64)
        merged_scores = torch.empty((len(queries), width), dtype=torch.float64)
        for start, best, exact in _Search(keys, min(k, len(keys)), device).best(queries):
            rows = slice(start, start + len(best))
            # What came earlier stands first, so that a stable sort gives it the ties.
            both = torch.cat([scores[rows], exact.cpu()], dim=1)
            names = torch.cat([indices[rows], best.cpu() + before], dim=1)
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
        self._transposed = torch.zeros((self._padded, self._keys.shape[1]), device=device)
        self._transposed[: len(keys)] = self._keys
        self._transposed = self._transposed.T
        self._longest = _longest(self._keys)

    def best(self, queries: Vectors, chunk: int | None = None) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """Chunk by chunk: where it starts, its best keys and their float64 scores, each (chunk, k)."""
        chunk = chunk or max(1, _CHUNK_BYTES // (4 * self._padded))
        scores = torch.empty((min(chunk, len(queries)), self._padded), device=self._keys.device)
        for start in range(0, len(queries), chunk):
            block = torch.from_numpy(np.ascontiguousarray(queries[start : start + chunk])).to(self._keys.device)
            yield start, *self._best_of_chunk(block, scores[: len(block)])

    def _best_of_chunk(self, block: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if scores.device.type == "cpu":
            # The same memory; on processors of AMD, OpenBLAS is half as fast again as what torch comes with.
            np.matmul(block.numpy(), self._transposed.numpy(), out=scores.numpy())
        else:
            torch.mm(block, self._transposed, out=scores)
        scores[:, len(self._keys) :] = -torch.inf
        values, candidates = self._greatest(scores)
        indices, exact = _ranked(block, self._keys, candidates, self._k)
        if self._candidates < len(self._keys):
            floor = values[:, self._k - 1] - 2 * self._error(block)
            for row in torch.nonzero(values[:, -1] >= floor)[:, 0].tolist():
                # Too many are too close: all that may be among the best are scored exactly.
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


def _longest(vectors: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(vectors.double(), dim=1).max()) if len(vectors) else 0.0


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
    for start in range(0, count, step):
        rows = slice(start, start + step)
        products = keys[candidates[rows]].double() * queries[rows, None].double()
        scores[rows] = _folded(products)
    return scores


def _folded(terms: torch.Tensor) -> torch.Tensor:
    """The sums over the last axis, (..., n) to (...), always in the same order."""
    while (length := terms.shape[-1]) > 1:
        half = length // 2
        folded = terms[..., :half] + terms[..., half : 2 * half]
        if length % 2:
            folded[..., 0] += terms[..., -1]
        terms = folded
    return terms[..., 0]
