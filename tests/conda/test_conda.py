"""``snakemake --sdm conda`` with a stub of conda: every rule runs with the pins of its environment and no others."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_vlms
from conda import conda_stub
from endpoint import Endpoint
from rule_code import RULES, settings_of
from workflow.project import ROOT, Project

INSTALL_TIMEOUT_S = 900
"""How long a run may take that makes its environments first."""

pytestmark = pytest.mark.conda


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("conda")
    conda_stub.install(root)
    yield root
    # Gigabytes, which pytest would keep for three sessions.
    shutil.rmtree(root)


@pytest.fixture
def with_conda(installation: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options with which Snakemake uses the stub; environments are made once for all tests."""
    monkeypatch.setenv("PATH", f"{installation / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return ["--sdm", "conda", "--conda-prefix", str(installation / "envs")]


def every_provider(folder: Path, url: str) -> Project:
    """A part of the demo: every environment that asks does so of every provider that it is for, ``url`` among them."""
    project = Project(folder)
    images = [path.name for path in sorted((ROOT / "resources/demo/rendered").iterdir())[:4]]
    project.config["sources"] = {
        "rendered": {"path": "resources/demo/rendered", "license": "CC0-1.0", "include": images}
    }
    project.config["taxonomy"] = {"seeds": "config/seeds.yaml", "levels": [{"rounds": 1}]}
    project.config["report"] = {"truth": "resources/demo/truth.jsonl"}
    project.config["endpoints"]["asked"] = {"provider": "openai", "model": "test", "base_url": url, "max_retries": 0}
    project.config["roles"]["expand"] = "asked"
    model = str(tiny_vlms.save("internvl", folder / "models" / "tiny"))
    project.config["endpoints"]["loaded"] = {"provider": "transformers", "model": model, "device": "cpu"}
    project.config["roles"]["referees"] = ["semantic", "asked", "loaded"]
    return project


def rules_with_an_environment() -> set[str]:
    return {rule for rule in RULES if "conda" in settings_of(rule)}


def test_every_rule_runs_in_its_environment_and_the_set_is_the_same(tmp_path: Path, with_conda: list[str]) -> None:
    with Endpoint() as server:
        plain = every_provider(tmp_path / "plain", server.url)
        plain.run("dataset")
        server.state.stages.clear()
        project = every_provider(tmp_path / "conda", server.url)
        targets = ("all", "results/match/top_images.parquet", "plan", "leftovers")
        done = project.snakemake(*with_conda, *targets, timeout_s=INSTALL_TIMEOUT_S)
        assert done.returncode == 0, done.stdout[-6000:]
        assert set(project.jobs(done.stdout)) == rules_with_an_environment()
        assert {"expand", "referee"} <= set(server.state.stages)
    assert project.dataset().height > 0
    assert project.samples_digest() == plain.samples_digest()


def test_a_missing_pin_ends_the_run_though_snakemakes_own_python_has_the_package(
    tmp_path: Path, with_conda: list[str]
) -> None:
    workflow = tmp_path / "workflow"
    shutil.copytree(ROOT / "rules", workflow / "rules")
    shutil.copytree(ROOT / "envs", workflow / "envs")
    for name in ("scripts", "config"):
        (workflow / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "Snakefile", workflow)
    base = workflow / "envs" / "base.yaml"
    pins = base.read_text(encoding="utf-8")
    base.write_text(re.sub(r"^ +- polars==.*\n", "", pins, flags=re.MULTILINE), encoding="utf-8")
    project = Project(tmp_path / "run")
    project.add_images("one", range(1))
    project.code = workflow
    stopped = project.snakemake(*with_conda, "list_removed", timeout_s=INSTALL_TIMEOUT_S)
    assert stopped.returncode != 0
    assert "No module named 'polars'" in stopped.stdout, stopped.stdout[-6000:]
