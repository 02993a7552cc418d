"""Train the probe on freshly rendered pictures, and print how good it is on others.

Run as ``python -m taskgalaxy.embedded.train_probe`` with ``scripts`` on the Python path. It takes a few
minutes on two cores, nearly all of it for rendering.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from safetensors.numpy import save

from renderer.families import FAMILIES, render
from taskgalaxy.embedded.features import features
from taskgalaxy.embedded.pixels import Floats, Picture
from taskgalaxy.embedded.probe import standardised
from taskgalaxy.files import atomic

OUTPUT = Path("resources/embedded/probe.safetensors")
PROBE, HELD_OUT = 4, 5
"""Streams of seeds that no other use of the renderer has: to train and to measure the probe."""

_HIDDEN = 160
_DIMENSIONS = 48
_STEPS = 3000
_BATCH = 256


def _rows(job: tuple[str, int], stream: int, seed: int, views: int) -> Floats:
    """Features of one rendering, as it is and in ``views`` changed views: (1 + views, n)."""
    name, number = job
    image = render(name, seed, stream, number).convert("RGB")
    rng = np.random.default_rng([seed, stream, number, *name.encode()])
    images = [image, *(_changed(image, rng) for _ in range(views))]
    return np.stack([features(Picture(each)) for each in images])


def _changed(image: Image.Image, rng: Generator) -> Image.Image:
    """Most of the image, a little brighter or darker, softer or greyer."""
    scale = rng.uniform(0.8, 1)
    width, height = int(image.width * scale), int(image.height * scale)
    left, top = (int(rng.integers(0, room + 1)) for room in (image.width - width, image.height - height))
    view = image.crop((left, top, left + width, top + height))
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(0.8, 1.15))
    view = ImageEnhance.Contrast(view).enhance(rng.uniform(0.75, 1.2))
    view = ImageEnhance.Color(view).enhance(rng.uniform(0.4, 1.3))
    return view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2))) if rng.random() < 0.25 else view


def _drawn(per_family: int, stream: int, seed: int, views: int, processes: int) -> tuple[Floats, NDArray[np.int64]]:
    """Features (images, n) and family indices (images,), family by family."""
    jobs = [(name, number) for name in FAMILIES for number in range(per_family)]
    with get_context("spawn").Pool(processes) as pool:
        parts = pool.map(partial(_rows, stream=stream, seed=seed, views=views), jobs, chunksize=16)
    return np.concatenate(parts), np.repeat(np.arange(len(FAMILIES)), per_family * (1 + views))


def _network(rows: Floats, labels: NDArray[np.int64], seed: int) -> dict[str, Floats]:
    """Fit the classifier to standardised features by AdamW with dropout and smoothed labels."""
    torch.manual_seed(seed)
    first, last = torch.nn.Linear(rows.shape[1], _HIDDEN), torch.nn.Linear(_HIDDEN, len(FAMILIES))
    model = torch.nn.Sequential(torch.nn.Dropout(0.15), first, torch.nn.ReLU(), torch.nn.Dropout(0.3), last)
    data, target = torch.from_numpy(rows), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, _STEPS)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(_STEPS):
        batch = torch.randint(len(data), (_BATCH,))
        optimiser.zero_grad()
        loss_of(model(data[batch]), target[batch]).backward()
        optimiser.step()
        schedule.step()
    tensors = {
        "in_weight": first.weight.T,
        "in_bias": first.bias,
        "out_weight": last.weight.T,
        "out_bias": last.bias,
    }
    return {name: np.ascontiguousarray(tensor.detach().numpy(), np.float32) for name, tensor in tensors.items()}


def _places(rows: Floats, labels: NDArray[np.int64]) -> dict[str, Floats]:
    """Where each family lies: a basis (n, d) that whitens the spread within families, centres and reaches.

    The directions are those in which families lie furthest apart, compared with the spread within them
    (linear discriminant analysis with a shrunk covariance).
    """
    count = int(labels.max()) + 1
    means = np.stack([rows[labels == index].mean(0) for index in range(count)])
    within = np.cov((rows - means[labels]).T)
    within = 0.8 * within + 0.2 * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(values)
    _, _, axes = np.linalg.svd((means - means.mean(0)) @ white, full_matrices=False)
    basis = (white @ axes[:_DIMENSIONS].T).astype(np.float32)
    centres = (means @ basis).astype(np.float32)
    distance = np.linalg.norm(rows @ basis - centres[labels], axis=1)
    reach = np.array([np.quantile(distance[labels == index], 0.99) for index in range(count)], np.float32)
    return {"basis": basis, "centres": centres, "reach": reach}


def _accuracy(weights: dict[str, Floats], rows: Floats, labels: NDArray[np.int64], best: int) -> float:
    hidden = np.maximum(rows @ weights["in_weight"] + weights["in_bias"], 0)
    order = np.argsort(-(hidden @ weights["out_weight"] + weights["out_bias"]), axis=1)[:, :best]
    return float((order == labels[:, None]).any(1).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m taskgalaxy.embedded.train_probe", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    parser.add_argument("--per-family", type=int, default=40, help="pictures per family to train on (default: 40)")
    parser.add_argument("--held-out", type=int, default=8, help="pictures per family to measure with (default: 8)")
    parser.add_argument("--views", type=int, default=1, help="changed views of each training picture (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.processes)
    started = time.monotonic()
    raw, labels = _drawn(options.per_family, PROBE, options.seed, options.views, options.processes)
    mean, scale = raw.mean(0), np.maximum(raw.std(0), 1e-3)
    rows = standardised(raw, mean, scale)
    weights = {"mean": mean, "scale": scale, **_network(rows, labels, options.seed), **_places(rows, labels)}
    fresh, truth = _drawn(options.held_out, HELD_OUT, options.seed, 0, options.processes)
    fresh = standardised(fresh, mean, scale)
    data = save({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()},
                {"families": "\n".join(FAMILIES)})  # fmt: skip
    with atomic(options.out, "wb") as file:
        file.write(data)
    far = np.linalg.norm(fresh @ weights["basis"] - weights["centres"][truth], axis=1) / weights["reach"][truth]
    print(f"{len(rows):,} pictures of {len(FAMILIES)} families, {rows.shape[1]} features; {len(data):,} bytes")
    print(f"held out ({len(fresh):,}): top-1 {100 * _accuracy(weights, fresh, truth, 1):.1f} %, "
          f"top-3 {100 * _accuracy(weights, fresh, truth, 3):.1f} %, "
          f"{100 * float((far > 1).mean()):.1f} % beyond their family's reach")  # fmt: skip
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
