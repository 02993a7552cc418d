"""From an image's bytes to the pixels that a CLIP model takes, in open_clip's own way.

open_clip's transform resizes and crops a picture and then makes numbers of it. Here the two parts are apart:
pictures are cut to size beside the model, in other processes, and travel as bytes (a quarter of the
size); the numbers are made of a whole batch, on the model's device, by the same operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.images import decode_rgb

Pixels = NDArray[np.uint8]

FAST_DECODE = 2
"""Times the model's image size that the shorter side of a JPEG still has when it is decoded to fewer pixels."""


@dataclass(frozen=True)
class Cutting:
    """Decodes an image and cuts it to the model's size; can be sent to another process.

    Attributes:
        steps: the transforms that take a picture and give one.
        shorter_side: JPEGs may be decoded to fewer pixels, but not below this; ``None``: never.
    """

    steps: tuple[Callable[[Image.Image], Image.Image], ...]
    shorter_side: int | None

    def __call__(self, data: bytes) -> Pixels:
        """The pixels of an image file: uint8, shape (height, width, 3).

        Raises:
            OSError: if the bytes are no image, or damaged.
        """
        image = decode_rgb(data, self.shorter_side)
        for step in self.steps:
            image = step(image)
        return np.array(image)


class Preprocessing:
    """A transform of open_clip in its two parts.

    Attributes:
        cut: what is done to every image on its own.
    """

    def __init__(self, transform: Any, image_size: int, fast: bool) -> None:
        """Take ``transform`` apart.

        Args:
            transform: open_clip's, for inference: pictures to pictures, then ``MaybeToTensor`` and ``Normalize``.
            fast: whether large JPEGs are decoded to fewer pixels, which is not exactly what open_clip does.

        Raises:
            UserError: if it does not consist of these parts.
        """
        *steps, to_tensor, self._normalise = transform.transforms
        names = [type(step).__name__ for step in (to_tensor, self._normalise)]
        if names != ["MaybeToTensor", "Normalize"]:
            raise UserError(
                "match.model", f"its preprocessing ends in {' and '.join(names)}, which is not supported", "use another"
            )
        self.cut = Cutting(tuple(steps), FAST_DECODE * image_size if fast else None)

    def numbers(self, pixels: torch.Tensor) -> torch.Tensor:
        """The model's input: float32, shape (batch, 3, height, width), from uint8 of (batch, height, width, 3)."""
        values: torch.Tensor = self._normalise(pixels.permute(0, 3, 1, 2).contiguous().float().div(255))
        return values
