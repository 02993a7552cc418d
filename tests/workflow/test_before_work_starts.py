"""What can be known to be wrong beforehand is one message, and no job starts: one case of each kind.

The messages themselves have their tests in tests/unit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.pool.registry import family_names, read_subsets
from workflow.project import ROOT, Project, write_image

pytestmark = pytest.mark.workflow


def _set(*keys: str, to: Any) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        place = project.config
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = to

    return change


def _own_prompts_without_qa(project: Project) -> None:
    shutil.copytree(ROOT / "config" / "prompts", project.folder / "prompts")
    (project.folder / "prompts" / "qa.txt").unlink()
    project.config["prompts"] = "prompts"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("balence", to={}), ["balence", "Did you mean balance?"]),
        (_set("match", "k", to=50), ["match.k", "pool holds", "6 task types"]),
        (_set("sources", "gone", to={"path": "images/gone", "license": "MIT"}), ["sources.gone", "does not exist"]),
        (_own_prompts_without_qa, ["qa.txt"]),
    ],
)
def test_a_wrong_configuration_is_one_message_that_names_key_and_fix(
    tmp_path: Path, change: Callable[[Project], None], words: list[str]
) -> None:
    project = Project(tmp_path / "run")
    project.add_images("one", range(2))
    change(project)
    done = project.snakemake()
    assert done.returncode == 1
    for word in words:
        assert word in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
    assert not (project.folder / "results").exists()


def test_bad_seeds_are_one_message_with_file_and_line(tmp_path: Path) -> None:
    project = Project(tmp_path / "run")
    project.add_images("one", range(2))
    (project.folder / "bad.yaml").write_text("OCR:\n\tbill ocr:\n", encoding="utf-8")
    project.config["taxonomy"]["seeds"] = "bad.yaml"
    done = project.snakemake("--dry-run")
    assert done.returncode == 1
    for word in ("bad.yaml", "line 2", "tab"):
        assert word in done.stdout, done.stdout
    assert "Traceback" not in done.stdout


def test_the_papers_configuration_plans_on_a_pool(tmp_path: Path) -> None:
    project = Project(tmp_path / "run")
    registry = ROOT / "config" / "sources"
    subsets = read_subsets(registry, family_names(registry))
    for number, subset in enumerate(subsets):
        write_image(project.folder / "images" / subset.path / "1.png", number)
    done = project.snakemake("--configfile", "config/paper.yaml", "--dry-run")
    assert done.returncode == 0, done.stdout
    plan = project.jobs(done.stdout)
    assert plan["cast_votes"] == 3 * len(subsets) == 93
    assert plan["expand_level"] == 4


def test_a_missing_key_is_said_before_any_job(tmp_path: Path) -> None:
    project = Project(tmp_path / "run", "http://127.0.0.1:9/v1")
    project.config["endpoints"]["generator"]["api_key_env"] = "SURELY_NOT_SET"
    project.add_images("one", range(2))
    done = project.snakemake()
    assert done.returncode == 1
    assert "SURELY_NOT_SET" in done.stdout
    assert not (project.folder / "results" / "images").exists()
