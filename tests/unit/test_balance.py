"""The balanced set: within its bounds, drawn by the seed, and disturbed as little as possible."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.balance import balance_rejects, draw, draw_key
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import to_arrow

SCHEMA = {"sample_id": pl.String, "image_id": pl.String, "task_type": pl.String}
samples = st.lists(
    st.tuples(st.integers(0, 999), st.sampled_from("ijkl"), st.sampled_from(["a~x", "a~y", "b"])),
    max_size=40,
    unique_by=lambda sample: sample[0],
)
bounds = st.tuples(st.integers(1, 4), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
seeds = st.integers(-5, 5)
ALL = tuple("ijkl")


def accepted(given_samples: list[tuple[int, str, str]]) -> pl.DataFrame:
    rows = [(f"s{number:03d}", image, task_type) for number, image, task_type in given_samples]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def drawn(
    table: pl.DataFrame, bound: tuple[int, int], seed: int = 1, there: tuple[str, ...] = ALL
) -> tuple[set[str], pl.DataFrame]:
    chosen, left = draw(table, pl.Series(there, dtype=pl.String), *bound, seed)
    return set(chosen["sample_id"]), left


@given(samples, bounds, seeds, st.sets(st.sampled_from(ALL)))
def test_every_sample_is_drawn_or_left_with_its_reason(
    given_samples: list[tuple[int, str, str]], bound: tuple[int, int], seed: int, there: set[str]
) -> None:
    table = accepted(given_samples)
    minimum, maximum = bound
    chosen, left = drawn(table, bound, seed, tuple(sorted(there)))
    assert sorted([*chosen, *left["sample_id"]]) == sorted(table["sample_id"])
    to_arrow(balance_rejects(left), REJECTS)
    kinds = dict(table.select("sample_id", "task_type").iter_rows())
    images = dict(table.select("sample_id", "image_id").iter_rows())
    available = Counter(kinds[name] for name in kinds if images[name] in there)
    counts = Counter(kinds[name] for name in chosen)
    for task_type, count in available.items():
        assert counts[task_type] == (min(count, maximum) if count >= minimum else 0)
    for name, reason in left.select("sample_id", "reason").iter_rows():
        if images[name] not in there:
            assert reason == "image_removed"
        else:
            assert reason == ("below_minimum" if available[kinds[name]] < minimum else "over_cap")


@given(samples, bounds, seeds)
def test_the_smallest_keys_are_drawn(
    given_samples: list[tuple[int, str, str]], bound: tuple[int, int], seed: int
) -> None:
    chosen, left = drawn(accepted(given_samples), bound, seed)
    over = left.filter(pl.col("reason") == "over_cap")
    kinds = {f"s{number:03d}": task_type for number, _, task_type in given_samples}
    for name, task_type in over.select("sample_id", "task_type").iter_rows():
        assert all(draw_key(seed, other) < draw_key(seed, name) for other in chosen if kinds[other] == task_type)


@given(samples, bounds, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(given_samples: list, bound: tuple[int, int], seed: int, dice) -> None:
    table = accepted(given_samples)
    turned = list(given_samples)
    dice.shuffle(turned)
    everything = pl.Series(ALL)
    assert draw(table, everything, *bound, seed)[0].equals(draw(accepted(turned), everything, *bound, seed)[0])


@given(samples, samples, bounds)
def test_more_samples_of_other_types_change_nothing(
    given_samples: list[tuple[int, str, str]], more: list[tuple[int, str, str]], bound: tuple[int, int]
) -> None:
    table = accepted(given_samples)
    others = accepted([(number + 1000, image, f"other {task_type}") for number, image, task_type in more])
    before, _ = drawn(table, bound)
    after, _ = drawn(pl.concat([table, others]), bound)
    assert after & set(table["sample_id"]) == before


@given(samples, samples, bounds)
def test_more_samples_of_a_type_only_displace_as_many_as_come_in(
    given_samples: list[tuple[int, str, str]], more: list[tuple[int, str, str]], bound: tuple[int, int]
) -> None:
    table = accepted(given_samples)
    new = accepted([(number + 1000, image, task_type) for number, image, task_type in more])
    before, _ = drawn(table, bound)
    after, _ = drawn(pl.concat([table, new]), bound)
    assert len(before - after) <= len(after & set(new["sample_id"]))
    kinds = dict(table.select("sample_id", "task_type").iter_rows())
    was_there = {kinds[name] for name in before}
    came_back = {name for name in (after - before) & set(kinds) if kinds[name] in was_there}
    assert not came_back


@given(samples, bounds, st.sampled_from(ALL))
def test_a_removed_image_makes_room_and_moves_nothing_else(
    given_samples: list[tuple[int, str, str]], bound: tuple[int, int], gone: str
) -> None:
    table = accepted(given_samples)
    there = tuple(image for image in ALL if image != gone)
    before, _ = drawn(table, (1, bound[1]))
    after, _ = drawn(table, (1, bound[1]), there=there)
    assert before - after == set(table.filter(pl.col("image_id") == gone)["sample_id"]) & before


def test_the_seed_decides_the_draw() -> None:
    table = accepted([(number, "i", "b") for number in range(200)])
    draws = {seed: frozenset(drawn(table, (1, 20), seed)[0]) for seed in range(10)}
    assert len(set(draws.values())) == 10
    assert all(len(names) == 20 for names in draws.values())
    assert drawn(table, (1, 20), 3)[0] == draws[3]


def test_the_key_is_what_it_was() -> None:
    """Changing it would exchange most of everyone's set."""
    assert draw_key(1, "0123456789abcdef0123") == "9e8b1a983c4cd0d2ec583d0901f5332c"
    assert draw_key(1, "23") != draw_key(12, "3")


def test_the_drawn_come_by_task_type_and_then_by_key() -> None:
    table = accepted([(number, "i", task_type) for number, task_type in enumerate(["b", "a~x", "b", "a~x", "b"])])
    chosen, _ = draw(table, pl.Series(["i"]), 1, 55, 1)
    order = [(task_type, draw_key(1, name)) for name, task_type in chosen.select("sample_id", "task_type").iter_rows()]
    assert order == sorted(order)
    assert chosen.columns == list(SCHEMA)


def test_every_sample_has_the_same_chance() -> None:
    table = accepted([(number, "i", "b") for number in range(50)])
    counts = Counter(name for seed in range(400) for name in drawn(table, (1, 10), seed)[0])
    # 400 draws with a chance of 1 in 5: 80, with a standard deviation of 8.
    assert all(40 <= counts[name] <= 120 for name in table["sample_id"])
