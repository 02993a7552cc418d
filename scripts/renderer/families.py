"""All families of rendered images, whichever module draws them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from renderer import charts, diagrams, documents, objects, scenes, screens, signs, textures
from renderer.canvas import FAMILIES

__all__ = ["FAMILIES", "is_drawn", "render"]

_DRAWN = frozenset(module.__name__ for module in (charts, diagrams, documents, screens, signs))
_SHADED = frozenset(module.__name__ for module in (objects, scenes, textures))


def render(name: str, *seed: int) -> Image.Image:
    """An image of family ``name``: RGB, about 512 by 512 pixels, every one of them fixed by ``seed``.

    The name is mixed into the seed, so an image does not change when other families come or go.
    """
    return FAMILIES[name](np.random.default_rng([*seed, *name.encode()]))


def is_drawn(name: str) -> bool:
    """Whether the images of family ``name`` are flat ink on a page, and not shaded like photographs."""
    module = FAMILIES[name].__module__
    if module not in _DRAWN | _SHADED:
        raise ValueError(f"family {name!r} comes from {module}, which is not one of the renderer's modules")
    return module in _DRAWN
