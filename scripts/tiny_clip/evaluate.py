"""How well the model ranks task types for images, beside what chance would reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from renderer.vocabulary import Knowledge
from tiny_clip.labels import HELD_OUT, canonical_labels

BATCH = 128

Vectors = NDArray[np.float32]
Fit = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Task types to rank, and which of them fit which family: ``fit`` of shape (families, texts)."""

    name: str
    texts: list[str]
    fit: Fit


@dataclass(frozen=True)
class Figures:
    """Share of images whose best task type fits, and for which one of the best five does."""

    pool: str
    texts: int
    images: int
    top_1: float
    top_5: float
    chance_1: float
    chance_5: float


def pools(vocabulary: Sequence[Knowledge], families: Sequence[str]) -> list[Pool]:
    """What is measured: one known label per family, one never trained on, and the specific vocabulary."""
    canonical = canonical_labels(vocabulary)
    own = np.eye(len(families), dtype=bool)
    specific = [each for each in vocabulary if not each.general]
    return [
        Pool("one label per family", [canonical[name] for name in families], own),
        Pool("one label per family, never trained on", [HELD_OUT[name] for name in families], own),
        Pool(
            "specific labels of the vocabulary",
            [each.task_type for each in specific],
            np.array([[name in each.families for each in specific] for name in families]),
        ),
    ]


def embed_texts(model: Any, tokenizer: Any, texts: Sequence[str]) -> Vectors:
    """Float32 of shape (texts, dimension), normalised per row."""
    with torch.inference_mode():
        vectors: Vectors = model.encode_text(tokenizer(list(texts)), normalize=True).float().numpy()
    return vectors


def embed_images(model: Any, preprocess: Any, images: Sequence[Image.Image]) -> Vectors:
    """Float32 of shape (images, dimension), normalised per row."""
    parts = []
    for start in range(0, len(images), BATCH):
        batch = torch.stack([preprocess(image) for image in images[start : start + BATCH]])
        with torch.inference_mode():
            parts.append(model.encode_image(batch, normalize=True).float().numpy())
    return np.concatenate(parts)


def measure(images: Vectors, families: NDArray[np.int64], texts: Vectors, pool: Pool) -> Figures:
    """Rank the texts of ``pool`` for every image; ``families`` holds the index of each image's family."""
    best = np.argsort(-(images @ texts.T), axis=1, kind="stable")[:, :5]
    fits = np.take_along_axis(pool.fit[families], best, axis=1)
    fitting = pool.fit.sum(axis=1)[families]
    return Figures(
        pool=pool.name,
        texts=len(pool.texts),
        images=len(images),
        top_1=float(fits[:, 0].mean()),
        top_5=float(fits.any(axis=1).mean()),
        chance_1=float(fitting.mean() / len(pool.texts)),
        chance_5=float(np.mean([_chance(len(pool.texts), int(count), 5) for count in fitting])),
    )


def _chance(texts: int, fitting: int, drawn: int) -> float:
    """Probability that ``drawn`` of ``texts``, taken at random, hold one of ``fitting``."""
    return 1 - comb(texts - fitting, drawn) / comb(texts, drawn)
