"""The shard plan: existing shards never change, every current file is in exactly one place."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from archives import written
from image_files import folder_source
from taskgalaxy.errors import UserError
from taskgalaxy.shards import (
    FileEntry,
    Plan,
    ShardFiles,
    outline,
    plan_shards,
    read_manifest,
    source_of,
    write_manifest,
)
from taskgalaxy.sources.folder import scan_folder
from taskgalaxy.sources.names import Patterns

MOST = 1 << 20
ODD_NAMES = ["a b.png", 'it\'s "x".png', "line\nbreak.png", "größe 図.png", "-rf.png", "{a}*?[b].png", "%s$HOME.png"]


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(root: Path, **patterns: Sequence[str]) -> set[str]:
    paths = [path for path, _, _ in scan_folder(root, Patterns(**patterns))]
    assert len(set(paths)) == len(paths)
    return set(paths)


def planned(manifests: Path, root: Path, shard_size: int = 2, *, scanning: bool = True, **source: Any) -> Plan:
    return plan_shards(manifests, {"one": folder_source(root, **source)}, shard_size, MOST, scanning=scanning)


def carry_out(plan: Plan, manifests: Path) -> None:
    for shard, files in plan.new.items():
        write_manifest(manifests / f"{shard}.json", files)


def files_of(plan: Plan) -> dict[str, list[FileEntry]]:
    files = {shard: plan.files(shard) for shard in plan.shards}
    assert {shard: len(entries) for shard, entries in files.items()} == plan.counts
    return files


class History(RuleBasedStateMachine):
    """Images come, go, change and move; every now and then the plan is made, and some of it is carried out."""

    names = st.sampled_from(["a.png", "b.png", "c.png", "sub/d.png", "sub/e.png", ODD_NAMES[2], ODD_NAMES[3]])

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root, self.manifests = self.folder / "images", self.folder / "shards"
        put(self.root / "first.png")
        self.clock = 1
        self.written: dict[str, bytes] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def stamp(self, path: Path) -> None:
        self.clock += 1
        os.utime(path, ns=(self.clock, self.clock))

    @rule(name=names, content=st.binary(max_size=2))
    def add_or_replace(self, name: str, content: bytes) -> None:
        self.stamp(put(self.root / name, content))

    @rule(name=names)
    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    @rule(name=names)
    def touch(self, name: str) -> None:
        if (self.root / name).exists():
            self.stamp(self.root / name)

    @rule(name=names)
    def set_back(self, name: str) -> None:
        """As a copy from a backup does: a time that was there before."""
        if (self.root / name).exists():
            os.utime(self.root / name, ns=(1, 1))

    @rule(name=names, to=names)
    def move(self, name: str, to: str) -> None:
        if (self.root / name).exists() and name != to:
            put(self.root / to).unlink()
            (self.root / name).rename(self.root / to)

    @rule(size=st.integers(1, 3), interrupted=st.booleans())
    def plan(self, size: int, interrupted: bool) -> None:
        before = self.places()
        plan = planned(self.manifests, self.root, size)
        current = set(scan_folder(self.root))
        places = files_of(plan)
        assert {shard: places[shard] for shard in before} == before
        new = plan.new
        assert new.keys() == places.keys() - before.keys()
        assert all(1 <= len(files) <= size for files in new.values())
        removed = set(plan.removed)
        listed = [(shard, file) for shard, files in places.items() for file in files]
        assert sorted(file for shard, file in listed if (shard, file.path) not in removed) == sorted(current)
        assert removed == {(shard, file.path) for shard, file in listed if file not in current}
        assert len(removed) == len(plan.removed)
        known = {file for files in before.values() for file in files}
        assert not known & {file for files in new.values() for file in files}
        assert files_of(planned(self.manifests, self.root, size)) == places
        for shard in list(new)[interrupted:]:
            write_manifest(self.manifests / f"{shard}.json", new[shard])
            self.written[shard] = (self.manifests / f"{shard}.json").read_bytes()

    def places(self) -> dict[str, list[FileEntry]]:
        return {shard: read_manifest(self.manifests / f"{shard}.json") for shard in self.written}

    @precondition(lambda self: self.written)
    @invariant()
    def manifests_never_change(self) -> None:
        assert self.written == {path.stem: path.read_bytes() for path in self.manifests.iterdir()}

    @precondition(lambda self: self.written)
    @invariant()
    def jobs_know_the_names_and_look_into_nothing(self) -> None:
        plan = planned(self.manifests, self.folder / "nowhere", scanning=False)
        assert plan.counts == dict.fromkeys(self.places(), 0)
        assert (plan.removed, plan.refused) == ([], [])


TestAnyHistoryKeepsEveryFileInOnePlace = History.TestCase
TestAnyHistoryKeepsEveryFileInOnePlace.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_survives_the_manifest(tmp_path: Path, name: str) -> None:
    put(tmp_path / "images" / "sub dir" / name)
    plan = planned(tmp_path / "shards", tmp_path / "images")
    assert [file.path for file in plan.files("one-00000")] == [f"sub dir/{name}"]
    carry_out(plan, tmp_path / "shards")
    again = planned(tmp_path / "shards", tmp_path / "images")
    assert files_of(again) == files_of(plan)
    assert again.removed == []


def test_a_name_that_is_not_utf8_is_named_and_left_out(tmp_path: Path) -> None:
    put(tmp_path / "images" / "good.png")
    for name in (b"z\xff.png", b"b\xfe.png"):
        put(tmp_path / "images" / os.fsdecode(name))
    plan = planned(tmp_path / "shards", tmp_path / "images")
    assert [file.path for file in plan.files("one-00000")] == ["good.png"]
    assert plan.refused == [
        ("one/b'b\\xfe.png'", "name_not_utf8", ""),
        ("one/b'z\\xff.png'", "name_not_utf8", ""),
    ]


def test_only_image_suffixes_of_any_case_are_taken_and_hidden_files_are_not(tmp_path: Path) -> None:
    wanted = {"a.jpg", "b.JPEG", "c.PnG", "d.webp", "e.gif", "f.bmp", "g.tif", "h.TIFF", "deep/er/i.ppm"}
    for name in (*wanted, "readme.txt", "jpg", ".hidden.png", ".git/x.png", "deep/.x/y.png", "x.png.part"):
        put(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    assert found(tmp_path) == wanted


def test_include_and_exclude_are_patterns_on_the_relative_path(tmp_path: Path) -> None:
    for name in ("a.png", "train/b.png", "train/x/c.png", "test/d.png", "[1].png"):
        put(tmp_path / name)
    assert found(tmp_path, include=["train/*"]) == {"train/b.png", "train/x/c.png"}
    assert found(tmp_path, include=["train/*", "a.png"], exclude=["*/c.png"]) == {"train/b.png", "a.png"}
    assert found(tmp_path, exclude=["t*"]) == {"a.png", "[1].png"}
    assert found(tmp_path, include=["A.png"]) == set()


def test_a_linked_folder_is_followed_once_and_always_under_the_same_name(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "x.png")
    root = tmp_path / "images"
    put(root / "a.png")
    for name in ("second", "first", "third"):
        (root / name).symlink_to(tmp_path / "elsewhere")
    assert found(root) == {"a.png", "first/x.png"}


def test_cycles_of_links_end(tmp_path: Path) -> None:
    root = tmp_path / "images"
    put(root / "a.png")
    put(root / "sub" / "b.png")
    (root / "to itself").symlink_to(root)
    (root / "sub" / "up").symlink_to(root / "sub")
    (root / "sub" / "out").symlink_to(tmp_path)
    paths = found(root)
    assert {"a.png", "sub/b.png"} <= paths
    assert all(path.count("/") < 6 for path in paths)


def test_a_linked_file_is_an_image_and_a_link_to_nowhere_is_not(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "link.png").symlink_to(put(tmp_path / "real.png", b"12345"))
    (root / "broken.png").symlink_to(tmp_path / "nowhere")
    (root / "itself.png").symlink_to("itself.png")
    (root / "through a file.png").symlink_to(tmp_path / "real.png" / "x")
    assert [(path, size) for path, size, _ in scan_folder(root)] == [("link.png", 5)]


def test_a_pipe_is_not_an_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert found(tmp_path) == set()


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "images" / "locked" / "a.png")
    real = os.scandir

    def refuse(folder: str) -> Any:
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied", folder)
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"sources\.one.*locked cannot be read"):
        planned(tmp_path / "shards", tmp_path / "images")


@pytest.mark.parametrize("state", ["missing", "a file", "empty", "no image", "excluded"])
def test_a_source_without_images_is_an_error_that_names_the_key(tmp_path: Path, state: str) -> None:
    root = tmp_path / "images"
    if state == "a file":
        put(root)
    elif state != "missing":
        root.mkdir()
        if state == "no image":
            put(root / "notes.txt")
        if state == "excluded":
            put(root / "a.png")
    with pytest.raises(UserError, match=r"sources\.one.*images"):
        planned(tmp_path / "shards", root, exclude=("*.png",))


def test_a_source_whose_images_all_vanished_is_an_error_and_not_a_removal(tmp_path: Path) -> None:
    path = put(tmp_path / "images" / "a.png")
    carry_out(planned(tmp_path / "shards", tmp_path / "images"), tmp_path / "shards")
    path.unlink()
    with pytest.raises(UserError, match="holds no image"):
        planned(tmp_path / "shards", tmp_path / "images")


def test_planning_writes_nothing(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png")
    planned(tmp_path / "shards", tmp_path / "images")
    assert not (tmp_path / "shards").exists()


def test_sources_stand_in_the_configured_order_and_shards_by_number(tmp_path: Path) -> None:
    manifests = tmp_path / "shards"
    for number in (100000, 2, 99999):
        write_manifest(manifests / f"b-{number:05d}.json", [FileEntry(f"{number}.png", 1, 1)])
    write_manifest(manifests / "b-12345-00000.json", [FileEntry("x.png", 1, 1)])
    put(manifests / "notes.json")
    put(manifests / "b-00001.json.tmp")
    for name in ("a", "b", "b-12345"):
        put(tmp_path / name / "new.png")
    sources = {name: folder_source(tmp_path / name) for name in ("b", "b-12345", "a")}
    plan = plan_shards(manifests, sources, 10, MOST)
    assert plan.shards == [
        *("b-00002", "b-99999", "b-100000", "b-100001"),
        *("b-12345-00000", "b-12345-00001", "a-00000"),
    ]
    assert [source_of(shard) for shard in plan.shards] == ["b"] * 4 + ["b-12345"] * 2 + ["a"]


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
def test_a_shard_takes_what_lies_together_in_an_archive(kind: str, tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in (3, 1, 4, 0, 5, 2)]
    source = written(kind, tmp_path, {name: name.encode() for name in names})
    plan = plan_shards(tmp_path / "shards", {"one": source}, 2, MOST)
    assert [file.path for shard in plan.shards for file in plan.files(shard)] == names


def test_an_include_that_leaves_a_file_out_removes_it(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        put(tmp_path / "images" / name)
    carry_out(planned(tmp_path / "shards", tmp_path / "images"), tmp_path / "shards")
    plan = planned(tmp_path / "shards", tmp_path / "images", exclude=["b.*"])
    assert plan.removed == [("one-00000", "b.png")]
    assert plan.shards == ["one-00000"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"files": 5}', '{"files": [["a.png"]]}', '{"files": [["a", "b", 1]]}']
)
def test_a_damaged_manifest_is_an_error_and_never_guessed_at(tmp_path: Path, text: str) -> None:
    put(tmp_path / "shards" / "one-00000.json", text.encode())
    put(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"one-00000\.json.*Delete it"):
        planned(tmp_path / "shards", tmp_path)


def test_a_manifest_is_plain_json(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.json", [FileEntry("ä.png", 3, 1 << 60)])
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8")) == {"files": [["ä.png", 3, 1 << 60]]}


def test_a_shard_that_the_plan_does_not_have_is_an_error_that_names_those_it_has(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png")
    with pytest.raises(UserError, match=r"one-00007.*one-00000"):
        planned(tmp_path / "shards", tmp_path / "images").files("one-00007")


def test_files_as_a_parameter_print_their_shard_and_reach_the_job_as_a_list(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png", b"123")
    plan = planned(tmp_path / "shards", tmp_path / "images")
    parameter = ShardFiles(plan, "one-00000")
    assert repr(parameter) == "ShardFiles('one-00000')"
    ((path, size, _),) = pickle.loads(pickle.dumps(parameter))
    assert (path, size) == ("a.png", 3)


def test_some_files_come_from_all_over_the_plan(tmp_path: Path) -> None:
    for number in range(300):
        put(tmp_path / "images" / f"{number:03d}.png")
    plan = planned(tmp_path / "shards", tmp_path / "images")
    some = plan.some_files(10)
    assert 5 <= len(some) <= 10
    numbers = [int(path[:3]) for source, path in some if source == "one"]
    assert min(numbers) < 60 < 240 < max(numbers)


def test_an_outline_has_one_shard_per_source_and_looks_at_no_image(tmp_path: Path) -> None:
    manifests = tmp_path / "shards"
    for number in (3, 4):
        write_manifest(manifests / f"one-{number:05d}.json", [("a.png", 1, 1)])
    assert outline(manifests, ["one", "two"]).shards == ["one-00003", "two-00000"]
