"""What a person looks at before and after a run: the end of a dry-run, leftovers, graphs, Snakemake's report."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from browser.chromium import EXECUTABLE, browser
from endpoint import Endpoint
from workflow.project import ROOT, Project

pytestmark = pytest.mark.workflow


def test_a_dry_run_ends_with_what_it_would_ask(finished: Project) -> None:
    assert "would be asked" not in finished.run("--dry-run")
    finished.add_images("one", [20, 21, 22])
    told = finished.run("--dry-run").splitlines()
    start = next(number for number, line in enumerate(told) if line.startswith("What would be asked"))
    lines = [line.split() for line in told[start + 1 :]]
    assert [line[0] for line in lines[:5]] == ["filter_matches", "generate_qa", *["cast_votes"] * 3]
    assert all("1 shard, 3 images" in " ".join(line) for line in lines[:5])
    assert "snakemake plan" in told[-1]


def test_every_job_says_what_it_does(finished: Project) -> None:
    planned = finished.run("--dry-run", "--forceall")
    messages = [line for line in planned.splitlines() if re.match(r"Job \d+: ", line)]
    assert len(messages) > 20
    assert all(len(line.partition(": ")[2].split()) >= 3 for line in messages), messages


def test_leftovers_are_listed_and_then_removed_and_change_nothing(finished: Project, endpoint: Endpoint) -> None:
    before = finished.samples_digest()
    ledger = finished.folder / "ledger"
    recorded = {path: path.read_bytes() for path in ledger.rglob("*.jsonl")}
    shutil.rmtree(finished.folder / "images" / "two")
    del finished.config["sources"]["two"]
    finished.config["roles"]["referees"].remove("third")
    for path in (finished.folder / "images" / "one").iterdir():
        path.unlink()
    finished.add_images("one", [50])
    finished.run()
    listed = finished.run("leftovers")
    for folder in ("results/votes/third", "results/qa", "results/images/shards", "results/match/images"):
        assert folder in listed
    left = {path for path in finished.path("").rglob("*") if "two-00000" in path.name or "one-00000" in path.name}
    assert len(left) > 10
    finished.run("remove_leftovers")
    assert [path for path in left if path.exists()] == []
    assert "Nothing is left over" in finished.run("leftovers")
    endpoint.answered.clear()
    finished.run()
    assert not endpoint.answered
    assert finished.samples_digest() != before
    assert all(path.read_bytes().startswith(lines) for path, lines in recorded.items())


def test_the_graphs_are_drawn(tmp_path: Path) -> None:
    environment = Path(sys.prefix)
    made = subprocess.run(
        ["make", f"--old-file={environment}/.installed", "dag", f"VENV={environment}", f"RESULTS={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    for name, word in (("rulegraph", "filter_matches"), ("jobs", "shard: rendered")):
        text = (tmp_path / "report" / f"{name}.svg").read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert word in text


@pytest.mark.browser
@pytest.mark.skipif(EXECUTABLE is None and "CI" not in os.environ, reason="no Chromium is installed")
def test_snakemake_s_report_holds_tables_and_page_and_opens_without_a_network(finished: Project) -> None:
    finished.run("all")
    finished.run("--report", "report.html")
    finished.run("--report", "report.zip")
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        assert any(name.endswith("report.html") for name in archive.namelist())
    with browser() as page:
        page.open(finished.folder / "report.html")
        page.settle()
        text = page.ask("document.body.innerText")
        for word in ("Tables", "Samples", "in the five steps", "referees were first, second, third"):
            assert word in text
        assert page.ask("document.querySelectorAll('svg').length") > 0
        assert len(page.requests()) == 1
        assert page.complaints() == []
