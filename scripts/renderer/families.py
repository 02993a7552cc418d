"""All families of rendered images, whichever module draws them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from renderer import (
    canvas,
    charts,
    diagrams,
    documents,
    figures,
    landscapes,
    layouts,
    living,
    medical,
    objects,
    places,
    screens,
    signs,
    stationery,
    textures,
)

__all__ = ["FAMILIES", "is_drawn", "render"]

_DRAWN = {
    module.__name__: drawn
    for drawn, modules in (
        (True, (charts, figures, diagrams, layouts, documents, stationery)),
        (False, (living, objects, medical, landscapes, places)),
        (True, (screens, signs)),
        (False, (textures,)),
    )
    for module in modules
}

# The demo's shuffle starts from this order, so it must not depend on which module was imported first.
_ORDER = list(_DRAWN)
FAMILIES = dict(sorted(canvas.FAMILIES.items(), key=lambda item: _ORDER.index(item[1].__module__)))
"""Every family by name, in the order of the modules above and, within each, of the source."""


def render(name: str, *seed: int) -> Image.Image:
    """An image of family ``name``: RGB, about 512 by 512 pixels, every one of them fixed by ``seed``.

    The name is mixed into the seed, so an image does not change when other families come or go.
    """
    return FAMILIES[name](np.random.default_rng([*seed, *name.encode()]))


def is_drawn(name: str) -> bool:
    """Whether the images of family ``name`` are flat ink on a page, and not shaded like photographs."""
    return _DRAWN[FAMILIES[name].__module__]
