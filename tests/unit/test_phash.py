"""The perceptual hash is the one that lists of hashes hold, and survives what copies go through."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from image_files import image_file
from taskgalaxy.phash import hash_bytes, hash_images, perceptual_hash
from taskgalaxy.schemas import IMAGE_HASHES
from taskgalaxy.tables import to_arrow

ROOT = Path(__file__).parents[2]


def picture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Something as coarse as a photograph."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **settings: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def apart(first: int | None, second: int | None) -> int:
    assert first is not None
    assert second is not None
    return (first ^ second).bit_count()


@pytest.mark.parametrize(
    ("seed", "given"),
    [(0, "fc9848e313c4ae3b"), (1, "8ce3d8b83acbc534"), (2, "fc6c8d47db2420da"), (3, "dd79e29cd5ee0011")],
)
def test_the_hash_is_that_of_imagehash(seed: int, given: str) -> None:
    """As ImageHash 4.3.2 prints it."""
    assert perceptual_hash(picture(seed)) == int(given, 16)


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near_and_others_are_far(seed: int) -> None:
    image = picture(seed)
    own = hash_bytes(encoded(image))
    copies = [
        encoded(image, "JPEG", quality=60),
        encoded(image.resize((160, 120))),
        encoded(ImageOps.grayscale(image)),
        encoded(picture(seed, (2000, 1500)), "JPEG"),
    ]
    assert max(apart(own, hash_bytes(copy)) for copy in copies) <= 4
    assert min(apart(own, hash_bytes(encoded(picture(other)))) for other in range(10, 20)) > 11


def test_half_of_the_bits_are_set_so_that_distances_are_even() -> None:
    hashes = [perceptual_hash(picture(seed)) for seed in range(10)]
    assert {found.bit_count() for found in hashes if found is not None} == {32}


def test_an_image_of_one_colour_has_no_hash() -> None:
    assert perceptual_hash(Image.new("RGB", (100, 80), "red")) is None


def test_what_symmetry_makes_zero_is_no_bit() -> None:
    half = picture(0, (160, 240))
    symmetric = Image.new("RGB", (320, 240))
    symmetric.paste(half, (0, 0))
    symmetric.paste(ImageOps.mirror(half), (160, 0))
    mirrored = ImageOps.mirror(symmetric)
    assert perceptual_hash(symmetric) == perceptual_hash(mirrored)


def test_images_that_cannot_be_read_any_more_have_a_row_without_a_hash(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("there.png", "plain.png", "gone.png")]
    for path, image in zip(paths, (picture(1), Image.new("L", (64, 64)), picture(2)), strict=True):
        image.save(path)
    images = [image_file(path) for path in paths]
    paths[2].unlink()
    rows = hash_images(images)
    to_arrow(rows, IMAGE_HASHES)
    assert [row["image_id"] for row in rows] == [image.image_id for image in images]
    assert [(row["phash"] is not None, row["readable"]) for row in rows] == [
        (True, True),
        (False, True),
        (False, False),
    ]
