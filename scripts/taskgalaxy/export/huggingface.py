"""Parquet for Hugging Face datasets, with the images in it or their paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from taskgalaxy.export.conversation import image_path
from taskgalaxy.export.held_images import TEXTS, in_parts, with_images
from taskgalaxy.export.image_folder import Sample
from taskgalaxy.files import atomic
from taskgalaxy.sources.source import Source

Row = TypeVar("Row")

_ROWS = 100
"""Rows of a row group: so many images are in memory at once."""


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Row groups."""
    remaining = iter(rows)
    while batch := list(islice(remaining, _ROWS)):
        yield batch


def _features() -> dict[str, Any]:
    """The columns as the library datasets describes them."""
    texts = {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}
    return {"image": {"_type": "Image"}, **texts, "vote_score": {"dtype": "int8", "_type": "Value"}}


_SCHEMA = pa.schema(
    [
        pa.field("image", pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])),
        *(pa.field(name, pa.string()) for name in TEXTS),
        pa.field("vote_score", pa.int8()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _features()}})},
)


def write_huggingface_paths(path: Path | str, samples: Iterable[Sample], images: Path | str) -> None:
    """As :func:`write_huggingface`, one file that names the images, which lie in the folder ``images``, absolutely."""
    root = Path(images).absolute()
    with atomic(path, "wb") as file, pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
        for rows in _batches(samples):
            named = [{"bytes": None, "path": str(root / image_path(sample))} for sample in rows]
            writer.write_table(_table(rows, named))


def write_huggingface(
    folder: Path | str, samples: Iterable[Sample], sources: Mapping[str, Source], most_bytes: int = 400 << 20
) -> None:
    """Write ``train-00000.parquet`` and so on, which ``datasets.load_dataset(folder)`` reads with its images.

    Args:
        most_bytes: of the images in one file.

    Raises:
        UserError: as :func:`with_images`.
    """
    for number, part in enumerate(in_parts(with_images(samples, sources), most_bytes)):
        with (
            atomic(Path(folder) / f"train-{number:05d}.parquet", "wb") as file,
            pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer,
        ):
            for rows in _batches(part):
                held = [{"bytes": content, "path": image_path(sample)} for sample, content in rows]
                writer.write_table(_table([sample for sample, _ in rows], held))


def _table(samples: Sequence[Sample], images: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The samples with their images, as the library datasets stores either."""
    rows = [
        {"image": image, **{name: sample[name] for name in TEXTS}, "vote_score": sample["vote_score"]}
        for sample, image in zip(samples, images, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
