"""Put some of the demo's rendered images into archives, a Parquet file and a list, beside their folder.

Run as ``python -m renderer.pack FOLDER`` after ``python -m renderer``. So the demo has a source of every kind.
The same images give the same bytes, apart from what pyarrow notes of its own version.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

EACH = 20
"""Images of every kind but the folder."""


def pack(folder: Path) -> None:
    """Move the last images of ``folder`` into FOLDER.zip, .tar, .parquet, and FOLDER_listed with its list, .csv."""
    paths = sorted(folder.iterdir())[-4 * EACH :]
    zipped, tarred, rows, listed = (paths[start : start + EACH] for start in range(0, 4 * EACH, EACH))
    _write_zip(folder.with_suffix(".zip"), zipped)
    _write_tar(folder.with_suffix(".tar"), tarred)
    _write_parquet(folder.with_suffix(".parquet"), rows)
    for path in (*zipped, *tarred, *rows):
        path.unlink()
    beside = folder.with_name(f"{folder.name}_listed")
    beside.mkdir()
    for path in listed:
        path.rename(beside / path.name)
    with folder.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["path"], *([f"{beside.name}/{path.name}"] for path in listed)])


def _write_zip(target: Path, paths: Sequence[Path]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for path in paths:
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())


def _write_tar(target: Path, paths: Sequence[Path]) -> None:
    """As WebDataset has them: an image, and what is known of it in a file of the same key."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in paths:
            about = json.dumps({"key": path.stem}).encode()
            for name, content in ((path.name, path.read_bytes()), (f"{path.stem}.json", about)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def _write_parquet(target: Path, paths: Sequence[Path]) -> None:
    """As the Hugging Face Hub has them: a struct of bytes and path."""
    images = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    pq.write_table(pa.table({"image": images}), target, compression="none", row_group_size=10)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m renderer.pack", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of rendered images")
    pack(parser.parse_args().folder)


if __name__ == "__main__":
    main()
