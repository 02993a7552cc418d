"""Listing, planning and inspecting a large pool of images, by kind of source: python benchmarks/ingest.py.

A pool of small JPEG files is made once, in folders and again in tars, zips and Parquet files. Every measurement has a
process of its own, whose peak memory is told; what is compared is measured in the same run.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
import json
import multiprocessing
import os
import re
import shutil
import statistics
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from taskgalaxy.images import Limits, inspect_shard
from taskgalaxy.shards import FileEntry, plan_shards, read_manifest, write_manifest
from taskgalaxy.sources.kinds import open_source
from taskgalaxy.sources.source import Source

KINDS = ("folder", "tar", "zip", "parquet")
PER_FOLDER, PER_ARCHIVE, SHARD_SIZE = 1000, 10_000, 1000
MOST_BYTES = 1 << 28
LIMITS = Limits(min_side=8, max_pixels=1 << 26, max_bytes=MOST_BYTES, animated="reject")


def pictures(size: tuple[int, int]) -> list[bytes]:
    """Some JPEG files with the detail of photographs."""
    found = []
    for seed in range(32):
        coarse = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
        found.append(buffer.getvalue())
    return found


def images(start: int, count: int, size: tuple[int, int]) -> Iterator[tuple[str, bytes]]:
    """Names and contents; what follows a JPEG's end makes every content another one."""
    some = pictures(size)
    for number in range(start, start + count):
        yield f"{number // PER_FOLDER:05d}/{number:07d}.jpg", some[number % len(some)] + number.to_bytes(8, "big")


def write(kind: str, root: Path, start: int, count: int, size: tuple[int, int]) -> None:
    """Add images to a pool: files in folders, or archives of ``PER_ARCHIVE``."""
    root.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        for name, data in images(start, count, size):
            if not (root / name).parent.exists():
                (root / name).parent.mkdir()
            (root / name).write_bytes(data)
        return
    for first in range(start, start + count, PER_ARCHIVE):
        part = images(first, min(PER_ARCHIVE, start + count - first), size)
        target = root / f"{first:07d}.{kind}"
        {"tar": _write_tar, "zip": _write_zip, "parquet": _write_parquet}[kind](target, part)


def _write_tar(target: Path, part: Iterator[tuple[str, bytes]]) -> None:
    with tarfile.open(target, "w") as tar:
        for name, data in part:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _write_zip(target: Path, part: Iterator[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in part:
            archive.writestr(zipfile.ZipInfo(name), data)


def _write_parquet(target: Path, part: Iterator[tuple[str, bytes]]) -> None:
    rows = [{"bytes": data, "path": name} for name, data in part]
    pq.write_table(pa.table({"image": rows}), target, compression="none", row_group_size=100)


def opened(kind: str, folder: Path) -> Source:
    entry = {"path": kind, "located": str(folder / kind), "kind": kind, "include": [], "exclude": []}
    config = {"results": str(folder / "results" / kind), "sources": {kind: entry | {"root": None, "column": None}}}
    return open_source(kind, config)


def manifests(kind: str, folder: Path) -> Path:
    return folder / "results" / kind / "images" / "shards"


def seconds(work: Callable[[], Any], repeat: int = 1) -> float:
    """The median of ``repeat`` runs."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measure_system(kind: str, folder: Path, repeat: int) -> dict[str, float]:
    """What the operating system alone takes to name and stat the files."""

    def name_and_stat() -> None:
        for part in os.scandir(folder / kind):
            for entry in os.scandir(part.path):
                entry.stat()

    return {"system": seconds(name_and_stat, repeat)}


def measure_scan(kind: str, folder: Path, repeat: int) -> dict[str, float]:
    """Listing once before there is any index, and then with one."""
    first = seconds(lambda: opened(kind, folder).scan())
    return {"first": first, "scan": seconds(lambda: opened(kind, folder).scan(), repeat)}


def measure_plan(kind: str, folder: Path, repeat: int) -> dict[str, float]:
    """Planning, listing included; manifests are written for the next plan."""
    source = opened(kind, folder)
    plans = []

    def make() -> None:
        plans.append(plan_shards(manifests(kind, folder), {kind: source}, SHARD_SIZE, MOST_BYTES))

    taken = seconds(make, repeat)
    for shard, files in plans[-1].new.items():
        write_manifest(manifests(kind, folder) / f"{shard}.json", files)
    return {"plan": taken, "new": len(plans[-1].new)}


def measure_inspection(kind: str, folder: Path, shards: int) -> dict[str, float]:
    """Inspection of whole shards, decoding the same bytes from memory, and reading and hashing them, in turns."""
    source = opened(kind, folder)
    ours, bare, reading, count = 0.0, 0.0, 0.0, 0
    for shard in [path.stem for path in sorted(manifests(kind, folder).glob("*.json"))][:shards]:
        files: list[FileEntry] = read_manifest(manifests(kind, folder) / f"{shard}.json")
        found: list[Any] = []

        def inspect(files: list[FileEntry] = files, shard: str = shard, found: list[Any] = found) -> None:
            found += inspect_shard(source, kind, shard, files, LIMITS, "CC0-1.0", {})[0]

        ours += seconds(inspect)
        assert len(found) == len(files)
        contents: list[bytes] = []

        def read_and_hash(files: list[FileEntry] = files, contents: list[bytes] = contents) -> None:
            for file in files:
                contents.append(source.read(file.path))
                hashlib.sha256(contents[-1]).hexdigest()

        reading += seconds(read_and_hash)

        def decode(contents: list[bytes] = contents) -> None:
            for data in contents:
                with Image.open(io.BytesIO(data)) as image:
                    image.load()

        bare += seconds(decode)
        count += len(files)
    return {"ours": count / ours, "bare": count / bare, "reading": count / reading}


def job_alone(kind: str, folder: Path) -> dict[str, float]:
    """One shard, for its memory."""
    files = read_manifest(min(manifests(kind, folder).glob("*.json")))
    inspect_shard(opened(kind, folder), kind, "x", files, LIMITS, "CC0-1.0", {})
    return {}


def _in_child(work: Callable[..., dict[str, float]], arguments: tuple[Any, ...], answer: Any) -> None:
    gc.collect()
    found = work(*arguments)
    answer.send(found | {"mb": _peak_mb()})


def _peak_mb() -> float:
    """Of this process; what getrusage says is never less than its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak_kb,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(peak_kb) / 1000


def measured(work: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """What ``work`` returns in a process of its own, with the most memory that it had, as ``mb``."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_child, args=(work, arguments, sender))
    process.start()
    found: dict[str, float] = receiver.recv()
    process.join()
    return found


def measure(kind: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    count, size = options.images, options.size
    shutil.rmtree(folder / "results" / kind, ignore_errors=True)
    system = measured(measure_system, kind, folder, options.repeat) if kind == "folder" else {"system": float("nan")}
    scan = measured(measure_scan, kind, folder, options.repeat)
    fresh = measured(measure_plan, kind, folder, 1)
    again = measured(measure_plan, kind, folder, options.repeat)
    inspection = measured(measure_inspection, kind, folder, options.shards)
    job = measured(job_alone, kind, folder)
    write(kind, folder / kind, count, PER_FOLDER, size)
    more = measured(measure_plan, kind, folder, 1)
    assert more["new"] == 1
    _take_back(kind, folder / kind, count)
    return {
        "system_s": system["system"],
        "first_listing_s": scan["first"],
        "listing_s": scan["scan"],
        "plan_s": fresh["plan"],
        "no_op_s": again["plan"],
        "plus_1000_s": more["plan"],
        "head_mb": max(fresh["mb"], again["mb"], more["mb"]),
        "inspected_per_s": inspection["ours"],
        "decoded_per_s": inspection["bare"],
        "read_hashed_per_s": inspection["reading"],
        "job_mb": job["mb"],
    }


def _take_back(kind: str, root: Path, count: int) -> None:
    """Remove what was added, so that the pool can be measured again."""
    if kind == "folder":
        shutil.rmtree(root / f"{count // PER_FOLDER:05d}")
    else:
        (root / f"{count:07d}.{kind}").unlink()


def dimensions(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure listing, planning and inspecting by kind of source.")
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], help="some of the kinds; all if left out")
    parser.add_argument("--images", type=int, default=200_000, help="a multiple of 1,000")
    parser.add_argument("--size", type=dimensions, default=(256, 192), help="in pixels, such as 640x480")
    parser.add_argument("--shards", type=int, default=3, help="shards of 1,000 images that are inspected")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--pool", type=Path, help="keep the pool here for the next time")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    kinds = options.kinds or KINDS
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.pool or Path(temporary)
        for kind in kinds:
            if not (folder / kind).exists():
                write(kind, folder / kind, 0, options.images, options.size)
        figures = {kind: measure(kind, folder, options) for kind in kinds}
    print(f"{options.images:,} images of {options.size[0]}x{options.size[1]}; medians of {options.repeat}")
    rows = list(next(iter(figures.values())))
    print(f"{'':18}" + "".join(f"{kind:>12}" for kind in kinds))
    for row in rows:
        print(f"{row:18}" + "".join(f"{figures[kind][row]:>12,.2f}" for kind in kinds))
    print(f"{'of the decoding':18}" + "".join(f"{_of_decoding(figures[kind]):>12,.2f}" for kind in kinds))
    print(f"{'of all three':18}" + "".join(f"{_of_all(figures[kind]):>12,.2f}" for kind in kinds))
    if "folder" in kinds:
        times = figures["folder"]["listing_s"] / figures["folder"]["system_s"]
        print(f"listing folders takes {times:.2f} times as long as the system alone")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _of_decoding(figure: dict[str, float]) -> float:
    return figure["inspected_per_s"] / figure["decoded_per_s"]


def _of_all(figure: dict[str, float]) -> float:
    """Inspection beside reading, hashing and decoding alone, none of which it can do without."""
    return figure["inspected_per_s"] * (1 / figure["decoded_per_s"] + 1 / figure["read_hashed_per_s"])


if __name__ == "__main__":
    main()
