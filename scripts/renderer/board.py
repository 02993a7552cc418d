"""What diagrams and figures are drawn with: a light or dark board, points round a centre, arrows."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import Colour, chance, ink, paper, pick
from .paint import Point, big


def board(rng: Generator) -> tuple[Image.Image, ImageDraw.ImageDraw, Colour, Colour]:
    """Image, drawing context, background and line colour of a light or a dark drawing."""
    dark: list[Colour] = [(28, 32, 40), (24, 54, 96), (38, 66, 54), (16, 16, 18)]
    ground, line = (pick(rng, dark), (235, 238, 240)) if chance(rng, 0.25) else (paper(rng), ink(rng))
    return *big(ground), ground, line


def polar(x: float, y: float, radius: float, angle: float) -> Point:
    return x + radius * float(np.cos(angle)), y + radius * float(np.sin(angle))


def arrow(draw: ImageDraw.ImageDraw, path: list[Point], fill: Colour, width: int = 5) -> None:
    draw.line(path, fill=fill, width=width)
    (a, b), (x, y) = path[-2:]
    back = float(np.arctan2(b - y, a - x))
    draw.polygon([(x, y), polar(x, y, 26, back - 0.4), polar(x, y, 26, back + 0.4)], fill=fill)
