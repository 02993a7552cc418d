"""The images are divided among the generators: each has one, and keeps it when another generator joins."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.division import divided, generator_of

names = st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]*", fullmatch=True), min_size=1, max_size=5, unique=True)
images = st.lists(st.text("0123456789abcdef", min_size=4, max_size=4))
IMAGES = [f"{number:064x}" for number in range(3000)]


@given(images, names)
def test_every_row_is_of_one_generator_and_the_rows_of_each_keep_their_order(ids: list[str], some: list[str]) -> None:
    rows = pl.DataFrame({"image_id": ids, "row": range(len(ids))}, schema={"image_id": pl.String, "row": pl.Int64})
    parts = divided(rows, some)
    assert list(parts) == some
    assert sorted(pl.concat(parts.values())["row"]) == list(range(len(ids)))
    for name, part in parts.items():
        assert part["row"].is_sorted()
        assert all(generator_of(image_id, some) == name for image_id in part["image_id"])


@given(images, names)
def test_the_order_in_which_generators_are_named_decides_nothing(ids: list[str], some: list[str]) -> None:
    other_way = some[::-1]
    assert [generator_of(image_id, some) for image_id in ids] == [generator_of(image_id, other_way) for image_id in ids]


def test_a_further_generator_takes_its_share_and_moves_no_other_image() -> None:
    before = {image_id: generator_of(image_id, ["first", "second"]) for image_id in IMAGES}
    after = {image_id: generator_of(image_id, ["first", "second", "third"]) for image_id in IMAGES}
    moved = {image_id for image_id in IMAGES if before[image_id] != after[image_id]}
    assert {after[image_id] for image_id in moved} == {"third"}
    assert abs(len(moved) - len(IMAGES) / 3) < 100
    assert all(abs(count - len(IMAGES) / 2) < 100 for count in Counter(before.values()).values())


def test_the_division_is_the_same_for_ever() -> None:
    assert [generator_of(image_id, ["gpt", "qwen"]) for image_id in IMAGES[:8]] == (
        "gpt gpt qwen gpt qwen qwen gpt gpt".split()
    )
