"""LLaVA's training JSON: a list of conversations, each about one image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.files import atomic

IMAGE_TOKEN = "<image>"


def llava_record(sample: Mapping[str, Any]) -> dict[str, Any]:
    """One sample as LLaVA's loader reads it.

    ``image`` is ``source/path``, relative to an image folder that holds one folder per source. The token
    ``<image>`` stands once, at the start; where a text happens to hold it, it is written ``< image >``,
    since the loader would count it.
    """
    return {
        "id": sample["sample_id"],
        "image": f"{sample['source']}/{sample['image']}",
        "conversations": [
            {"from": "human", "value": f"{IMAGE_TOKEN}\n{_without_token(sample['question'])}"},
            {"from": "gpt", "value": _without_token(sample["answer"])},
        ],
    }


def _without_token(text: str) -> str:
    return text.replace(IMAGE_TOKEN, "< image >")


def write_llava(path: Path | str, samples: Iterable[Mapping[str, Any]]) -> None:
    """Write the samples as one JSON list, one record per line, in memory bounded by one record.

    Raises:
        ValueError: if two samples have one id.
    """
    seen: set[str] = set()
    with atomic(path) as file:
        file.write("[")
        for sample in samples:
            record = llava_record(sample)
            if record["id"] in seen:
                raise ValueError(f"sample id {record['id']} is repeated")
            file.write(("," if seen else "") + "\n" + json.dumps(record, ensure_ascii=False))
            seen.add(record["id"])
        file.write("\n]\n")
