"""Embeddings come back as they were written, with the model that made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import rows
from taskgalaxy.embeddings import read_embeddings, same_model, write_embeddings
from taskgalaxy.errors import UserError
from taskgalaxy.schemas import SAMPLES
from taskgalaxy.tables import write_table

IDENTITY = {"model": "ViT-L-14", "weights": "abc"}


def unit_rows(count: int, dimension: int = 7) -> NDArray[np.float32]:
    vectors = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_ids_vectors_and_identity_come_back(tmp_path: Path, count: int) -> None:
    names = [f"größe~{number}" for number in range(count)]
    vectors = unit_rows(count)
    write_embeddings(tmp_path / "e", names, vectors, IDENTITY)
    ids, again, identity = read_embeddings(tmp_path / "e")
    assert (ids, identity) == (names, IDENTITY)
    assert again.dtype == np.float32
    assert len(again) == count
    if count:
        assert (again == vectors).all()


def test_the_same_embeddings_give_the_same_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    vectors = unit_rows(20)
    write_embeddings(tmp_path / "a", [str(number) for number in range(20)], vectors, IDENTITY)
    turned = dict(reversed(IDENTITY.items()))
    write_embeddings(tmp_path / "b", [str(number) for number in range(20)], np.asfortranarray(vectors), turned)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_repeated_ids_and_rows_that_are_not_normalised_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="repeated"):
        write_embeddings(tmp_path / "e", ["a", "a"], unit_rows(2), IDENTITY)
    columns = unit_rows(3, 3)
    columns = columns / np.linalg.norm(columns, axis=0)
    for wrong in (unit_rows(3) * 2, unit_rows(3) * np.nan, np.zeros((3, 4), np.float32), columns):
        with pytest.raises(ValueError, match="normalised per row"):
            write_embeddings(tmp_path / "e", ["a", "b", "c"], wrong, IDENTITY)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "another table", "no identity", "no vectors"])
def test_damaged_embeddings_are_an_error_that_says_what_to_do(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "e.parquet"
    write_embeddings(path, ["a", "b"], unit_rows(2), IDENTITY)
    table = pq.read_table(path)
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "another table":
        write_table(path, [rows.sample("a")], SAMPLES)
    elif damage == "no identity":
        pq.write_table(table.replace_schema_metadata(None), path)
    else:
        pq.write_table(table.set_column(1, "vector", pa.array([1.0, 2.0])), path)
    with pytest.raises(UserError, match=r"e\.parquet.*snakemake again"):
        read_embeddings(path)


def test_embeddings_of_different_models_are_not_compared() -> None:
    same_model("tasks", IDENTITY, "images", dict(reversed(IDENTITY.items())))
    with pytest.raises(UserError, match=r"tasks and images.*weights differ"):
        same_model("tasks", IDENTITY, "images", IDENTITY | {"weights": "other"})
    with pytest.raises(UserError, match="precision differ"):
        same_model("tasks", IDENTITY, "images", IDENTITY | {"precision": "fp16"})
