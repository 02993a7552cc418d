"""Seconds and memory of planning, beside Snakemake's own for as many jobs: python benchmarks/plan.py.

An image tree of empty files is planned, a finished run is made believe in (every output is an empty file whose
metadata Snakemake has recorded), and then nothing, or 1,000 new images, is to be done. The floor is a bare
Snakefile with the same rules, files and numbers of jobs, and nothing of ours: no configuration, no image is
looked for, no parameters. Both are measured in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from taskgalaxy.shards import plan_shards, write_manifest
from taskgalaxy.sources.folder import FolderSource
from taskgalaxy.sources.names import Patterns

ROOT = Path(__file__).resolve().parents[1]
REFEREES = ("first", "second", "third")
SHARD_SIZE = 1000
TOUCH = (
    "-c",
    "from snakemake.executors.touch import Executor as E; E.SLEEPING_TIME = 0; from snakemake.cli import main; main()",
)
"""Snakemake, without the tenth of a second that it rests after every job that it touches."""


@dataclass
class Figure:
    """One command, run so often: the median of its seconds, and the most memory of its process.

    ``lists``: whether ours names and stats every image, which the floor never does.
    """

    what: str
    ours_s: float
    bare_s: float
    ours_mb: float
    bare_mb: float
    ratio: float
    lists: bool


COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of the commands: Python's modules are compiled once, not by each of them."""


class Folder:
    """A folder in which a Snakefile is planned."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        self.options = options
        path.mkdir(parents=True)

    def snakemake(self, *arguments: str, start: Sequence[str] = ("-m", "snakemake")) -> tuple[float, float, str]:
        """Seconds, megabytes at most, and what was printed.

        Raises:
            RuntimeError: with what was printed, if the command fails.
        """
        command = [sys.executable, *start, *self.options, *arguments]
        with tempfile.TemporaryFile() as output:
            began = time.perf_counter()
            process = subprocess.Popen(command, cwd=self.path, env=COMPILED, stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - began
            output.seek(0)
            text = output.read().decode(errors="replace")
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{text[-3000:]}")
        return seconds, usage.ru_maxrss / 1000, text

    def believe_finished(self) -> None:
        """Make every output of the plan an empty file, in the order of the jobs, and have it recorded."""
        listed = self.snakemake("--summary")[2].splitlines()
        outputs = [line.split("\t")[0] for line in listed if line.count("\t") > 4][1:]
        for name in outputs:
            path = self.path / name
            if name.endswith(("/images", "/report/samples")):
                path.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        self.snakemake("--touch", "--forceall", "--cores", "1", "--quiet", "all", start=TOUCH)


class Pair:
    """The workflow and the floor, in folders of their own, with as many shards."""

    def __init__(self, folder: Path, images: int) -> None:
        self.images = folder / "images"
        self.ours = Folder(folder / "ours", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml")
        self.bare = Folder(folder / "bare", "--snakefile", str(ROOT / "benchmarks" / "plan_floor.smk"))
        self.source = {"path": str(self.images), "license": "CC0-1.0"}
        for name in ("config", "resources"):
            (self.ours.path / name).symlink_to(ROOT / name)
        config = {
            "sources": {"pool": self.source},
            "images": {"shard_size": SHARD_SIZE},
            "taxonomy": {"levels": [{"rounds": 0}]},
            "match": {"device": "cpu"},
            "endpoints": {
                name: {"provider": "openai", "model": name, "base_url": "http://localhost:9/v1"} for name in REFEREES
            },
            "roles": {"expand": "first", "filter": "first", "qa": "first", "referees": list(REFEREES)},
        }
        (self.ours.path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.count = 0
        self.add_images(images)

    def add_images(self, count: int) -> None:
        """Empty files with names of images, a folder per shard."""
        for start in range(self.count, self.count + count, SHARD_SIZE):
            part = self.images / f"{start // SHARD_SIZE:05d}"
            part.mkdir(parents=True)
            for number in range(start, min(self.count + count, start + SHARD_SIZE)):
                (part / f"{number:07d}.jpg").touch()
        self.count += count
        shards = [f"pool-{number:05d}" for number in range(-(-self.count // SHARD_SIZE))]
        (self.bare.path / "shards.txt").write_text("\n".join(shards), encoding="utf-8")

    def finish(self) -> None:
        """Make a finished run of what is there."""
        manifests = self.ours.path / "results" / "images" / "shards"
        plan = plan_shards(manifests, {"pool": FolderSource("pool", self.images, Patterns())}, SHARD_SIZE, 1 << 28)
        for shard, files in plan.new.items():
            write_manifest(manifests / f"{shard}.json", files)
        self.ours.believe_finished()
        self.bare.believe_finished()

    def measure(self, what: str, *arguments: str, repeat: int, said: str = "") -> Figure:
        """The same command on both, in turns; ``said`` must be in what it prints."""
        rounds = []
        for _ in range(repeat):
            both = [folder.snakemake(*arguments) for folder in (self.ours, self.bare)]
            for _, _, text in both:
                if said not in text:
                    raise RuntimeError(f"{what}: expected {said!r} in\n{text[-3000:]}")
            rounds.append(both)
        (ours_s, bare_s), (ours_mb, bare_mb) = (
            [[both[index][value] for both in rounds] for index in (0, 1)] for value in (0, 1)
        )
        return Figure(
            what,
            statistics.median(ours_s),
            statistics.median(bare_s),
            max(ours_mb),
            max(bare_mb),
            statistics.median(a / b for a, b in zip(ours_s, bare_s, strict=True)),
            "remote" not in arguments and "--rulegraph" not in arguments,
        )


def scan_seconds(folder: Path) -> float:
    """What the operating system alone takes to name and stat every image."""
    start = time.perf_counter()
    for part in os.scandir(folder):
        for entry in os.scandir(part.path):
            entry.stat()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=800_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    repeat = arguments.repeat
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder) / "run", arguments.images)
        listing_s = min(scan_seconds(pair.images) for _ in range(3))
        print(f"{arguments.images:,} images: named and stat in {listing_s:.1f} s by the system alone")
        pair.measure("the first compiles modules", "--rulegraph", repeat=1)
        dry_run = ("--dry-run", "--quiet", "all")
        figures.append(pair.measure("plan, nothing made yet", *dry_run, repeat=repeat))
        figures.append(pair.measure("draw the rule graph", "--rulegraph", repeat=repeat, said="digraph"))
        pair.finish()
        figures.append(pair.measure("run, nothing to do", "--cores", "2", repeat=repeat, said="Nothing to be done"))
        job = ("--mode", "remote", "--target-jobs", "match:shard=pool-00000", "--allowed-rules", "match", *dry_run)
        figures.append(pair.measure("a job's own process", *job, repeat=repeat))
        pair.add_images(1000)
        figures.append(pair.measure("plan, 1,000 images more", *dry_run, repeat=repeat))
    print(f"{'':26}{'ours':>9}{'floor':>9}{'ratio':>8}{'+listing':>10}{'ours':>10}{'floor':>10}")
    for figure in figures:
        print(
            f"{figure.what:26}{figure.ours_s:7.2f} s{figure.bare_s:7.2f} s{figure.ratio:8.2f}"
            f"{figure.ours_s / (figure.bare_s + (listing_s if figure.lists else 0)):10.2f}"
            f"{figure.ours_mb:7.0f} MB{figure.bare_mb:7.0f} MB"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
