"""The candidates are exactly the best ones, and ties go to the smaller index, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskgalaxy.errors import UserError
from taskgalaxy.tables import TOPK, to_arrow
from taskgalaxy.topk import candidate_rows, exact_topk


def unit_rows(generator: np.random.Generator, count: int, dimension: int) -> NDArray[np.float32]:
    vectors = generator.normal(size=(count, dimension)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute_force(images: NDArray[np.float32], tasks: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Sorting all scores, in float64 rounded to float32, by score and then by index."""
    best = []
    for image in images.astype(np.float64):
        scores = (tasks.astype(np.float64) @ image).astype(np.float32)
        best.append(sorted(range(len(tasks)), key=lambda index: (-scores[index], index))[:k])
    return np.array(best, np.int64).reshape(len(images), k)


@given(
    seed=st.integers(0, 1 << 32),
    shape=st.tuples(st.integers(0, 20), st.integers(1, 60), st.sampled_from([1, 3, 8, 64])),
    repeated=st.floats(0, 1),
    chunk=st.integers(1, 25),
    data=st.data(),
)
def test_it_is_what_sorting_all_scores_gives(
    seed: int, shape: tuple[int, int, int], repeated: float, chunk: int, data: st.DataObject
) -> None:
    count, task_count, dimension = shape
    generator = np.random.default_rng(seed)
    images, tasks = unit_rows(generator, count, dimension), unit_rows(generator, task_count, dimension)
    again = generator.random(task_count) < repeated
    tasks[again] = tasks[generator.integers(0, task_count, again.sum())]
    k = data.draw(st.integers(1, task_count) | st.just(task_count) | st.just(1))
    indices, scores = exact_topk(images, tasks, k, chunk)
    assert (indices.dtype, scores.dtype) == (np.int64, np.float32)
    assert indices.shape == scores.shape == (count, k)
    assert (indices == brute_force(images, tasks, k)).all()
    exact = np.take_along_axis(images.astype(np.float64) @ tasks.astype(np.float64).T, indices, axis=1)
    assert np.abs(scores - exact).max(initial=0) < 1e-6
    assert (np.diff(scores, axis=1) <= 0).all()


@given(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0]), min_size=1, max_size=30), st.data())
def test_ties_go_to_the_smaller_index(scores: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(scores)))
    indices, _ = exact_topk(np.ones((1, 1), np.float32), np.array(scores, np.float32)[:, None], k)
    assert indices[0].tolist() == sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:k]


def test_neither_chunks_nor_threads_nor_further_tasks_move_a_score() -> None:
    """Sums of float32 do change with all of these, in their last bits, and with them the order of near ties."""
    generator = np.random.default_rng(7)
    images, tasks = unit_rows(generator, 45, 512), unit_rows(generator, 1474, 512)
    tasks[generator.integers(0, 1474, 700)] = tasks[generator.integers(0, 1474, 700)]
    indices, scores = exact_topk(images, tasks, 10)
    before = torch.get_num_threads()
    try:
        for chunk, threads in [(1, 1), (3, 2), (7, 1), (44, 2)]:
            torch.set_num_threads(threads)
            again = exact_topk(images, tasks, 10, chunk)
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


def test_candidates_are_rows_of_the_table_with_the_best_first() -> None:
    generator = np.random.default_rng(3)
    images, tasks = unit_rows(generator, 4, 8), unit_rows(generator, 6, 8)
    names = [f"type~{number}" for number in range(6)]
    found = candidate_rows(["d", "c", "b", "a"], images, names, tasks, 3)
    assert to_arrow(found, TOPK).num_rows == 12
    assert [row["image_id"] for row in found] == [name for name in "dcba" for _ in range(3)]
    assert [row["rank"] for row in found] == [1, 2, 3] * 4
    expected = brute_force(images, tasks, 3)
    assert [row["task_type"] for row in found] == [names[index] for line in expected for index in line]


def test_a_shard_without_images_has_no_candidates() -> None:
    assert candidate_rows([], np.empty((0, 0), np.float32), ["a"], np.ones((1, 4), np.float32), 1) == []


def test_a_pool_smaller_than_k_is_an_error_of_the_configuration() -> None:
    for ids in ([], ["a"]):
        with pytest.raises(UserError, match=r"match\.k"):
            candidate_rows(ids, np.ones((len(ids), 1), np.float32), ["a"], np.ones((1, 1), np.float32), 2)
