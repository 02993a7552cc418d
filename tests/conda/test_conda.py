"""``snakemake --sdm conda`` with a stub of conda: every rule runs with the pins of its environment and no others."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import tiny_vlms
from audits import saved, write_saved
from conda import conda_stub
from endpoint import Endpoint
from file_server import FileServer
from hub import Hub
from rule_code import RULES, settings_of
from taskgalaxy.files import read_json
from workflow.project import ROOT, Project, write_image

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
    listed = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["exports"]
    benchmark = folder / "benchmark"
    write_image(benchmark / "one.png", 1)
    mix = [{"id": 1, "conversations": []}]
    (folder / "mix.json").write_text(json.dumps(mix), encoding="utf-8")
    project.config |= {
        "exports": [*listed, "llava_mix"],
        "llava_mix": {"path": "mix.json", "images": "."},
        "subsets": {"caps": [1]},
        "fill": {"below": 1, "images": 1},
        "near_duplicates": {"distance": 4},
        "decontaminate": {"benchmarks": {"held-out": {"images": [str(benchmark)]}}},
        "push": {"repository": "somebody/pictures", "embedded": True},
    }
    project.config["endpoints"]["asked"] = {"provider": "openai", "model": "test", "base_url": url, "max_retries": 0}
    project.config["roles"]["expand"] = "asked"
    model = str(tiny_vlms.save("internvl", folder / "models" / "tiny"))
    project.config["endpoints"]["loaded"] = {"provider": "transformers", "model": model, "device": "cpu"}
    project.config["roles"]["referees"] = ["semantic", "asked", "loaded"]
    return project


POOL_RULES = {"check_sources", "download"}
"""They stand alone: of a run with images they are no part."""


def rules_with_an_environment() -> set[str]:
    return {rule for rule in RULES if "conda" in settings_of(rule)}


def test_every_rule_runs_in_its_environment_and_the_set_is_the_same(
    tmp_path: Path, with_conda: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Endpoint() as server, Hub("hf_planted") as hub:
        for name, value in (("HF_TOKEN", "hf_planted"), ("HF_ENDPOINT", hub.url), ("HF_HUB_DISABLE_XET", "1")):
            monkeypatch.setenv(name, value)
        plain = every_provider(tmp_path / "plain", server.url)
        plain.run("dataset")
        server.state.stages.clear()
        project = every_provider(tmp_path / "conda", server.url)
        targets = ("all", "results/match/top_images.parquet", "plan", "leftovers", "push")
        done = project.snakemake(*with_conda, *targets, timeout_s=INSTALL_TIMEOUT_S)
        assert done.returncode == 0, done.stdout[-6000:]
        draw = read_json(project.path("report/audit_draw.json"))
        (project.folder / "judgements").mkdir()
        write_saved(project.folder / "judgements" / "amy.json", saved("Amy", draw["draw"], {}))
        judged = project.snakemake(*with_conda, "audit")
        assert judged.returncode == 0, judged.stdout[-6000:]
        ran = project.jobs(done.stdout) + project.jobs(judged.stdout)
        assert ran.keys() - {"audit"} == rules_with_an_environment() - POOL_RULES
        assert {"expand", "referee"} <= set(server.state.stages)
        assert hub.commits == 1
    assert project.dataset().height > 0
    assert project.samples_digest() == plain.samples_digest()


def test_the_pool_is_got_and_looked_at_in_an_environment(tmp_path: Path, with_conda: list[str]) -> None:
    project = Project(tmp_path / "run")
    with FileServer(b"an archive") as server:
        subset = {"images": 0, "path": "street", "files": {"a.zip": {"url": server.url}}}
        write_image(project.folder / "pool" / "street" / "1.png", 1)
        family = {"family": "Lab", "license": "MIT", "subsets": {"street": subset}}
        (project.folder / "registry").mkdir()
        (project.folder / "registry" / "lab.yaml").write_text(yaml.safe_dump(family), encoding="utf-8")
        project.config |= {"registry": "registry", "families": ["lab"], "pool": "pool"}
        done = project.snakemake(*with_conda, *sorted(POOL_RULES), timeout_s=INSTALL_TIMEOUT_S)
    assert done.returncode == 0, done.stdout[-6000:]
    assert project.jobs(done.stdout).keys() == POOL_RULES
    assert (project.folder / "pool" / "a.zip").read_bytes() == b"an archive"
    assert "[x] lab/street" in done.stdout


def test_a_missing_pin_ends_the_run_though_snakemakes_own_python_has_the_package(
    tmp_path: Path, with_conda: list[str]
) -> None:
    workflow = tmp_path / "workflow"
    shutil.copytree(ROOT / "rules", workflow / "rules")
    shutil.copytree(ROOT / "envs", workflow / "envs")
    for name in ("scripts", "config", "resources"):
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
