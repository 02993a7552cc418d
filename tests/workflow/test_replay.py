"""The ledger stands in for every model, and batches answer as chats do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from endpoint import Endpoint
from workflow.project import ROOT, Project

pytestmark = pytest.mark.workflow


def test_a_recorded_ledger_alone_makes_the_same_bytes_in_another_folder_at_another_time(
    finished: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "replayed", "http://127.0.0.1:9/v1")
    project.add_images("one", range(4))
    project.add_images("two", range(3, 7))
    for image in (project.folder / "images").rglob("*.png"):
        os.utime(image, (1, 1))
    for entry in project.config["endpoints"].values():
        entry["provider"] = "replay"
    shutil.copytree(finished.folder / "ledger", project.folder / "ledger", ignore=shutil.ignore_patterns(".state"))
    before = {path: path.read_bytes() for path in (project.folder / "ledger").rglob("*.jsonl")}
    project.run()
    assert project.digests("dataset") == finished.digests("dataset")
    assert project.digests("export") == finished.digests("export")
    assert {path: path.read_bytes() for path in (project.folder / "ledger").rglob("*.jsonl")} == before
    # Going from the server to its ledger is no reason to do anything again.
    for entry in finished.config["endpoints"].values():
        entry["provider"] = "replay"
    assert not finished.planned()


def test_what_a_ledger_lacks_is_listed_and_not_asked(finished: Project) -> None:
    for entry in finished.config["endpoints"].values():
        entry["provider"] = "replay"
    finished.add_images("one", [50, 51])
    stopped = finished.snakemake()
    assert stopped.returncode != 0
    listed = finished.path("missing/filter/one-00001.jsonl")
    assert str(listed.relative_to(finished.folder)) in stopped.stdout
    assert len(listed.read_text(encoding="utf-8").splitlines()) == 2


def test_batches_make_the_same_bytes_as_chats(matched: Project, undisturbed: Project) -> None:
    with Endpoint(batch_faults={2: "expire", 4: "fail_rows", 5: "drop_download"}) as server:
        matched.use_server(server.url, mode="batch", batch_poll_s=0.05, max_retries=3)
        matched.run("dataset")
        assert server.state.batches_created >= 5
        assert server.state.requests == 4, "the tiny questions before the run are the only chats"
        assert max(server.answered.values()) == 1
    assert matched.samples_digest() == undisturbed.samples_digest()


def test_batches_are_submitted_today_and_collected_tomorrow(matched: Project, undisturbed: Project) -> None:
    with Endpoint() as server:
        matched.use_server(server.url, mode="batch", batch_poll_s=0.05, batch_wait_s=0)
        stopped = matched.snakemake("dataset", "--keep-going")
        assert stopped.returncode != 0
        assert "nothing is submitted twice" in stopped.stdout
        assert server.state.batches_created == 1
        matched.use_server(server.url, mode="batch", batch_poll_s=0.05, batch_wait_s=None)
        matched.run("dataset")
        # The tiny questions before a run, one per endpoint, are the only ones that came twice.
        assert server.answered.total() - len(server.answered) <= 4
        questions = [row["custom_id"] for batch in server.state.batches for row in batch.rows]
        assert len(set(questions)) == len(questions)
    assert matched.samples_digest() == undisturbed.samples_digest()


@pytest.mark.soak
def test_the_demo_runs_from_a_recorded_ledger_with_no_endpoint_reachable(tmp_path: Path) -> None:
    digests = []
    with Endpoint() as server:
        recorded = _demo(tmp_path / "recorded", server.url)
        recorded.run("dataset")
        digests.append(recorded.samples_digest())
        assert server.answered
    replayed = _demo(tmp_path / "replayed", server.url)
    for entry in replayed.config["endpoints"].values():
        entry["provider"] = "replay"
    shutil.copytree(recorded.folder / "ledger", replayed.folder / "ledger")
    replayed.run("dataset")
    digests.append(replayed.samples_digest())
    assert digests[0] == digests[1]


def _demo(folder: Path, url: str) -> Project:
    """The demo's seeds and taxonomy and a part of its images, with a server in every role."""
    project = Project(folder, url)
    include = [f"{path.name}" for path in sorted((ROOT / "resources" / "demo" / "rendered").iterdir())[:6]]
    project.config["sources"] = {
        "rendered": {"path": "resources/demo/rendered", "license": "CC0-1.0", "include": include}
    }
    project.config["taxonomy"] = {"levels": [{"rounds": 1}, {"rounds": 1}, {"rounds": 0}]}
    project.config["taxonomy"]["seeds"] = "config/seeds.yaml"
    project.config["match"]["k"] = 10
    project.config["images"]["shard_size"] = 6
    return project
