"""Training images: rendered at full size, changed at random, and reduced as the model's preprocessing does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from renderer.canvas import chance, pick, uniform, vivid
from renderer.families import render

IMAGE_SIZE = 64
"""Side in pixels to which the model's preprocessing squashes an image, whatever its shape."""

TRAINING, FRESH = 1, 3
"""Streams of seeds that keep the images of different uses apart (the demo's stream is 2)."""

Pixels = NDArray[np.uint8]

_ROOM = 2
"""Rotation works on this many times the model's size, to keep what the last reduction needs."""


def training_set(
    families: Sequence[str], per_family: int, views: int, seed: int, processes: int
) -> tuple[Pixels, NDArray[np.int64]]:
    """``per_family`` renderings of every family, each in ``views`` random views.

    Returns the pixels, uint8 of shape (images, 64, 64, 3), and the index of each one's family.
    """
    jobs = [(name, number) for name in families for number in range(per_family)]
    with get_context("spawn").Pool(processes) as pool:
        parts = pool.map(partial(_views, views=views, seed=seed), jobs, chunksize=64)
    labels = np.repeat(np.arange(len(families)), per_family * views)
    return np.concatenate(parts), labels


def fresh_images(families: Sequence[str], per_family: int, seed: int) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """Full-size images that no training has seen, and the index of each one's family."""
    images = [render(name, seed, FRESH, number) for name in families for number in range(per_family)]
    return images, np.repeat(np.arange(len(families)), per_family)


def _views(job: tuple[str, int], views: int, seed: int) -> Pixels:
    name, number = job
    image = render(name, seed, TRAINING, number)
    rng = np.random.default_rng([seed, TRAINING, number, *name.encode()])
    return np.stack([np.asarray(augmented(image, rng)) for _ in range(views)])


def augmented(image: Image.Image, rng: Generator) -> Image.Image:
    """A random view of ``image`` at the model's size."""
    if chance(rng, 0.12):
        image = _framed(image, rng)
        box = (0.0, 0.0, float(image.width), float(image.height))
    else:
        box = _part(image, rng)
    if chance(rng, 0.35):
        small = _ROOM * IMAGE_SIZE
        turned = image.resize((small, small), Image.Resampling.BICUBIC, box=box)
        edge = turned.getpixel((1, 1))
        turned = turned.rotate(uniform(rng, -8, 8), Image.Resampling.BILINEAR, fillcolor=edge)
        view = turned.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    else:
        view = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC, box=box)
    if chance(rng, 0.6):
        view = ImageEnhance.Brightness(view).enhance(uniform(rng, 0.7, 1.2))
        view = ImageEnhance.Contrast(view).enhance(uniform(rng, 0.65, 1.25))
        view = ImageEnhance.Color(view).enhance(uniform(rng, 0.3, 1.4))
    if chance(rng, 0.1):
        view = view.convert("L").convert("RGB")
    if chance(rng, 0.2):
        view = view.filter(ImageFilter.GaussianBlur(uniform(rng, 0.2, 0.8)))
    return view


def _part(image: Image.Image, rng: Generator) -> tuple[float, float, float, float]:
    """Most of the image, or all of it, as a box (left, top, right, bottom)."""
    if chance(rng, 0.3):
        return 0.0, 0.0, float(image.width), float(image.height)
    scale = uniform(rng, 0.7, 1)
    width = image.width * scale
    height = image.height * min(1.0, scale * uniform(rng, 0.88, 1.14))
    left, top = uniform(rng, 0, image.width - width), uniform(rng, 0, image.height - height)
    return left, top, left + width, top + height


def _framed(image: Image.Image, rng: Generator) -> Image.Image:
    """The image on a larger plain ground."""
    width, height = int(image.width * 1.3), int(image.height * 1.3)
    ground = pick(rng, [(255, 255, 255), (235, 235, 235), vivid(rng, (0.0, 0.4), (0.3, 1.0))])
    framed = Image.new("RGB", (width, height), ground)
    framed.paste(image, (int(uniform(rng, 0, width - image.width)), int(uniform(rng, 0, height - image.height))))
    return framed
