"""What the chart families share: themes, titles, legends, axes and plausible data names.

Charts are drawn at twice their final size and reduced in :meth:`Chart.finish`, which smooths every edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from .canvas import Colour, blank, chance, font, paper, pick, uniform, vivid, whole
from .canvas import palette as spread_palette

PAGES = ((1024, 1024), (1024, 1024), (1144, 924), (1240, 840))
DARK = ((24, 26, 32), (18, 28, 42), (40, 40, 44), (12, 14, 18))
TINTS = ((234, 234, 242), (245, 240, 230), (232, 241, 245), (240, 246, 236))
SUBJECTS = (
    ("Rainfall", "mm", 20, 180),
    ("Sales", "units", 120, 950),
    ("Revenue", "million $", 4, 48),
    ("Visitors", "thousand", 10, 90),
    ("Energy use", "kWh", 150, 900),
    ("Population", "million", 1, 60),
    ("Test score", "points", 35, 98),
    ("Exports", "tonnes", 300, 2400),
    ("Temperature", "°C", 4, 34),
    ("Downloads", "thousand", 5, 400),
    ("Wheat yield", "t/ha", 2, 9),
    ("Response time", "ms", 30, 480),
    ("Tickets sold", "count", 80, 1500),
    ("Costs", "thousand €", 15, 220),
    ("Water level", "cm", 40, 320),
)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
CATEGORIES = (
    "Spain Italy France Greece Norway Poland Turkey Brazil Kenya Japan Chile India".split(),
    "Apples Pears Plums Cherries Grapes Melons Figs Lemons Mangoes Kiwis".split(),
    "Sales Support Legal Design Finance Research Logistics Marketing".split(),
    "Lisbon Oslo Rome Paris Vienna Madrid Berlin Dublin Athens Prague".split(),
    "Cats Dogs Rabbits Fish Birds Hamsters Turtles Horses".split(),
    "Bus Train Car Tram Bicycle Ferry Metro Walking".split(),
    "Gas Coal Wind Solar Hydro Nuclear Biomass Oil".split(),
    "Tennis Football Rowing Boxing Judo Hockey Golf Skiing Fencing".split(),
)
SERIES = (
    "North South East West Centre".split(),
    "Plan A/Plan B/Plan C/Plan D/Plan E".split("/"),
    "Online Retail Partner Export Direct".split(),
    "Men/Women/Children/Seniors/Students".split("/"),
    "Store 1/Store 2/Store 3/Store 4/Store 5".split("/"),
    "Coffee Tea Juice Water Milk".split(),
)


def category_names(rng: Generator, count: int) -> list[str]:
    """``count`` (at most 8) distinct names of one kind, in random order."""
    names = pick(rng, CATEGORIES)
    return [names[int(index)] for index in rng.permutation(len(names))[:count]]


def period_names(rng: Generator, count: int) -> list[str]:
    """``count`` (at most 12) successive months, years or weeks."""
    kind = pick(rng, ("month", "year", "week"))
    if kind == "month":
        first = whole(rng, 0, 12 - count)
        return MONTHS[first : first + count]
    if kind == "week":
        return [f"W{index + 1}" for index in range(count)]
    first = whole(rng, 1990, 2024 - count)
    return [str(first + index) for index in range(count)]


def series_names(rng: Generator, count: int) -> list[str]:
    """``count`` (at most 5) names of data series."""
    return list(pick(rng, SERIES)[:count])


def number(value: float) -> str:
    """The shortest usual spelling of a tick or data value."""
    text = f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:.2f}".rstrip("0")
    return text.replace("-", "\u2212")


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values at even steps whose first is at most ``low`` and last at least ``high``."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def blend(colour: Colour, other: Colour, share: float) -> Colour:
    """``colour`` moved towards ``other`` by ``share`` (0 to 1)."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever is legible on ``colour``."""
    red, green, blue = colour
    return (20, 20, 20) if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else (255, 255, 255)


@dataclass
class Scale:
    """A linear map from data values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass
class Chart:
    """A chart being drawn; ``left`` to ``bottom`` is the plot area, in pixels of the doubled image."""

    rng: Generator
    image: Image.Image
    draw: ImageDraw.ImageDraw
    face: str
    text: Colour
    background: Colour
    grid: Colour
    grid_style: str
    spines: str
    colours: list[Colour]
    left: float
    top: float
    right: float
    bottom: float

    def font(self, size: float, bold: bool = False) -> ImageFont.FreeTypeFont:
        return font(size, f"{self.face}-bold" if bold else self.face)

    def finish(self) -> Image.Image:
        return self.image.reduce(2)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: int = 2, dash: float = 0) -> None:
        """A polyline, or with ``dash`` > 0 the dashed segment between the first two points."""
        if not dash:
            self.draw.line(list(points), fill=colour, width=width, joint="curve")
            return
        (x0, y0), (x1, y1) = points[:2]
        steps = max(int(math.hypot(x1 - x0, y1 - y0) / dash), 1)
        for index in range(0, steps, 2):
            ends = [(x0 + (x1 - x0) * part / steps, y0 + (y1 - y0) * part / steps) for part in (index, index + 1)]
            self.draw.line(ends, fill=colour, width=width)

    def legend(self, names: Sequence[str], marker: str, side: str) -> None:
        """Name the first colours in a column at the right or a row at the bottom, and shrink the plot area."""
        face = self.font(26)
        widths = [self.draw.textlength(name, font=face) + 80 for name in names]
        if side == "right":
            self.right -= max(widths)
            spots = [(self.right + 24, self.top + 30 + 46 * index) for index in range(len(names))]
        else:
            x = max((self.image.width - sum(widths)) / 2, 20)
            spots = [(x + sum(widths[:index]), self.bottom + 10) for index in range(len(names))]
            self.bottom -= 50
        for (x, y), name, colour in zip(spots, names, self.colours, strict=False):
            if marker == "line":
                self.draw.line((x, y, x + 34, y), fill=colour, width=6)
            elif marker == "dot":
                self.draw.ellipse((x + 6, y - 11, x + 28, y + 11), fill=colour)
            else:
                self.draw.rectangle((x + 4, y - 12, x + 28, y + 12), fill=colour)
            self.draw.text((x + 42, y), name, font=face, fill=self.text, anchor="lm")

    def frame(self) -> None:
        """The lines that bound the plot area, as the theme has them."""
        box = (self.left, self.top, self.right, self.bottom)
        if self.spines == "box":
            self.draw.rectangle(box, outline=self.text, width=2)
        elif self.spines == "corner":
            corner = [(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)]
            self.draw.line(corner, fill=self.text, width=3)

    def value_axis(self, low: float, high: float, caption: str, across: bool = False, grid: bool = True) -> Scale:
        """Draw ticks, numbers and grid for values from ``low`` to ``high``: up the left, or along the bottom."""
        ticks = nice_ticks(low, high, whole(self.rng, 4, 6))
        ends = (self.left, self.right) if across else (self.bottom, self.top)
        scale = Scale(ticks[0], ticks[-1], *ends)
        dash = 12.0 if self.grid_style == "dashed" else 0.0
        for tick in ticks:
            at = scale(tick)
            gridline = [(at, self.top), (at, self.bottom)] if across else [(self.left, at), (self.right, at)]
            if grid and self.grid_style != "none":
                self.line(gridline, self.grid, 2, dash)
            spot, anchor = ((at, self.bottom + 14), "ma") if across else ((self.left - 14, at), "rm")
            if self.spines != "none":
                nub = (at, self.bottom, at, self.bottom + 8) if across else (self.left - 8, at, self.left, at)
                self.draw.line(nub, fill=self.text, width=2)
            self.draw.text(spot, number(tick), font=self.font(24), fill=self.text, anchor=anchor)
        self.caption(caption, across)
        return scale

    def caption(self, caption: str, across: bool) -> None:
        """The name of an axis: below the plot area, or turned along its left side."""
        face = self.font(27)
        if across:
            self.draw.text(
                ((self.left + self.right) / 2, self.bottom + 50), caption, font=face, fill=self.text, anchor="ma"
            )
            return
        turned = Image.new("L", (int(self.draw.textlength(caption, font=face)) + 8, 40), 0)
        ImageDraw.Draw(turned).text((4, 20), caption, font=face, fill=255, anchor="lm")
        turned = turned.rotate(90, expand=True)
        spot = (14, int((self.top + self.bottom - turned.height) / 2))
        self.image.paste(Image.new("RGB", turned.size, self.text), spot, turned)

    def category_axis(self, names: Sequence[str], across: bool = True) -> list[tuple[float, float]]:
        """Name equal slots along the bottom (``across``) or the left; each slot as (middle, width)."""
        room = (self.right - self.left if across else self.bottom - self.top) / len(names)
        begin = self.left if across else self.top
        slots = [(begin + room * (index + 0.5), room) for index in range(len(names))]
        size = 26.0
        while (
            across and max(self.draw.textlength(name, font=self.font(size)) for name in names) > room - 8 and size > 15
        ):
            size -= 1
        for (middle, _), name in zip(slots, names, strict=True):
            spot, anchor = ((middle, self.bottom + 14), "ma") if across else ((self.left - 14, middle), "rm")
            self.draw.text(spot, name, font=self.font(size), fill=self.text, anchor=anchor)
        return slots


def start(rng: Generator, heading: str, colours: int, names: Sequence[str] = (), marker: str = "box") -> Chart:
    """A chart with its background, title and (if ``names`` are given) legend drawn."""
    width, height = pick(rng, PAGES)
    dark = chance(rng, 0.2)
    background = pick(rng, DARK) if dark else paper(rng) if chance(rng, 0.75) else pick(rng, TINTS)
    text = (225, 228, 232) if dark else pick(rng, ((30, 30, 34), (60, 62, 70), (0, 0, 0), (35, 45, 80)))
    image, draw = blank(background, width, height)
    shades = spread_palette(rng, max(colours, 1))
    if chance(rng, 0.25):
        base, other = vivid(rng, (0.6, 0.9), (0.5, 0.8)), text if dark else (235, 235, 235)
        shades = [blend(base, other, 0.85 * index / max(colours, 1)) for index in range(max(colours, 1))]
    chart = Chart(
        rng,
        image,
        draw,
        pick(rng, ("sans", "sans", "serif", "times")),
        text,
        background,
        blend(background, text, 0.16),
        pick(rng, ("none", "solid", "solid", "dashed")),
        pick(rng, ("box", "corner", "corner", "none")),
        shades,
        uniform(rng, 140, 165),
        60,
        width - uniform(rng, 36, 64),
        height - uniform(rng, 110, 130),
    )
    if chance(rng, 0.88):
        size = uniform(rng, 34, 46)
        while draw.textlength(heading, font=chart.font(size, True)) > width - 80:
            size -= 1
        x, anchor = (width / 2, "ma") if chance(rng, 0.6) else (40, "la")
        draw.text((x, 34), heading, font=chart.font(size, True), fill=text, anchor=anchor)
        chart.top = 124
    if names:
        side = pick(rng, ("right", "bottom"))
        if side == "bottom":
            chart.bottom = height - 50
            chart.legend(names, marker, side)
            chart.bottom -= 76
        else:
            chart.legend(names, marker, side)
    return chart
