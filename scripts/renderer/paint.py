"""Raster and scenery helpers of the image families: noise, gradients, shapes, skies, hills and trees.

Drawings are made at twice the final size and reduced, which smooths their edges; fields of numbers
(noise, gradients) are made at the final size.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .canvas import SIZE, WHITE, Colour, chance, pick, uniform, whole

Array = NDArray[np.float64]
Point = tuple[float, float]

BIG = 2 * SIZE
"""Side of a drawing before it is reduced."""

SHAPES = ("circle", "square", "triangle", "star", "diamond", "hexagon", "cross", "ring")


def grid(width: int = SIZE, height: int = SIZE) -> tuple[Array, Array]:
    """The x and y pixel coordinates, each of shape (height, width)."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    return x, y


def noise(rng: Generator, width: int, height: int, cell_x: float, cell_y: float, octaves: int = 4) -> Array:
    """A smooth random field of shape (height, width) from 0 to 1, whose largest blobs are one cell."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        columns = min(width, max(2, round(width / cell_x * 2**octave)))
        rows = min(height, max(2, round(height / cell_y * 2**octave)))
        coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    total -= total.min()
    scaled: Array = total / total.max()
    return scaled


def mix(first: Array | Colour, second: Array | Colour, share: Array) -> Array:
    """``first`` where ``share`` is 0, ``second`` where it is 1; shape (height, width, 3)."""
    start, end = np.asarray(first, float), np.asarray(second, float)
    mixed: Array = start + (end - start) * np.clip(share, 0, 1)[..., None]
    return mixed


def blend(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def as_image(array: Array) -> Image.Image:
    return Image.fromarray(np.clip(array, 0, 255).astype(np.uint8))


def backdrop(array: Array) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A field of the final size as a drawing of twice that size, to be reduced when finished."""
    image = as_image(array)
    image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.BILINEAR)
    return image, ImageDraw.Draw(image)


def pixel(image: Image.Image, x: int, y: int) -> Colour:
    """The colour of one pixel of an RGB image."""
    red, green, blue = np.asarray(image.crop((x, y, x + 1, y + 1)))[0, 0].tolist()
    return red, green, blue


def big(colour: Colour, width: int = BIG, height: int = BIG) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), colour)
    return image, ImageDraw.Draw(image)


def grained(rng: Generator, image: Image.Image, strength: float) -> Image.Image:
    """The image with grain of ``strength`` grey levels (standard deviation)."""
    speckle = rng.standard_normal((image.height, image.width, 1)) * strength
    return as_image(np.asarray(image, float) + speckle)


def polygon(x: float, y: float, radius: float, sides: int, turn: float = 0.0, inner: float = 1.0) -> list[Point]:
    """Corners of a regular polygon, the first pointing up; every second at ``inner`` makes a star."""
    steps = sides if inner == 1.0 else 2 * sides
    angles = turn - np.pi / 2 + 2 * np.pi * np.arange(steps) / steps
    radii = np.where(np.arange(steps) % 2, radius * inner, radius)
    return [(float(a), float(b)) for a, b in zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)]


def petal(
    x: float, y: float, angle: float, inner: float, outer: float, half_width: float, tip: float = 1.0
) -> list[Point]:
    """Outline of a petal from radius ``inner`` to ``outer``; ``tip`` above 1 is blunter, below 1 sharper."""
    t = np.linspace(0, 1, 15)
    side = half_width * np.sin(np.pi * t**tip)
    along = np.concatenate([inner + (outer - inner) * t, (inner + (outer - inner) * t)[::-1]])
    across = np.concatenate([side, -side[::-1]])
    xs = x + along * np.cos(angle) - across * np.sin(angle)
    ys = y + along * np.sin(angle) + across * np.cos(angle)
    return [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]


def curve(points: list[Point], steps: int = 24) -> list[Point]:
    """A Bezier curve through the first and last of its control ``points``."""
    t = np.linspace(0, 1, steps)[:, None]
    levels = [np.asarray(point)[None, :] + 0 * t for point in points]
    while len(levels) > 1:
        levels = [(1 - t) * first + t * second for first, second in pairwise(levels)]
    return [(float(a), float(b)) for a, b in levels[0]]


def disc(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    radius: float,
    fill: Colour | None,
    outline: Colour | None = None,
    width: int = 1,
) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline, width=width)


def shape(
    draw: ImageDraw.ImageDraw, kind: str, x: float, y: float, radius: float, fill: Colour, turn: float = 0.0
) -> None:
    """Draw one of ``SHAPES`` inside a circle of ``radius``."""
    if kind == "circle":
        disc(draw, x, y, radius, fill)
    elif kind == "ring":
        disc(draw, x, y, radius, None, fill, max(2, int(radius * 0.35)))
    elif kind == "cross":
        arm = radius * 0.32
        for angle in (turn, turn + np.pi / 2):
            c, s = radius * np.cos(angle), radius * np.sin(angle)
            draw.line((x - c, y - s, x + c, y + s), fill=fill, width=int(2 * arm))
    else:
        sides = {"square": 4, "triangle": 3, "star": 5, "diamond": 4, "hexagon": 6}[kind]
        start = np.pi / 4 if kind == "square" else 0.0
        if kind == "diamond":
            points = [polygon(x, y, radius * long, 4, turn)[corner] for corner, long in enumerate((1, 0.65, 1, 0.65))]
        else:
            points = polygon(x, y, radius, sides, start + turn, 0.45 if kind == "star" else 1.0)
        draw.polygon(points, fill=fill)


SKIES: dict[str, list[tuple[Colour, Colour]]] = {
    "day": [((70, 140, 220), (200, 228, 245)), ((40, 110, 190), (165, 210, 240)), ((120, 180, 230), (235, 242, 245))],
    "dusk": [((60, 50, 110), (250, 160, 90)), ((120, 70, 120), (255, 190, 120)), ((45, 60, 110), (240, 130, 110))],
    "grey": [((130, 140, 150), (205, 210, 214)), ((95, 105, 118), (180, 186, 190))],
    "night": [((8, 10, 30), (30, 40, 80)), ((4, 6, 16), (20, 26, 48)), ((18, 12, 40), (60, 45, 90))],
}
SUNNY = ("day", "day", "day", "dusk", "grey")
"""Keys of ``SKIES`` for scenes of the day, as often as each is wanted."""

TINTS: dict[str, tuple[Colour, float]] = {
    "day": ((255, 255, 240), 0.0),
    "dusk": ((70, 35, 60), 0.35),
    "grey": ((120, 125, 130), 0.3),
    "night": ((8, 10, 30), 0.65),
}


def lit(colour: Colour, mode: str) -> Colour:
    """The colour as it looks in the light of ``mode``, a key of ``SKIES``."""
    return blend(colour, *TINTS[mode])


def darker(colour: Colour, share: float = 0.25) -> Colour:
    return blend(colour, (0, 0, 0), share)


def lighter(colour: Colour, share: float = 0.25) -> Colour:
    return blend(colour, WHITE, share)


def scene_size(rng: Generator) -> tuple[int, int]:
    """Width and height of a scene, of about the same area whatever the aspect."""
    return pick(rng, [(640, 420), (640, 420), (600, 450), (512, 512)])


def sky(rng: Generator, width: int, height: int, mode: str, horizon: float) -> Array:
    """A sky of shape (height, width, 3) down to row ``horizon``, with clouds and sun, moon or stars."""
    x, y = grid(width, height)
    top, low = pick(rng, SKIES[mode])
    field = mix(top, low, (y / horizon) ** 1.2)
    if mode == "night":
        stars = rng.random((height, width)) > 0.9985
        field[stars] += rng.uniform(60, 200, (int(stars.sum()), 1))
    if mode != "grey" and chance(rng, 0.75):
        sun_x = uniform(rng, 0.1, 0.9) * width
        sun_y = horizon * (uniform(rng, 0.7, 0.95) if mode == "dusk" else uniform(rng, 0.12, 0.4))
        size = uniform(rng, 16, 30)
        distance = np.hypot(x - sun_x, y - sun_y)
        glow: Colour = {"day": (255, 250, 225), "dusk": (255, 225, 150), "night": (240, 240, 225)}[mode]
        field = mix(field, glow, 0.55 * np.exp(-distance / (size * 2.5)) + np.clip(size - distance, 0, 1))
    cover = uniform(rng, 0.45, 0.75) - (0.15 if mode == "grey" else 0.0)
    clouds = np.clip((noise(rng, width, height, width / 3, height / 9, 5) - cover) * 4, 0, 0.9) * np.clip(
        1.3 - y / horizon, 0, 1
    )
    return mix(field, lighter(low, 0.2 if mode in ("night", "dusk") else 0.75), clouds)


def ridge(rng: Generator, width: int, level: float, height: float, rough: float) -> Array:
    """A fractal skyline of shape (width,): rows from ``level`` up by at most ``height``; ``rough`` 0 to 1."""
    line, points = np.zeros(width), whole(rng, 3, 5)
    for octave in range(6):
        knots = rng.random(points * 2**octave + 1)
        line += rough**octave * np.interp(np.linspace(0, 1, width), np.linspace(0, 1, len(knots)), knots)
    line -= line.min()
    scaled: Array = level - height * line / line.max()
    return scaled


def hill(
    rng: Generator, draw: ImageDraw.ImageDraw, width: int, height: int, level: float, rise: float, colour: Colour
) -> None:
    """A filled smooth hill across a drawing of ``width`` and ``height``."""
    xs = np.linspace(0, width, 60)
    ys = level - rise * (0.5 + 0.5 * np.sin(xs / width * uniform(rng, 3, 8) + uniform(rng, 0, 6)))
    draw.polygon([*zip(xs.tolist(), ys.tolist(), strict=True), (width, height), (0, height)], fill=colour)


def conifer(draw: ImageDraw.ImageDraw, x: float, base: float, height: float, colour: Colour) -> None:
    draw.rectangle(
        (x - height * 0.03, base - height * 0.15, x + height * 0.03, base), fill=blend(colour, (60, 40, 30), 0.6)
    )
    for tier in range(4):
        low, half = base - height * (0.1 + 0.2 * tier), height * (0.24 - 0.048 * tier)
        draw.polygon(
            [(x - half, low), (x + half, low), (x, low - height * 0.36)], fill=blend(colour, WHITE, 0.05 * tier)
        )


def leafy(
    rng: Generator, draw: ImageDraw.ImageDraw, x: float, base: float, height: float, colour: Colour, mode: str = "day"
) -> None:
    trunk = lit((95, 68, 48), mode)
    draw.polygon(
        [
            (x - height * 0.05, base),
            (x + height * 0.05, base),
            (x + height * 0.02, base - height * 0.6),
            (x - height * 0.02, base - height * 0.6),
        ],
        fill=trunk,
    )
    for shade, shift in ((0.25, 0.03), (0.0, 0.0), (-0.18, -0.04)):
        tone = darker(colour, shade) if shade >= 0 else lighter(colour, -shade)
        for _ in range(9):
            angle, reach = uniform(rng, 0, 6.3), uniform(rng, 0, 0.2) * height
            disc(
                draw,
                x + reach * np.cos(angle) + shift * height,
                base - height * (0.68 - shift) + reach * np.sin(angle),
                height * uniform(rng, 0.08, 0.16) * (1 - abs(shift) * 4),
                tone,
            )
