"""WebDataset's tars."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from taskgalaxy.export.conversation import answer, question
from taskgalaxy.export.held_images import TEXTS, Sample, image_bytes, in_parts
from taskgalaxy.files import atomic


def write_webdataset(
    folder: Path | str, samples: Iterable[Sample], roots: Mapping[str, str], most_bytes: int = 256 << 20
) -> None:
    """Write ``taskgalaxy-000000.tar`` and so on: per sample its image and ``.json``, named by its id.

    Readers of tars take samples as they come: give them in an order in which neighbours have nothing in common.

    Raises:
        UserError: as :func:`image_bytes`.
    """
    for number, part in enumerate(in_parts(samples, roots, most_bytes)):
        with (
            atomic(Path(folder) / f"taskgalaxy-{number:06d}.tar", "wb") as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for sample in part:
                about = {name: sample[name] for name in TEXTS}
                about |= {"question": question(sample), "answer": answer(sample)}
                _add(tar, f"{sample['sample_id']}{Path(sample['image']).suffix.lower()}", image_bytes(sample, roots))
                _add(tar, f"{sample['sample_id']}.json", json.dumps(about, ensure_ascii=False).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # of nobody, and at no time: the same samples give the same bytes
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
