"""Killed at any moment, again and again: the same bytes in the end, and no answer paid for twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from endpoint import Endpoint
from workflow.project import Project
from workflow.runs import finish, match_images

pytestmark = pytest.mark.workflow

JOBS_AT_ONCE = 2


def test_a_kill_loses_nothing_and_pays_nothing_twice(matched: Project, undisturbed: Project) -> None:
    _kill_again_and_again(matched, undisturbed, 1)


@pytest.mark.soak
def test_kills_of_workers_and_of_the_head_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    project = match_images(tmp_path / "killed", 24)
    _kill_again_and_again(project, finish(project, tmp_path / "undisturbed"), 21)


def _kill_again_and_again(project: Project, undisturbed: Project, most: int) -> None:
    dice = random.Random(20261121)
    with Endpoint(latency_s=0.05) as server:
        project.use_server(server.url, concurrency=1)
        kills: Counter[str] = Counter()
        while sum(kills.values()) < most:
            kind = ("worker", "head", "all")[sum(kills.values()) % 3]
            answered = server.answered.total() + dice.randint(1, 6)
            if not _run_until(project, server, answered, dice.uniform(0, 0.3), kind):
                break
            kills[kind] += 1
            _assert_whole(project)
        project.run("dataset")
        again = server.answered.total() - len(server.answered) - _preflights(project)
        report = f"{dict(kills)} kills; {again} answers that were in flight were given again"
        assert sum(kills.values()) >= max(1, most - 1), report
        # Nothing that was recorded was asked again, whoever was killed.
        recorded = Counter(project.recorded_keys())
        assert set(recorded.values()) == {1}, report
        assert 0 <= again <= sum(kills.values()) * JOBS_AT_ONCE, report
        print(report)
    assert project.samples_digest() == undisturbed.samples_digest()


def _run_until(project: Project, server: Endpoint, answered: int, delay_s: float, kind: str) -> bool:
    """Start a run and kill a part of it once so much was answered; whether it came to that."""
    run = project.start("dataset")
    if not project.reached(run, lambda: server.answered.total() >= answered, f"answer {answered}"):
        return False
    time.sleep(delay_s)
    workers = [child for child in psutil.Process(run.pid).children(recursive=True) if "scripts/tmp" in _command(child)]
    if kind == "worker":
        for worker in workers[:1]:
            worker.kill()
        run.wait(120)
        return True
    if kind == "head":
        run.kill()
    else:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait(30)
    project.run("--unlock")
    return True


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _preflights(project: Project) -> int:
    """How often the tiny questions were asked again."""
    files = list((project.folder / "ledger" / "preflight").glob("*.jsonl"))
    return sum(len(path.read_text().splitlines()) for path in files) - len(files)


def _assert_whole(project: Project) -> None:
    """Every file that has its final name can be read to the end."""
    for path in (project.folder / "results").rglob("*.parquet"):
        if not path.name.startswith("."):
            pq.read_table(path)
    for path in (project.folder / "results").rglob("*.json*"):
        if not path.name.startswith("."):
            lines = [path.read_text()] if path.suffix == ".json" else path.read_text().splitlines()
            for line in lines:
                json.loads(line)
