"""What is written is what is read; what does not fit a schema is neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rows
from taskgalaxy import tables
from taskgalaxy.errors import UserError
from taskgalaxy.labels import join_levels, split_levels
from taskgalaxy.rejects import REASONS, reject
from taskgalaxy.schemas import DATASET, IMAGES, REJECTS, REMOVED, SAMPLES, TOPK, VOTES, Table
from taskgalaxy.tables import read_samples, read_table, read_tables, to_arrow, to_frame, write_samples, write_table

ALL = [value for value in vars(tables).values() if isinstance(value, Table)]
PAIRS = [{"shard": f"s{number % 7}", "path": f"{number}.png"} for number in range(3000)]


def candidate(**columns: Any) -> dict[str, Any]:
    return {"image_id": "a", "rank": 1, "task_type": "t", "score": 0.5, **columns}


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_an_empty_table_keeps_its_columns(table: Table, tmp_path: Path) -> None:
    write_table(tmp_path / "t", [], table)
    assert read_table(tmp_path / "t", table).columns == table.schema.names
    assert_frame_equal(read_tables([], table), read_table(tmp_path / "t", table))


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    frame = rows.votes(rows.vote("s", "a", 1, p_yes=0.25), rows.vote("s", "b", None), rows.vote("t", "a", 0))
    write_table(tmp_path / "t", frame, VOTES)
    assert_frame_equal(read_table(tmp_path / "t", VOTES), frame)
    write_table(tmp_path / "again", frame.to_dicts(), VOTES)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "t").read_bytes()


def test_the_same_rows_give_the_same_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    frame = to_frame(PAIRS, REMOVED)
    pieces = pl.concat([frame[:1], frame[1:2000], frame[2000:]], rechunk=False)
    for name, given_rows in {
        "list": PAIRS,
        "frame": frame,
        "pieces": pieces,
        "order": frame[["path", "shard"]],
    }.items():
        write_table(tmp_path / name, given_rows, REMOVED)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_several_files_come_in_the_order_given(tmp_path: Path) -> None:
    for name, part in {"b": PAIRS[:2], "a": PAIRS[2:4]}.items():
        write_table(tmp_path / name, part, REMOVED)
    assert read_tables([tmp_path / "b", tmp_path / "a"], REMOVED).to_dicts() == PAIRS[:4]


def test_a_condition_takes_its_rows_in_their_order(tmp_path: Path) -> None:
    write_table(tmp_path / "t", PAIRS, REMOVED, row_group_size=100)
    assert read_table(tmp_path / "t", REMOVED, shard="s3").to_dicts() == [row for row in PAIRS if row["shard"] == "s3"]
    assert read_table(tmp_path / "t", REMOVED, shard="nowhere").height == 0


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    path = tmp_path / "run=1" / "shard=2" / "t.parquet"
    write_table(path, PAIRS, REMOVED)
    assert read_table(path, REMOVED).height == len(PAIRS)
    assert read_table(path, REMOVED, shard="s0").height < len(PAIRS)


@pytest.mark.parametrize(
    ("given_rows", "says"),
    [
        ([{"shard": "s"}], "path"),
        ([{"shard": "s", "path": "p", "extra": 1}], "extra"),
        ([{"shard": "s", "path": None}], "nulls"),
        ([{"shard": "s", "path": 5}], "removed"),
        ([{"shard": "s", "path": "p"}] * 2, "repeat"),
        (pl.DataFrame({"shard": ["s"]}), "path"),
        (pl.DataFrame({"shard": ["s"], "path": ["p"], "extra": [1]}), "extra"),
        (pl.DataFrame({"shard": ["s"], "path": [None]}), "null"),
        (pl.DataFrame({"shard": ["s", "s"], "path": ["p", "p"]}), "repeat"),
    ],
)
def test_rows_that_do_not_fit_are_refused(given_rows: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        write_table(tmp_path / "t", given_rows, REMOVED)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("columns", [{"rank": 1 << 20}, {"rank": "1"}, {"score": "high"}])
def test_a_value_of_another_type_is_refused(columns: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_arrow([candidate(**columns)], TOPK)


def test_reasons_come_from_the_closed_lists() -> None:
    for stage, reasons in REASONS.items():
        assert to_arrow([reject(stage, "x", reason) for reason in reasons], REJECTS).num_rows == len(reasons)
    for stage, reason in [("inspect", "duplicate"), ("filter", "truncated"), ("nowhere", "truncated")]:
        with pytest.raises(ValueError, match=reason):
            to_arrow([reject(stage, "x", reason)], REJECTS)


def test_a_write_that_fails_leaves_the_old_table(tmp_path: Path) -> None:
    write_table(tmp_path / "t", PAIRS[:1], REMOVED)
    before = (tmp_path / "t").read_bytes()
    with pytest.raises(ValueError, match="nulls"):
        write_table(tmp_path / "t", [{"shard": "s", "path": None}], REMOVED)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert (tmp_path / "t").read_bytes() == before


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "flipped"])
def test_a_damaged_table_is_an_error_that_says_what_to_do(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, PAIRS, REMOVED)
    data = bytearray(path.read_bytes())
    data[-20:-12] = b"\xff" * 8
    contents = {"empty": b"", "cut": path.read_bytes()[:-10], "text": b"shard,path\n", "flipped": bytes(data)}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(contents[damage])
    with pytest.raises(UserError, match=r"(?s)t\.parquet.*removed.*run snakemake again"):
        read_table(path, REMOVED)


def test_no_flipped_bit_is_read_as_another_value(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, [candidate(rank=rank, score=rank / 7) for rank in range(1, 9)], TOPK)
    whole, table = path.read_bytes(), read_table(path, TOPK)
    pages_end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    refused = 0
    for position in range(4, pages_end):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        try:
            assert read_table(path, TOPK).equals(table), f"byte {position}"
        except UserError:
            refused += 1
    assert refused > pages_end / 3


def test_the_table_of_another_step_is_not_taken_for_this_one(tmp_path: Path) -> None:
    write_table(tmp_path / "t", PAIRS, REMOVED)
    for conditions in ({}, {"source": "one"}):
        with pytest.raises(UserError, match="images table"):
            read_table(tmp_path / "t", IMAGES, **conditions)
    pq.write_table(to_arrow(PAIRS, REMOVED).rename_columns(["path", "shard"]), tmp_path / "t")
    with pytest.raises(UserError, match="columns"):
        read_table(tmp_path / "t", REMOVED)


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(texts, texts), max_size=5), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_samples_come_back_from_their_lines(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], score: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "samples.jsonl"
    written = [
        rows.sample(str(number), question=question, answer=answer, score=score)
        for number, (question, answer) in enumerate(pairs)
    ]
    write_samples(path, written)
    assert read_samples(path).to_dicts() == written
    assert path.read_bytes().count(b"\n") == len(written)


@pytest.mark.parametrize("line", ["{", "5", "null", "[]", "{}", '{"sample_id": 1}', "\n", "\udcff"])
def test_damaged_samples_are_an_error_that_says_what_to_do(line: str, tmp_path: Path) -> None:
    path = tmp_path / "qa.jsonl"
    write_samples(path, [rows.sample("a")])
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"qa\.jsonl.*run snakemake again"):
        read_samples(path)
    with pytest.raises(UserError, match="run snakemake again"):
        read_samples(tmp_path / "none.jsonl")


def test_samples_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    for wrong in (rows.sample("a") | {"question": None}, {"sample_id": "a"}, rows.sample("a", rank="first")):
        with pytest.raises(ValueError, match=r"."):
            write_samples(tmp_path / "s", [wrong])
    with pytest.raises(ValueError, match="repeat"):
        write_samples(tmp_path / "s", [rows.sample("a")] * 2)
    assert not list(tmp_path.iterdir())


@given(st.lists(st.text(st.characters(exclude_characters="~")), min_size=1))
def test_levels_join_and_split(levels: list[str]) -> None:
    assert split_levels(join_levels(levels)) == levels


def test_the_dataset_holds_whatever_a_sample_holds() -> None:
    assert set(SAMPLES.schema.names) <= set(DATASET.schema.names)
    for name in SAMPLES.schema.names:
        assert DATASET.schema.field(name).equals(SAMPLES.schema.field(name)), name
