"""Images embedded a second and exact top-k, beside the hardware's limit and other ways: python benchmarks/match.py.

Weights are random and made here: they cost as much time as trained ones. What is compared takes turns, so that
what else the machine does meanwhile falls on all; every figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from taskgalaxy.clip import Clip, ClipSettings
from taskgalaxy.embed import embed_shard
from taskgalaxy.embeddings import Vectors
from taskgalaxy.images import ImageFile
from taskgalaxy.open_clip_import import import_open_clip
from taskgalaxy.products import fastest_products
from taskgalaxy.sources.folder import FolderSource
from taskgalaxy.sources.names import Patterns
from taskgalaxy.topk import exact_topk, exact_topk_of_blocks

open_clip = import_open_clip()

TASK_TYPES, DIMENSION, K = 19_227, 768, 10
"""The paper's pool, ViT-L/14's embeddings, and the paper's candidates per image."""


def rounds(contenders: Mapping[str, Callable[[], object]], repeat: int, device: str) -> dict[str, list[float]]:
    """Seconds of every contender in every round, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeat + 1):
        for name, run in contenders.items():
            _wait_for(device)
            began = time.perf_counter()
            run()
            _wait_for(device)
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def _wait_for(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def print_rates(title: str, work: float, unit: str, seconds: Mapping[str, list[float]], limit: str) -> None:
    """A line per contender: its rate, and the time of the limit in the same round as a part of its own."""
    print(f"\n{title}\n{'':<42}{unit:>14}{'from - to':>20}{'of the limit':>14}")
    for name, own in seconds.items():
        rates = sorted(work / each for each in own)
        part = statistics.median(bare / each for bare, each in zip(seconds[limit], own, strict=True))
        spread = f"{rates[0]:,.1f} - {rates[-1]:,.1f}"
        print(f"{name:<42}{statistics.median(rates):>14,.1f}{spread:>20}{part:>14.2f}")


def print_memory(device: str) -> None:
    parts = [f"this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"]
    parts += [f"largest worker {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB"]
    parts += [f"GPU {torch.cuda.max_memory_allocated() / 1e9:.2f} GB"] if device == "cuda" else []
    print(f"most memory, ours: {', '.join(parts)}")


def random_model(folder: Path, name: str) -> str:
    """The path of random weights for an open_clip model."""
    torch.manual_seed(0)
    path = folder / "random.safetensors"
    state = open_clip.create_model(name, pretrained=None).state_dict()
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    return str(path)


def jpegs(folder: Path, count: int, size: tuple[int, int]) -> list[ImageFile]:
    """JPEG files of about the size that photographs of these dimensions have."""
    generator = np.random.default_rng(0)
    images = []
    for number in range(count):
        coarse = generator.integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
        path = folder / f"{number}.jpg"
        path.write_bytes(file.getvalue())
        image_id = hashlib.sha256(file.getvalue()).hexdigest()
        images.append(ImageFile(image_id, FolderSource("benchmark", folder, Patterns()), path.name))
    return images


def measure_embedding(options: argparse.Namespace, folder: Path) -> None:
    weights = random_model(folder, options.model)
    settings = ClipSettings(
        options.model,
        weights,
        options.device,
        options.precision,
        options.preprocess,
        options.batch_size,
        options.threads,
        options.compile,
    )
    clip = Clip(settings)
    images = jpegs(folder, options.images, options.size)
    # Last batches of another size would make the limit another one.
    images = images[: max(1, len(images) // options.batch_size) * options.batch_size]
    side = clip.cut(images[0].read()).shape[0]
    ready = torch.zeros((min(options.batch_size, len(images)), side, side, 3), dtype=torch.uint8, device=clip.device)

    def limit() -> None:
        for _ in range(0, len(images), len(ready)):
            clip.encode(ready)

    contenders = {
        "forward passes alone, the limit": limit,
        f"ours, {options.workers} workers": lambda: embed_shard(clip, images, options.workers),
    }
    seconds = rounds(contenders, options.repeat, clip.device)
    megabytes = sum(len(image.read()) for image in images) / len(images) / 1e6
    title = (
        f"{options.model}, {options.precision}, {clip.device}, {options.threads} threads, batches of {len(ready)}; "
        f"{len(images)} JPEGs, {options.size[0]}x{options.size[1]}, {megabytes:.2f} MB, {options.preprocess}"
    )
    if not options.without_peers:
        few = images[: max(4, len(images) // 8)]
        naive = _one_by_one(options.model, weights, clip.device, few)
        alone = rounds({"naive": naive}, options.repeat, clip.device)["naive"]
        seconds["one image at a time, float32 (published)"] = [each * len(images) / len(few) for each in alone]
    print_rates(title, len(images), "images/s", seconds, "forward passes alone, the limit")
    began = time.perf_counter()
    for image in images[:50]:
        clip.cut(image.read())
    print(f"reading and cutting, one process: {len(images[:50]) / (time.perf_counter() - began):,.0f} images/s")
    print_memory(clip.device)


def _one_by_one(model: str, weights: str, device: str, images: Sequence[ImageFile]) -> Callable[[], None]:
    """The published method: every image opened, preprocessed and embedded by itself, in float32."""
    loaded, _, transform = open_clip.create_model_and_transforms(model, pretrained=weights, device=device)
    loaded.eval()

    def run() -> None:
        with torch.inference_mode():
            for image in images:
                pixels = transform(Image.open(io.BytesIO(image.read())))[None]
                loaded.encode_image(pixels.to(device), normalize=True).cpu()

    return run


def clip_like(count: int, seed: int) -> Vectors:
    """Unit rows as CLIP's lie: in a narrow cone, in clusters."""
    generator = torch.Generator().manual_seed(seed)
    shared = torch.Generator().manual_seed(99)
    centres = torch.randn((300, DIMENSION), generator=shared)
    common = torch.randn(DIMENSION, generator=shared)
    own = torch.randn((count, DIMENSION), generator=generator)
    rows = common + 0.5 * centres[torch.randint(300, (count,), generator=generator)] + own
    vectors: Vectors = torch.nn.functional.normalize(rows, dim=1).numpy()
    return vectors


def measure_topk(options: argparse.Namespace) -> None:
    images, tasks = clip_like(options.queries, 1), clip_like(options.task_types, 2)
    device, chunk = options.device, 1024
    left, right = torch.from_numpy(images).to(device), torch.from_numpy(tasks).to(device).T
    product = torch.empty((chunk, len(tasks)), device=device)

    def gemm() -> None:
        for start in range(0, len(left), chunk):
            block = left[start : start + chunk]
            torch.mm(block, right, out=product[: len(block)])

    def numpy_gemm() -> None:
        out = np.empty((chunk, len(tasks)), np.float32)
        for start in range(0, len(images), chunk):
            block = images[start : start + chunk]
            np.matmul(block, tasks.T, out=out[: len(block)])

    def bfloat16_gemm() -> None:
        rounded, keys = left.bfloat16(), right.bfloat16().contiguous()
        out = torch.empty((chunk, len(tasks)), dtype=torch.bfloat16, device=device)
        for start in range(0, len(left), chunk):
            block = rounded[start : start + chunk]
            torch.mm(block, keys, out=out[: len(block)])

    def torch_topk() -> None:
        for start in range(0, len(left), chunk):
            block = left[start : start + chunk]
            torch.topk(torch.mm(block, right, out=product[: len(block)]), K, dim=1)

    def numpy_topk() -> None:
        for start in range(0, len(images), chunk):
            scores = images[start : start + chunk] @ tasks.T
            best = np.argpartition(scores, -K, axis=1)[:, -K:]
            np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1), 1)

    contenders: dict[str, Callable[[], object]] = {
        "bare float32 product of torch": gemm,
        "bare bfloat16 product of torch, inexact": bfloat16_gemm,
        "ours, exact": lambda: exact_topk(images, tasks, K, device=device),
        "ours, reversed (55 images a task type)": lambda: exact_topk_of_blocks(
            tasks, np.array_split(images, -(-len(images) // 8192)), 55, device=device
        ),
        "product and torch.topk, inexact": torch_topk,
    }
    limit = "bare float32 product of torch"
    if device == "cpu":
        limit = "bare float32 product of numpy"
        contenders[limit] = numpy_gemm
    if not options.without_peers and device == "cpu":
        contenders["numpy argpartition, inexact"] = numpy_topk
        if importlib.util.find_spec("faiss"):
            contenders["faiss IndexFlatIP, inexact"] = _faiss(images, tasks, options.threads)
        else:
            print("faiss is not installed (pip install faiss-cpu): it is left out")
    seconds = rounds(contenders, options.repeat, device)
    title = (
        f"top {K} of {len(tasks):,} task types for {len(images):,} images, d = {DIMENSION}, {device}, "
        f"{torch.get_num_threads()} threads"
    )
    if device == "cpu":
        limit = min(("bare float32 product of torch", limit), key=lambda name: statistics.median(seconds[name]))
    print_rates(title, len(images), "images/s", seconds, limit)
    print(f"ours looks for candidates by {fastest_products(torch.device(device)).__name__}")
    print_memory(device)
    ours, inexact = exact_topk(images, tasks, K, device=device).indices, []
    exact, wide = [], torch.from_numpy(tasks).to(device).double().T
    for start in range(0, len(left), 256):
        block = left[start : start + 256]
        exact.append(torch.topk(block.double() @ wide, K, dim=1).indices.cpu().numpy())
        inexact.append(torch.topk(block @ right, K, dim=1).indices.cpu().numpy())
    for name, found in (("ours", ours), ("float32 torch.topk", np.concatenate(inexact))):
        differing = (np.sort(found, axis=1) != np.sort(np.concatenate(exact), axis=1)).any(axis=1).sum()
        print(f"sets that differ from float64's, {name}: {differing} of {len(images):,}")


def _faiss(images: Vectors, tasks: Vectors, threads: int) -> Callable[[], object]:
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(tasks)
    return lambda: index.search(images, K)


def size(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure CLIP embedding and exact top-k.")
    parser.add_argument("part", nargs="?", choices=["embed", "topk"], help="one of the two; both if left out")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the model and of top-k")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--model", default="ViT-L-14")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--preprocess", default="exact", choices=["exact", "fast"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--size", type=size, default=(640, 480), help="of the JPEG files, such as 640x480")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--queries", type=int, default=8192, help="images whose task types are ranked")
    parser.add_argument("--task-types", type=int, default=TASK_TYPES)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}", end="")
    print(f", {torch.cuda.get_device_name()}" if options.device == "cuda" else "")
    torch.set_num_threads(options.threads)
    if options.part != "topk":
        with tempfile.TemporaryDirectory() as folder:
            measure_embedding(options, Path(folder))
    if options.part != "embed":
        measure_topk(options)


if __name__ == "__main__":
    main()
