"""The final set says of every sample where it comes from, and its checksums check."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rows
from taskgalaxy.dataset import assemble, manifest, read_all_samples, tool_versions, write_checksums
from taskgalaxy.tables import DATASET, FUNNEL, SAMPLES, read_table, to_arrow, to_frame, write_samples, write_table
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


def summary(**config: Any) -> dict[str, Any]:
    funnel = {"position": 1, "stage": "qa", "unit": "u", "rows_in": 5, "rows_out": 4}
    reasons = [{"reason": "abstained", "rows": 1}]
    return manifest(
        made("a", "b", "c"),
        to_frame([{**funnel, "reasons": reasons}], FUNNEL),
        {"seed": 1, "sources": {"one": {"path": "package:x/y", "root": "/machine/x/y", "license": "MIT"}}, **config},
        {"model": "tiny"},
    )


def test_the_manifest_counts_and_names_no_folder_of_the_machine() -> None:
    made_of = summary()
    assert (made_of["samples"], made_of["task_types"], made_of["images"]) == (3, 2, 2)
    assert made_of["samples_by_source"] == {"one": 2, "two": 1}
    assert made_of["samples_by_license"] == {"CC0-1.0": 1, "MIT": 2}
    assert {"embedded", "openai"} <= set(made_of["providers"])
    assert made_of["funnel"][0]["reasons"] == [{"reason": "abstained", "rows": 1}]
    assert made_of["clip"] == {"model": "tiny"}
    assert "/machine" not in json.dumps(made_of)
    assert list(made_of["samples_by_license"]) == sorted(made_of["samples_by_license"])


def test_the_manifest_of_an_empty_set_is_no_error() -> None:
    made_of = manifest(made(), to_frame([], FUNNEL), {"sources": {}}, {})
    assert (made_of["samples"], made_of["samples_by_source"]) == (0, {})
    json.dumps(made_of)


def test_versions_are_those_of_the_installed_tools() -> None:
    versions = tool_versions()
    assert versions["polars"] == pl.__version__
    assert versions["python"].startswith("3.")


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees_with_the_checksums(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.jsonl", "sub/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    files = [tmp_path / name for name in ("sub/c.json", "b.parquet", "a.jsonl")]
    write_checksums(tmp_path / "SHA256SUMS", files)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["a.jsonl", "b.parquet", "sub/c.json"]
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "a.jsonl").write_text("changed")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1
