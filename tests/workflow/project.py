"""A run of the real Snakefile in a folder of its own, with images and an endpoint of the test's."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 1200
"""Only for what hangs: a machine may be busy, and compile what is imported for the first time."""

SEEDS = {
    "OCR": {"chart ocr": {"bar chart label recognition": None, "axis tick value reading": None}},
    "Detection": {"object detection": {"fruit detection": None}, "sign detection": None},
    "Analysis": {"color analysis": {"dominant color detection": None, "color contrast analysis": None}},
}


def write_image(path: Path, seed: int, size: tuple[int, int] = (96, 80)) -> None:
    """A small picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(str(seed).encode()).digest()
    image = Image.new("RGB", size, tuple(digest[:3]))
    draw = ImageDraw.Draw(image)
    for index in range(4):
        x, y = digest[3 + index] % (size[0] - 20), digest[8 + index] % (size[1] - 20)
        draw.rectangle((x, y, x + 16, y + 12), fill=tuple(digest[12 + index : 15 + index]))
    image.save(path)


class Project:
    """A folder with configuration, seeds and images, in which the workflow is run.

    Attributes:
        folder: where Snakemake runs; ``images/NAME`` are its sources.
        config: what is written to its configuration file before every run.
        code: the folder of the Snakefile that it runs.
        targets: what is made where nothing is named: all but the pages, which take as long as the rest.
    """

    targets: tuple[str, ...] = ("results/dataset/SHA256SUMS", "results/report/referees.txt")

    def __init__(self, folder: Path, endpoint_url: str | None = None) -> None:
        self.folder = folder
        self.code = ROOT
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("resources", "config"):
            (folder / name).symlink_to(ROOT / name)
        self.seeds: dict[str, Any] = deepcopy(SEEDS)
        self.config: dict[str, Any] = {
            "sources": {},
            "taxonomy": {"seeds": "seeds.yaml", "levels": [{"rounds": 0}]},
            "images": {"shard_size": 4},
            "match": {"k": 3, "device": "cpu"},
            "balance": {"max": 3},
            "near_duplicates": {"distance": None},
        }
        if endpoint_url:
            self.use_endpoint(endpoint_url)
        else:
            self.use_embedded()

    @classmethod
    def found_in(cls, folder: Path) -> Project:
        """The project that was run in ``folder``."""
        project = cls.__new__(cls)
        project.folder, project.code = folder, ROOT
        project.config = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8"))
        project.seeds = yaml.safe_load((folder / "seeds.yaml").read_text(encoding="utf-8"))
        return project

    def use_endpoint(self, url: str) -> None:
        """One generator and three referees behind ``url``."""
        names = ("generator", "first", "second", "third")
        self.config["endpoints"] = {
            name: {"provider": "openai", "model": f"test-{name}", "base_url": url, "max_retries": 0, "timeout_s": 20}
            for name in names
        }
        self.config["roles"] = {"expand": names[0], "filter": names[0], "qa": names[0], "referees": list(names[1:])}

    def use_server(self, endpoint_url: str, **settings: Any) -> None:
        """Send the questions elsewhere, with other settings of all endpoints."""
        for entry in self.config["endpoints"].values():
            entry |= {"base_url": endpoint_url, **settings}

    def use_embedded(self) -> None:
        default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
        self.config["endpoints"], self.config["roles"] = default["endpoints"], default["roles"]

    def add_images(self, source: str, seeds: Iterable[int]) -> list[Path]:
        """Add the pictures of ``seeds`` to a source, which becomes part of the configuration."""
        folder = self.folder / "images" / source
        paths = [folder / f"{seed:04d}.png" for seed in seeds]
        for path, seed in zip(paths, seeds, strict=True):
            write_image(path, seed)
        self.config["sources"].setdefault(source, {"path": f"images/{source}", "license": "CC0-1.0"})
        return paths

    def snakemake(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the project; the result's ``stdout`` holds everything that was printed."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake on the project and return at once; its process group is its own and its jobs'."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @staticmethod
    def reached(run: subprocess.Popen[bytes], there: Callable[[], bool], what: str, most_s: float = 120) -> bool:
        """Wait until ``there()``; whether it came to that before ``run`` ended. Fails the test after ``most_s``."""
        deadline = time.monotonic() + most_s
        while not there():
            if run.poll() is not None:
                return False
            assert time.monotonic() < deadline, f"{what}: not reached in {most_s:g} s"
            time.sleep(0.01)
        return True

    def recorded_keys(self) -> list[str]:
        """The keys of all recorded answers; the tiny questions before a run are asked in every one."""
        folders = [folder for folder in (self.folder / "ledger").iterdir() if folder.name != "preflight"]
        lines = [
            line for folder in folders for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()
        ]
        return [json.loads(line)["key"] for line in lines]

    def command(self, *arguments: str) -> list[str]:
        """The command line of :meth:`snakemake`; writes configuration and seeds."""
        (self.folder / "run.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")
        seeds = self.folder / "seeds.yaml"
        if not seeds.exists() or yaml.safe_load(seeds.read_text(encoding="utf-8")) != self.seeds:
            text = yaml.safe_dump(self.seeds, sort_keys=False).replace(": null", ":")
            seeds.write_text(text, encoding="utf-8")
        snakefile = ["--snakefile", str(self.code / "Snakefile"), "--configfile", "run.yaml", "--cores", "2"]
        return [sys.executable, "-m", "snakemake", *snakefile, *arguments]

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def run(self, *arguments: str) -> str:
        """Run to the end and return what was printed; fails the test if Snakemake does."""
        done = self.snakemake(*(arguments or self.targets))
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def planned(self) -> Counter[str]:
        """How many jobs of each rule a dry-run lists; the target rule left out."""
        return self.jobs(self.run("--dry-run", *self.targets))

    @staticmethod
    def jobs(output: str) -> Counter[str]:
        """How many jobs of each rule a run or a dry-run lists; the target rule left out."""
        table = output.partition("Job stats:")[2].partition("total")[0]
        jobs = Counter({name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)})
        del jobs["all"]
        return jobs

    def path(self, relative: str) -> Path:
        return self.folder / "results" / relative

    def dataset(self) -> pl.DataFrame:
        return pl.read_parquet(self.path("dataset/taskgalaxy.parquet"))

    def rejects(self) -> pl.DataFrame:
        return pl.read_parquet(self.path("rejects.parquet"))

    def vote_reasons(self) -> set[str]:
        """Why votes are missing."""
        votes = pl.read_parquet(self.path("votes.parquet")).select("votes").explode("votes").unnest("votes")
        return set(votes["reason"].drop_nulls())

    def samples_digest(self) -> str:
        """SHA-256 of the final set's table, which the target ``dataset`` makes and nothing beside it."""
        return hashlib.sha256(self.path("dataset/taskgalaxy.parquet").read_bytes()).hexdigest()

    def digests(self, folder: str = "dataset") -> dict[str, str]:
        """SHA-256 of every file of a result folder that does not name this machine's folders."""
        files = sorted(path for path in self.path(folder).rglob("*") if path.is_file())
        files = [
            path for path in files if path.name != "internvl_meta.json" and path.parent.name != "huggingface_paths"
        ]
        return {
            str(path.relative_to(self.path(folder))): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

    def copy_to(self, folder: Path) -> Project:
        """The same project, results and times of files included, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        copy = Project.__new__(Project)
        copy.folder, copy.config, copy.seeds = folder, deepcopy(self.config), deepcopy(self.seeds)
        copy.code = self.code
        return copy

    def check_out(self) -> None:
        """Use a copy of the repository from now on, in which every file is new, as after ``git clone``."""
        self.code = self.folder / "repository"
        for name in ("rules", "scripts", "envs", "profiles", "config", "resources"):
            shutil.copytree(ROOT / name, self.code / name, copy_function=shutil.copyfile)
        shutil.copyfile(ROOT / "Snakefile", self.code / "Snakefile")
        for name in ("config", "resources"):
            (self.folder / name).unlink()
            (self.folder / name).symlink_to(self.code / name)
        (self.folder / "seeds.yaml").touch()


class DemoProject(Project):
    """The default configuration, as it stands."""

    targets = ()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", *arguments]
