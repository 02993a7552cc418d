"""The laws that hold for every run: same bytes, every row accounted for, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from endpoint import Endpoint
from workflow.project import Project, write_image

pytestmark = pytest.mark.workflow


def test_rows_in_are_rows_out_and_named_rejects_in_every_stage(finished: Project) -> None:
    funnel = pl.read_parquet(finished.path("funnel.parquet"))
    assert funnel["stage"].to_list() == [
        "expand", "inspect", "duplicates", "match", "filter", "qa", "referee", "decontaminate",
        "balance",
    ]  # fmt: skip
    for row in funnel.iter_rows(named=True):
        assert row["rows_in"] == row["rows_out"] + sum(reason["rows"] for reason in row["reasons"]), row
    assert funnel.filter(funnel["stage"] == "inspect")["rows_in"].item() == 8
    assert funnel.filter(funnel["stage"] == "duplicates")["rows_out"].item() == 7
    assert funnel["rows_out"][-1] == finished.dataset().height > 0


def test_every_sample_carries_its_provenance(finished: Project) -> None:
    recorded = {
        record["key"]: record
        for path in (finished.folder / "ledger").rglob("*.jsonl")
        for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    roots = {name: finished.folder / source["path"] for name, source in finished.config["sources"].items()}
    for sample in finished.dataset().iter_rows(named=True):
        image = (roots[sample["source"]] / sample["image"]).read_bytes()
        assert hashlib.sha256(image).hexdigest() == sample["image_id"]
        assert sample["task_type"] in recorded[sample["filter_request"]]["reply"]["text"]
        assert sample["question"] in recorded[sample["qa_request"]]["reply"]["text"]
        for vote in sample["votes"]:
            assert recorded[vote["request"]]["reply"]["text"] == str(vote["vote"])
        assert sample["vote_score"] == sum(vote["vote"] for vote in sample["votes"]) >= 2


def test_the_llava_export_can_be_loaded(finished: Project) -> None:
    records = json.loads(finished.path("export/taskgalaxy/llava.json").read_text(encoding="utf-8"))
    assert len({record["id"] for record in records}) == len(records) == finished.dataset().height
    for record in records:
        assert (finished.path("export/images") / record["image"]).is_file()
        assert [turn["from"] for turn in record["conversations"]] == ["human", "gpt"]
        assert "".join(turn["value"] for turn in record["conversations"]).count("<image>") == 1


def test_the_checksums_hold(finished: Project) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=finished.path("dataset"), check=True)


def test_awkward_files_end_as_samples_or_named_rejects(tmp_path: Path, endpoint: Endpoint) -> None:
    project = Project(tmp_path / "run", endpoint.url)
    folder = project.folder / "images" / "odd"
    names = ["with space.png", 'it\'s "quoted".png', "new\nline.png", "日本 é.png", "-dash.png", "UPPER.PNG"]
    for seed, name in enumerate(names):
        write_image(folder / name, seed)
    write_image(folder / "whole.png", 50)
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:-30])
    (folder / "text.jpg").write_text("not an image")
    (folder / "empty.png").touch()
    write_image(folder / "tiny.png", 51, (30, 30))
    project.config["sources"]["odd"] = {"path": "images/odd", "license": "CC0-1.0"}
    project.config["images"]["shard_size"] = 100
    project.run("results/report/funnel.txt")
    rejects = project.rejects().filter(pl.col("stage") == "inspect")
    assert dict(rejects.select("item", "reason").iter_rows()) == {
        "odd/cut.png": "truncated",
        "odd/text.jpg": "not_an_image",
        "odd/empty.png": "empty_file",
        "odd/tiny.png": "too_small",
    }
    images = pl.read_parquet(project.path("images/inspected/odd-00000.parquet"))
    assert set(images["path"]) == {*names, "whole.png"}
    assert set(project.dataset()["image"]) <= set(images["path"])
    assert project.dataset()["image"].n_unique() >= 4


def test_an_image_that_vanishes_between_plan_and_job_is_a_named_reject(finished: Project) -> None:
    finished.add_images("one", [40, 41])
    finished.run("--until", "write_shard")
    (finished.folder / "images" / "one" / "0040.png").unlink()
    finished.run("results/report/funnel.txt")
    rejects = finished.rejects()
    assert rejects.filter(rejects["item"] == "one/0040.png")["reason"].to_list() == ["vanished"]


@pytest.mark.parametrize("mode", ["online", pytest.param("batch", marks=pytest.mark.soak)])
def test_no_key_is_left_behind(mode: str, matched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-planted-0123456789abcdef"
    monkeypatch.setenv("PLANTED_KEY", secret)
    # A server that repeats the key in its error messages, and stops the first run by one.
    faults = dict.fromkeys((*range(5, 9), 14), "echo_key")
    with Endpoint(key=secret, faults=faults) as server:
        prices = {"input": 1, "output": 1, "date": "2026-11-01"}
        matched.use_server(server.url, api_key_env="PLANTED_KEY", mode=mode, batch_poll_s=0.05, prices=prices)
        output = matched.snakemake().stdout + matched.run("plan")
        server.state.faults = {}
        output += matched.run()
        assert server.answered.total() > 0
    assert secret not in output
    for path in matched.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert secret.encode() not in path.read_bytes(), path


def test_a_run_in_which_nothing_fits_ends_with_an_empty_set(matched: Project) -> None:
    matched.use_embedded()
    matched.seeds = {
        "Things": {f"thing {number} that the embedded provider does not know": None for number in range(3)}
    }
    matched.run()
    assert matched.dataset().is_empty()
    assert matched.rejects()["reason"].to_list() == ["none_fits"] * 4 * 3
    assert json.loads(matched.path("export/taskgalaxy/llava.json").read_text(encoding="utf-8")) == []
