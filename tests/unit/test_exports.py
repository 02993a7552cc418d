"""Every export is read back: by the library that it is for, or by the rules that its trainer states."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from image_files import folder_source
from rows import dataset_row
from taskgalaxy.errors import UserError
from taskgalaxy.export import chat_messages, huggingface, internvl, llava, webdataset
from taskgalaxy.export.held_images import TEXTS
from taskgalaxy.export.image_folder import gather_images
from taskgalaxy.files import sha256_file
from taskgalaxy.schemas import DATASET
from taskgalaxy.sources.source import Source
from taskgalaxy.tables import iter_rows, write_table

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
QUESTION = 'What is it?\nSay "größe".'


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    return {name: tmp_path / "my images" / name for name in ("one", "two")}


@pytest.fixture
def sources(roots: dict[str, Path]) -> dict[str, Source]:
    return {name: folder_source(root) for name, root in roots.items()}


@pytest.fixture
def samples(roots: dict[str, Path]) -> list[dict[str, Any]]:
    """Two samples of every image; the images are of all formats, in a sub-folder with a blank and an umlaut."""
    rows = []
    for number, (suffix, kind) in enumerate(FORMATS.items()):
        source, path = ("one", "two")[number % 2], f"sub größe/{number}.{suffix}"
        file = roots[source] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), np.uint8)
        Image.fromarray(pixels).save(file, kind)
        for position in range(2):
            rows.append(
                dataset_row(
                    sample_id=f"{position}{number:031x}",
                    image_id=sha256_file(file),
                    source=source,
                    image=path,
                    width=30,
                    height=20 + number,
                    question=QUESTION,
                    answer=f"Number {number} <image>",
                )
            )
    return rows


@pytest.fixture
def images(tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source]) -> Path:
    folder = tmp_path / "export" / "images"
    gather_images(folder, samples, sources)
    return folder


def check_conversation(human: str, assistant: str) -> None:
    assert human == f"<image>\n{QUESTION}"
    assert assistant.startswith("Number ")
    assert (human + assistant).count("<image>") == 1


def opens(path: Path, sample: dict[str, Any]) -> None:
    with Image.open(path) as image:
        image.load()
        assert image.size == (sample["width"], sample["height"])


def test_internvl_reads_its_meta_file_from_any_folder(
    tmp_path: Path, samples: list[dict[str, Any]], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    internvl.write_internvl("export/a.jsonl", "export/meta.json", iter(samples), "export/images")
    monkeypatch.chdir("/")
    meta = json.loads((tmp_path / "export/meta.json").read_text(encoding="utf-8"))
    (entry,) = meta.values()
    assert entry.keys() >= {"root", "annotation", "data_augment", "repeat_time", "length"}
    assert type(entry["repeat_time"]) is int
    assert entry["repeat_time"] >= 1
    lines = Path(entry["annotation"]).read_text(encoding="utf-8").split("\n")[:-1]
    records = [json.loads(line) for line in lines]
    assert entry["length"] == len(records) == len(samples)
    assert [record["id"] for record in records] == list(range(len(samples)))
    for record, sample in zip(records, samples, strict=True):
        assert (record["width"], record["height"]) == (sample["width"], sample["height"])
        opens(Path(entry["root"] + record["image"]), sample)
        human, gpt = record["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt")
        check_conversation(human["value"], gpt["value"])


def test_llamafactory_finds_data_columns_roles_and_images(
    tmp_path: Path, samples: list[dict[str, Any]], images: Path
) -> None:
    folder = tmp_path / "llamafactory"
    chat_messages.write_llamafactory(folder / "data.json", folder / "dataset_info.json", iter(samples))
    (about,) = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8")).values()
    assert about["formatting"] == "sharegpt"
    tags = about["tags"]
    records = json.loads((folder / about["file_name"]).read_text(encoding="utf-8"))
    assert len(records) == len(samples)
    for record, sample in zip(records, samples, strict=True):
        turns = [(turn[tags["role_tag"]], turn[tags["content_tag"]]) for turn in record[about["columns"]["messages"]]]
        assert [role for role, _ in turns] == [tags["user_tag"], tags["assistant_tag"]]
        check_conversation(*[content for _, content in turns])
        (image,) = record[about["columns"]["images"]]
        opens(images / image, sample)


def test_swift_reads_messages_and_images_line_by_line(
    tmp_path: Path, samples: list[dict[str, Any]], images: Path
) -> None:
    chat_messages.write_swift(tmp_path / "swift.jsonl", iter(samples))
    records = [json.loads(line) for line in (tmp_path / "swift.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in records] == [sample["sample_id"] for sample in samples]
    for record, sample in zip(records, samples, strict=True):
        assert [turn["role"] for turn in record["messages"]] == ["user", "assistant"]
        check_conversation(*[turn["content"] for turn in record["messages"]])
        (image,) = record["images"]
        opens(images / image, sample)


@pytest.mark.parametrize("most_bytes", [1, 1 << 20])
def test_datasets_loads_the_parquet_files_with_their_images(
    tmp_path: Path,
    samples: list[dict[str, Any]],
    sources: dict[str, Source],
    most_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    folder = tmp_path / "huggingface"
    huggingface.write_huggingface(folder, iter(samples), sources, most_bytes)
    assert len(list(folder.iterdir())) == (len(samples) if most_bytes == 1 else 1)
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded.features["image"], datasets.Image)
    assert len(loaded) == len(samples)
    for row, sample in zip(loaded, samples, strict=True):
        assert all(row[name] == sample[name] for name in row if name != "image")
        original = Image.open(io.BytesIO(sources[sample["source"]].read(sample["image"])))
        assert np.array_equal(np.asarray(row["image"].convert("RGB")), np.asarray(original.convert("RGB")))


def test_datasets_opens_images_by_their_paths_from_any_folder(
    tmp_path: Path, samples: list[dict[str, Any]], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.chdir(tmp_path)
    huggingface.write_huggingface_paths("paths/train.parquet", iter(samples), "export/images")
    assert (tmp_path / "paths/train.parquet").stat().st_size < 10_000
    monkeypatch.chdir("/")
    loaded = datasets.load_dataset(str(tmp_path / "paths"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.column_names == ["image", *TEXTS, "vote_score"]
    for row, sample in zip(loaded, samples, strict=True):
        assert row["image"].size == (sample["width"], sample["height"])
        assert row["sample_id"] == sample["sample_id"]


def test_a_set_without_samples_is_a_file_with_the_columns(tmp_path: Path) -> None:
    import datasets

    huggingface.write_huggingface(tmp_path, iter([]), {})
    (file,) = tmp_path.iterdir()
    table = pq.read_table(file)
    assert table.num_rows == 0
    assert isinstance(datasets.Features.from_arrow_schema(table.schema)["image"], datasets.Image)


@pytest.mark.parametrize("most_bytes", [1, 1 << 20])
def test_webdataset_reads_every_sample_with_its_image(
    tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source], most_bytes: int
) -> None:
    from webdataset import WebDataset

    folder = tmp_path / "tars"
    webdataset.write_webdataset(folder, iter(samples), sources, most_bytes)
    tars = sorted(str(path) for path in folder.iterdir())
    assert len(tars) == (len(samples) if most_bytes == 1 else 1)
    read = list(WebDataset(tars, shardshuffle=False))
    assert [row["__key__"] for row in read] == [sample["sample_id"] for sample in samples]
    for row, sample in zip(read, samples, strict=True):
        about = json.loads(row["json"])
        check_conversation(about["question"], about["answer"])
        assert about["task_type"] == sample["task_type"]
        content = row[Path(sample["image"]).suffix[1:]]
        assert content == sources[sample["source"]].read(sample["image"])


def test_the_same_samples_give_the_same_bytes(
    tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source]
) -> None:
    for folder in ("a", "b"):
        webdataset.write_webdataset(tmp_path / folder, iter(samples), sources)
        huggingface.write_huggingface(tmp_path / folder, iter(samples), sources)
        huggingface.write_huggingface_paths(tmp_path / folder / "paths.parquet", iter(samples), tmp_path / "images")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_tar_names_nobody_and_no_time(
    tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source]
) -> None:
    webdataset.write_webdataset(tmp_path, iter(samples), sources)
    with tarfile.open(next(tmp_path.glob("*.tar"))) as tar:
        assert {(entry.mtime, entry.uid, entry.uname) for entry in tar} == {(0, 0, "")}


@pytest.mark.parametrize("write", [huggingface.write_huggingface, webdataset.write_webdataset])
@pytest.mark.parametrize(("damage", "words"), [("remove", "cannot be read"), ("replace", "another image")])
def test_an_image_that_is_gone_or_changed_is_an_error_that_names_it_and_no_file(
    tmp_path: Path,
    samples: list[dict[str, Any]],
    sources: dict[str, Source],
    roots: dict[str, Path],
    write: Any,
    damage: str,
    words: str,
) -> None:
    path = roots[samples[-1]["source"]] / samples[-1]["image"]
    if damage == "remove":
        path.unlink()
    else:
        Image.new("RGB", (30, 22)).save(path)
    with pytest.raises(UserError, match=words) as caught:
        write(tmp_path / "out", iter(samples), sources)
    assert f"{samples[-1]['source']}/{samples[-1]['image']}" in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_an_image_that_does_not_open_is_an_error_before_training(
    tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source], roots: dict[str, Path]
) -> None:
    path = roots["one"] / samples[0]["image"]
    path.write_bytes(b"not an image")
    with pytest.raises(UserError, match="does not open") as caught:
        gather_images(tmp_path / "a", samples, sources)
    assert f"one/{samples[0]['image']}" in str(caught.value)
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(UserError, match="another image"):
        gather_images(tmp_path / "b", samples, sources)


WRITERS: dict[str, Callable[[Path, Iterator[dict[str, Any]]], None]] = {
    "llava": lambda folder, rows: llava.write_llava(folder / "llava.json", rows),
    "internvl": lambda folder, rows: internvl.write_internvl(folder / "i.jsonl", folder / "m.json", rows, folder),
    "llamafactory": lambda folder, rows: chat_messages.write_llamafactory(folder / "d.json", folder / "i.json", rows),
    "swift": lambda folder, rows: chat_messages.write_swift(folder / "s.jsonl", rows),
}


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "llava"])
def test_memory_does_not_grow_with_the_samples(tmp_path: Path, name: str) -> None:
    def peak(count: int) -> int:
        rows = (dataset_row(sample_id=f"{number:032x}", answer="word " * 100) for number in range(count))
        tracemalloc.start()
        WRITERS[name](tmp_path, rows)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(4000) < peak(1000) + (1 << 20)


def test_a_table_is_read_row_by_row(tmp_path: Path, samples: list[dict[str, Any]]) -> None:
    write_table(tmp_path / "t.parquet", samples, DATASET)
    assert list(iter_rows(tmp_path / "t.parquet", DATASET)) == samples
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="dataset table"):
        list(iter_rows(tmp_path / "t.parquet", DATASET))


def test_tars_hold_what_their_names_say(
    tmp_path: Path, samples: list[dict[str, Any]], sources: dict[str, Source]
) -> None:
    webdataset.write_webdataset(tmp_path, iter(samples), sources)
    with tarfile.open(next(tmp_path.glob("*.tar"))) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            assert content is not None
            kind = FORMATS.get(Path(entry.name).suffix[1:])
            if kind:
                assert Image.open(io.BytesIO(content.read())).format == kind
