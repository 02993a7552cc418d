"""What exports that hold the images themselves have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from taskgalaxy.export.image_folder import Sample, image_bytes
from taskgalaxy.sources.source import Source

TEXTS = ("sample_id", "task_type", "level_1", "question", "answer", "source", "license")
"""What stands beside an image."""

Held = tuple[Sample, bytes]
"""A sample and the bytes of its image."""


def with_images(samples: Iterable[Sample], sources: Mapping[str, Source]) -> Iterator[Held]:
    """Every sample with its image, one at a time.

    Raises:
        UserError: as :func:`image_bytes`.
    """
    return ((sample, image_bytes(sample, sources)) for sample in samples)


def in_parts(held: Iterator[Held], most_bytes: int) -> Iterator[Iterator[Held]]:
    """The samples in their order, in parts whose images have at most ``most_bytes``, or which are one sample.

    A part has to be read to its end before the next one. Of no samples there is one part without any: a reader finds
    a file with the columns that it knows.
    """
    ahead = next(held, None)

    def part() -> Iterator[Held]:
        nonlocal ahead
        total = 0
        while ahead and (not total or total + len(ahead[1]) <= most_bytes):
            total += len(ahead[1])
            yield ahead
            ahead = next(held, None)

    yield part()
    while ahead:
        yield part()
