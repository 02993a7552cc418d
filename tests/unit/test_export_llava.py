"""What LLaVA's loader reads: one image token per sample, and ids that are unique."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.export.conversation import IMAGE_TOKEN
from taskgalaxy.export.llava import llava_record, write_llava
from taskgalaxy.export.llava_mix import write_llava_mix

texts = st.lists(st.sampled_from([IMAGE_TOKEN, "<", ">", "image", "<image", "\n", "What?", "größe \u2028"])).map(
    "".join
)


def sample(sample_id: str = "s", question: str = "What?", answer: str = "That.", **columns: Any) -> dict[str, Any]:
    place = {"source": "one", "image": "sub dir/größe.png"}
    return {"sample_id": sample_id, "question": question, "answer": answer, **place, **columns}


def test_a_record_is_what_the_loader_expects() -> None:
    assert llava_record(sample(license="MIT")) == {
        "id": "s",
        "image": "one/sub dir/größe.png",
        "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "That."}],
    }


@given(texts, texts)
def test_the_image_token_stands_exactly_once(question: str, answer: str) -> None:
    human, gpt = llava_record(sample(question=question, answer=answer))["conversations"]
    assert human["value"].startswith(f"{IMAGE_TOKEN}\n")
    assert (human["value"].count(IMAGE_TOKEN), gpt["value"].count(IMAGE_TOKEN)) == (1, 0)
    if IMAGE_TOKEN not in question and IMAGE_TOKEN not in answer:
        assert (human["value"], gpt["value"]) == (f"{IMAGE_TOKEN}\n{question}", answer)


@given(st.lists(st.tuples(texts, texts), max_size=5))
def test_the_file_is_one_list_in_the_order_given(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "llava.json"
    given_samples = [sample(str(number), *pair) for number, pair in enumerate(pairs)]
    write_llava(path, iter(given_samples))
    assert json.loads(path.read_text(encoding="utf-8")) == [llava_record(row) for row in given_samples]


def test_repeated_ids_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sample id s is repeated"):
        write_llava(tmp_path / "llava.json", [sample("s"), sample("t"), sample("s")])
    assert not list(tmp_path.iterdir())


TALK = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "That."}]
MIX = [
    {"id": "000000033471", "image": "coco/train2017/000000033471.jpg", "conversations": TALK},
    {"id": "000000033471", "image": "gqa/images/1.jpg", "conversations": TALK, "note": 0.5},
    {"id": "wgByO4Y_0", "conversations": TALK, "model": ""},
    {"id": 7, "conversations": TALK},
    {"conversations": TALK},
]


def merged(folder: Path, mix: str) -> list[dict[str, Any]]:
    (folder / "mix.json").write_text(mix, encoding="utf-8")
    write_llava_mix(folder / "merged.json", folder / "mix.json", [sample("s1"), sample("7"), sample("000000033471-2")])
    records: list[dict[str, Any]] = json.loads((folder / "merged.json").read_text(encoding="utf-8"))
    return records


def test_a_mix_keeps_its_records_and_every_id_stands_once(tmp_path: Path) -> None:
    records = merged(tmp_path, json.dumps(MIX))
    assert records[0] == {**MIX[0], "image": "llava_mix/coco/train2017/000000033471.jpg"}
    assert records[1] == {**MIX[1], "id": "000000033471-1", "image": "llava_mix/gqa/images/1.jpg"}
    assert records[2] == MIX[2]
    assert [record["id"] for record in records[3:]] == ["7", "no-id", "s1", "7-1", "000000033471-2"]
    assert [record.get("image") for record in records[5:]] == [llava_record(sample())["image"]] * 3


@given(st.lists(st.sampled_from(["a", "a-1", "a-1-1", "b", 1, "1"])))
def test_ids_are_unique_whatever_the_mix_holds(tmp_path_factory: pytest.TempPathFactory, ids: list[str | int]) -> None:
    mix = [{"id": name, "conversations": TALK} for name in [*ids, "last"]]
    records = merged(tmp_path_factory.mktemp("mix"), json.dumps(mix))
    assert len({record["id"] for record in records}) == len(records) == len(mix) + 3


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ("", "is not JSON"),
        ("[]", "is no list of records"),
        ("{}", "is no list of records"),
        (json.dumps(MIX)[:-20], "is not JSON after record 4"),
        (json.dumps([MIX[0], {"id": 1}]), "record 2 has no list of conversations"),
        (json.dumps([{**MIX[0], "image": ["a.jpg", "b.jpg"]}]), "the image of record 1 is no path"),
    ],
)
def test_what_is_no_mix_is_an_error_and_no_file(tmp_path: Path, mix: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        merged(tmp_path, mix)
    assert not (tmp_path / "merged.json").exists()
