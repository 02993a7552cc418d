"""The export's image folder leads to every image of the set."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_files import folder_source
from taskgalaxy.export.image_folder import gather_images
from taskgalaxy.export.llava import llava_record


def test_the_path_in_a_record_leads_to_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = tmp_path / "my images" / "sub" / "a.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"pixels")
    sources = {"one": folder_source(Path("my images")), "two": folder_source(tmp_path / "my images" / "sub")}
    gather_images("results/export/images", [], sources)
    record = llava_record({"sample_id": "s", "question": "", "answer": "", "source": "one", "image": "sub/a.png"})
    monkeypatch.chdir("/")
    folder = tmp_path / "results/export/images"
    assert (folder / record["image"]).read_bytes() == b"pixels"
    assert (folder / "two" / "a.png").read_bytes() == b"pixels"
    assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]
    assert all((folder / name).is_symlink() for name in ("one", "two"))


def test_a_set_without_samples_has_an_empty_folder(tmp_path: Path) -> None:
    gather_images(tmp_path / "images", [], {})
    assert not list((tmp_path / "images").iterdir())
