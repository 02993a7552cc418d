"""The registry holds what the paper's tables hold, and says of itself what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from archives import write_folder, write_zip
from taskgalaxy.config import load_schema, validated
from taskgalaxy.errors import UserError
from taskgalaxy.licenses import conditions_of
from taskgalaxy.pool.registry import Subset, configured_subsets, family_names, files_to_get, read_subsets

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "sources"
SCHEMA = load_schema(ROOT / "config" / "schemas" / "config.schema.json")
FAMILIES = ["allava", "mathv360k", "sharegpt4v", "visual_genome"]
TABLE_A_1 = {
    **{"UniGeo": 1507, "GeoQA_plus": 2146, "GEOS": 64, "VizWiz": 749, "CLEVR-Math": 590, "PlotQA": 612},
    **{"VQA2.0": 2327, "TQA": 1137, "DocVQA": 2672, "FigureQA": 1970, "Geometry3K": 1182, "MapQA": 590},
    **{"VQA-AS": 658, "A-OKVQA": 3391, "VQA-RAD": 242, "PMC-VQA": 4208, "TabMWP": 2538, "Super-CLEVR": 971},
    **{"IconQA": 2560, "DVQA": 1660, "allava_laion": 145359, "allava_vflan": 181393, "visual_genome": 108249},
    **{"wikiart_images": 62, "ocr_vqa_images": 12614, "coco_train2017": 118326, "web-celebrity_images": 67},
    **{"web-landmark_images": 57, "text_vqa_train_images": 3485, "sam_images": 223720, "share_textvqa_images": 55},
}
LICENSES = {
    "allava": "Apache-2.0",
    "mathv360k": "Apache-2.0",
    "sharegpt4v": "CC-BY-NC-4.0",
    "visual_genome": "CC-BY-4.0",
}


@pytest.fixture(scope="module")
def subsets() -> list[Subset]:
    return read_subsets(REGISTRY, FAMILIES)


def config(**settings: Any) -> dict[str, Any]:
    endpoints = {"one": {"provider": "embedded", "model": "embedded-generator"}}
    roles = {"expand": "one", "filter": "one", "qa": "one", "referees": ["one"]}
    given = {"endpoints": endpoints, "roles": roles, "referee": {"accept_at": 1}, "registry": str(REGISTRY)}
    return validated({**given, **settings}, SCHEMA)


def test_every_sub_set_of_table_a_1_is_there_once_with_its_count(subsets: list[Subset]) -> None:
    assert family_names(REGISTRY) == FAMILIES
    assert {subset.name: subset.images for subset in subsets} == TABLE_A_1
    assert len(subsets) == len(TABLE_A_1)
    assert sum(subset.images for subset in subsets) == 825_161


def test_licences_are_those_of_appendix_a_5_and_known(subsets: list[Subset]) -> None:
    assert {subset.family: subset.license for subset in subsets} == LICENSES
    assert all(conditions_of(subset.license, {}) for subset in subsets)


def test_of_every_sub_set_it_is_said_how_it_is_got(subsets: list[Subset]) -> None:
    assert all(subset.files or subset.steps for subset in subsets)
    assert len(files_to_get(subsets)) == 10 + 1 + 2 + 1 + 1


def test_the_paper_s_configuration_names_all_families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    paper = validated(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")), SCHEMA)
    assert set(paper["sources"]) == set(TABLE_A_1)


def test_sub_sets_become_sources_before_those_of_the_configuration(tmp_path: Path) -> None:
    own = {"mine": {"path": "mine", "license": "MIT"}}
    found = config(families=["visual_genome", "sharegpt4v/sam_images"], sources=own, pool=str(tmp_path))
    assert list(found["sources"]) == ["visual_genome", "sam_images", "mine"]
    assert found["sources"]["sam_images"]["kind"] == "tar"
    assert found["sources"]["sam_images"]["license"] == "CC-BY-NC-4.0"
    assert [subset.name for subset in configured_subsets(found)] == ["visual_genome", "sam_images"]


def test_an_unpacked_folder_comes_before_its_archive(tmp_path: Path) -> None:
    (subset,) = read_subsets(REGISTRY, ["sharegpt4v/coco_train2017"])
    write_zip(tmp_path / "x.zip", {})
    assert subset.source(tmp_path)["path"] == str(tmp_path / "a_sharegpt4v_data/train2017.zip")
    assert subset.source(tmp_path)["kind"] == "zip"
    write_folder(tmp_path, {"a_sharegpt4v_data/coco_train2017/1.jpg": b""})
    assert subset.source(tmp_path)["path"] == str(tmp_path / "a_sharegpt4v_data/coco_train2017")
    assert subset.source(tmp_path)["kind"] == "folder"


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("alava", "Did you mean allava"),
        ("allava/laion", "Did you mean allava/allava_laion"),
        ("zzz", "Known: allava, mathv360k"),
    ],
)
def test_a_family_that_nobody_knows_is_an_error_with_those_that_are_known(family: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read_subsets(REGISTRY, [family])


def test_a_source_of_the_same_name_is_an_error() -> None:
    with pytest.raises(UserError, match=r"sources\.visual_genome: is what a sub-set"):
        config(families=["visual_genome"], sources={"visual_genome": {"path": "x", "license": "MIT"}})


def test_neither_sources_nor_families_is_an_error() -> None:
    with pytest.raises(UserError, match="names none, and neither does families"):
        config()
    with pytest.raises(UserError, match=r"families: names none. Name some .*allava, mathv360k"):
        configured_subsets(config(sources={"mine": {"path": "x", "license": "MIT"}}))


OWN: dict[str, Any] = {
    "family": "Own",
    "license": "MIT",
    "subsets": {"one": {"images": 3, "path": "own/one", "files": {"own/a.zip": {"url": "http://localhost/a.zip"}}}},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subsets": {}}, "subsets"),
        ({"licence": "MIT"}, "licence"),
        ({"subsets": {"one": {"images": -1, "path": "x"}}}, "one.images"),
        ({"subsets": {"one": {"images": 1, "path": "../x"}}}, "leads out of the pool"),
        ({"subsets": {"one": {"images": 1, "path": "x", "files": {"/etc/x": {"url": "http://x/y"}}}}}, "leads out"),
        ({"subsets": {"one": {"images": 1, "path": "x", "files": {"x": {}}}}}, "files.x"),
        ({"subsets": {"one": {"images": 1, "path": "x", "files": {"x": {"hub": "a/b", "file": "y"}}}}}, "does not end"),
        ({"subsets": {"one": {"images": 1, "path": "x", "files": {"x": {"url": "file:///etc/passwd"}}}}}, "url"),
    ],
)
def test_a_file_of_ones_own_is_checked(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(OWN), encoding="utf-8")
    assert read_subsets(tmp_path, ["own"])[0].images == 3
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(OWN | change), encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        read_subsets(tmp_path, ["own"])
    assert "own.yaml" in str(caught.value)


def test_a_file_that_is_no_yaml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"own\.yaml: cannot be read"):
        read_subsets(tmp_path, ["own"])
