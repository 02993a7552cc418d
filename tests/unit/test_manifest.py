"""The manifest says what the set is made of, and its checksums check."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

import published_set
import rows
from published_set import manifest_of, sample
from taskgalaxy.manifest import answer_keys, tool_versions, write_checksums
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import to_frame


def test_the_manifest_counts_and_names_no_folder_of_the_machine() -> None:
    made_of = manifest_of()
    assert (made_of["samples"], made_of["task_types"], made_of["images"]) == (3, 2, 2)
    assert made_of["samples_by_source"] == {"one": 2, "two": 1}
    assert made_of["samples_by_license"] == {"CC0-1.0": 1, "MIT": 2}
    assert list(made_of["samples_by_license"]) == sorted(made_of["samples_by_license"])
    assert made_of["license"] == "CC-BY-4.0"
    assert made_of["providers"] == ["openai"]
    assert made_of["funnel"][0]["reasons"] == [{"reason": "no_pair", "rows": 1}]
    assert made_of["clip"] == {"model": "ViT-L-14"}
    assert "/machine" not in json.dumps(made_of)


def test_samples_and_images_are_counted_by_source_and_licence() -> None:
    assert manifest_of()["sources"] == [
        {"source": "one", "license": "CC0-1.0", "samples": 1, "images": 1},
        {"source": "one", "license": "MIT", "samples": 1, "images": 1},
        {"source": "two", "license": "MIT", "samples": 1, "images": 1},
    ]


def test_models_are_those_that_the_samples_name() -> None:
    other = sample("d", qa_provider="embedded", qa_model="measuring")
    found = manifest_of(to_frame([sample("a"), other], DATASET))
    assert found["providers"] == ["embedded", "openai"]
    assert [tuple(row.values()) for row in found["models"]] == [
        ("filter", None, "openai", "maker-1", 2),
        ("qa", None, "embedded", "measuring", 1),
        ("qa", None, "openai", "maker-1", 1),
        ("referee", "first", "openai", "judge-1", 2),
        ("referee", "second", "openai", "judge-2", 2),
    ]


def test_task_types_are_counted_as_a_tree_and_by_how_many_samples_they_have() -> None:
    many = [sample(f"s{number}") for number in range(12)]
    found = manifest_of(to_frame([*many, sample("one", task_type="Counting", level_1="Counting")], DATASET))
    assert found["samples_per_task_type"] == {
        "fewest": 1,
        "median": 6.5,
        "most": 12,
        "task_types_below_10": 1,
        "samples_in_task_types_below_10": 1,
    }
    assert found["task_type_pool"] == {
        "task_types": 4,
        "nodes_by_level": [2, 2, 1],
        "by_origin": {"expanded": 3, "seed": 1},
    }


def test_the_manifest_of_an_empty_set_is_no_error() -> None:
    made_of = manifest_of(to_frame([], DATASET), sources={})
    assert (made_of["samples"], made_of["samples_by_source"], made_of["license"]) == (0, {}, "unknown")
    assert made_of["samples_per_task_type"]["fewest"] is None
    json.dumps(made_of)


def test_the_order_of_the_rows_makes_no_difference() -> None:
    assert json.dumps(manifest_of()) == json.dumps(manifest_of(published_set.dataset().reverse()))


def test_the_answers_of_a_set_are_those_that_its_provenance_names_and_a_ledger_can_hold() -> None:
    votes = [
        {"provider": "openai", "request": "v1"},
        {"provider": "embedded", "request": "v2"},
        {"provider": "transformers", "request": "v3"},
    ]
    cast = [{**sample("a")["votes"][0], "referee": f"r{number}", **vote} for number, vote in enumerate(votes)]
    made = sample("a", votes=cast, filter_request="f", qa_request="q")
    again = sample("b", votes=[], filter_request="f", qa_request="e", qa_provider="embedded")
    assert answer_keys(to_frame([made, again], DATASET)) == ["f", "q", "v1", "v3"]
    assert answer_keys(to_frame([], DATASET)) == []
    assert answer_keys(to_frame([rows.dataset_row("a")], DATASET)) == []


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
