"""Messages with a list of images: LLaMA-Factory's sharegpt format and ms-swift's standard one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.export.conversation import answer, image_path, question
from taskgalaxy.files import write_json, write_json_list, write_jsonl


def messages_record(sample: Mapping[str, Any]) -> dict[str, Any]:
    """One sample; the token ``<image>`` of the question stands for the one image of the list."""
    return {
        "messages": [
            {"role": "user", "content": question(sample)},
            {"role": "assistant", "content": answer(sample)},
        ],
        "images": [image_path(sample)],
    }


def write_llamafactory(data: Path | str, info: Path | str, samples: Iterable[Mapping[str, Any]]) -> None:
    """Write the samples, and the ``dataset_info.json`` by which LLaMA-Factory finds them beside it.

    Images are relative to its option ``media_dir``.
    """
    write_json_list(data, map(messages_record, samples))
    entry = {
        "file_name": Path(data).name,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }
    write_json(info, {"taskgalaxy": entry})


def write_swift(path: Path | str, samples: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines for ms-swift; images are relative to its environment variable ``ROOT_IMAGE_DIR``."""
    write_jsonl(path, ({"id": sample["sample_id"], **messages_record(sample)} for sample in samples))
