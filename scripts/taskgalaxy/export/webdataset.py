"""WebDataset's tars."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

from taskgalaxy.export.conversation import answer, question
from taskgalaxy.export.held_images import TEXTS, in_parts, with_images
from taskgalaxy.export.image_folder import Sample
from taskgalaxy.files import atomic
from taskgalaxy.images import FORMATS
from taskgalaxy.sources.names import IMAGE_SUFFIXES
from taskgalaxy.sources.source import Source


def write_webdataset(
    folder: Path | str, samples: Iterable[Sample], sources: Mapping[str, Source], most_bytes: int = 256 << 20
) -> None:
    """Write ``taskgalaxy-000000.tar`` and so on: per sample its image and ``.json``, named by its id.

    Readers of tars take samples as they come: give them in an order in which neighbours have nothing in common.

    Raises:
        UserError: as :func:`with_images`.
    """
    for number, part in enumerate(in_parts(with_images(samples, sources), most_bytes)):
        with (
            atomic(Path(folder) / f"taskgalaxy-{number:06d}.tar", "wb") as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for sample, content in part:
                about = {name: sample[name] for name in TEXTS}
                about |= {"question": question(sample), "answer": answer(sample)}
                _add(tar, f"{sample['sample_id']}{_suffix(sample['image'], content)}", content)
                _add(tar, f"{sample['sample_id']}.json", json.dumps(about, ensure_ascii=False).encode())


def _suffix(name: str, content: bytes) -> str:
    """What readers know the image by: the suffix of its name, or that of its format (rows of Parquet may have none)."""
    suffix = Path(name).suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return suffix
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return f".{(image.format or '').lower()}"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # of nobody, and at no time: the same samples give the same bytes
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
