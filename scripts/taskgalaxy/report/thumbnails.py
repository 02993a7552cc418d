"""Small copies of images, as data URIs that a page carries with it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes of more than eight bits a channel."""


@dataclass(frozen=True)
class Thumbnail:
    """A data URI, and its width and height in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(data: bytes, longest: int = 256, quality: int = 72) -> Thumbnail:
    """A WebP copy of an image, upright, its longest side at most ``longest`` pixels; never enlarged.

    Transparent parts become white. The same bytes give the same data URI under one version of Pillow.

    Raises:
        OSError: if the bytes do not decode as an image (Pillow's ``UnidentifiedImageError`` is one).
        PIL.Image.DecompressionBombError: if the image has more pixels than Pillow's limit allows.
    """
    with Image.open(io.BytesIO(data)) as opened:
        # Lets the JPEG decoder skip detail that a thumbnail cannot show; no effect on other formats.
        opened.draft("RGB", (2 * longest, 2 * longest))
        image = _eight_bits(ImageOps.exif_transpose(opened))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=4)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/webp;base64,{encoded}", image.width, image.height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image as opaque RGB, wide value ranges stretched to eight bits."""
    if image.mode in WIDE_MODES:
        values = image.convert("F")
        low, high = values.getextrema()
        assert isinstance(low, float)
        assert isinstance(high, float)
        scale = 255 / (high - low) if high > low else 0.0
        return values.point(lambda value: value * scale - low * scale).convert("L").convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")
