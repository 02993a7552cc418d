"""Dot products that are fast to compute, and how far each may be off: what :mod:`taskgalaxy.topk` prunes by."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from functools import cache

import numpy as np
import torch
from threadpoolctl import threadpool_limits

_ROWS = 1024
"""Keys that are rounded at once."""
_UNIT = 2.0**-24
"""What float32 rounds by at most, relatively."""
_SMALLEST = 2.0**-126
"""The smallest normal float32: some processors take what is smaller for zero."""


class Products(ABC):
    """Dot products of queries with keys: the true one is the product, plus the query's offset, give or take its error.

    That holds before the product is rounded to ``dtype``.
    """

    dtype = torch.float32

    @abstractmethod
    def __init__(self, keys: torch.Tensor) -> None:
        """``keys``: float32, shape (M, d), finite."""

    @abstractmethod
    def write(self, queries: torch.Tensor, out: torch.Tensor) -> None:
        """Put the products of ``queries``, float32 of shape (N, d), into ``out`` of ``dtype`` and shape (N, M)."""

    @abstractmethod
    def offset(self, queries: torch.Tensor) -> torch.Tensor:
        """Float64, shape (N,)."""

    @abstractmethod
    def error(self, queries: torch.Tensor) -> torch.Tensor:
        """Float64, shape (N,)."""


class TorchProducts(Products):
    """Float32 by torch's library: full float32, which is torch's default, not TF32."""

    def __init__(self, keys: torch.Tensor) -> None:
        self._keys = keys.T
        self._longest = float(_norms(keys).max())

    def write(self, queries: torch.Tensor, out: torch.Tensor) -> None:
        torch.mm(queries, self._keys, out=out)

    def offset(self, queries: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(queries), dtype=torch.float64, device=queries.device)

    def error(self, queries: torch.Tensor) -> torch.Tensor:
        return _error_of_sums(queries, self._longest)


class NumpyProducts(TorchProducts):
    """Float32 by numpy's library, on the CPU."""

    def write(self, queries: torch.Tensor, out: torch.Tensor) -> None:
        # The same memory.
        np.matmul(queries.numpy(), self._keys.numpy(), out=out.numpy())


class BFloat16Products(Products):
    """Bfloat16 with float32 sums, of keys from which their mean is taken: what is shorter is rounded by less.

    The mean moves all products of a query alike. Of CLIP's embeddings, which lie in a narrow cone, it is a large part.
    """

    dtype = torch.bfloat16

    def __init__(self, keys: torch.Tensor) -> None:
        count, dimension = keys.shape
        mean = keys.mean(dim=0)
        self._mean = mean.double()
        self._keys = torch.empty((dimension, count), dtype=torch.bfloat16, device=keys.device)
        longest = furthest = torch.zeros((), dtype=torch.float64, device=keys.device)
        for start in range(0, count, _ROWS):
            centred = keys[start : start + _ROWS] - mean
            rounded = centred.bfloat16()
            self._keys[:, start : start + _ROWS] = rounded.T
            longest = torch.maximum(longest, _norms(centred).max())
            furthest = torch.maximum(furthest, _norms(centred.sub_(rounded)).max())
        # What is left of a key without the mean was rounded too, in float32.
        self._furthest = float(furthest) + 4 * _UNIT * float(longest)
        self._longest = float(longest) + self._furthest

    def write(self, queries: torch.Tensor, out: torch.Tensor) -> None:
        torch.mm(queries.bfloat16(), self._keys, out=out)

    def offset(self, queries: torch.Tensor) -> torch.Tensor:
        return queries.double() @ self._mean

    def error(self, queries: torch.Tensor) -> torch.Tensor:
        # q k - q' k' = (q - q') k' + q (k - k'), where a query q is rounded to q' and a key k to k'.
        rounded = queries.bfloat16()
        of_rounding = _norms(queries - rounded.float()) * self._longest + _norms(queries) * self._furthest
        return of_rounding + _error_of_sums(rounded, self._longest)


def fastest_products(device: torch.device) -> type[Products]:
    """Those that one thread computes soonest; what each takes is measured once.

    Numpy's library was half as fast again as torch's on one processor by AMD, and a little slower on one by Intel.
    Bfloat16 leaves more keys to be scored exactly, for which it has to be faster by a quarter.
    """
    costs = _costs(device)
    return min(costs, key=lambda kind: costs[kind] * (1 if kind.dtype == torch.float32 else 1.25))


def fastest_float32(device: torch.device) -> type[Products]:
    """Those of float32 that one thread computes soonest."""
    costs = _costs(device)
    return min((kind for kind in costs if kind.dtype == torch.float32), key=lambda kind: costs[kind])


def _costs(device: torch.device) -> dict[type[Products], float]:
    """The kinds that there are, by the seconds that some products take."""
    return _costs_of_this_processor() if device.type == "cpu" else {TorchProducts: 0.0}


@cache
def _costs_of_this_processor() -> dict[type[Products], float]:
    kinds: list[type[Products]] = [TorchProducts, NumpyProducts]
    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"):
        kinds.append(BFloat16Products)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            return {kind: _cost(kind) for kind in kinds}
    finally:
        torch.set_num_threads(threads)


def _cost(kind: type[Products]) -> float:
    queries, keys = torch.rand((256, 768)), torch.rand((4096, 768))
    products, out, seconds = kind(keys), torch.empty((256, 4096), dtype=kind.dtype), []
    for _ in range(4):
        began = time.perf_counter()
        products.write(queries, out)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _error_of_sums(queries: torch.Tensor, longest: float) -> torch.Tensor:
    """What float32 sums of products may be off, in any order (Higham 2002, section 3.1); float64, (N,)."""
    # Four more than there are terms: for what is rounded beside them, the error itself among it.
    dimension = queries.shape[1]
    rounded = (dimension + 4) * _UNIT
    lengths = _norms(queries)
    return rounded / (1 - rounded) * lengths * longest + dimension * _SMALLEST * (1 + lengths + longest)


def _norms(vectors: torch.Tensor) -> torch.Tensor:
    """Upper bounds of the rows' lengths, float64: of all that float32 rounds, and of squares that are zero in it."""
    dimension = vectors.shape[1]
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors.float(), dim=1, dtype=torch.float32).double()
    return lengths * (1 + 2 * dimension * _UNIT) + math.sqrt(dimension * _SMALLEST)
