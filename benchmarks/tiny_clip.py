"""The tiny CLIP's accuracy on images it has not seen, its size and its speed, beside chance.

Run as ``python -m benchmarks.tiny_clip`` from the repository's root, with ``scripts`` on the Python path.
Images are rendered at full size from seeds that training does not use and go through open_clip's own
preprocessing. For the photographs of scikit-image a task type is right that fits the family named beside
each of them below.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from renderer.families import FAMILIES
from renderer.vocabulary import read_vocabulary
from tiny_clip.data import fresh_images
from tiny_clip.evaluate import Figures, embed_images, embed_texts, measure, pools
from tiny_clip.model import WEIGHTS, load, size_of

PHOTOGRAPHS = {
    "astronaut": "face",
    "brick": "brick wall",
    "cell": "cell microscopy",
    "chelsea": "cat",
    "clock": "clock face",
    "coffee": "coffee cup",
    "coins": "coins",
    "gravel": "granular texture",
    "hubble_deep_field": "night sky",
    "immunohistochemistry": "cell microscopy",
    "page": "letter",
    "rocket": "rocket launch",
    "text": "handwritten note",
}
"""Pictures that ship inside scikit-image and that show one of the families."""


def photographs(families: Sequence[str]) -> tuple[list[Image.Image], list[int]]:
    images = [Image.fromarray(getattr(skimage.data, name)()).convert("RGB") for name in PHOTOGRAPHS]
    return images, [families.index(family) for family in PHOTOGRAPHS.values()]


def line(*cells: str) -> str:
    return f"{cells[0]:<44}" + "".join(f"{cell:>10}" for cell in cells[1:])


def cells(figures: Figures) -> tuple[str, ...]:
    shares = (figures.top_1, figures.chance_1, figures.top_5, figures.chance_5)
    return (f"  {figures.pool}", str(figures.texts), str(figures.images), *(f"{share:.1%}" for share in shares))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the tiny CLIP.")
    parser.add_argument("--model", type=Path, default=Path("resources/tiny-clip"))
    parser.add_argument("--vocabulary", type=Path, default=Path("resources/embedded/vocabulary.yaml"))
    parser.add_argument("--per-family", type=int, default=25, help="fresh images of each family")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    started = time.perf_counter()
    model, preprocess, tokenizer = load(options.model)
    loading = time.perf_counter() - started
    families = list(FAMILIES)
    images, labels = fresh_images(families, options.per_family, options.seed)
    started = time.perf_counter()
    vectors = embed_images(model, preprocess, images)
    embedding = time.perf_counter() - started
    photos, photo_families = photographs(families)
    photo_vectors = embed_images(model, preprocess, photos)

    print(line("task types ranked", "texts", "images", "top-1", "chance", "top-5", "chance"))
    for title, image_vectors, image_families in (
        (f"rendered images of {len(families)} families", vectors, labels),
        ("photographs of scikit-image", photo_vectors, np.array(photo_families)),
    ):
        print(title)
        for pool in pools(read_vocabulary(options.vocabulary), families):
            texts = embed_texts(model, tokenizer, pool.texts)
            print(line(*cells(measure(image_vectors, image_families, texts, pool))))
    weights = (options.model / WEIGHTS).stat().st_size
    print(f"size of all files {size_of(options.model):,} bytes, of the weights {weights:,}")
    print(f"loaded in {loading:.2f} s, {len(images) / embedding:.0f} images a second")


if __name__ == "__main__":
    main()
