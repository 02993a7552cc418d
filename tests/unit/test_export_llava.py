"""What LLaVA's loader reads: one image token per sample, and ids that are unique."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.export.llava import IMAGE_TOKEN, llava_record, write_llava

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
