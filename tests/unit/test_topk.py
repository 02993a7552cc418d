"""The keys found are exactly the best ones, and ties go to the smaller index, whatever the chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskgalaxy import topk
from taskgalaxy.embeddings import Vectors
from taskgalaxy.products import BFloat16Products, Products, TorchProducts
from taskgalaxy.topk import exact_topk, exact_topk_of_blocks
from unit.test_products import KINDS


@contextmanager
def pruning_by(kind: type[Products]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "fastest_products", lambda device: kind)
        yield


def unit_rows(generator: np.random.Generator, count: int, dimension: int) -> Vectors:
    vectors = generator.normal(size=(count, dimension)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute_force(queries: Vectors, keys: Vectors, k: int) -> NDArray[np.int64]:
    """Sorting all scores, exact to the last bit of float64, by score and then by index."""
    best = []
    for query in queries.astype(np.float64):
        scores = [math.fsum(products) for products in keys.astype(np.float64) * query]
        best.append(sorted(range(len(keys)), key=lambda index: (-scores[index], index))[:k])
    return np.array(best, np.int64).reshape(len(queries), k)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Vectors, Vectors, int]:
    """Queries, keys some of which are repeated, and k: few keys, or so many that groups of them are searched."""
    count, key_count = draw(st.integers(0, 20)), draw(st.integers(1, 60) | st.integers(300, 900))
    dimension = draw(st.sampled_from([1, 3, 8, 65]))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    queries, keys = unit_rows(generator, count, dimension), unit_rows(generator, key_count, dimension)
    again = generator.random(key_count) < draw(st.sampled_from([0, 0.1, 0.9, 1]))
    keys[again] = keys[generator.integers(0, key_count, again.sum())]
    return queries, keys, draw(st.integers(1, min(key_count, 25)) | st.just(key_count) | st.just(1))


@given(problem=problems(), chunk=st.none() | st.integers(1, 25), kind=st.sampled_from(KINDS))
def test_it_is_what_sorting_all_scores_gives(
    problem: tuple[Vectors, Vectors, int], chunk: int | None, kind: type[Products]
) -> None:
    queries, keys, k = problem
    with pruning_by(kind):
        indices, scores = exact_topk(queries, keys, k, chunk=chunk)
    assert (indices.dtype, scores.dtype) == (np.int64, np.float32)
    assert indices.shape == scores.shape == (len(queries), k)
    assert (indices == brute_force(queries, keys, k)).all()
    exact = np.take_along_axis(queries.astype(np.float64) @ keys.astype(np.float64).T, indices, axis=1)
    assert np.abs(scores - exact).max(initial=0) < 1e-6
    assert (np.diff(scores, axis=1) <= 0).all()


@given(problem=problems(), cuts=st.lists(st.floats(0, 1), max_size=5), kind=st.sampled_from(KINDS))
def test_keys_in_blocks_of_any_size_are_ranked_as_all_at_once(
    problem: tuple[Vectors, Vectors, int], cuts: list[float], kind: type[Products]
) -> None:
    queries, keys, k = problem
    edges = sorted(int(cut * len(keys)) for cut in cuts)
    with pruning_by(kind):
        in_blocks = exact_topk_of_blocks(queries, np.split(keys, edges), k)
    at_once = exact_topk(queries, keys, k)
    assert (in_blocks.indices == at_once.indices).all()
    assert (in_blocks.scores == at_once.scores).all()


def test_fewer_keys_than_asked_for_in_blocks_are_all_ranked() -> None:
    generator = np.random.default_rng(1)
    queries, keys = unit_rows(generator, 3, 8), unit_rows(generator, 7, 8)
    found = exact_topk_of_blocks(queries, [keys[:2], keys[:0], keys[2:]], 99)
    assert (found.indices == brute_force(queries, keys, 7)).all()
    assert exact_topk_of_blocks(queries, [], 5).indices.shape == (3, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_near_ties_that_float32_confuses_are_ranked_as_in_float64(kind: type[Products]) -> None:
    """Hundreds of keys closer together than a float32 product is exact, at the edge of the best k."""
    generator = np.random.default_rng(5)
    queries = unit_rows(generator, 30, 256)
    keys = np.concatenate([unit_rows(generator, 600, 256), np.repeat(queries, 20, axis=0)])
    keys[600:] += generator.normal(size=(600, 256)).astype(np.float32) * np.float32(2e-9)
    keys[600:, :8] = np.nextafter(keys[600:, :8], generator.choice([-2, 2], (600, 8)).astype(np.float32))
    expected = brute_force(queries, keys, 10)
    with pruning_by(kind):
        assert (exact_topk(queries, keys, 10).indices == expected).all()
    in_float32 = np.argsort(-(queries @ keys.T), axis=1, kind="stable")[:, :10]
    assert any(set(row) != set(exact) for row, exact in zip(in_float32, expected, strict=True))


@given(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0]), min_size=1, max_size=30), st.data())
def test_ties_go_to_the_smaller_index(scores: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(scores)))
    indices, _ = exact_topk(np.ones((1, 1), np.float32), np.array(scores, np.float32)[:, None], k)
    assert indices[0].tolist() == sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:k]


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("of_queries", "of_keys"), [(1, 1e-30), (1e-25, 1e-20), (1e-40, 1), (1e25, 1e25), (1, 3e38)])
def test_products_that_float32_cannot_hold_are_ranked_all_the_same(
    kind: type[Products], of_queries: float, of_keys: float
) -> None:
    generator = np.random.default_rng(3)
    queries, keys = unit_rows(generator, 9, 16) * of_queries, unit_rows(generator, 700, 16) * of_keys
    queries, keys = queries.astype(np.float32), keys.astype(np.float32)
    with pruning_by(kind):
        assert (exact_topk(queries, keys, 10).indices == brute_force(queries, keys, 10)).all()


def test_where_bfloat16_prunes_too_little_the_rest_is_done_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    class Noted(TorchProducts):
        def write(self, queries: torch.Tensor, out: torch.Tensor) -> None:
            written.append(len(queries))
            super().write(queries, out)

    monkeypatch.setattr(topk, "fastest_float32", lambda device: Noted)
    generator = np.random.default_rng(4)
    queries, keys = unit_rows(generator, 40, 64), unit_rows(generator, 900, 64)
    spread, alike = keys, np.where(np.arange(900)[:, None] % 2, keys[:1], -keys[:1]) + keys * np.float32(1e-3)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pruning_by(BFloat16Products):
            for these, chunks in ((spread, []), (alike, [10, 10, 10])):
                written.clear()
                assert (exact_topk(queries, these, 3, chunk=10).indices == brute_force(queries, these, 3)).all()
                assert written == chunks
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_chunks_nor_threads_nor_further_tasks_move_a_score(kind: type[Products]) -> None:
    """Sums of float32 do change with all of these, in their last bits, and with them the order of near ties."""
    generator = np.random.default_rng(7)
    images, tasks = unit_rows(generator, 45, 512), unit_rows(generator, 1474, 512)
    tasks[generator.integers(0, 1474, 700)] = tasks[generator.integers(0, 1474, 700)]
    indices, scores = exact_topk(images, tasks, 10)
    before = torch.get_num_threads()
    try:
        for chunk, threads in [(1, 1), (3, 2), (7, 1), (44, 2)]:
            torch.set_num_threads(threads)
            with pruning_by(kind):
                again = exact_topk(images, tasks, 10, chunk=chunk)
            assert (again[0] == indices).all()
            assert (again[1] == scores).all()
    finally:
        torch.set_num_threads(before)
    far = -images.mean(axis=0, keepdims=True)
    more = np.concatenate([tasks, far / np.linalg.norm(far)]).astype(np.float32)
    again = exact_topk(images, more, 10)
    assert (again[0] == indices).all()
    assert (again[1] == scores).all()


@pytest.mark.parametrize("k", [0, -1, 4])
def test_k_must_fit_the_pool(k: int) -> None:
    with pytest.raises(ValueError, match="k is"):
        exact_topk(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), k)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    sound, wrong = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)
    wrong[1, 2] = value
    for images, tasks in ((sound, wrong), (wrong, sound)):
        with pytest.raises(ValueError, match="finite"):
            exact_topk(images, tasks, 1)
        with pytest.raises(ValueError, match="finite"):
            exact_topk_of_blocks(images, [tasks], 1)
