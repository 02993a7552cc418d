"""What is left over in the results: only what rules wrote, never what this configuration needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taskgalaxy.housekeeping import STALE_S, leftovers, remove, stale_indexes, table, vanished_shards

PATTERNS = [
    "{results}/qa/{{shard}}.jsonl",
    "{results}/votes/{{referee}}/{{shard}}.parquet",
    "{results}/taxonomy/level{{level}}.yaml",
    "{results}/logs/cast_votes/{{referee}}/{{shard}}.log",
    "{results}/votes.parquet",
]
WANTED = {"shard": ["one-00000", "one-00001"], "referee": ["first", "second"], "level": ["1", "2"]}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in (
        "qa/one-00000.jsonl",
        "qa/one-00001.jsonl",
        "votes/first/one-00000.parquet",
        "taxonomy/level2.yaml",
        "votes.parquet",
        "notes.txt",
        "qa/of-mine.csv",
    ):
        put(tmp_path / "results" / name)
    return tmp_path / "results"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1234")
    return path


def found(results: Path) -> list[Path]:
    return leftovers(results, [pattern.format(results=results) for pattern in PATTERNS], WANTED)


def test_nothing_that_is_needed_or_that_no_rule_wrote_is_left_over(results: Path) -> None:
    assert found(results) == []
    assert table([]) == "Nothing is left over.\n"


@pytest.mark.parametrize(
    "name",
    [
        "qa/gone-00000.jsonl",
        "votes/first/one-00009.parquet",
        "votes/dropped/one-00000.parquet",
        "taxonomy/level3.yaml",
        "logs/cast_votes/dropped/one-00000.log",
    ],
)
def test_a_result_of_what_was_dropped_is_left_over(results: Path, name: str) -> None:
    path = put(results / name)
    assert found(results) == [path]


def test_only_old_temporary_files_are_left_over(results: Path) -> None:
    young = put(results / "qa" / ".one-00000.jsonl.a1b2.tmp")
    old = put(results / "qa" / ".one-00001.jsonl.c3d4.tmp")
    os.utime(old, (old.stat().st_mtime - STALE_S - 60,) * 2)
    assert found(results) == [old]
    remove([old], results)
    assert young.exists()
    assert not old.exists()


def test_removing_takes_the_empty_folders_along_and_nothing_else(results: Path) -> None:
    put(results / "votes/dropped/one-00000.parquet")
    put(results / "votes/dropped/one-00001.parquet")
    before = sorted(path for path in results.rglob("*") if "dropped" not in path.parts)
    leftover = found(results)
    told = table(leftover)
    assert "votes/dropped" in told
    assert "2 files" in told.splitlines()[-1]
    remove(leftover, results)
    assert sorted(results.rglob("*")) == before
    remove(leftover, results)


def test_a_shard_has_vanished_when_its_images_are_gone_and_it_asks_about_none() -> None:
    files = {"one-00000": 2, "one-00001": 2, "one-00002": 1}
    gone = [("one-00000", "a.png"), ("one-00000", "b.png"), ("one-00001", "c.png"), ("one-00002", "d.png")]
    assert vanished_shards(files, gone, asking={"one-00001"}) == ["one-00000", "one-00002"]
    assert vanished_shards(files, gone, asking=None) == [], "nobody knows what they ask about"
    # The image of the last one lies elsewhere too, and is still asked about here.
    assert vanished_shards(files, gone, asking={"one-00001", "one-00002"}) == ["one-00000"]


def test_indexes_of_archives_go_with_their_source(tmp_path: Path) -> None:
    for name in ("kept/a.tar.sqlite", "kept/sub/b.tar.sqlite", "dropped/c.zip.sqlite", "dropped/sub/d.zip.sqlite"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = stale_indexes(tmp_path, ["kept", "other"])
    assert found == [tmp_path / "dropped/c.zip.sqlite", tmp_path / "dropped/sub/d.zip.sqlite"]
    assert stale_indexes(tmp_path / "nowhere", []) == []
