"""What is missing of the pool, whether it fits, and getting all of it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import yaml

from archives import source_of, write_folder
from file_server import FileServer
from taskgalaxy.errors import UserError
from taskgalaxy.locks import locked, sign
from taskgalaxy.pool import hub
from taskgalaxy.pool.checklist import check_subset, checklist
from taskgalaxy.pool.download import download
from taskgalaxy.pool.registry import Expected, PoolFile, Subset
from taskgalaxy.pool.space import download_summary, missing_files

CONTENT = b"0123456789" * 1000


def pool_file(path: str, url: str | None = None, **known: Any) -> PoolFile:
    hub, name = (None, None) if url else ("lab/images", "a.zip")
    return PoolFile(path, url, hub, name, None, Expected(**known), known.get("size"))


def subset(images: int, files: list[PoolFile] | None = None, steps: str | None = None) -> Subset:
    return Subset("lab", "street", images, "MIT", "street", None, files or [], steps)


def test_what_is_there_is_not_asked_for_again(tmp_path: Path) -> None:
    with FileServer(CONTENT) as server:
        files = [pool_file(f"{name}.zip", server.url, size=len(CONTENT)) for name in "abc"]
        assert download(files, tmp_path, 2) == []
        assert len(server.requests) == 3
        assert download(files, tmp_path, 2) == []
        assert len(server.requests) == 3
        assert [path.read_bytes() for path in tmp_path.glob("?.zip")] == 3 * [CONTENT]
        (tmp_path / "b.zip").write_bytes(b"cut off")
        assert [file.path for file in missing_files(files, tmp_path)] == ["b.zip"]
        assert download(files, tmp_path, 2) == []
        assert (tmp_path / "b.zip").read_bytes() == CONTENT


def test_one_that_fails_does_not_keep_the_others_away(tmp_path: Path) -> None:
    with FileServer(CONTENT) as server:
        server.statuses = [(404, {})]
        failures = download([pool_file(f"{name}.zip", server.url) for name in "ab"], tmp_path, 1)
    (failure,) = failures
    assert "is not there: the server answered 404" in str(failure)
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["b.zip"]


def test_two_do_not_get_the_same_files_at_once(tmp_path: Path) -> None:
    with FileServer(CONTENT) as server:
        files = [pool_file("a.zip", server.url)]
        with locked(tmp_path / ".download.lock", 0) as other:
            sign(other)
            with pytest.raises(UserError, match=rf"is held by process {os.getpid()} on .*Wait for that process"):
                download(files, tmp_path, 1)
        assert server.requests == []
        assert download(files, tmp_path, 1) == []


def test_a_pool_that_is_whole_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(CONTENT)
    assert download([pool_file("a.zip", "http://127.0.0.1:9/a.zip", size=len(CONTENT))], tmp_path, 1) == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_what_does_not_fit_is_refused_before_anything_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 15_000))
    with FileServer(CONTENT) as server:
        files = [pool_file(f"{name}.zip", server.url, size=len(CONTENT)) for name in "ab"]
        with pytest.raises(UserError, match="Make room"):
            download(files, tmp_path, 1)
        assert server.requests == []
        (tmp_path / "a.zip.part").write_bytes(CONTENT[:6000])
        (tmp_path / "a.zip.part.json").write_text('{"url": "' + server.url + '", "validator": "\\"one\\""}')
        assert download(files, tmp_path, 1) == []


def test_the_summary_says_bytes_unknown_sizes_and_room(tmp_path: Path) -> None:
    files = {
        "a/x.zip": {"url": "http://x/x.zip", "size": 2_500_000_000},
        "a.zip": {"hub": "lab/images", "file": "a.zip"},
    }
    entry = {"images": 3, "path": "street", "files": files}
    family = {"family": "Lab", "license": "MIT", "subsets": {"street": entry}}
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(family), encoding="utf-8")
    config = {"families": ["lab"], "registry": str(tmp_path), "pool": str(tmp_path / "pool")}
    said = download_summary(config)
    assert "a/x.zip     2.50 GB  http://x/x.zip" in said
    assert "unknown  lab/images on the Hugging Face Hub" in said
    assert "In all 2.5 GB, and 1 files whose size is not known;" in said
    assert "GB are free there" in said
    del files["a/x.zip"]
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(family), encoding="utf-8")
    write_folder(tmp_path / "pool", {"a.zip": b"x"})
    assert download_summary(config).startswith("Nothing is to be got")
    assert "families: names none" in download_summary(config | {"families": []})


def test_the_hub_s_library_puts_a_file_where_the_pool_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fake(repo: str, name: str, *, repo_type: str, revision: str | None, local_dir: Path) -> str:
        asked.append((repo, name, repo_type, revision))
        write_folder(local_dir, {name: CONTENT})
        return str(local_dir / name)

    monkeypatch.setattr(hub, "hf_hub_download", fake)
    digest = ("sha256", hashlib.sha256(CONTENT).hexdigest())
    file = PoolFile("sub/in/a.zip", None, "lab/images", "in/a.zip", "c0ffee", Expected(len(CONTENT), digest))
    assert download([file], tmp_path, 1) == []
    assert asked == [("lab/images", "in/a.zip", "dataset", "c0ffee")]
    assert (tmp_path / "sub" / "in" / "a.zip").read_bytes() == CONTENT
    (tmp_path / "sub" / "in" / "a.zip").unlink()
    wrong = PoolFile("sub/in/a.zip", None, "lab/images", "in/a.zip", None, Expected(None, ("md5", "0" * 32)))
    (failure,) = download([wrong], tmp_path, 1)
    assert "has the md5" in str(failure)
    assert not (tmp_path / "sub" / "in" / "a.zip").exists()


@pytest.mark.parametrize(("images", "found", "mark"), [(3, 3, "[x]"), (3, 2, "[ ]"), (3, 5, "[x]")])
def test_the_checklist_marks_what_is_complete(images: int, found: int, mark: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "street", {f"{number}.jpg": b"" for number in range(found)})
    line = check_subset(subset(images), source_of(tmp_path / "street", tmp_path), tmp_path)
    said = checklist([line], tmp_path)
    assert f"{mark} lab/street" in said
    assert f"{found:,} images of {images:,}" in said


def test_the_checklist_says_what_to_do_about_what_is_missing(tmp_path: Path) -> None:
    source = source_of(tmp_path / "street", tmp_path)
    by_program = check_subset(subset(3, [pool_file("a.zip", "http://x/a.zip")]), source, tmp_path)
    by_hand = check_subset(subset(3, steps="Ask the lab.\nUnpack it."), source, tmp_path)
    broken = check_subset(subset(3), source, tmp_path)
    said = checklist([by_program, by_hand, broken], tmp_path)
    assert "      1 of 1 files are missing: snakemake download\n" in said
    assert "      Ask the lab.\n      Unpack it.\n" in said
    assert "does not exist" in said
    assert "0 of 3 sub-sets are complete: 0 images of 9." in said
