"""Thin task types choose images that were no candidates yet: the best, no more than they have room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.fill_shards import fill_shards, is_fill
from taskgalaxy.filling import divide, fill_candidates, thin_task_types
from taskgalaxy.schemas import TOP_IMAGES, TOPK
from taskgalaxy.tables import to_arrow, to_frame, write_table

POOL = pl.Series(["a", "b", "c"])


def top(**images: Sequence[str]) -> pl.DataFrame:
    """The best images of task types, the best first."""
    rows = [
        {"task_type": task_type, "rank": rank, "image_id": image, "score": 1 - rank / 100}
        for task_type, found in images.items()
        for rank, image in enumerate(found, start=1)
    ]
    return to_frame(rows, TOP_IMAGES)


def candidates_file(path: Path, *pairs: tuple[str, str]) -> Path:
    rows = [
        {"image_id": image, "rank": rank, "task_type": kind, "score": 0.5} for rank, (image, kind) in enumerate(pairs)
    ]
    write_table(path, rows, TOPK)
    return path


def test_thin_is_what_has_fewer_accepted_samples_none_included() -> None:
    accepted = pl.DataFrame({"task_type": ["a"] * 4 + ["b"] * 2})
    thin = thin_task_types(POOL, accepted, below=3, most=5)
    assert thin.rows() == [("b", 3), ("c", 5)]
    assert thin_task_types(POOL, accepted.clear(), below=1, most=5)["task_type"].to_list() == ["a", "b", "c"]


def test_the_best_images_that_were_no_candidates_and_are_still_there(tmp_path: Path) -> None:
    topk = [candidates_file(tmp_path / "1", ("i1", "a")), candidates_file(tmp_path / "2", ("i3", "b"))]
    thin = pl.DataFrame({"task_type": ["a", "b"], "room": [9, 1]})
    best = top(a=["i1", "i2", "gone", "i3", "i4"], b=["i3", "i4", "i5"], c=["i1"])
    found = fill_candidates(best, topk, pl.Series(["i1", "i2", "i3", "i4", "i5"]), thin, images=2)
    assert found.select("task_type", "image_id").rows() == [("a", "i2"), ("a", "i3"), ("b", "i4")]
    assert fill_candidates(best, [], pl.Series(["i1"]), thin, images=2)["image_id"].to_list() == ["i1"]


pairs = st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 30).map(str)), max_size=60)


@given(pairs, st.integers(1, 4), st.integers(1, 10))
def test_every_pair_is_in_one_shard_and_its_rank_follows_those_of_the_image(
    chosen: set[tuple[str, str]], count: int, k: int
) -> None:
    rows = [{"task_type": kind, "image_id": image, "score": 0.5} for kind, image in sorted(chosen)]
    schema = {"task_type": pl.String, "image_id": pl.String, "score": pl.Float32}
    shards = [f"fill-{number:05d}" for number in range(count)]
    divided = divide(pl.DataFrame(rows, schema=schema), shards, k)
    assert list(divided) == shards
    found = pl.concat(divided.values())
    to_arrow(found, TOPK)
    assert Counter(found.select("task_type", "image_id").iter_rows()) == Counter(chosen)
    assert all(frame["image_id"].is_sorted() for frame in divided.values())
    for (image,), frame in found.group_by("image_id"):
        assert frame["rank"].to_list() == list(range(k + 1, k + 1 + frame.height))
        assert sum(image in rows["image_id"] for rows in divided.values()) == 1


@pytest.mark.parametrize(("shards", "count"), [(1, 1), (10, 1), (11, 2), (800, 80)])
def test_there_is_a_shard_of_the_fill_for_every_ten_of_images(shards: int, count: int) -> None:
    config = {"fill": {"below": 3}, "sources": {"one": {}}}
    names = fill_shards(config, shards)
    assert len(set(names)) == count
    assert all(is_fill(name, config) for name in names)
    assert not is_fill("one-00000", config)
    assert fill_shards({"fill": {"below": None}}, shards) == []


def test_without_a_fill_a_source_may_be_called_like_it() -> None:
    assert not is_fill("fill-00000", {"fill": {"below": None}, "sources": {"fill": {}}})
