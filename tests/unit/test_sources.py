"""Every kind of source holds the same images at the same paths, and gives the same bytes."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archives import WRITERS, source_of, write_folder, write_parquet, write_tar, write_zip, written
from taskgalaxy.errors import UserError
from taskgalaxy.sources.kinds import check_kinds
from taskgalaxy.sources.source import Source

CONTENTS = {f"sub größe/{number:02d} x.jpg": os.urandom(100 + 37 * number) for number in range(20)}
SHUFFLED = dict(random.Random(1).sample(list(CONTENTS.items()), len(CONTENTS)))

kinds = pytest.mark.parametrize("kind", WRITERS)
archives = pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])


def read_all(source: Source) -> dict[str, bytes]:
    return {path: source.read(path) for path in CONTENTS}


@kinds
def test_the_same_paths_and_bytes_whatever_they_lie_in(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, SHUFFLED)
    files, refused = source.scan()
    assert {path for path, _, _ in files} == set(CONTENTS)
    assert refused == []
    sizes = {path: size for path, size, _ in files}
    assert sizes == {path: 0 if kind == "parquet" else len(data) for path, data in CONTENTS.items()}
    assert read_all(source) == CONTENTS
    with pytest.raises(FileNotFoundError):
        source.read("sub größe/99 x.jpg")


@kinds
def test_they_can_be_read_in_threads_forked_processes_and_after_pickling(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, SHUFFLED)
    source.scan()
    paths = list(CONTENTS)
    assert source.read(paths[0]) == CONTENTS[paths[0]]
    with ThreadPoolExecutor(4) as threads:
        assert dict(zip(paths, threads.map(source.read, paths), strict=True)) == CONTENTS
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as processes:
        assert dict(zip(paths, processes.map(source.read, paths), strict=True)) == CONTENTS
    assert read_all(pickle.loads(pickle.dumps(source))) == CONTENTS


@kinds
def test_patterns_choose_by_path(kind: str, tmp_path: Path) -> None:
    name, write, settings = WRITERS[kind]
    write(tmp_path / name, CONTENTS)
    settings = {key: str(tmp_path / value) for key, value in settings.items()}
    source = source_of(tmp_path / name, tmp_path, include=["*/0*"], exclude=["*5 x.jpg"], **settings)
    assert len(source.scan().files) == 9


@pytest.mark.parametrize(("suffix", "write"), [(".zip", write_zip), (".tar", write_tar), (".parquet", write_parquet)])
def test_a_folder_of_archives_has_their_names_before_the_paths(suffix: str, write: object, tmp_path: Path) -> None:
    assert callable(write)
    names = [f"a/0{suffix}", f"a.b/1{suffix.upper()}", *(f"{number}{suffix}" for number in range(12))]
    for number, name in enumerate(names):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / "all" / name, {"x.jpg": str(number).encode(), "y/z.jpg": b"!"})
    (tmp_path / "all" / f".hidden{suffix}").write_bytes(b"")
    source = source_of(tmp_path / "all", tmp_path, kind=suffix[1:])
    paths = {path for path, _, _ in source.scan().files}
    assert paths == {f"{name}/{member}" for name in names for member in ("x.jpg", "y/z.jpg")}
    for _ in range(2):
        for number, name in enumerate(names):
            assert source.read(f"{name}/x.jpg") == str(number).encode()
    with pytest.raises(FileNotFoundError):
        source.read(f"b/9{suffix}/x.jpg")


@archives
def test_reading_order_is_that_of_the_archive(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, SHUFFLED)
    source.scan()
    assert source.in_order(CONTENTS) == list(SHUFFLED)
    assert set(source.in_order([*CONTENTS, "gone.jpg"])) == {*CONTENTS, "gone.jpg"}


@archives
def test_an_index_is_made_once_and_anew_when_the_archive_changes(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, CONTENTS)
    source.scan()
    (index,) = (tmp_path / "results" / "images" / "archives" / "one").iterdir()
    made = index.stat().st_ino
    source.scan()
    assert index.stat().st_ino == made
    name, write, _ = WRITERS[kind]
    write(tmp_path / name, dict(list(CONTENTS.items())[:5]))
    assert len(source.scan().files) == 5
    assert index.stat().st_ino != made


@archives
def test_a_job_whose_archive_changed_reads_nothing_of_it(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, CONTENTS)
    source.scan()
    name, write, _ = WRITERS[kind]
    write(tmp_path / name, {path: data + b"!" for path, data in CONTENTS.items()})
    with pytest.raises(OSError, match="changed since the run was planned"):
        source.read(next(iter(CONTENTS)))
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError):
        source.read(next(iter(CONTENTS)))


@archives
def test_a_job_without_an_index_says_what_to_do(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, CONTENTS)
    with pytest.raises(UserError, match="no readable index"):
        source.read(next(iter(CONTENTS)))
    source.scan()
    (index,) = (tmp_path / "results" / "images" / "archives" / "one").iterdir()
    index.write_bytes(b"SQLite format 3\0 and no more")
    with pytest.raises(UserError, match="no readable index"):
        source_of(tmp_path / WRITERS[kind][0], tmp_path / "results").read(next(iter(CONTENTS)))
    assert len(source.scan().files) == len(CONTENTS)
    assert read_all(source_of(tmp_path / WRITERS[kind][0], tmp_path / "results")) == CONTENTS


@archives
def test_where_no_index_can_be_written_a_plan_is_made_all_the_same(kind: str, tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"no folder")
    assert len(written(kind, tmp_path, CONTENTS).scan().files) == len(CONTENTS)


def test_a_zip_that_was_made_again_holds_the_same_files(tmp_path: Path) -> None:
    first = written("zip", tmp_path / "a", CONTENTS).scan().files
    assert sorted(first) == sorted(written("zip", tmp_path / "b", SHUFFLED).scan().files)


@archives
def test_an_archive_that_is_newer_but_a_zip_has_other_stamps(kind: str, tmp_path: Path) -> None:
    source = written(kind, tmp_path, CONTENTS)
    before = set(source.scan().files)
    os.utime(tmp_path / WRITERS[kind][0], ns=(1, 1))
    assert (before == set(source.scan().files)) == (kind == "zip")


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet", "csv"])
def test_a_source_that_is_not_there_is_an_error_that_names_its_key(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sources\.one"):
        source_of(tmp_path / f"nothing.{kind}", tmp_path).scan()


def test_a_folder_without_an_archive_is_an_error(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", CONTENTS)
    with pytest.raises(UserError, match=r"holds no \.tar file"):
        source_of(tmp_path / "images", tmp_path, kind="tar").scan()


def test_moving_results_and_pool_keeps_the_index(tmp_path: Path) -> None:
    written("tar", tmp_path / "a", CONTENTS).scan()
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copy2)
    moved = source_of(tmp_path / "b" / "images.tar", tmp_path / "b" / "results")
    assert read_all(moved) == CONTENTS


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_of_a_list_only_files_below_its_root_are_taken(kind: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "files", {"a.jpg": b"a", "sub/b.jpg": b"b"})
    (tmp_path / "outside.jpg").write_bytes(b"x")
    (tmp_path / "files" / "folder.jpg").mkdir()
    listed = [
        *("a.jpg", "./sub//b.jpg", str(tmp_path / "files" / "a.jpg"), "../outside.jpg", str(tmp_path / "outside.jpg")),
        *("gone.jpg", "folder.jpg"),
    ]
    path = tmp_path / f"list.{kind}"
    rows = [json.dumps({"file": name}) for name in listed] if kind == "jsonl" else ["file", *listed]
    path.write_text("\n".join(rows), encoding="utf-8")
    files, refused = source_of(path, tmp_path, root=str(tmp_path / "files")).scan()
    assert [file[0] for file in files] == ["a.jpg", "sub/b.jpg"]
    assert [each.reason for each in refused] == [
        *("duplicate_name", "unsafe_name", "unsafe_name", "missing", "not_a_file"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "name,label\nx.jpg,1\n", "row 1: has no path"),
        ("a.csv", "path\nx.jpg\n\n", None),
        ("a.jsonl", '{"path": "x.jpg"}\n[1]\n', "row 2: is no JSON object"),
        ("a.jsonl", '{"path": "x.jpg"}\n{"path": 5}\n', "row 2: has no path"),
        ("a.jsonl", '{"path": "x.jpg"}\n{\n', "line 2: is no JSON"),
    ],
)
def test_a_list_that_cannot_be_read_is_an_error_that_names_the_row(
    name: str, text: str, words: str | None, tmp_path: Path
) -> None:
    write_folder(tmp_path, {"x.jpg": b"x"})
    (tmp_path / name).write_text(text, encoding="utf-8")
    source = source_of(tmp_path / name, tmp_path)
    if words is None:
        assert len(source.scan().files) == 1
        return
    with pytest.raises(UserError, match=words):
        source.scan()


def test_a_parquet_file_of_paths_is_a_list_too(tmp_path: Path) -> None:
    write_folder(tmp_path, CONTENTS)
    pq.write_table(pa.table({"label": [1] * len(CONTENTS), "image": list(CONTENTS)}), tmp_path / "list.parquet")
    assert len(source_of(tmp_path / "list.parquet", tmp_path, kind="list").scan().files) == len(CONTENTS)


@pytest.mark.parametrize("paths", [[None, "a.jpg"], ["a.jpg", "a.jpg"], ["a.jpg", "../b.jpg"], ["", "a.jpg"]])
def test_rows_of_a_parquet_file_without_paths_of_their_own_are_numbered(
    paths: list[str | None], tmp_path: Path
) -> None:
    rows = [{"bytes": str(number).encode(), "path": path} for number, path in enumerate(paths)]
    pq.write_table(pa.table({"image": rows}), tmp_path / "a.parquet")
    source = source_of(tmp_path / "a.parquet", tmp_path)
    assert [file[0] for file in source.scan().files] == ["0000000", "0000001"]
    assert source.read("0000001") == b"1"


def test_a_parquet_file_is_read_in_any_order_and_a_row_without_an_image_is_unreadable(tmp_path: Path) -> None:
    contents = {f"{number}.jpg": bytes([number]) * 9 for number in range(100)}
    rows = [{"bytes": data, "path": name} for name, data in contents.items()]
    rows[50]["bytes"] = None  # type: ignore[typeddict-item]
    pq.write_table(pa.table({"image": rows}), tmp_path / "a.parquet", row_group_size=30)
    source = source_of(tmp_path / "a.parquet", tmp_path)
    source.scan()
    for number in (0, 99, 3, 4, 29, 30, 31, 7, 7, 98, 51):
        assert source.read(f"{number}.jpg") == contents[f"{number}.jpg"]
    with pytest.raises(OSError, match="row 50 holds no image"):
        source.read("50.jpg")


@pytest.mark.parametrize(
    ("columns", "column", "words"),
    [
        ({"label": [1]}, None, "no column of images"),
        ({"a": [b"x"], "b": [b"y"]}, None, r"with bytes: a, b"),
        ({"a": [b"x"], "b": [b"y"]}, "c", "name it as the source's column"),
        ({"a": [b"x"], "b": [b"y"]}, "b", None),
        ({"image": [b"x"], "b": [b"y"]}, None, None),
        ({"picture": [{"bytes": b"x"}]}, None, None),
    ],
)
def test_the_column_of_images_is_found_or_named(
    columns: dict[str, list[object]], column: str | None, words: str | None, tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    source = source_of(tmp_path / "a.parquet", tmp_path, column=column)
    if words is None:
        assert source.scan().files[0][0] == "0000000"
        assert source.read("0000000") in (b"x", b"y")
        return
    with pytest.raises(UserError, match=f"(?i){words}"):
        source.scan()


def test_what_is_no_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"x" * 100)
    with pytest.raises(UserError, match=r"a\.parquet: cannot be read as a Parquet file"):
        source_of(tmp_path / "a.parquet", tmp_path).scan()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": "a.tar.gz", "kind": "tar"}, "a .gz file cannot be read member by member"),
        ({"path": "a.zip", "column": "image"}, "column: means nothing to a source of kind zip"),
        ({"path": "a", "root": "b"}, "root: means nothing to a source of kind folder"),
    ],
)
def test_what_no_kind_can_be_is_refused_before_work_starts(source: dict[str, str], words: str) -> None:
    complete = {"kind": None, "root": None, "column": None, **source}
    with pytest.raises(UserError, match=words):
        check_kinds({"one": complete})
