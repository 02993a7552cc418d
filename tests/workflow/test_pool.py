"""A family of the registry is named, got, checked and used where it lies, by the workflow's own targets."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from archives import write_zip
from endpoint import Endpoint
from file_server import FileServer
from hub import Hub
from workflow.project import Project, write_image
from workflow.small_disk import Disk

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


def test_a_family_on_the_hub_is_got_by_the_hub_s_library(
    tmp_path: Path, endpoint: Endpoint, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files = {"lab/in/images.zip": {"hub": "lab/pictures", "file": "in/images.zip", "revision": f"{1:040x}", **expected}}
    archive = {"path": "lab/in/images.zip", "include": ["street/*"]}
    project = project_of(tmp_path, endpoint, {"path": "unpacked", "archive": archive, "files": files})
    got = project.folder / "pool" / "lab" / "in" / "images.zip"
    with Hub("hf_planted0123456789") as hub:
        hub.repositories["lab/pictures"] = {"in/images.zip": content}
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        for refusal, words in (
            ((401, "GatedRepo"), "is given to those who agreed to its terms. Agree on its page, and set HF_TOKEN."),
            ((401, "RepoNotFound"), "is not there, or not for everybody"),
            ((404, "EntryNotFound"), "has no in/images.zip"),
            ((503, ""), "failed (Server error '503 Service Unavailable'"),
        ):
            hub.refusing["resolve"] = refusal
            refused = project.snakemake("download")
            assert refused.returncode != 0
            assert words in refused.stdout
            assert "Traceback" not in refused.stdout
        hub.refusing.clear()
        hub.drops = [1000]
        project.run("download")
        assert got.read_bytes() == content
        assert hub.got == [("HEAD", None), ("GET", None), ("GET", None)]
        project.run("download")
        assert len(hub.got) == 3
    assert re.search(r"\[x\] lab/street +3 +3 +0  MIT", project.run("check_sources"))


def test_a_full_disk_is_one_message_and_what_came_is_not_asked_for_again(tmp_path: Path, endpoint: Endpoint) -> None:
    content = os.urandom(1_000_000)
    with FileServer(content) as server:
        subset = {"path": "street", "files": {"lab/images.zip": {"url": server.url}}}
        project = project_of(tmp_path, endpoint, subset)
        with Disk(project.folder / "pool") as disk:
            with disk.full(but=300_000):
                stopped = project.snakemake("download")
            assert stopped.returncode != 0
            assert "No space left on device. Make room on its disk" in stopped.stdout
            assert "Traceback" not in stopped.stdout
            came = (disk.folder / "lab" / "images.zip.part").stat().st_size
            assert 0 < came < len(content)
            project.run("download")
            assert (disk.folder / "lab" / "images.zip").read_bytes() == content
            assert server.requests == [("GET", None), ("GET", f"bytes={came}-")]


def test_what_cannot_be_had_is_one_message(tmp_path: Path, endpoint: Endpoint) -> None:
    with FileServer(b"") as server:
        server.statuses = [(403, {})]
        files = {"lab/images.zip": {"url": server.url}}
        done = project_of(tmp_path, endpoint, {"path": "street", "files": files}).snakemake("download")
    assert done.returncode != 0
    assert "may not be had without a login or an agreement: the server answered 403" in done.stdout
    assert "Traceback" not in done.stdout
