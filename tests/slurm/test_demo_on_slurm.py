"""The demo through Slurm: the same bytes, GPUs for the jobs that need one, and jobs that look at their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from slurm.cluster import GPU_NODE, Cluster, Job
from slurm.project import SlurmProject
from workflow.project import ROOT, Project

pytestmark = pytest.mark.slurm

ON_THIS_CLUSTER = ("--slurm-no-account", "--slurm-status-command", "squeue")
DEMO_S = 1200
GPU_RULES = {"embed_task_types", "embed_images"}
SOURCES = ("resources/demo/rendered", "resources/demo/rendered_listed", "skimage/data")
MANIFESTS = "results/images/shards"

# Python runs it at the start of every process; it writes down every folder that a job's processes list and
# every shard manifest that they open.
_WATCH = f"""\
import json, os, sys

def _note(event, arguments):
    if event in ("os.scandir", "os.listdir", "open") and arguments and not isinstance(arguments[0], int):
        path = os.path.abspath(os.fsdecode(arguments[0] or "."))
        if event != "open" or "{MANIFESTS}/" in path:
            with os.fdopen(os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "a") as log:
                log.write(json.dumps([os.environ["SLURM_JOB_ID"], event, path]) + chr(10))

if "SLURM_JOB_ID" in os.environ:
    sys.addaudithook(_note)
"""


class WatchedDemo(SlurmProject):
    """The demo with ``match.device: auto``, so that it asks for GPUs, and fewer exports, which are all alike."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
        self.config["match"]["device"] = "auto"
        self.config |= {"exports": ["llava", "huggingface"], "subsets": {}}
        (folder / "watch").mkdir()
        log = f"LOG = {str(folder / 'looked.jsonl')!r}\n"
        (folder / "watch" / "sitecustomize.py").write_text(log + _WATCH, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(self.folder / "watch")}

    def looked(self) -> list[tuple[str, str, str]]:
        """(job, event, path) of everything that was written down."""
        lines = (self.folder / "looked.jsonl").read_text(encoding="utf-8").splitlines()
        return [(job, event, path) for job, event, path in map(json.loads, lines)]


@dataclass
class Watched:
    """The demo as it ran on Slurm, and its jobs there."""

    project: WatchedDemo
    jobs: list[Job]


@pytest.fixture(scope="module")
def watched(_slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    _slurm.renew()
    project = WatchedDemo(tmp_path_factory.mktemp("watched") / "run")
    done = project.snakemake(*ON_THIS_CLUSTER, timeout_s=DEMO_S)
    assert done.returncode == 0, done.stdout[-6000:]
    return Watched(project, _slurm.jobs())


def test_the_demo_gives_the_bytes_that_it_gives_without_slurm(watched: Watched, demo: Project) -> None:
    here, there = watched.project.digests(), demo.digests()
    for name in ("README.md", "SHA256SUMS"):  # the card lists the exports
        assert here.pop(name) != there.pop(name)
    assert here == there
    exports = watched.project.digests("export")
    assert exports.items() <= demo.digests("export").items()
    assert {"llava.json", "huggingface"} <= {Path(name).parts[1] for name in exports if "/" in name}
    for page in ("samples.html", "report.html", "audit.html"):
        assert watched.project.path(f"report/{page}").read_bytes() == demo.path(f"report/{page}").read_bytes()


def test_the_jobs_that_need_a_gpu_and_no_others_run_where_gpus_are_and_get_one(watched: Watched) -> None:
    assert {job.state for job in watched.jobs} == {"COMPLETED"}
    in_partition = [job for job in watched.jobs if job.partition == "gpu"]
    assert {job.rule for job in in_partition} == GPU_RULES
    assert {(job.node, job.gpu) for job in in_partition} == {(GPU_NODE, "0")}
    elsewhere = [job for job in watched.jobs if job not in in_partition]
    assert not {job.rule for job in elsewhere} & GPU_RULES
    assert {(job.partition, job.gpu) for job in elsewhere} == {("cpu", "")}


def test_jobs_scan_no_image_folder_and_read_no_manifest_but_their_own(watched: Watched) -> None:
    jobs = {job.id: job for job in watched.jobs}
    looked = watched.project.looked()
    # Every job was watched: each lists the folder of manifests, whose names tell it the shards.
    assert {job for job, _, path in looked if path.endswith(MANIFESTS)} == set(jobs)
    scanned = {path for _, event, path in looked if event != "open"}
    assert not [path for path in scanned if path.endswith(SOURCES)]
    readers = {jobs[job].rule for job, event, _ in looked if event == "open"}
    # A job of Slurm may be a group of several rules' jobs, and is then named after all of them.
    assert all("inspect_images" in rule or "funnel" in rule for rule in readers), readers
