"""The measures against the ground truth, on a case small enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.report.truth import format_truth, measure, read_truth

BAR, PIE, COLOUR, UNKNOWN = "Chart~bar", "Chart~pie", "Colour~dominant", "Nature~birds"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Image a is a bar chart, b a pie chart; the colour question fits both."""
    rows = [
        {"any": [COLOUR]},
        {"path": "1.png", "sha256": "a", "family": "bar chart", "task_types": [BAR]},
        {"path": "2.png", "sha256": "b", "family": "pie chart", "task_types": [PIE]},
    ]
    path = tmp_path / "truth.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def measured(truth: Path) -> dict[str, tuple[float | None, int]]:
    """Image p has no truth. The candidates of a: bar, pie, unknown; those of b: colour, bar."""
    candidates = [
        ("a", 1, "Chart~Bar", True), ("a", 2, PIE, True), ("a", 3, UNKNOWN, True),
        ("b", 1, COLOUR, True), ("b", 2, BAR, False), ("p", 1, BAR, True),
    ]  # fmt: skip
    kept = pl.DataFrame(candidates, ["image_id", "rank", "task_type", "kept"], orient="row")
    samples = kept.filter("kept").with_columns(pl.format("{}{}", "image_id", "rank").alias("sample_id"))
    given = {"a1": (1, 1), "a2": (0, 1), "a3": (1, 1), "b1": (1, None), "p1": (1, 1)}
    votes = pl.DataFrame(
        [(sample, name, vote) for sample, pair in given.items() for name, vote in zip("xy", pair, strict=True)],
        ["sample_id", "referee", "vote"],
        orient="row",
    )
    rows = measure(
        truth, pl.DataFrame({"image_id": ["a", "b", "p"]}), kept, kept, samples, votes, {"a1", "a2", "p1"}, ["a1", "p1"]
    )
    return {row["measure"]: (row["value"], row["n"]) for row in rows}


def test_match_is_measured_on_images_and_types_of_known_truth(truth: Path) -> None:
    rows = measured(truth)
    assert rows["images with ground truth"] == (2 / 3, 3)
    assert rows["candidates that can be judged"] == (4 / 5, 5)
    assert rows["match: images with a fitting type in 3"] == (1 / 2, 2)
    assert rows["match: fitting types found in 3"] == (1 / 2, 2)
    assert rows["match: precision"] == (2 / 4, 4)
    assert rows["match: precision, specific types"] == (1 / 3, 3)


def test_filter_is_measured_with_and_without_the_types_that_fit_everything(truth: Path) -> None:
    rows = measured(truth)
    assert rows["filter: precision"] == (2 / 3, 3)
    assert rows["filter: recall"] == (2 / 2, 2)
    assert rows["filter: precision, specific types"] == (1 / 2, 2)
    assert rows["filter: recall, specific types"] == (1 / 1, 1)


def test_each_referee_and_the_vote_are_measured_and_missing_votes_left_out(truth: Path) -> None:
    rows = measured(truth)
    assert rows["before the vote: samples that fit"] == (2 / 3, 3)
    assert rows["referee x: accuracy"] == (3 / 3, 3)
    assert rows["referee x: yes-rate"] == (2 / 3, 3)
    assert rows["referee y: accuracy"] == (1 / 2, 2)
    assert rows["vote: accuracy"] == (1 / 3, 3)
    assert rows["vote: precision"] == (1 / 2, 2)
    assert rows["vote: recall"] == (1 / 2, 2)
    assert rows["final set: samples that fit"] == (1 / 1, 1)


def test_a_share_of_nothing_has_no_value(truth: Path) -> None:
    none = pl.DataFrame(schema={"image_id": pl.String, "rank": pl.Int16, "task_type": pl.String, "kept": pl.Boolean})
    samples = none.with_columns(pl.lit("").alias("sample_id"))
    votes = pl.DataFrame(schema={"sample_id": pl.String, "referee": pl.String, "vote": pl.Int8})
    images = pl.DataFrame({"image_id": ["p"]})
    rows: list[dict[str, Any]] = measure(truth, images, none, none, samples, votes, (), ())
    assert {row["measure"]: row["value"] for row in rows if row["n"]} == {"images with ground truth": 0.0}
    assert all(row["value"] is None for row in rows if not row["n"])
    assert "  -  0" in format_truth(rows)


@pytest.mark.parametrize("line", ["{", "[]", '{"sha256": "a"}', '{"sha256": "a", "task_types": "x"}'])
def test_a_broken_truth_file_is_an_error_that_names_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"any": []}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"truth\.jsonl, line 2"):
        read_truth(path)


def test_a_missing_truth_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_truth(tmp_path / "none.jsonl")


def test_the_text_is_aligned_and_in_per_cent() -> None:
    rows = [{"measure": "a", "value": 0.5, "n": 1234, "explanation": ""}, {"measure": "b", "value": None, "n": 0}]
    lines = format_truth(rows).splitlines()
    assert lines[2].split() == ["a", "50.0", "%", "1,234"]
    assert len({len(line) for line in lines}) == 1
