"""How well and how fast copies are found, beside other ways: python benchmarks/near_duplicates.py [WHAT]."""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from taskgalaxy.hamming import Hashes, Index, leaders
from taskgalaxy.images import decode_rgb
from taskgalaxy.ngrams import Overlap
from taskgalaxy.phash import hash_bytes, perceptual_hash

ROOT = Path(__file__).resolve().parents[1]
DISTANCES = (0, 2, 4, 6, 8, 10)
PART = 50
"""Peers that compare everything with everything do so for one of so many queries."""


def median_s(run: Callable[[], object], repeat: int) -> float:
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def reset_peak() -> float:
    """Megabytes of the process now, from which on its peak counts; Linux alone."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return peak_mb()


def peak_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def encoded(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def again(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, quality)))


def scaled(image: Image.Image, width: float, height: float) -> Image.Image:
    return image.resize((round(image.width * width), round(image.height * height)), Image.Resampling.LANCZOS)


def cut(image: Image.Image, part: float) -> Image.Image:
    """Without ``part`` of its width and height, half of it on either side."""
    x, y = round(image.width * part / 2), round(image.height * part / 2)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 60": lambda image: again(image, 60),
    "JPEG, quality 30": lambda image: again(image, 30),
    "half the size": lambda image: scaled(image, 0.5, 0.5),
    "a quarter, JPEG 75": lambda image: again(scaled(image, 0.25, 0.25), 75),
    "height times 0.8": lambda image: scaled(image, 1, 0.8),
    "2 % cut off": lambda image: cut(image, 0.02),
    "5 % cut off": lambda image: cut(image, 0.05),
    "10 % cut off": lambda image: cut(image, 0.1),
    "brightness times 1.2": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "brightness times 0.8": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "grey": lambda image: image.convert("L"),
    "white border, 3 %": lambda image: ImageOps.expand(image, round(image.width * 0.03), "white"),
    "mirrored": ImageOps.mirror,
}
"""What copies go through."""


def measure_quality() -> None:
    """How many copies are found at each distance, and how many pairs of different images are taken for copies."""
    import skimage

    photos = [path for path in (Path(skimage.__file__).parent / "data").iterdir() if path.suffix in (".png", ".jpg")]
    for name, paths in (("rendered", list((ROOT / "resources/demo/rendered").iterdir())), ("photographs", photos)):
        images = [decode_rgb(path.read_bytes()) for path in sorted(paths)]
        hashed = [(image, found) for image in images if (found := perceptual_hash(image)) is not None]
        print(
            f"\n{name}: {len(images)} images, {len(images) - len(hashed)} too plain\n{'found within bits':22}", end=""
        )
        print("".join(f"{distance:>8}" for distance in DISTANCES))
        for change, make in CHANGES.items():
            copies = [perceptual_hash(make(image)) for image, _ in hashed]
            apart = [
                64 if copy is None else (copy ^ own).bit_count() for copy, (_, own) in zip(copies, hashed, strict=True)
            ]
            shares = (sum(bits <= distance for bits in apart) / len(apart) for distance in DISTANCES)
            print(f"{change:22}" + "".join(f"{share:8.0%}" for share in shares))
        own = np.array([found for _, found in hashed], np.uint64)
        pairs = np.bitwise_count(own[:, None] ^ own)[np.triu_indices(len(own), 1)]
        print(f"{f'of {len(pairs):,} pairs':22}" + "".join(f"{(pairs <= distance).sum():8}" for distance in DISTANCES))


def measure_hashing(repeat: int) -> None:
    """Images a second of one process: read from memory, decoded, hashed."""
    generator = np.random.default_rng(0)
    for width, height in ((640, 480), (2000, 1500)):
        images = []
        for _ in range(20):
            coarse = Image.fromarray(generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
            images.append(encoded(coarse.resize((width, height), Image.Resampling.BICUBIC), 85))
        contenders = {
            "ours": hash_bytes,
            "ours, all pixels decoded": lambda data: perceptual_hash(decode_rgb(data)),
        }
        if importlib.util.find_spec("imagehash"):
            import imagehash

            contenders["ImageHash"] = lambda data: imagehash.phash(Image.open(io.BytesIO(data)))
        rates = {
            name: len(images) / median_s(lambda run=run, images=images: [run(data) for data in images], repeat)
            for name, run in contenders.items()
        }
        print(f"\nhashing, {width}x{height}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items()))


def natural_hashes(count: int, seed: int) -> Hashes:
    """Hashes as images have them: low frequencies weigh more, half of the bits are set; a tenth are near another."""
    generator = np.random.default_rng(seed)
    weights = 1 / (1 + np.add.outer(np.arange(8), np.arange(8))).ravel()
    parts = []
    for start in range(0, count, 50_000):
        low = generator.standard_normal((min(50_000, count - start), 64), np.float32) * weights
        low[:, 0] = 9  # the mean
        bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
        parts.append(bits.view(">u8").ravel().astype(np.uint64))
    hashes = np.concatenate(parts)
    copies = generator.choice(count, count // 10, replace=False)
    flipped = np.uint64(1) << generator.integers(0, 64, (2, len(copies)), dtype=np.uint64)
    hashes[copies] = hashes[generator.choice(count, len(copies))] ^ flipped[0] ^ flipped[1]
    return hashes


def measure_search(images: int, listed: int) -> None:
    """Seconds to compare a set with a benchmark's images, and with itself, beside comparing everything."""
    own, other = natural_hashes(images, 0), natural_hashes(listed, 1)
    other[: listed // 100] = own[: listed // 100]
    for title, indexed, ours, distance in (
        (f"{images:,} images, {listed:,} of a benchmark", other, lambda: Index(other).nearest(own, 6), 6),
        (f"{images:,} images with one another", own, lambda: leaders(own, 4), 4),
    ):
        before = reset_peak()
        seconds = {"ours": median_s(ours, 1)}
        memory = peak_mb() - before
        some = own[::PART]
        seconds["numpy, everything"] = PART * median_s(partial(_everything, some, indexed, distance), 1)
        if importlib.util.find_spec("faiss"):
            seconds["faiss, everything"] = PART * median_s(partial(_faiss, some, indexed, distance), 1)
        print(f"\n{title}, {distance} bits: " + ", ".join(f"{name} {each:,.1f} s" for name, each in seconds.items()))
        print(f"ours took {memory:,.0f} MB more than the hashes")


def _everything(hashes: Hashes, indexed: Hashes, distance: int) -> int:
    return sum(int((np.bitwise_count(indexed ^ one) <= distance).sum()) for one in hashes)


def _faiss(hashes: Hashes, indexed: Hashes, distance: int) -> None:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(64)
    index.add(indexed.view(np.uint8).reshape(-1, 8))
    index.range_search(np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8), distance + 1)


def measure_questions(samples: int, listed: int) -> None:
    """Seconds to compare so many questions of 6 to 30 words with a benchmark's, and what that takes."""
    generator = np.random.default_rng(0)
    vocabulary = np.array([f"word{number}" for number in range(20_000)])

    def questions(count: int) -> Sequence[str]:
        sizes = generator.integers(6, 31, count)
        drawn = vocabulary[(generator.zipf(1.3, sizes.sum()) - 1) % len(vocabulary)]
        return [" ".join(part) for part in np.split(drawn, np.cumsum(sizes)[:-1])]

    own, other = questions(samples), questions(listed)
    before = reset_peak()
    began = time.perf_counter()
    overlap = Overlap(other, 13)
    built = time.perf_counter()
    for question in own:
        overlap.first(question)
    ended = time.perf_counter()
    print(
        f"\n{samples:,} questions, {listed:,} of a benchmark: {built - began:.1f} s + {ended - built:.1f} s, ", end=""
    )
    print(f"{peak_mb() - before:,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["quality", "hashing", "search", "questions", []])
    parser.add_argument("--images", type=int, default=800_000)
    parser.add_argument("--samples", type=int, default=500_000)
    parser.add_argument("--listed", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    measures: Mapping[str, Callable[[], None]] = {
        "quality": measure_quality,
        "hashing": lambda: measure_hashing(options.repeat),
        "search": lambda: measure_search(options.images, options.listed),
        "questions": lambda: measure_questions(options.samples, options.listed),
    }
    for name in options.what or measures:
        measures[name]()


if __name__ == "__main__":
    main()
