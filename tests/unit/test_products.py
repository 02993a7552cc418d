"""No product is further from the true one than its kind says, and the error it says is not much more than there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.products import (
    BFloat16Products,
    NumpyProducts,
    Products,
    TorchProducts,
    fastest_float32,
    fastest_products,
)

KINDS: list[type[Products]] = [TorchProducts, NumpyProducts, BFloat16Products]


def cone(generator: np.random.Generator, count: int, dimension: int, width: float) -> torch.Tensor:
    """Unit rows around one direction."""
    rows = np.ones(dimension) + width * generator.normal(size=(count, dimension))
    return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True)).float()


def off(kind: type[Products], queries: torch.Tensor, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What every product is off beyond its own rounding, and what it may be; (N, M) and (N, 1)."""
    products, out = kind(keys), torch.empty((len(queries), len(keys)), dtype=kind.dtype)
    products.write(queries, out)
    found = out.double()
    true = queries.double() @ keys.double().T - products.offset(queries)[:, None]
    rounding = found.abs() * torch.finfo(kind.dtype).eps / 2
    return (found - true).abs() - rounding, products.error(queries)[:, None]


@given(
    seed=st.integers(0, 1 << 32),
    dimension=st.sampled_from([1, 3, 64, 768]),
    width=st.sampled_from([1e-3, 0.3, 1, 30]),
    scales=st.sampled_from([(1, 1), (1e-3, 1e3), (1e-20, 1e-20), (1e-40, 1), (1e15, 1e18)]),
    kind=st.sampled_from(KINDS),
)
def test_no_product_is_further_off_than_is_said(
    seed: int, dimension: int, width: float, scales: tuple[float, float], kind: type[Products]
) -> None:
    generator = np.random.default_rng(seed)
    queries, keys = cone(generator, 7, dimension, width) * scales[0], cone(generator, 90, dimension, width) * scales[1]
    distance, error = off(kind, queries, keys)
    assert (distance <= error).all()


def test_of_a_narrow_cone_bfloat16_is_less_off() -> None:
    generator = np.random.default_rng(2)
    queries = cone(generator, 20, 768, 1)
    errors = [off(BFloat16Products, queries, cone(generator, 2000, 768, width)) for width in (0.1, 0.75, 30)]
    said = [float(error.max()) for _, error in errors]
    assert said == sorted(said)
    assert said[0] < 4e-4
    assert said[1] < 2.5e-3
    # With no mean to take off: two roundings of a 2^8th at most and a 2^9.2th in the mean.
    assert 3e-3 < said[2] < 4e-3


def test_a_device_that_is_no_cpu_multiplies_in_float32() -> None:
    assert fastest_products(torch.device("meta")) is fastest_float32(torch.device("meta")) is TorchProducts


def test_the_fastest_is_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = fastest_products(torch.device("cpu"))
    assert chosen in KINDS
    assert fastest_float32(torch.device("cpu")) in {TorchProducts, NumpyProducts}
    monkeypatch.setattr("taskgalaxy.products._cost", lambda kind: pytest.fail("it is measured again"))
    assert fastest_products(torch.device("cpu")) is chosen
