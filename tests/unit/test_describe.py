"""The report's tables say what is in the files of a run: each against an answer that was counted by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rows
import sheets
from report_data import REFEREES
from taskgalaxy.describe import candidates, referees, samples, similar, task_types
from taskgalaxy.describe.intervals import with_share
from taskgalaxy.describe.paper import read_paper
from taskgalaxy.describe.sheets import SCHEMAS, read_sheets, sheet, write_sheets
from taskgalaxy.errors import UserError
from taskgalaxy.report.referees import referee_statistics
from taskgalaxy.report_names import TABLES
from taskgalaxy.schemas import FILTER
from taskgalaxy.tables import read_columns, write_table

COUNTS = st.lists(st.integers(0, 1500), max_size=30)


# --- shares ---------------------------------------------------------------------------------------------------------


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    row = with_share(pl.DataFrame({"part": [1], "whole": [10]}), "part", "whole").row(0, named=True)
    assert (row["share"], round(row["low"], 4), round(row["high"], 4)) == (0.1, 0.0179, 0.4042)


def test_without_trials_there_is_no_share() -> None:
    assert with_share(pl.DataFrame({"part": [0], "whole": [0]}), "part", "whole").row(0)[2:] == (None, None, None)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_share_lies_in_its_interval_and_the_interval_from_0_to_1(one: int, other: int) -> None:
    part, whole = sorted((one, other + 1))
    row = with_share(pl.DataFrame({"part": [part], "whole": [whole]}), "part", "whole").row(0, named=True)
    assert 0 <= row["low"] <= row["share"] + 1e-9
    assert row["share"] - 1e-9 <= row["high"] <= 1


# --- candidates -----------------------------------------------------------------------------------------------------


@pytest.fixture
def filtered(tmp_path: Path) -> list[Path]:
    """Two shards of one source and one of another: one image keeps ranks 1 and 3, one rank 2, one nothing, and one
    got no reply."""
    shards = {
        "one-00000": [
            rows.candidate("a", 1, "OCR~signs"),
            rows.candidate("a", 2, "OCR~bills", kept=False),
            rows.candidate("a", 3, "Scene"),
            rows.candidate("b", 1, "OCR~bills", kept=False),
            rows.candidate("b", 2, "Scene"),
        ],
        "one-00001": [
            rows.candidate("c", 1, "Scene", kept=False, reason="none_fits"),
            rows.candidate("c", 2, "OCR~signs", kept=False, reason="none_fits"),
        ],
        "two-00000": [rows.candidate("d", 1, "Scene", kept=False, reason="request_failed")],
    }
    paths = []
    for shard, each in shards.items():
        paths.append(tmp_path / f"{shard}.parquet")
        write_table(paths[-1], each, FILTER)
    return paths


def test_ranks_count_candidates_kept_ones_and_images_by_their_best(filtered: list[Path]) -> None:
    found = candidates.ranks(candidates.count_candidates(filtered, []).by_rank)
    assert found.select("rank", "candidates", "kept", "first_kept").rows() == [(1, 4, 1, 1), (2, 3, 1, 1), (3, 1, 1, 0)]
    assert found["share"].to_list() == pytest.approx([1 / 4, 1 / 3, 1])
    assert found["kept_so_far"].to_list() == pytest.approx([1 / 3, 2 / 3, 1])


def test_the_none_rate_counts_images_of_which_nothing_was_kept_in_the_order_of_the_shards(filtered: list[Path]) -> None:
    by_shard = candidates.count_candidates(filtered, []).by_shard
    assert by_shard.rows() == [
        ("one-00000", "one", 2, 0, 0),
        ("one-00001", "one", 1, 1, 0),
        ("two-00000", "two", 1, 1, 1),
    ]
    by_source = candidates.none_rate_by_source(by_shard)
    assert by_source["source"].to_list() == ["one", "two"]
    assert by_source["share"].to_list() == pytest.approx([1 / 3, 1])


def test_candidates_of_a_task_type_are_counted_over_all_shards(filtered: list[Path]) -> None:
    counts = candidates.count_candidates(filtered, [])
    assert counts.by_task_type.rows() == [("OCR~bills", 2, 0), ("OCR~signs", 2, 1), ("Scene", 4, 2)]
    assert counts.by_task_type["candidates"].sum() == counts.by_rank["candidates"].sum()
    assert counts.by_task_type["kept"].sum() == counts.by_rank["kept"].sum()
    assert counts.by_rank["first_kept"].sum() == (counts.by_shard["images"] - counts.by_shard["without"]).sum()


def test_no_shards_give_empty_tables() -> None:
    counts = candidates.count_candidates([], [])
    assert sheet("ranks", candidates.ranks(counts.by_rank)).is_empty()
    assert sheet("none_rate_by_source", candidates.none_rate_by_source(counts.by_shard)).is_empty()


# --- task types -----------------------------------------------------------------------------------------------------


def test_every_task_type_has_its_counts_and_the_fate_of_how_far_it_came() -> None:
    names = ["a in", "b undrawn", "c rejected", "d unasked", "e unkept", "f unseen"]
    seen = pl.DataFrame(
        {"task_type": names[:5], "candidates": [9, 9, 9, 9, 9], "kept": [5, 4, 3, 2, 0]},
        schema_overrides={"candidates": pl.Int64},
    )
    votes = pl.DataFrame(
        {"task_type": ["a in", "a in", "b undrawn", "c rejected"], "accepted": [True, False, True, False]}
    )
    found = task_types.count_task_types(sheets.pool(names), seen, votes, sheets.final({"task_type": "a in"}))
    assert found["fate"].to_list() == list(task_types.FATES)
    assert found.row(0, named=True).items() >= {"samples": 2, "accepted": 1, "final": 1, "kept": 5}.items()
    assert task_types.count_fates(found)["task_types"].to_list() == [1] * 6
    assert task_types.without_samples(found)["task_type"].to_list() == list(reversed(names[1:]))


@given(COUNTS)
def test_buckets_partition_the_task_types(counts: list[int]) -> None:
    capped = [min(count, 55) for count in counts]
    frame = pl.DataFrame({"accepted": counts, "final": capped}, schema=dict.fromkeys(("accepted", "final"), pl.Int64))
    found = task_types.samples_per_task_type(frame)
    for column in ("accepted", "final"):
        assert found[f"{column}_task_types"].sum() == len(counts)
    edges = found.select("least", "most").rows()
    assert all(after[0] == before[1] + 1 for before, after in pairwise(edges))
    assert found.filter(pl.col("samples") == "2–5")["accepted_task_types"].item() == sum(2 <= n <= 5 for n in counts)
    assert found.filter(pl.col("samples") == "over 1,000")["accepted_task_types"].item() == sum(
        n > 1000 for n in counts
    )


def test_levels_count_labels_with_what_stands_above_them_and_where_task_types_end() -> None:
    names = ["OCR~signs~shop", "OCR~signs~road", "Chart~signs~shop", "Scene"]
    found = task_types.levels(sheets.pool(names), [115, 2796])
    assert found.rows() == [(1, 3, 1, 115), (2, 2, 0, 2796), (3, 3, 3, None)]


# --- samples --------------------------------------------------------------------------------------------------------


def test_sources_count_images_that_are_there_and_those_in_the_set_by_licence() -> None:
    images = rows.index(
        rows.image("i1"), rows.image("i2"), rows.image("i3", license="MIT"), rows.image("i4", present=False)
    )
    drawn = sheets.final(
        {"image_id": "i1"}, {"image_id": "i1", "task_type": "Scene"}, {"image_id": "i3", "license": "MIT"}
    )
    assert samples.sources(images, drawn).rows() == [("one", "CC0-1.0", 2, 1, 2, 2), ("one", "MIT", 1, 1, 1, 1)]


def test_lengths_are_words_between_blanks() -> None:
    drawn = sheets.final({"question": "What is\n this?", "answer": "Éclair"}, {"question": "Who am I?", "answer": ""})
    assert samples.lengths(drawn).select("part", "words", "samples").rows() == [
        ("question", 3, 2),
        ("answer", 0, 1),
        ("answer", 1, 1),
    ]


def test_questions_are_counted_per_image_per_image_with_something_kept_and_per_vote() -> None:
    by_shard = pl.DataFrame({"images": [10, 6], "without": [1, 3]})
    found = samples.questions_asked(by_shard, samples=20, referees=3, accepted=8)
    assert found.rows() == [("filter", 16, 2.0), ("qa", 12, 1.5), ("referee", 60, 7.5)]
    assert samples.questions_asked(by_shard, 20, 3, 0)["per_accepted"].to_list() == [None] * 3


def test_this_run_stands_below_the_papers_table() -> None:
    found = samples.datasets(read_paper()["datasets"], 1810, 274, "by embedded")
    assert found.height == 11
    assert found.row(-1, named=True) == {
        "name": "this run", "instances": 1810, "task_types": 274, "made": "by embedded", "this_run": True,
    }  # fmt: skip
    assert found.filter(pl.col("name") == "VL-Qwen")["task_types"].item() is None


def test_the_papers_image_sets_add_up_to_what_it_says_of_its_sources() -> None:
    paper = read_paper()
    total = sum(paper["image_sets"].values())
    assert abs(total - sum(source["images"] for source in paper["sources"])) < 4_000
    assert sum(paper["levels"]) < paper["task_types"]


# --- referees -------------------------------------------------------------------------------------------------------


def test_rejection_is_counted_by_first_level_the_highest_first() -> None:
    given = [("OCR~signs", (1, 1, 1)), ("OCR~bills", (0, 0, 1)), ("Scene~light", (1, 1, 0)), ("Chart", (0, 0, 0))]
    statistics = referee_statistics(rows.vote_table(given, REFEREES), REFEREES, "no")
    found = referees.rejection_by_first_level(statistics)
    assert found.select("level_1", "samples", "rejected", "share").rows() == [
        ("Chart", 1, 1, 1.0),
        ("OCR", 2, 1, 0.5),
        ("Scene", 1, 0, 0.0),
    ]
    assert referees.votes(statistics)["samples"].sum() == found["samples"].sum()
    assert referees.agreement(statistics)["agreement"].to_list() == [1.0, 0.5, 0.5]


# --- near-duplicates ------------------------------------------------------------------------------------------------


def unit(*vectors: tuple[float, ...]) -> np.ndarray:
    array = np.array(vectors, np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_near_duplicates_are_pairs_each_once_with_their_cosine() -> None:
    names = ["A~x", "A~y", "B~x", "C"]
    found = similar.neighbours(names, unit((1, 0), (1, 0.1), (1, 0.25), (0, 1)))
    pairs = similar.similar_pairs(found, 0.98)
    assert pairs.select("first", "second", "same_parent").rows() == [("A~x", "A~y", True), ("A~y", "B~x", False)]
    assert pairs["cosine"][0] == pytest.approx(1 / 1.01**0.5)
    assert dict(similar.nearest(found).select("task_type", "nearest").iter_rows()) == {
        "A~x": "A~y", "A~y": "A~x", "B~x": "A~y", "C": "B~x",
    }  # fmt: skip


def test_a_task_type_is_never_its_own_neighbour_however_many_are_the_same() -> None:
    names = [f"type {number}" for number in range(30)]
    found = similar.neighbours(names, unit(*[(1.0, 0.0)] * 30), count=3)
    assert found.height == 30 * 3
    assert found.filter(pl.col("task_type") == pl.col("other")).is_empty()


def test_a_single_task_type_has_no_neighbour() -> None:
    found = similar.neighbours(["only"], unit((1.0, 0.0)))
    assert similar.similar_pairs(found, 0.5).is_empty()
    assert similar.nearest(found).is_empty()


@given(st.integers(2, 25), st.integers(0, 10**6), st.floats(0, 1))
def test_pairs_are_those_of_all_products(count: int, seed: int, above: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"t{number:02d}" for number in range(count)]
    pairs = similar.similar_pairs(similar.neighbours(names, vectors, count), above)
    products = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    sure = {(names[i], names[j]) for i in range(count) for j in range(i + 1, count) if products[i, j] >= above + 1e-5}
    possible = {
        (names[i], names[j]) for i in range(count) for j in range(i + 1, count) if products[i, j] >= above - 1e-5
    }
    assert sure <= set(pairs.select("first", "second").iter_rows()) <= possible


# --- files ----------------------------------------------------------------------------------------------------------


def test_tables_come_back_as_they_were_written_and_the_same_bytes(tmp_path: Path) -> None:
    made = sheets.material().sheets
    assert set(made) == set(SCHEMAS) == set(TABLES)
    write_sheets(tmp_path / "one", made)
    found = read_sheets(tmp_path / "one")
    for name, frame in made.items():
        assert found[name].equals(frame), name
    write_sheets(tmp_path / "two", sheets.material().sheets)
    for name in TABLES:
        assert (tmp_path / f"one/{name}.csv").read_bytes() == (tmp_path / f"two/{name}.csv").read_bytes()


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    write_sheets(tmp_path, sheets.material().sheets)
    (tmp_path / "ranks.csv").write_text("rank,candidates\none,two,three\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"ranks\.csv"):
        read_sheets(tmp_path)


def test_columns_of_a_table_are_read_alone_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "filter.parquet"
    write_table(path, [rows.candidate("a", 1, "OCR~signs")], FILTER)
    assert read_columns(path, FILTER, ["task_type", "kept"]).rows() == [("OCR~signs", True)]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"filter\.parquet"):
        read_columns(path, FILTER, ["task_type"])
