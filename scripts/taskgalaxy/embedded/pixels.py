"""An image as arrays of a few sizes, each made once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

MIN_SIDE = 16
"""Smaller sides are stretched to this many pixels, so that every measurement has something to work on."""

_steps = np.arange(256) / 255
_LINEAR: Floats = np.where(_steps <= 0.04045, _steps / 12.92, ((_steps + 0.055) / 1.055) ** 2.4).astype(np.float32)
_TO_XYZ: Floats = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_WHITE: Floats = np.array([0.95047, 1.0, 1.08883], np.float32)


def lab_of(rgb: Bytes) -> Floats:
    """CIE L*a*b* (D65) of sRGB values; any shape that ends in 3, L* from 0 to 100."""
    xyz = _LINEAR[rgb] @ _TO_XYZ.T / _WHITE
    curve = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).astype(np.float32)
    x, y, z = curve[..., 0], curve[..., 1], curve[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


class Picture:
    """A decoded RGB image and what is computed from it again and again.

    Attributes:
        width, height: the true size in pixels.
    """

    def __init__(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        self._image = image
        self._rgb: dict[tuple[int, bool], Bytes] = {}
        self._lab: dict[int, Floats] = {}

    def rgb(self, side: int) -> Bytes:
        """uint8 of shape (height, width, 3): scaled down so that the longer side is at most ``side``."""
        return self._scaled(side, square=False)

    def square(self, side: int) -> Bytes:
        """uint8 of shape (side, side, 3): squeezed, whatever the image's shape."""
        return self._scaled(side, square=True)

    def lab(self, side: int) -> Floats:
        """:func:`lab_of` of :meth:`rgb`."""
        if side not in self._lab:
            self._lab[side] = lab_of(self.rgb(side))
        return self._lab[side]

    def luma(self, side: int) -> Floats:
        """Weighted sum of the gamma-coded channels (Rec. 709), 0 to 100, of :meth:`rgb`."""
        return luma_of(self.rgb(side))

    def centre(self, side: int) -> Floats:
        """Luma of the middle of the image at its full resolution, at most ``side`` pixels either way."""
        left, top = max(0, (self.width - side) // 2), max(0, (self.height - side) // 2)
        part = self._image.crop((left, top, min(self.width, left + side), min(self.height, top + side)))
        if min(part.size) < MIN_SIDE:
            part = part.resize((max(MIN_SIDE, part.width), max(MIN_SIDE, part.height)), Image.Resampling.NEAREST)
        return luma_of(np.asarray(part))

    def _scaled(self, side: int, square: bool) -> Bytes:
        key = side, square
        if key not in self._rgb:
            scale = min(1.0, side / max(self.width, self.height))
            size = tuple(max(MIN_SIDE, round(length * scale)) for length in (self.width, self.height))
            if square:
                size = side, side
            image = self._image
            if size != image.size:
                image = image.resize((size[0], size[1]), Image.Resampling.BOX, reducing_gap=3.0)
            self._rgb[key] = np.asarray(image)
        return self._rgb[key]


def luma_of(rgb: Bytes) -> Floats:
    """Luma (Rec. 709) from 0 to 100; the channels are the last axis."""
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32) * np.float32(100 / 255)
    return rgb.astype(np.float32) @ weights


def cells(values: Floats, rows: int, columns: int) -> list[list[Floats]]:
    """``values`` (height, width, ...) cut into a grid of ``rows`` by ``columns`` parts, sizes as even as can be."""
    return [list(np.array_split(band, columns, axis=1)) for band in np.array_split(values, rows, axis=0)]
