"""Subsets: seeded, each smaller one inside the next, and compared at equal sizes where that is the point."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from taskgalaxy.division import generator_of
from taskgalaxy.errors import UserError
from taskgalaxy.subset_names import WHOLE, band_edges, check_subsets, subset_names
from taskgalaxy.subsets import (
    by_cap,
    by_frequency,
    by_generator,
    by_task_types,
    for_commercial_use,
    without_screening,
)

SCHEMA = {"sample_id": pl.String, "image_id": pl.String, "task_type": pl.String}
TASK_TYPES = [f"a~{letter}" for letter in "pqrstu"]
pools = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(TASK_TYPES)), min_size=1, max_size=40, unique=True
)  # fmt: skip
seeds = st.integers(-3, 3)
NOTHING: dict[str, Any] = {
    "task_types": [],
    "images": None,
    "caps": [],
    "bands": [],
    "unscreened": False,
    "commercial": False,
}


def table(pool: list[tuple[int, str]]) -> pl.DataFrame:
    rows = [(f"{task_type} {image}", f"i{image}", task_type) for image, task_type in pool]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def ids(subset: pl.DataFrame) -> set[str]:
    assert subset["sample_id"].is_unique().all()
    return set(subset["sample_id"])


@given(pools, st.sets(st.integers(1, 5), min_size=1), seeds)
def test_subsets_by_task_types_have_one_size_and_nested_task_types(
    pool: list[tuple[int, str]], wanted: set[int], seed: int
) -> None:
    samples, sizes = table(pool), sorted(wanted)
    assume(max(sizes) <= samples["task_type"].n_unique())
    subsets = list(by_task_types(samples, sizes, None, seed).values())
    heights = {subset.height for subset in subsets}
    assert len(subsets) == len(sizes) + 1
    assert len(heights) == 1
    assert heights != {0}
    for subset, size in zip(subsets, [*sizes, len(TASK_TYPES)], strict=True):
        assert ids(subset) <= ids(samples)
        assert subset["image_id"].is_unique().all()
        assert subset["task_type"].n_unique() <= size
        assert subset.columns == samples.columns
    # The smallest has all images that its task types have: no larger number would do.
    poorest = min(by_task_types(samples, [size], None, seed)[f"types-{size}"].height for size in sizes)
    assert heights == {poorest}


@given(seeds)
def test_task_types_of_a_smaller_subset_are_among_those_of_a_larger_one(seed: int) -> None:
    samples = table(list(enumerate(TASK_TYPES)))
    chosen = [
        set(by_task_types(samples, [size], None, seed)[f"types-{size}"]["task_type"])
        for size in range(1, len(TASK_TYPES) + 1)
    ]
    assert [len(task_types) for task_types in chosen] == list(range(1, len(TASK_TYPES) + 1))
    assert all(smaller < larger for smaller, larger in pairwise(chosen))


def test_task_types_take_turns() -> None:
    samples = table([(index, "a~p") for index in range(6)] + [(10 + index, "a~q") for index in range(2)])
    subset = by_task_types(samples, [2], 4, 1)["types-2"]
    assert Counter(subset["task_type"]) == {"a~p": 2, "a~q": 2}


@pytest.mark.parametrize(
    ("sizes", "images", "said"),
    [
        ([1, 3], None, "subsets.task_types: 3 were asked for, and the final set has 2"),
        ([1, 2], 9, "subsets.images: 9 were asked for, and types-1 can have 6"),
    ],
)
def test_what_the_set_cannot_give_is_a_warning(
    sizes: list[int], images: int | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    samples = table([(index, "a~p") for index in range(6)] + [(10 + index, "a~q") for index in range(6)])
    subsets = by_task_types(samples, sizes, images, 1)
    assert said in caplog.text
    assert [subset.height for subset in subsets.values()] == [6, 6, 6]


def test_subsets_of_an_empty_set_are_empty() -> None:
    empty = table([])
    subsets = {
        **by_task_types(empty, [1, 2], 5, 1),
        **by_cap(empty, [1], 1),
        **by_frequency(empty, empty, [1]),
        **by_generator(empty, ["gpt", "qwen"], 1),
        "unscreened": without_screening(empty, empty, 1),
    }
    assert [subset.height for subset in subsets.values()] == [0] * 9


@given(pools, st.sets(st.integers(1, 12), min_size=1), seeds)
def test_caps_are_nested(pool: list[tuple[int, str]], caps: set[int], seed: int) -> None:
    samples = table(pool)
    available = Counter(samples["task_type"])
    subsets = by_cap(samples, sorted(caps), seed)
    for cap, subset in zip(sorted(caps), subsets.values(), strict=True):
        assert Counter(subset["task_type"]) == {name: min(cap, count) for name, count in available.items()}
    chosen = [ids(subset) for subset in subsets.values()]
    assert all(smaller <= larger for smaller, larger in pairwise(chosen))


@given(pools, st.sets(st.integers(1, 8), min_size=1), st.integers(1, 4))
def test_every_sample_is_in_the_band_of_its_task_type(pool: list[tuple[int, str]], bands: set[int], cap: int) -> None:
    accepted = table(pool)
    samples = by_cap(accepted, [cap], 1)[f"cap-{cap}"]
    frequency = Counter(accepted["task_type"])
    subsets = by_frequency(samples, accepted, sorted(bands))
    assert sum(subset.height for subset in subsets.values()) == samples.height
    for (low, high), subset in zip(band_edges(sorted(bands)), subsets.values(), strict=True):
        assert all(low <= frequency[name] and (high is None or frequency[name] <= high) for name in subset["task_type"])


@given(pools, st.data(), seeds)
def test_without_screening_as_many_samples_of_the_same_task_types_are_drawn(
    pool: list[tuple[int, str]], data: st.DataObject, seed: int
) -> None:
    pairs = table(pool)
    accepted = pairs.filter(pl.Series(data.draw(st.lists(st.booleans(), min_size=len(pool), max_size=len(pool)))))
    without = without_screening(accepted, pairs, seed)
    assert Counter(without["task_type"]) == Counter(accepted["task_type"])
    assert ids(without) <= ids(pairs)


@given(pools, st.integers(2, 3), seeds)
def test_generators_have_equally_many_samples_of_every_task_type_and_as_many_as_can_be(
    pool: list[tuple[int, str]], number: int, seed: int
) -> None:
    samples, generators = table(pool), ["gpt", "llava", "qwen"][:number]
    owned = [(generator_of(f"i{image}", generators), task_type) for image, task_type in pool]
    available = Counter(owned)
    fewest = {name: min(available[generator, name] for generator in generators) for name in TASK_TYPES}
    subsets = by_generator(samples, generators, seed)
    assert list(subsets) == [f"generator-{name}" for name in generators]
    for generator, subset in zip(generators, subsets.values(), strict=True):
        assert ids(subset) <= ids(samples)
        assert {generator_of(image_id, generators) for image_id in subset["image_id"]} <= {generator}
        assert Counter(subset["task_type"]) == Counter(fewest)
        assert subset.columns == samples.columns


def test_one_generator_has_nothing_to_be_compared_with_and_no_common_task_type_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert by_generator(table([(1, "a~p")]), ["gpt"], 1) == {}
    assert not caplog.text
    assert [subset.height for subset in by_generator(table([(1, "a~p")]), ["gpt", "qwen"], 1).values()] == [0, 0]
    assert "generator-gpt and generator-qwen are empty" in caplog.text


def test_commercial_use_needs_a_licence_that_allows_it() -> None:
    samples = table([(index, "a~p") for index in range(4)])
    held = samples.with_columns(license=pl.Series(["MIT", "CC-BY-NC-4.0", "LicenseRef-web", "LicenseRef-gift"]))
    subset = for_commercial_use(held, {"LicenseRef-web": {"unknown": True}, "LicenseRef-gift": {}})
    assert subset["license"].to_list() == ["MIT", "LicenseRef-gift"]


def test_other_seeds_draw_others() -> None:
    samples = table([(index, task_type) for index in range(9) for task_type in TASK_TYPES])
    assert len({frozenset(ids(by_cap(samples, [3], seed)["cap-3"])) for seed in range(4)}) == 4


def names(settings: dict[str, Any], cot: str | None, *generators: str) -> list[str]:
    return subset_names({"subsets": settings, "roles": {"cot": cot, "qa": list(generators) or "gpt"}})


def test_names_follow_the_configuration() -> None:
    assert names(NOTHING, None) == []
    assert names(NOTHING, "gpt") == ["cot", "cot-plain", "with-cot"]
    assert names(NOTHING, None, "gpt", "qwen") == ["generator-gpt", "generator-qwen"]
    settings = {"task_types": [5, 20], "images": None, "caps": [1, 55], "bands": [10, 50]} | {
        "unscreened": True,
        "commercial": True,
    }
    assert names(settings, None) == [
        "types-5",
        "types-20",
        "types-all",
        "cap-1",
        "cap-55",
        "band-1-10",
        "band-11-50",
        "band-51-more",
        "commercial",
        "unscreened",
    ]
    assert WHOLE not in names(settings, "gpt")


@pytest.mark.parametrize("key", ["task_types", "caps", "bands"])
def test_sizes_that_do_not_ascend_are_an_error(key: str) -> None:
    for sizes in ([5, 3], [5, 5]):
        with pytest.raises(UserError, match=rf"subsets\.{key}: does not ascend"):
            check_subsets({**NOTHING, key: sizes})
    check_subsets({**NOTHING, key: [3, 5]})
