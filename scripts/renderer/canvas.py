"""What every rendered family draws with: a square canvas, fonts, colours, filler text.

A family is a function ``(rng) -> PIL.Image`` registered by :func:`family`. All randomness comes from
the ``numpy.random.Generator`` it is given, so a seed fixes every pixel. Fonts come from the
matplotlib package (DejaVu, STIX), so nothing depends on what the machine has installed.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import matplotlib
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

SIZE = 512
"""Side of the drawing area in pixels; a family may return another size of similar area."""

Colour = tuple[int, int, int]
Renderer = Callable[[Generator], Image.Image]
T = TypeVar("T")

FAMILIES: dict[str, Renderer] = {}
"""Every family by name, in the order of registration."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

_FONT_FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONT_FILES = {
    "sans": "DejaVuSans.ttf",
    "sans-bold": "DejaVuSans-Bold.ttf",
    "sans-italic": "DejaVuSans-Oblique.ttf",
    "serif": "DejaVuSerif.ttf",
    "serif-bold": "DejaVuSerif-Bold.ttf",
    "serif-italic": "DejaVuSerif-Italic.ttf",
    "mono": "DejaVuSansMono.ttf",
    "mono-bold": "DejaVuSansMono-Bold.ttf",
    "times": "STIXGeneral.ttf",
    "times-bold": "STIXGeneralBol.ttf",
    "times-italic": "STIXGeneralItalic.ttf",
}
BODY_FONTS = ("sans", "serif", "mono", "times")

WORDS = (
    "account advice annual answer area balance basic board branch budget centre change city class "
    "climate coast colour common copy course credit culture demand design detail early energy engine "
    "estimate event export family field figure final forest garden growth harbour health history "
    "index industry island journal key label language level library local market measure method model "
    "month museum nature network north number office order output paper park people period plan point "
    "policy price process project quality quarter rate record region report result river road sample "
    "school season section service share signal source spring standard station status street study "
    "summer supply support system table target team test theory time total trade traffic travel unit "
    "update value village volume water weather week winter work world year"
).split()


def family(name: str) -> Callable[[Renderer], Renderer]:
    """Register the decorated function as the renderer of family ``name``."""

    def register(renderer: Renderer) -> Renderer:
        if name in FAMILIES:
            raise ValueError(f"family {name!r} is registered twice")
        FAMILIES[name] = renderer
        return renderer

    return register


@cache
def font(size: float, face: str = "sans") -> ImageFont.FreeTypeFont:
    """A font of ``size`` pixels; ``face`` is a key of ``FONT_FILES``."""
    return ImageFont.truetype(_FONT_FOLDER / FONT_FILES[face], int(size))


def blank(colour: Colour = WHITE, width: int = SIZE, height: int = SIZE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A filled RGB image and its drawing context."""
    image = Image.new("RGB", (width, height), colour)
    return image, ImageDraw.Draw(image)


def uniform(rng: Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def whole(rng: Generator, low: int, high: int) -> int:
    """An integer from ``low`` to ``high``, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng: Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def pick(rng: Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def vivid(
    rng: Generator, saturation: tuple[float, float] = (0.45, 1.0), value: tuple[float, float] = (0.45, 0.95)
) -> Colour:
    """A random colour; ranges are of HSV saturation and value, each 0 to 1."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), uniform(rng, *saturation), uniform(rng, *value))
    return int(255 * red), int(255 * green), int(255 * blue)


def palette(rng: Generator, count: int) -> list[Colour]:
    """``count`` colours with hues spread round the circle, so that neighbours can be told apart."""
    start = rng.random()
    colours = []
    for index in range(count):
        hue = (start + index / count + uniform(rng, -0.1, 0.1) / count) % 1
        red, green, blue = colorsys.hsv_to_rgb(hue, uniform(rng, 0.5, 0.9), uniform(rng, 0.55, 0.9))
        colours.append((int(255 * red), int(255 * green), int(255 * blue)))
    return colours


def paper(rng: Generator) -> Colour:
    """A background on which a document or a chart is drawn: white or nearly."""
    return pick(rng, [WHITE, WHITE, WHITE, (250, 248, 240), (244, 246, 250), (252, 252, 252)])


def ink(rng: Generator) -> Colour:
    return pick(rng, [BLACK, (25, 25, 28), (35, 38, 60)])


def words(rng: Generator, count: int) -> str:
    return " ".join(pick(rng, WORDS) for _ in range(count))


def title(rng: Generator, count: int) -> str:
    return words(rng, count).title()


def centred(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, face: ImageFont.FreeTypeFont, fill: Colour
) -> None:
    """Draw ``text`` with its middle at (x, y)."""
    draw.text((x, y), text, font=face, fill=fill, anchor="mm")


def paragraph(
    draw: ImageDraw.ImageDraw,
    rng: Generator,
    box: tuple[float, float, float, float],
    face: ImageFont.FreeTypeFont,
    fill: Colour,
    spacing: float = 1.35,
) -> None:
    """Fill ``box`` (left, top, right, bottom) with lines of filler text that do not leave it."""
    left, top, right, bottom = box
    y = top
    while y + face.size <= bottom:
        line = ""
        while True:
            longer = f"{line} {pick(rng, WORDS)}".strip()
            if draw.textlength(longer, font=face) > right - left:
                break
            line = longer
        draw.text((left, y), line, font=face, fill=fill)
        y += face.size * spacing
