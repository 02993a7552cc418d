"""Lists of a benchmark's images and questions are read, or refused with file and line before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from taskgalaxy.benchmark_lists import (
    ListedImage,
    Question,
    check_benchmarks,
    folder_entries,
    images_digest,
    names_with,
    read_hashes,
    read_questions,
)
from taskgalaxy.errors import UserError

DIGEST = "0123456789abcdef" * 4


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40)).save(folder / name)
    return folder


def test_a_list_holds_either_hash_as_sha256sum_and_imagehash_print_them(tmp_path: Path) -> None:
    text = f"# two images\n{DIGEST.upper()}  images/one.jpg\n\n00000000000000fF\n"
    assert list(read_hashes(written(tmp_path / "hashes.txt", text))) == [
        ListedImage("hashes.txt:2", DIGEST, None),
        ListedImage("hashes.txt:4", None, 255),
    ]


def test_questions_are_lines_or_records(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.txt", "\ufeffHow many?\r\n\n# is this?\n")
    assert list(read_questions(plain)) == [Question("plain.txt:1", "How many?"), Question("plain.txt:3", "# is this?")]
    records = '{"id": 1, "question": "How many?"}\n{"text": "Which?", "question": null}\n'
    assert [question.text for question in read_questions(written(tmp_path / "q.jsonl", records))] == [
        "How many?",
        "Which?",
    ]


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("hashes.txt", f"{DIGEST}\n\nnonsense  one.jpg\n", r"hashes\.txt, line 3: 'nonsense' is no hash.*64.*or 16"),
        ("hashes.txt", f"{DIGEST}0\n", r"hashes\.txt, line 1.*is no hash"),
        ("hashes.txt", "# nothing\n", r"hashes\.txt: lists no image"),
    ],
)
def test_a_list_that_is_none_is_named_with_its_line(tmp_path: Path, name: str, text: str, names: str) -> None:
    written(tmp_path / name, text)
    with pytest.raises(UserError, match=names):
        check_benchmarks({"exam": {"images": [str(tmp_path / name)], "questions": []}})


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("q.jsonl", '{"question": "a"}\n{"question": \n', r"q\.jsonl, line 2: is no JSON"),
        ("q.jsonl", '{"question": "a"}\n{"prompt": "a"}\n', r"q\.jsonl, line 2: has no text under question or text"),
        ("q.jsonl", '["a"]\n', r"q\.jsonl, line 1: has no text"),
        ("q.txt", "\n\n", r"q\.txt: holds no question"),
    ],
)
def test_questions_that_are_none_are_named_with_their_line(tmp_path: Path, name: str, text: str, names: str) -> None:
    written(tmp_path / name, text)
    with pytest.raises(UserError, match=names):
        check_benchmarks({"exam": {"images": [], "questions": [str(tmp_path / name)]}})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"q\.txt: cannot be read.*UTF-8"):
        list(read_questions(tmp_path / "q.txt"))


@pytest.mark.parametrize(
    ("benchmark", "names"),
    [
        ({"images": ["nowhere"], "questions": []}, r"benchmarks\.exam\.images: there is no folder or file nowhere"),
        ({"images": [], "questions": ["nowhere"]}, r"benchmarks\.exam\.questions: there is no file nowhere"),
        ({"images": [], "questions": []}, r"benchmarks\.exam: has neither images nor questions"),
    ],
)
def test_what_a_benchmark_names_must_be_there(benchmark: dict[str, Any], names: str) -> None:
    with pytest.raises(UserError, match=names):
        check_benchmarks({"exam": benchmark})


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "readme.txt", "no image")
    with pytest.raises(UserError, match="holds no image file"):
        check_benchmarks({"exam": {"images": [str(tmp_path)], "questions": []}})


def test_a_folder_is_searched_like_a_source(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "exam", "b.png", "a/c.png")
    check_benchmarks({"exam": {"images": [str(folder)], "questions": []}})
    assert folder_entries(folder) == [("exam/a/c.png", folder / "a/c.png"), ("exam/b.png", folder / "b.png")]


def test_other_contents_have_another_digest_wherever_they_lie(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "exam", "a.png")
    listed = written(tmp_path / "hashes.txt", DIGEST)
    before = images_digest([str(folder), str(listed)])
    moved = folder.rename(tmp_path / "elsewhere")
    assert images_digest([str(moved), str(listed)]) == before
    written(listed, DIGEST[::-1])
    assert images_digest([str(moved), str(listed)])[0] == before[0]
    assert images_digest([str(moved), str(listed)])[1] != before[1]
    pictures(moved, "b.png")
    assert images_digest([str(moved)]) != before[:1]


def test_benchmarks_are_named_by_what_they_have() -> None:
    benchmarks = {"a": {"images": ["x"], "questions": []}, "b": {"images": ["y"], "questions": ["z"]}}
    assert names_with(benchmarks, "images") == ["a", "b"]
    assert names_with(benchmarks, "questions") == ["b"]
