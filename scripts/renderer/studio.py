"""Where single things are shown: plain backdrops and table tops, with shaded balls and shadows."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import SIZE, WHITE, Colour, chance, pick, vivid
from .paint import BIG, as_image, backdrop, big, darker, grid, lighter, mix


def studio(rng: Generator, plain: float = 0.4) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A calm backdrop of twice the final size: white with probability ``plain``, else a soft gradient."""
    if chance(rng, plain):
        return big(pick(rng, [WHITE, (246, 244, 238), (238, 241, 245)]))
    base = vivid(rng, (0.08, 0.5), (0.45, 1.0))
    return backdrop(mix(lighter(base, 0.3), darker(base, 0.25), grid()[1] / SIZE))


def table(rng: Generator, level: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A wall above and a table top below row ``level`` of the drawing."""
    wall = vivid(rng, (0.05, 0.4), (0.55, 0.98))
    top = pick(rng, [(170, 120, 80), (120, 82, 58), (225, 215, 200), (205, 170, 130), (90, 95, 105)])
    y = grid()[1] * 2
    field = mix(lighter(wall, 0.2), darker(wall, 0.1), y / level)
    surface = mix(lighter(top, 0.12), darker(top, 0.15), (y - level) / (BIG - level))
    return backdrop(np.where((y > level)[..., None], surface, field))


def ball(image: Image.Image, x: float, y: float, radius_x: float, radius_y: float, colour: Colour) -> None:
    """Paste a shaded ellipsoid lit from the upper left, with a highlight."""
    width, height = int(2 * radius_x), int(2 * radius_y)
    px, py = grid(width, height)
    a, b = px / radius_x - 1, py / radius_y - 1
    up = np.sqrt(np.clip(1 - a * a - b * b, 0, 1))
    light = np.clip(-0.45 * a - 0.55 * b + 0.7 * up, 0, 1)
    body = mix(darker(colour, 0.5), lighter(colour, 0.1), light)
    patch = mix(body, WHITE, 0.75 * light**24)
    mask = Image.fromarray(((a * a + b * b) < 1).astype(np.uint8) * 255)
    image.paste(as_image(patch), (int(x - radius_x), int(y - radius_y)), mask)


def shadow(draw: ImageDraw.ImageDraw, x: float, y: float, half: float, colour: Colour) -> None:
    draw.ellipse((x - half, y - half * 0.14, x + half, y + half * 0.14), fill=colour)
