"""The default configuration, as ``make demo`` runs it: embedded, no key, no network."""

from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pytest

from workflow.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.demo]


def test_the_final_set_has_many_task_types_and_both_sources(demo: Project) -> None:
    dataset = demo.dataset()
    assert dataset["task_type"].n_unique() >= 60
    assert set(dataset["source"]) == {"rendered", "photos"}
    assert dataset.group_by("task_type").len()["len"].max() <= 55
    assert set(dataset["qa_provider"]) == set(dataset["filter_provider"]) == {"embedded"}
    assert {vote["provider"] for votes in dataset["votes"] for vote in votes} == {"embedded"}


def test_the_taxonomy_reaches_three_levels(demo: Project) -> None:
    task_types = pl.read_parquet(demo.path("taxonomy/task_types.parquet"))
    assert task_types.height >= 150
    assert task_types["depth"].max() == 3
    assert set(task_types["origin"]) == {"seed", "expanded"}


def test_rows_in_are_rows_out_and_named_rejects(demo: Project) -> None:
    for row in pl.read_parquet(demo.path("funnel.parquet")).iter_rows(named=True):
        assert row["rows_in"] == row["rows_out"] + sum(reason["rows"] for reason in row["reasons"]), row


def test_the_referees_vote_by_different_means(demo: Project) -> None:
    votes = pl.read_parquet(demo.path("votes.parquet"))
    columns = [name for name in votes.columns if name.startswith("vote_")]
    assert len(columns) == 3
    for one in columns:
        assert 0 < votes[one].mean() < 1, f"{one} says the same of every sample"
        for other in columns:
            if one < other:
                assert (votes[one] != votes[other]).any(), f"{one} and {other} never disagree"


def test_the_statistics_of_the_referees_are_those_of_the_vote_table(demo: Project) -> None:
    votes = pl.read_parquet(demo.path("votes.parquet"))
    found = json.loads(demo.path("report/referees.json").read_text(encoding="utf-8"))
    assert (found["samples"], found["accepted"]) == (votes.height, votes["accepted"].sum())
    assert sum(each["samples"] for each in found["first_levels"]) == votes.height
    text = demo.path("report/referees.txt").read_text(encoding="utf-8")
    for each in found["referees"]:
        assert each["yes"] == votes[f"vote_{each['referee']}"].sum()
        assert f"\n{each['referee']} " in text


def test_the_report_measures_the_pipeline_against_the_truth(demo: Project) -> None:
    text = demo.path("report/truth.txt").read_text(encoding="utf-8")
    for measure in ("recall", "precision", "semantic", "remeasure", "traits"):
        assert measure in text


def test_no_step_but_the_report_reads_the_truth() -> None:
    users = [path.name for path in (ROOT / "scripts").glob("*.py") if "truth" in path.read_text(encoding="utf-8")]
    assert sorted(users) == ["measure_truth.py", "sample_page.py", "show_results.py"]


def test_a_second_run_has_nothing_to_do_and_the_results_are_shown(demo: Project) -> None:
    assert "Nothing to be done" in demo.run()
    command = [sys.executable, str(ROOT / "scripts" / "show_results.py"), "results"]
    shown = subprocess.run(command, cwd=demo.folder, capture_output=True, text=True, check=True).stdout
    for words in ("task types", "final", "taskgalaxy.parquet", "samples.html", "referees.txt", "Next"):
        assert words in shown
