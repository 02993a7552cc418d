"""LLaVA's training JSON: a list of conversations, each about one image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.export.conversation import answer, image_path, question
from taskgalaxy.files import write_json_list


def llava_record(sample: Mapping[str, Any]) -> dict[str, Any]:
    """One sample as LLaVA's loader reads it; ``image`` is relative to the loader's image folder."""
    return {
        "id": sample["sample_id"],
        "image": image_path(sample),
        "conversations": [
            {"from": "human", "value": question(sample)},
            {"from": "gpt", "value": answer(sample)},
        ],
    }


def write_llava(path: Path | str, samples: Iterable[Mapping[str, Any]]) -> None:
    """Write the samples as one JSON list, in memory bounded by one record and the ids.

    Raises:
        ValueError: if two samples have one id.
    """
    seen: set[str] = set()

    def records() -> Iterable[dict[str, Any]]:
        for sample in samples:
            if sample["sample_id"] in seen:
                raise ValueError(f"sample id {sample['sample_id']} is repeated")
            seen.add(sample["sample_id"])
            yield llava_record(sample)

    write_json_list(path, records())
