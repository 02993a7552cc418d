"""The default configuration, as ``make demo`` runs it: embedded, no key, no network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import polars as pl
import pytest
import yaml

from audits import saved, write_saved
from taskgalaxy.publish.push import repository_files
from taskgalaxy.report_names import FIGURES, TABLES
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import read_table
from workflow.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.demo]


def test_the_final_set_has_many_task_types_and_both_sources(demo: Project) -> None:
    dataset = demo.dataset()
    assert dataset["task_type"].n_unique() >= 60
    assert set(dataset["source"]) == {
        "photos",
        *(f"rendered{kind}" for kind in ("", "_zip", "_tar", "_parquet", "_list")),
    }
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


def test_the_report_counts_what_the_files_of_the_run_hold(demo: Project) -> None:
    tables = {name: pl.read_csv(demo.path(f"report/tables/{name}.csv")) for name in TABLES}
    numbers = json.loads(demo.path("report/tables/numbers.json").read_text(encoding="utf-8"))
    dataset, pool = demo.dataset(), pl.read_parquet(demo.path("taxonomy/task_types.parquet"))
    final = {name: count for name, count in tables["task_types"].select("task_type", "final").iter_rows() if count}
    assert final == dict(dataset.group_by("task_type").len().iter_rows())
    for column in ("accepted_task_types", "final_task_types"):
        assert tables["samples_per_task_type"][column].sum() == pool.height
    assert tables["fates"]["task_types"].sum() == tables["levels"]["task_types"].sum() == pool.height
    assert tables["sources"]["samples"].sum() == tables["datasets"]["instances"][-1] == dataset.height
    funnel = {row["stage"]: row for row in pl.read_parquet(demo.path("funnel.parquet")).iter_rows(named=True)}
    filled = pl.read_parquet(demo.path("filter/fill-*.parquet"))
    assert filled.height > 0
    assert tables["ranks"]["candidates"].sum() + filled.height == funnel["filter"]["rows_in"]
    assert tables["ranks"]["kept"].sum() + filled["kept"].sum() == funnel["filter"]["rows_out"]
    without = funnel["match"]["rows_out"] - tables["ranks"]["first_kept"].sum()
    assert tables["none_rate_by_shard"]["without"].sum() == tables["none_rate_by_source"]["without"].sum() == without
    assert tables["rejection_by_first_level"]["rejected"].sum() == numbers["samples"] - numbers["accepted"]
    assert tables["votes"]["accepted"].sum() == numbers["accepted"] == funnel["referee"]["rows_out"]


def test_the_report_holds_every_figure_and_every_figure_is_a_file(demo: Project) -> None:
    page = demo.path("report/report.html").read_text(encoding="utf-8")
    for name in FIGURES:
        assert demo.path(f"report/figures/{name}.svg").read_text(encoding="utf-8") in page
    assert "embedded provider" in page


def test_the_audit_reads_back_what_people_judge(demo: Project, tmp_path: Path) -> None:
    draw = json.loads(demo.path("report/audit_draw.json").read_text(encoding="utf-8"))
    votes = pl.read_parquet(demo.path("votes.parquet"))
    assert sum(stratum["population"] for stratum in draw["strata"]) == votes.height
    said = {pair["sample_id"]: ("yes", "yes") if pair["accepted"] else ("no", None) for pair in draw["pairs"]}
    write_saved(tmp_path / "judgements-amy.json", saved("Amy", draw["draw"], said))
    settings = ("--config", f"audit={{judgements: {tmp_path}}}")
    demo.run("audit", *settings)
    audit = json.loads(demo.path("report/audit.json").read_text(encoding="utf-8"))
    assert audit["suits"]["precision"]["value"] == 1
    assert audit["suits"]["false_negatives"]["value"] == 0
    assert "100 of 100 pairs judged, by 1 person." in demo.path("report/audit.txt").read_text(encoding="utf-8")
    write_saved(tmp_path / "judgements-bob.json", saved("Bob", "another", {}))
    assert "is about another draw" in demo.snakemake("audit", *settings).stdout


def test_every_export_holds_the_final_set(demo: Project) -> None:
    ids = set(demo.dataset()["sample_id"])
    export = demo.path("export/taskgalaxy")
    assert {record["id"] for record in json.loads((export / "llava.json").read_text(encoding="utf-8"))} == ids
    for name, key in (("internvl", "sample_id"), ("swift", "id")):
        lines = (export / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)[key] for line in lines} == ids
    assert len(json.loads((export / "llamafactory/taskgalaxy.json").read_text(encoding="utf-8"))) == len(ids)
    for folder in ("huggingface", "huggingface_paths"):
        assert set(pl.read_parquet(export / folder / "*.parquet", columns=["sample_id"])["sample_id"]) == ids
    held = Counter()
    for path in (export / "webdataset").glob("*.tar"):
        with tarfile.open(path) as tar:
            held.update(name.partition(".")[0] for name in tar.getnames())
    assert held == dict.fromkeys(ids, 2)


def test_subsets_for_ablations_are_drawn_from_the_final_set(demo: Project) -> None:
    rows = {row["name"]: row for row in json.loads(demo.path("subsets/subsets.json").read_text(encoding="utf-8"))}
    tables = {path.stem: read_table(path, DATASET) for path in demo.path("subsets").glob("*.parquet")}
    assert tables.keys() == rows.keys()
    final = set(demo.dataset()["sample_id"])
    for name, table in tables.items():
        assert table.height == rows[name]["samples"] > 0
        assert name in ("unscreened", "cot", "with-cot") or set(table["sample_id"]) <= final
    assert not set(tables["cot"]["sample_id"]) & final
    assert set(tables["with-cot"]["sample_id"]) == final | set(tables["cot"]["sample_id"])
    assert set(tables["cot"]["question"]) == set(tables["cot-plain"]["question"])
    assert len({rows[name]["images"] for name in rows if name.startswith("types-")}) == 1
    assert tables["unscreened"].height == demo.dataset().height
    assert set(tables["unscreened"]["sample_id"]) - final


FIGURE = re.compile(r"(?<![\w-])-?\d[\d,]*(?:\.\d+)?(?!\w)")
"""A number that stands alone: neither a part of a digest or a name, nor of SHA-256."""


def figures(value: Any) -> Iterator[float]:
    """All numbers in what JSON holds, those in texts among them."""
    if isinstance(value, dict | list):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from figures(each)
    elif isinstance(value, str):
        yield from (float(number.replace(",", "")) for number in FIGURE.findall(value))
    elif isinstance(value, int | float):
        yield float(value)


def test_every_number_of_the_card_stands_in_a_file_of_the_run(demo: Project) -> None:
    card = demo.path("dataset/README.md").read_text(encoding="utf-8").partition("## Citation")[0]
    files = ("dataset/manifest.json", "report/referees.json", "subsets/subsets.json")
    first_row = demo.path("dataset/taskgalaxy.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    texts = [first_row, *(demo.path(name).read_text(encoding="utf-8") for name in files)]
    known = {number for text in texts for number in figures(json.loads(text))}
    # What kappa and votes mean, and below how many samples a task type is thin.
    known |= {0, 1, 10}
    found = FIGURE.findall(card)
    assert len(found) > 100
    for number in found:
        decimals = len(number.partition(".")[2])
        assert float(number.replace(",", "")) in {round(each, decimals) for each in known}, number


def test_the_card_says_what_the_demo_is(demo: Project) -> None:
    head, card = demo.path("dataset/README.md").read_text(encoding="utf-8").split("---\n", 2)[1:]
    assert yaml.safe_load(head)["license"] == "cc0-1.0"
    assert f"| samples | {demo.dataset().height:,} |" in card
    for words in ("This is not training data", "hardly more often than by chance", "No recorded answers"):
        assert words in card
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=demo.path("dataset"), check=True)
    summed = demo.path("dataset/SHA256SUMS").read_text(encoding="utf-8")
    assert all(path.name in summed for path in demo.path("dataset").iterdir() if path.name != "SHA256SUMS")


def test_croissant_s_library_takes_the_metadata_and_reads_the_set_through_them(demo: Project) -> None:
    described = mlcroissant.Dataset(str(demo.path("dataset/croissant.json")))
    issues = described.metadata.ctx.issues
    assert not issues.errors
    assert ["datePublished" in warning for warning in issues.warnings] == [True], "the demo is not published"
    rows = demo.dataset().head(3).to_dicts()
    for row, record in zip(rows, described.records("samples"), strict=False):
        assert record["samples/question"].decode() == row["question"]
        assert record["samples/score"] == row["score"]
        votes = [
            (vote["samples/votes/referee"].decode(), vote["samples/votes/vote"]) for vote in record["samples/votes"]
        ]
        assert votes == [(vote["referee"], vote["vote"]) for vote in row["votes"]]


def test_what_a_push_would_put_on_the_hub_loads_under_the_names_of_the_card(demo: Project, tmp_path: Path) -> None:
    export = str(demo.path("export/taskgalaxy/huggingface"))
    subsets = demo.path("subsets").glob("*.parquet")
    files = repository_files(map(str, demo.path("dataset").iterdir()), map(str, subsets), export, "images")
    for name, file in files.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).symlink_to(file)

    def load(*names: str) -> Any:
        return datasets.load_dataset(str(tmp_path / "set"), *names, split="train", cache_dir=str(tmp_path / "cache"))

    assert load().to_polars()["sample_id"].to_list() == demo.dataset()["sample_id"].to_list()
    assert load("images")[0]["image"].size == (demo.dataset()["width"][0], demo.dataset()["height"][0])
    assert load("cap-1").num_rows == demo.dataset()["task_type"].n_unique()


def test_the_demo_is_not_pushed_by_accident(demo: Project) -> None:
    assert "push.repository: is missing" in demo.snakemake("push", "--dry-run").stdout
    assert "push" not in demo.jobs(demo.run("--dry-run", "--forceall"))


def test_a_second_run_has_nothing_to_do_and_the_results_are_shown(demo: Project) -> None:
    assert "Nothing to be done" in demo.run()
    command = [sys.executable, str(ROOT / "scripts" / "show_results.py"), "results"]
    shown = subprocess.run(command, cwd=demo.folder, capture_output=True, text=True, check=True).stdout
    for words in ("task types", "final", "taskgalaxy.parquet", "report.html", "samples.html", "referees.txt", "Next"):
        assert words in shown
