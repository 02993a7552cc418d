"""What document families share: names, places, dates, money, and blocks such as tables and pictures."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from PIL import ImageDraw, ImageFont

from .canvas import BLACK, WHITE, Colour, font, ink, pick, title, uniform, vivid, whole
from .chart_axes import blend, contrast

FIRST = "Anna Boris Clara David Elena Felix Grace Hugo Irene Jonas Karen Leo Maria Nils Olga Peter Rosa Simon".split()
LAST = "Adler Brown Costa Dahl Evans Fischer Grant Hansen Ivanov Jones Keller Lopez Moreau Novak Olsen Park".split()
TOWNS = "Ashford Bergen Coventry Dresden Evora Florence Geneva Haarlem Innsbruck Kingston Leeds Malmo".split()
JOBS = (
    "Sales Manager",
    "Architect",
    "Dentist",
    "Photographer",
    "Lawyer",
    "Designer",
    "Engineer",
    "Consultant",
    "Florist",
)
GROCERIES = "Milk Bread Butter Eggs Cheese Apples Rice Coffee Tea Sugar Flour Honey Pasta Soap Yogurt Tomatoes".split()
GOODS = "Desk lamp/Office chair/Paper A4/Printer ink/Notebook/Cable 2 m/Keyboard/Monitor/Site visit/Repair hour".split(
    "/"
)
DISHES = {
    "Starters": "Tomato soup/Garden salad/Garlic bread/Smoked salmon/Onion tart/Olives".split("/"),
    "Mains": "Roast chicken/Grilled trout/Beef stew/Mushroom risotto/Lamb curry/Pasta al forno/Fish pie".split("/"),
    "Desserts": "Apple pie/Chocolate cake/Lemon sorbet/Cheese plate/Rice pudding".split("/"),
    "Drinks": "Red wine/Mineral water/Fresh juice/Espresso/Green tea/Lemonade".split("/"),
}


def person(rng: Generator) -> str:
    return f"{pick(rng, FIRST)} {pick(rng, LAST)}"


def address(rng: Generator) -> list[str]:
    return [f"{whole(rng, 1, 180)} {title(rng, 1)} Street", f"{whole(rng, 10000, 99999)} {pick(rng, TOWNS)}"]


def day(rng: Generator) -> datetime.date:
    return datetime.date(1995, 1, 1) + datetime.timedelta(days=whole(rng, 0, 10900))


def long_date(date: datetime.date) -> str:
    return f"{date.day} {date:%B %Y}"


def phone(rng: Generator) -> str:
    return f"+{whole(rng, 30, 59)} {whole(rng, 100, 999)} {whole(rng, 1000, 9999)}"


def money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def lines(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    texts: Sequence[str],
    face: ImageFont.FreeTypeFont,
    fill: Colour,
    anchor: str = "la",
) -> float:
    """Write ``texts`` under each other from (x, y); the y below the last."""
    for text in texts:
        draw.text((x, y), text, font=face, fill=fill, anchor=anchor)
        y += face.size * 1.35
    return y


def fitted(draw: ImageDraw.ImageDraw, text: str, width: float, size: float, face: str) -> ImageFont.FreeTypeFont:
    """The largest font of at most ``size`` in which ``text`` is no wider than ``width``."""
    while size > 8 and draw.textlength(text, font=font(size, face)) > width:
        size -= 1
    return font(size, face)


def picture(rng: Generator, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], grey: bool) -> None:
    """A small landscape to stand for a printed photograph."""
    left, top, right, bottom = box
    sky, hill, sun = (
        ((200, 200, 200), (90, 90, 90), (240, 240, 240))
        if grey
        else (vivid(rng, (0.2, 0.4), (0.8, 0.95)), vivid(rng, (0.4, 0.7), (0.3, 0.6)), (250, 220, 120))
    )
    draw.rectangle(box, fill=sky)
    x, y, size = uniform(rng, left + 20, right - 30), uniform(rng, top + 6, (top + bottom) / 2 - 12), (bottom - top) / 6
    draw.ellipse((x, y, x + size, y + size), fill=sun)
    for shade in (0.3, 0.0):
        level, phase = uniform(rng, 0.4, 0.65), uniform(rng, 0, 6)
        ridge = [
            (
                left + (right - left) * step / 24,
                bottom - (bottom - top) * (level + 0.12 * math.sin(phase + step / 3)) * (1 - shade),
            )
            for step in range(25)
        ]
        draw.polygon([(left, bottom), *ridge, (right, bottom)], fill=blend(hill, BLACK, shade))


def ruled_table(
    draw: ImageDraw.ImageDraw,
    rng: Generator,
    box: tuple[float, float, float],
    rows: Sequence[Sequence[str]],
    shares: Sequence[float],
    face: str,
    row_height: float,
) -> float:
    """A table from (left, top, right), first row the header, numbers to the right; the y of its lower edge."""
    left, top, right = box
    accent, style, text = vivid(rng, (0.3, 0.8), (0.3, 0.75)), pick(rng, ("grid", "stripes", "rules")), ink(rng)
    edges = left + (right - left) * np.cumsum([0, *shares]) / sum(shares)
    size = min(row_height * 0.5, 15)
    for index, row in enumerate(rows):
        y, head = top + index * row_height, index == 0
        if head and style != "rules":
            draw.rectangle((left, y, right, y + row_height), fill=accent)
        elif style == "stripes" and index % 2 == 0:
            draw.rectangle((left, y, right, y + row_height), fill=blend(accent, WHITE, 0.85))
        for column, cell in enumerate(row):
            x0, x1 = float(edges[column]), float(edges[column + 1])
            colour = contrast(accent) if head and style != "rules" else text
            used = fitted(draw, cell, x1 - x0 - 10, size, f"{face}-bold" if head else face)
            spot, anchor = ((x0 + 6, y + row_height / 2), "lm") if column == 0 else ((x1 - 6, y + row_height / 2), "rm")
            draw.text(spot, cell, font=used, fill=colour, anchor=anchor)
            if style == "grid":
                draw.rectangle((x0, y, x1, y + row_height), outline=blend(text, WHITE, 0.4))
    bottom = top + len(rows) * row_height
    for y in (top, top + row_height, bottom) if style == "rules" else ():
        draw.line((left, y, right, y), fill=text, width=2)
    return bottom
