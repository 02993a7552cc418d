"""The rendered families, and the demo's committed images and ground truth."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageChops

from archives import source_of, write_folder
from renderer.__main__ import main
from renderer.canvas import SIZE
from renderer.families import FAMILIES, is_drawn, render
from renderer.pack import EACH, pack
from renderer.vocabulary import ANY, fitting_task_types, general_task_types, read_vocabulary
from taskgalaxy.errors import UserError
from taskgalaxy.files import read_jsonl
from taskgalaxy.labels import clean_label, path_key
from tiny_clip.labels import HELD_OUT, OTHER_NAMES, SALIENT, canonical_labels

RESOURCES = Path(__file__).parents[2] / "resources"
DEMO = RESOURCES / "demo"
TRUTH = DEMO / "truth.jsonl"
VOCABULARY = RESOURCES / "embedded" / "vocabulary.yaml"
LOSSY_DIFFERENCE = 1.0
"""Mean difference of grey levels that encoders of other machines may make."""


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The demo's rendered images by their names, read from every kind of source."""
    found: dict[str, bytes] = {}
    for name in ("rendered", "rendered.zip", "rendered.tar", "rendered.parquet", "rendered.csv"):
        source = source_of(DEMO / name, tmp_path_factory.mktemp("results"))
        images = {Path(path).name: source.read(path) for path, _, _ in source.scan().files}
        assert len(images) == (157 if name == "rendered" else EACH)
        assert not found.keys() & images.keys()
        found |= images
    return found


def truth() -> list[dict[str, Any]]:
    return list(read_jsonl(TRUTH))[1:]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_renders_rgb_images_of_a_sensible_size_that_differ_by_seed(name: str) -> None:
    images = [render(name, seed) for seed in range(4)]
    for image in images:
        assert image.mode == "RGB"
        assert 0.4 * SIZE**2 < image.width * image.height < 1.6 * SIZE**2
        assert min(image.size) > 200
    assert len({(image.size, image.tobytes()) for image in images}) == len(images)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_fixes_every_pixel_whatever_was_drawn_before(name: str) -> None:
    first = render(name, 5)
    render(name, 6)
    assert render(name, 5).tobytes() == first.tobytes()


def test_no_family_shares_its_first_image_with_another() -> None:
    assert len({render(name, 0).tobytes() for name in FAMILIES}) == len(FAMILIES)


def test_the_vocabulary_knows_the_families_and_each_by_three_task_types() -> None:
    vocabulary = read_vocabulary(VOCABULARY)
    assert {family for each in vocabulary for family in each.families} == {*FAMILIES, ANY}
    for name in FAMILIES:
        assert len(fitting_task_types(vocabulary, name)) >= 3, name
    assert set(canonical_labels(vocabulary)) == set(FAMILIES)


def test_the_vocabulary_is_large_deep_and_clean() -> None:
    vocabulary = read_vocabulary(VOCABULARY)
    assert 230 <= len(vocabulary) <= 300
    assert 45 <= len(general_task_types(vocabulary)) <= 60
    assert sum(len(each.levels) == 3 for each in vocabulary) >= 90
    assert len({path_key(each.levels) for each in vocabulary}) == len(vocabulary)
    for each in vocabulary:
        for label in each.levels:
            assert clean_label(label) == label
            assert len(label) <= 60
        assert all(label == label.lower() for label in each.levels[1:])


def test_names_and_held_out_labels_cover_the_families_and_stay_out_of_the_vocabulary() -> None:
    known = {path_key(each.levels) for each in read_vocabulary(VOCABULARY)}
    leaves = {path[-1] for path in known}
    assert set(HELD_OUT) == set(OTHER_NAMES) == set(FAMILIES)
    assert len(set(HELD_OUT.values())) == len(HELD_OUT)
    for label in HELD_OUT.values():
        path = path_key(label.split("~"))
        assert path not in known
        assert path[-1] not in leaves
    assert {family for families in SALIENT.values() for family in families} <= set(FAMILIES)


def test_the_truth_names_the_committed_images_by_their_content(committed: dict[str, bytes]) -> None:
    rows = truth()
    assert {row["path"] for row in rows} == committed.keys()
    assert len({row["sha256"] for row in rows}) == len(rows)
    for row in rows:
        assert sha256(committed[row["path"]]).hexdigest() == row["sha256"], row["path"]


def test_the_truth_says_what_the_vocabulary_says() -> None:
    vocabulary = read_vocabulary(VOCABULARY)
    assert next(read_jsonl(TRUTH)) == {"any": general_task_types(vocabulary)}
    for row in truth():
        assert row["task_types"] == fitting_task_types(vocabulary, row["family"])


def test_the_demo_shows_every_family_under_names_that_give_nothing_away() -> None:
    rows = truth()
    assert {row["family"] for row in rows} == set(FAMILIES)
    assert all(Path(row["path"]).stem.isdigit() for row in rows)
    neighbours = sum(a["family"] == b["family"] for a, b in pairwise(rows))
    assert neighbours < len(rows) / 10
    assert {Path(row["path"]).suffix for row in rows} == {".png", ".jpg", ".webp"}
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 6_000_000


def test_rendering_again_gives_the_committed_pixels(
    committed: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--out", str(tmp_path / "images"), "--truth", str(tmp_path / "truth.jsonl"), "--vocabulary", str(VOCABULARY)])
    again = list(read_jsonl(tmp_path / "truth.jsonl"))[1:]
    assert [(row["path"], row["family"]) for row in again] == [(row["path"], row["family"]) for row in truth()]
    for row in again:
        with Image.open(tmp_path / "images" / row["path"]) as new, Image.open(BytesIO(committed[row["path"]])) as old:
            difference = ImageChops.difference(new.convert("RGB"), old.convert("RGB"))
            assert new.size == old.size
            allowed = 0.0 if row["path"].endswith(".png") else LOSSY_DIFFERENCE
            assert np.asarray(difference).mean() <= allowed, row["path"]
    assert f"{len(again)} images of {len(FAMILIES)} families" in capsys.readouterr().out


def test_packing_gives_the_committed_archives(committed: dict[str, bytes], tmp_path: Path) -> None:
    write_folder(tmp_path / "rendered", committed)
    pack(tmp_path / "rendered")
    for name in ("rendered.zip", "rendered.tar", "rendered.csv"):
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes(), name
    assert pq.read_table(tmp_path / "rendered.parquet") == pq.read_table(DEMO / "rendered.parquet")
    assert len(list((tmp_path / "rendered").iterdir())) == 157


def test_images_are_not_mixed_with_what_a_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files already"):
        main(["--out", str(tmp_path), "--truth", str(tmp_path / "t.jsonl"), "--vocabulary", str(VOCABULARY)])


def test_drawn_and_shaded_families_are_told_apart() -> None:
    assert is_drawn("bar chart")
    assert not is_drawn("night sky")
