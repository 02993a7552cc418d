"""What exports that hold the images themselves have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from taskgalaxy.export.image_folder import image_file, unusable

Sample = Mapping[str, Any]

TEXTS = ("sample_id", "task_type", "level_1", "question", "answer", "source", "license")
"""What stands beside an image."""


def image_bytes(sample: Sample, roots: Mapping[str, str]) -> bytes:
    """The bytes of the sample's image.

    Raises:
        UserError: if the file is gone, or holds another image than the one that the models saw.
    """
    path = image_file(sample, roots)
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        raise unusable(path, f"cannot be read ({error})") from error
    if hashlib.sha256(content).hexdigest() != sample["image_id"]:
        raise unusable(path, "holds another image than when it was inspected")
    return content


def in_parts(samples: Iterable[Sample], roots: Mapping[str, str], most_bytes: int) -> Iterator[list[Sample]]:
    """The samples in their order, in parts whose images have at most ``most_bytes``, or which are one sample.

    Of no samples one part without any: a reader finds a file with the columns that it knows.
    """
    part: list[Sample] = []
    total = 0
    for sample in samples:
        path = image_file(sample, roots)
        size = path.stat().st_size if path.exists() else 0
        if part and total + size > most_bytes:
            yield part
            part, total = [], 0
        part.append(sample)
        total += size
    yield part
