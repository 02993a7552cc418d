"""The final set says of every sample where it comes from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rows
from taskgalaxy.dataset import assemble, read_all_samples
from taskgalaxy.schemas import COT_PROVENANCE, DATASET, SAMPLES
from taskgalaxy.tables import read_table, to_arrow, to_frame, write_samples, write_table
from taskgalaxy.votes import tally

REFEREES = ["one", "two"]
SAMPLES_MADE = rows.samples(
    rows.sample("b", "x", "OCR~signs", rank=3, score=0.5, question="Größe?"),
    rows.sample("a", "y", "OCR~signs", qa_provider="openai"),
    rows.sample("c", "x", "Counting"),
    rows.sample("d", "y", "Counting"),
)
IMAGES = rows.index(
    rows.image("x", "one-00000", "sub dir/x.png", license="MIT"),
    rows.image("y", "two-00003", "y.jpg", width=32, height=64),
)


def vote_table(samples: pl.DataFrame = SAMPLES_MADE) -> pl.DataFrame:
    cast = [rows.vote(name, "one", 1, p_yes=0.75) for name in samples["sample_id"]]
    cast += [rows.vote(name, "two", None) for name in reversed(samples["sample_id"].to_list())]
    return tally(samples, rows.votes(*cast), REFEREES, 1, "no")


def chosen(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"sample_id": names}, schema={"sample_id": pl.String})


def made(*names: str) -> pl.DataFrame:
    return assemble(chosen(*names), SAMPLES_MADE, IMAGES, vote_table())


def test_a_row_holds_everything_that_led_to_it(tmp_path: Path) -> None:
    write_table(tmp_path / "d", made("b"), DATASET)
    (row,) = read_table(tmp_path / "d", DATASET).to_dicts()
    assert row == {
        **rows.sample("b", "x", "OCR~signs", rank=3, score=0.5, question="Größe?"),
        **{"level_1": "OCR", "source": "one", "image": "sub dir/x.png", "width": 640, "height": 480, "license": "MIT"},
        "vote_score": 1,
        **dict.fromkeys(COT_PROVENANCE),
        "votes": [
            {name: value for name, value in cast.items() if name != "sample_id"}
            for cast in (rows.vote("b", "one", 1, p_yes=0.75), rows.vote("b", "two", None))
        ],
    }


@given(st.permutations("abcd"), st.permutations(range(4)), st.integers(0, 4))
def test_only_the_drawn_come_sorted_whatever_the_order(names: list[str], order: list[int], count: int) -> None:
    samples = SAMPLES_MADE[order]
    dataset = assemble(chosen(*names[:count]), samples, IMAGES[::-1], vote_table(samples))
    to_arrow(dataset, DATASET)
    types = dict(SAMPLES_MADE.select("sample_id", "task_type").iter_rows())
    assert dataset["sample_id"].to_list() == sorted(names[:count], key=lambda name: (types[name], name))
    assert dataset.equals(made(*names[:count]))


@pytest.mark.parametrize("lost", ["question", "image", "votes"])
def test_a_sample_that_lost_something_is_refused(lost: str) -> None:
    samples = SAMPLES_MADE[1:] if lost == "question" else SAMPLES_MADE
    images = IMAGES[1:] if lost == "image" else IMAGES
    scores = vote_table()[1:] if lost == "votes" else vote_table()
    with pytest.raises(ValueError, match=f"1 of 2 samples have no {lost}"):
        assemble(chosen("a", "b"), samples, images, scores)


def test_samples_of_shards_come_in_the_order_of_the_shards(tmp_path: Path) -> None:
    assert read_all_samples([]).schema == to_frame([], SAMPLES).schema
    for name in ("two", "one", "none"):
        write_samples(tmp_path / name, [] if name == "none" else [rows.sample(name)])
    read = read_all_samples(tmp_path / name for name in ("two", "none", "one"))
    assert read["sample_id"].to_list() == ["two", "one"]
