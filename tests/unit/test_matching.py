"""Candidates of images and the best images of task types, as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from taskgalaxy import matching
from taskgalaxy.embeddings import Vectors, write_embeddings
from taskgalaxy.errors import UserError
from taskgalaxy.matching import candidates, top_images
from taskgalaxy.schemas import TOP_IMAGES, TOPK
from taskgalaxy.tables import to_arrow

MODEL = {"model": "ViT-L-14"}


def unit_rows(seed: int, count: int, dimension: int = 8) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_candidates_are_rows_of_the_table_with_the_best_first() -> None:
    images, tasks = unit_rows(1, 4), unit_rows(2, 6)
    names = [f"type~{number}" for number in range(6)]
    found = candidates(list("dcba"), images, names, tasks, 3)
    assert to_arrow(found, TOPK).num_rows == 12
    assert found["image_id"].to_list() == [name for name in "dcba" for _ in range(3)]
    assert found["rank"].to_list() == [1, 2, 3] * 4
    order = np.argsort(-(images @ tasks.T), axis=1)[:, :3]
    assert found["task_type"].to_list() == [names[index] for line in order for index in line]
    assert found["score"].to_numpy() == pytest.approx((images @ tasks.T)[np.arange(4)[:, None], order].ravel())


def test_a_shard_without_images_has_no_candidates() -> None:
    found = candidates([], np.empty((0, 0), np.float32), ["a"], np.ones((1, 4), np.float32), 1)
    assert found.is_empty()
    assert to_arrow(found, TOPK).num_rows == 0


def test_a_pool_smaller_than_k_is_an_error_of_the_configuration() -> None:
    for ids in ([], ["a"]):
        with pytest.raises(UserError, match=r"match\.k"):
            candidates(ids, np.ones((len(ids), 1), np.float32), ["a"], np.ones((1, 1), np.float32), 2)


def written(folder: Path, sizes: list[int], images: Vectors, model: dict[str, str] = MODEL) -> list[Path]:
    paths, start = [], 0
    for number, size in enumerate(sizes):
        paths.append(folder / f"{number}.parquet")
        ids = [f"image {index}" for index in range(start, start + size)]
        write_embeddings(paths[-1], ids, images[start : start + size], model)
        start += size
    return paths


def test_top_images_are_the_best_of_all_shards_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, tasks = unit_rows(3, 40), unit_rows(4, 5)
    images[35] = images[2]
    write_embeddings(tmp_path / "tasks", [f"type {number}" for number in range(5)], tasks, MODEL)
    whole = top_images(tmp_path / "tasks", written(tmp_path, [40], images), 6)
    assert to_arrow(whole, TOP_IMAGES).num_rows == 30
    assert whole["task_type"].to_list() == [f"type {number}" for number in range(5) for _ in range(6)]
    assert whole["rank"].to_list() == [1, 2, 3, 4, 5, 6] * 5
    order = np.argsort(-(tasks.astype(np.float64) @ images.astype(np.float64).T), axis=1, kind="stable")[:, :6]
    assert whole["image_id"].to_list() == [f"image {index}" for line in order for index in line]
    monkeypatch.setattr(matching, "_BLOCK", 12)
    assert top_images(tmp_path / "tasks", written(tmp_path, [7, 0, 20, 1, 12], images), 6).equals(whole)


def test_images_of_another_model_are_refused_not_ranked(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "tasks", ["a"], unit_rows(5, 1), MODEL)
    paths = written(tmp_path, [2], unit_rows(6, 2), {"model": "ViT-B-32"})
    with pytest.raises(UserError, match="different models"):
        top_images(tmp_path / "tasks", paths, 1)


def test_fewer_images_than_asked_for_are_all_ranked(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "tasks", ["a", "b"], unit_rows(7, 2), MODEL)
    assert top_images(tmp_path / "tasks", written(tmp_path, [1, 2], unit_rows(8, 3)), 55).height == 6
    assert top_images(tmp_path / "tasks", written(tmp_path, [0], unit_rows(8, 0)), 55).is_empty()
