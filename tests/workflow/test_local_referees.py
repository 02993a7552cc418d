"""A referee whose model the job itself loads, among others that are asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tiny_vlms
from endpoint import Endpoint
from workflow.project import ROOT, Project

pytestmark = pytest.mark.workflow

LOADED = "loaded tiny, sha256:"
PARTITIONS = ("slurm_partition=cpu", "gpu_partition=gpu", "asking_partition=net")
# At the end of a dry-run: what the jobs of referees need.
TELL_NEEDS = """
import atexit, json

def tell_needs():
    for job in workflow.dag.needrun_jobs(exclude_finished=False):
        if "referee" in job.wildcards.keys():
            needs = {name: job.resources.get(name) for name in ("gpu", "slurm_partition")}
            print("NEEDS", json.dumps([job.wildcards.referee, job.rule.name, needs]))

atexit.register(tell_needs)
"""


@pytest.fixture(scope="module")
def _voted(_matched: Project, tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Project:
    """A finished run of four images; of its three referees, ``local`` is a model in the folder ``models/tiny``."""
    project = _matched.copy_to(tmp_path_factory.mktemp("voted") / "run")
    project.use_server(endpoint.url)
    tiny_vlms.save("internvl", project.folder / "models" / "tiny")
    project.config["endpoints"]["local"] = {
        "provider": "transformers",
        "model": "models/tiny",
        "dtype": "float32",
        "device": "cpu",
    }
    project.config["roles"]["referees"][2] = "local"
    done = project.run("tally_votes")
    assert project.jobs(done)["cast_votes_by_transformers"] == 1
    assert project.jobs(done)["cast_votes"] == 2
    return project


@pytest.fixture
def voted(_voted: Project, tmp_path: Path) -> Project:
    return _voted.copy_to(tmp_path / "run")


def recorded(project: Project) -> list[dict[str, Any]]:
    """What the ledger holds of the referee's votes."""
    lines = (project.folder / "ledger" / "referee" / "local.one-00000.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def planned(project: Project) -> dict[str, int]:
    """The jobs that a dry-run lists, as far as they are about votes."""
    return {rule: count for rule, count in project.planned().items() if "votes" in rule}


def log(project: Project) -> str:
    return project.path("logs/cast_votes/local/one-00000.log").read_text()


def test_its_votes_are_in_the_ledger_and_a_vote_that_is_there_needs_no_model(voted: Project) -> None:
    votes = voted.path("votes/local/one-00000.parquet")
    before = votes.read_bytes()
    records = recorded(voted)
    assert records
    assert {(record["model"], record["reply"]["provider"]) for record in records} == {("tiny", "transformers")}
    assert LOADED in log(voted)
    assert not planned(voted)

    shutil.rmtree(voted.path("votes"))
    voted.path("votes.parquet").unlink()
    # To another place, as on another disk: it is the same model.
    shutil.move(voted.folder / "models", voted.folder / "elsewhere")
    voted.config["endpoints"]["local"]["model"] = "elsewhere/tiny"
    voted.run("tally_votes")
    assert votes.read_bytes() == before
    assert recorded(voted) == records
    assert LOADED not in log(voted)


def test_other_weights_in_its_folder_are_another_referee(voted: Project) -> None:
    first = recorded(voted)
    tiny_vlms.save("internvl", voted.folder / "models" / "tiny", seed=1)
    assert planned(voted) == {"cast_votes_by_transformers": 1, "tally_votes": 1}
    voted.run("tally_votes")
    again = recorded(voted)
    assert len(again) == 2 * len(first)
    assert again[: len(first)] == first
    assert len({record["parameters"]["revision"] for record in again}) == 2


def test_its_votes_are_replayed_without_the_folder(voted: Project) -> None:
    (revision,) = {record["parameters"]["revision"] for record in recorded(voted)}
    shutil.rmtree(voted.folder / "models")
    voted.config["endpoints"]["local"] |= {"provider": "replay", "revision": revision}
    assert not planned(voted), "who reads an answer changes nothing"
    before = voted.path("votes/local/one-00000.parquet").read_bytes()
    shutil.rmtree(voted.path("votes"))
    voted.path("votes.parquet").unlink()
    done = voted.run("tally_votes")
    assert voted.jobs(done)["cast_votes"] == 3
    assert voted.path("votes/local/one-00000.parquet").read_bytes() == before


def test_referees_on_a_gpu_ask_for_one_and_no_others_do(tmp_path: Path) -> None:
    project = Project(tmp_path / "run")
    project.add_images("one", range(1))
    (project.folder / "tiny").mkdir()
    loaded = {"provider": "transformers", "model": "tiny"}
    project.config["endpoints"] |= {
        "asked": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"},
        "large": loaded,
        "small": {**loaded, "device": "cpu"},
    }
    project.config["roles"]["referees"] = ["semantic", "asked", "large", "small"]
    project.code = tmp_path / "code"
    project.code.mkdir()
    for name in ("config", "envs", "profiles", "rules", "scripts"):
        (project.code / name).symlink_to(ROOT / name)
    (project.code / "Snakefile").write_text((ROOT / "Snakefile").read_text() + TELL_NEEDS)
    told = project.run("tally_votes", "--dry-run", "--default-resources", *PARTITIONS)
    needs = [json.loads(line.removeprefix("NEEDS ")) for line in told.splitlines() if line.startswith("NEEDS ")]
    assert {referee: (rule, need["gpu"], need["slurm_partition"]) for referee, rule, need in needs} == {
        "semantic": ("cast_votes", None, "cpu"),
        "asked": ("cast_votes", None, "net"),
        "large": ("cast_votes_by_transformers", 1, "gpu"),
        "small": ("cast_votes_by_transformers", 0, "cpu"),
    }
    assert not (project.folder / "ledger").exists(), "a dry-run writes nothing, not even what it read of the weights"
