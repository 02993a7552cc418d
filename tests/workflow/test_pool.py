"""A family of the registry is named, got, checked and used where it lies, by the workflow's own targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from archives import write_zip
from endpoint import Endpoint
from file_server import FileServer
from workflow.project import Project, write_image

pytestmark = pytest.mark.workflow


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A zip of three images."""
    for seed in range(3):
        write_image(tmp_path / "drawn" / f"{seed}.png", seed)
    contents = {f"street/{path.name}": path.read_bytes() for path in (tmp_path / "drawn").iterdir()}
    write_zip(tmp_path / "images.zip", contents)
    return (tmp_path / "images.zip").read_bytes()


def project_of(folder: Path, endpoint: Endpoint, subset: dict[str, Any]) -> Project:
    """A run on a family with one sub-set, ``lab/street``."""
    project = Project(folder / "run", endpoint.url)
    project.config |= {"sources": {}, "registry": "registry", "families": ["lab"], "pool": "pool"}
    family = {"family": "Lab", "license": "MIT", "subsets": {"street": {"images": 3, **subset}}}
    (project.folder / "registry").mkdir()
    (project.folder / "registry" / "lab.yaml").write_text(yaml.safe_dump(family), encoding="utf-8")
    return project


def test_a_family_is_got_checked_and_planned(tmp_path: Path, endpoint: Endpoint, content: bytes) -> None:
    with FileServer(content) as server:
        server.drops = [1000]
        subset = {
            "path": "unpacked",
            "archive": {"path": "lab/images.zip", "include": ["street/*"]},
            "files": {"lab/images.zip": {"url": server.url, "size": len(content)}},
        }
        project = project_of(tmp_path, endpoint, subset)
        missing = project.snakemake("--dry-run")
        assert missing.returncode != 0
        assert "`snakemake download` gets it" in missing.stdout
        assert f"lab/images.zip     0.00 GB  {server.url}" in project.run("download", "--dry-run")
        assert server.requests == []
        assert "[ ] lab/street" in project.run("check_sources")

        project.run("download")
        assert (project.folder / "pool" / "lab" / "images.zip").read_bytes() == content
        asked = len(server.requests)
        project.run("download")
        assert len(server.requests) == asked
    assert re.search(r"\[x\] lab/street +3 +3 +0  MIT", project.run("check_sources"))
    assert project.path("report/sources.txt").read_text(encoding="utf-8").startswith("    sub-set")
    assert project.planned()["inspect_images"] == 1


def test_what_cannot_be_had_is_one_message(tmp_path: Path, endpoint: Endpoint) -> None:
    with FileServer(b"") as server:
        server.statuses = [(403, {})]
        files = {"lab/images.zip": {"url": server.url}}
        done = project_of(tmp_path, endpoint, {"path": "street", "files": files}).snakemake("download")
    assert done.returncode != 0
    assert "may not be had without a login or an agreement: the server answered 403" in done.stdout
    assert "Traceback" not in done.stdout
