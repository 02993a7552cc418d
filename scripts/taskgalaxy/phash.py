"""The perceptual hash of an image: 64 bits that change little when the image is scaled, compressed or brightened.

It is the one that is widely called pHash, and agrees with ImageHash's ``phash``, whose hexadecimal form lists of
hashes have: of 32 x 32 grey pixels the 8 x 8 lowest frequencies of the cosine transform, each bit whether one is
above their median. So half of the bits are set, and distances are even but for ties. Colours do not matter;
mirroring, rotating and cutting off a tenth do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from taskgalaxy.images import ImageFile, decode_rgb

BITS = 64
PLAIN = 2.0
"""Least standard deviation of the grey pixels, of 255: what is plainer differs by noise alone, and has no hash."""

_SIDE, _LOW = 32, 8
_COSINES = np.cos(np.pi / _SIDE * np.outer(np.arange(_LOW), np.arange(_SIDE) + 0.5))

_DECODED_SIDE = 128
"""Pixels that the shorter side of a JPEG keeps at least while it is decoded."""


def perceptual_hash(image: Image.Image) -> int | None:
    """The hash of ``image``, its first bit the highest; ``None`` if it is too plain to have one."""
    grey = np.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), np.float64)
    if grey.std() < PLAIN:
        return None
    # What symmetry makes zero would be a rounding error, and another one on another machine.
    low = np.round(_COSINES @ grey @ _COSINES.T, 3).ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def hash_bytes(data: bytes) -> int | None:
    """The hash of an image file's content. Raises ``OSError`` if it is no image, or damaged."""
    return perceptual_hash(decode_rgb(data, _DECODED_SIDE))


def hash_images(images: Iterable[ImageFile]) -> list[dict[str, Any]]:
    """A row of ``schemas.IMAGE_HASHES`` per image, in their order."""
    rows = []
    for image in images:
        try:
            found, readable = hash_bytes(image.read()), True
        except OSError:
            found, readable = None, False
        rows.append({"image_id": image.image_id, "phash": found, "readable": readable})
    return rows
