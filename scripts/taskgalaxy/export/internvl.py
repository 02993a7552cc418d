"""InternVL's training data: JSON Lines, and the meta file that its ``--meta_path`` takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.export.llava import llava_record
from taskgalaxy.files import write_json, write_jsonl


def internvl_record(number: int, sample: Mapping[str, Any]) -> dict[str, Any]:
    """One sample: LLaVA's record with a number for an id, and the image's size in pixels."""
    size = {"width": sample["width"], "height": sample["height"]}
    return {**llava_record(sample), "id": number, "sample_id": sample["sample_id"], **size}


def write_internvl(
    annotation: Path | str, meta: Path | str, samples: Iterable[Mapping[str, Any]], images: Path | str
) -> None:
    """Write the samples, and a meta file that names them and the image folder by absolute paths.

    ``repeat_time`` is an integer: a fraction makes the loader train on a part of the samples only.
    """
    length = 0

    def records() -> Iterable[dict[str, Any]]:
        nonlocal length
        for sample in samples:
            yield internvl_record(length, sample)
            length += 1

    write_jsonl(annotation, records())
    entry = {
        # The loader joins the two by itself, and starts in a folder of its own.
        "root": f"{Path(images).absolute()}/",
        "annotation": str(Path(annotation).absolute()),
        "data_augment": False,
        "repeat_time": 1,
        "length": length,
    }
    write_json(meta, {"taskgalaxy": entry})
