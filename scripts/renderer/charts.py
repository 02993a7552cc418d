"""Chart families. Every drawn length, label and legend comes from the same numbers, so they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .canvas import Colour, centred, chance, family, pick, uniform, whole
from .chart_axes import (
    SUBJECTS,
    Chart,
    Scale,
    blend,
    category_names,
    contrast,
    number,
    period_names,
    series_names,
    start,
)

Values = NDArray[np.float64]
MAPS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((68, 1, 84), (33, 145, 140), (253, 231, 37)),
    ((247, 251, 255), (107, 174, 214), (8, 48, 107)),
    ((255, 245, 235), (253, 141, 60), (127, 39, 4)),
    ((59, 76, 192), (221, 221, 221), (180, 4, 38)),
    ((13, 8, 135), (204, 71, 120), (240, 249, 33)),
    ((247, 252, 245), (116, 196, 118), (0, 68, 27)),
)
SKILLS = "Speed Power Range Comfort Safety Price Design Noise Storage".split()


def amounts(rng: Generator, low: float, high: float, shape: tuple[int, ...]) -> Values:
    """Values between ``low`` and ``high``, rounded as such figures usually are."""
    return np.round(rng.uniform(low, high, shape), 0 if high > 60 else 1)


def walks(rng: Generator, low: float, high: float, series: int, count: int) -> Values:
    """Random walks (series, count) scaled to between ``low`` and ``high``."""
    steps = np.cumsum(rng.normal(uniform(rng, -0.3, 0.5), 1, (series, count)), axis=1) + rng.normal(0, 2, (series, 1))
    scaled = (steps - steps.min()) / max(float(np.ptp(steps)), 1e-6)
    rounded: Values = np.round(low + (high - low) * scaled, 1)
    return rounded


def subject(rng: Generator, by: str) -> tuple[str, str, float, float]:
    """A title, an axis caption and the usual range of a measured quantity."""
    name, unit, low, high = pick(rng, SUBJECTS)
    return f"{name} by {by}", f"{name} ({unit})", low, high


def named_slots(rng: Generator, low: int, high: int) -> tuple[list[str], str]:
    """Category or period names, and the word for what they are."""
    count = whole(rng, low, high)
    return (category_names(rng, min(count, 8)), "group") if chance(rng, 0.6) else (period_names(rng, count), "period")


def bars(chart: Chart, values: Values, names: Sequence[str], caption: str, across: bool, stacked: bool) -> None:
    """Draw ``values`` (series, categories) as bars; ``across`` makes them grow to the right."""
    rng = chart.rng
    high = float(values.sum(axis=0).max() if stacked else values.max())
    scale = chart.value_axis(0, high * 1.04, caption, across)
    slots = chart.category_axis(names, not across)
    fill, labelled = uniform(rng, 0.5, 0.85), chance(rng, 0.4)
    outline = chart.text if chance(rng, 0.2) else None
    by_category = len(values) == 1 and not stacked and chance(rng, 0.35)
    for column, (middle, room) in enumerate(slots):
        base = 0.0
        for row, value in enumerate(values[:, column]):
            width = room * fill / (1 if stacked else len(values))
            begin = middle - room * fill / 2 + (0 if stacked else row * width)
            low, top = scale(base), scale(base + float(value))
            colour = chart.colours[column if by_category else row]
            box = (low, begin, top, begin + width) if across else (begin, top, begin + width, low)
            chart.draw.rectangle(box, fill=colour, outline=outline, width=2)
            text, face = number(float(value)), chart.font(22)
            length = chart.draw.textlength(text, font=face)
            if labelled and stacked and abs(top - low) > (length + 8 if across else 28) and (across or length < width):
                centred(chart.draw, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, text, face, contrast(colour))
            elif labelled and not stacked and (across or length < width + 6) and (not across or width > 22):
                spot, anchor = ((top + 8, begin + width / 2), "lm") if across else ((begin + width / 2, top - 6), "mb")
                chart.draw.text(spot, text, font=face, fill=chart.text, anchor=anchor)
            base += float(value) if stacked else 0
    chart.frame()


@family("bar chart")
def bar_chart(rng: Generator) -> Image.Image:
    names, by = named_slots(rng, 3, 10)
    heading, caption, low, high = subject(rng, by)
    groups = pick(rng, (1, 1, 1, 2, 3)) if len(names) < 7 else 1
    legend = series_names(rng, groups) if groups > 1 else []
    chart = start(rng, heading, max(groups, len(names)) if groups == 1 else groups, legend)
    bars(chart, amounts(rng, low, high, (groups, len(names))), names, caption, across=False, stacked=False)
    return chart.finish()


@family("horizontal bar chart")
def horizontal_bar_chart(rng: Generator) -> Image.Image:
    names, by = named_slots(rng, 3, 10)
    heading, caption, low, high = subject(rng, by)
    groups = pick(rng, (1, 1, 1, 2)) if len(names) < 7 else 1
    chart = start(rng, heading, len(names), series_names(rng, groups) if groups > 1 else [])
    values = amounts(rng, low, high, (groups, len(names)))
    if groups == 1 and chance(rng, 0.6):
        values = np.sort(values, axis=1)[:, :: pick(rng, (1, -1))]
    bars(chart, values, names, caption, across=True, stacked=False)
    return chart.finish()


@family("stacked bar chart")
def stacked_bar_chart(rng: Generator) -> Image.Image:
    names, by = named_slots(rng, 3, 8)
    heading, caption, low, high = subject(rng, by)
    groups = whole(rng, 2, 5)
    values = amounts(rng, low, high, (groups, len(names)))
    if chance(rng, 0.25):
        shares = np.floor(100 * values / values.sum(axis=0))
        shares[0] += 100 - shares.sum(axis=0)
        values, caption = shares, "Share (%)"
    chart = start(rng, heading, groups, series_names(rng, groups))
    bars(chart, values, names, caption, across=chance(rng, 0.2), stacked=True)
    return chart.finish()


@family("line chart")
def line_chart(rng: Generator) -> Image.Image:
    names = period_names(rng, whole(rng, 5, 12))
    heading, caption, low, high = subject(rng, "period")
    count = whole(rng, 1, 4)
    chart = start(rng, heading, count, series_names(rng, count) if count > 1 else [], "line")
    values = walks(rng, low, high, count, len(names))
    scale = chart.value_axis(float(values.min()), float(values.max()), caption)
    slots, marker, width = chart.category_axis(names), pick(rng, ("none", "dot", "square")), whole(rng, 4, 8)
    chart.frame()
    for row, colour in zip(values, chart.colours, strict=False):
        points = [(middle, scale(float(value))) for (middle, _), value in zip(slots, row, strict=True)]
        chart.line(points, colour, width)
        for x, y in points if marker != "none" else ():
            shape = chart.draw.ellipse if marker == "dot" else chart.draw.rectangle
            shape((x - 10, y - 10, x + 10, y + 10), fill=colour, outline=chart.background, width=2)
    return chart.finish()


@family("area chart")
def area_chart(rng: Generator) -> Image.Image:
    names = period_names(rng, whole(rng, 6, 12))
    heading, caption, low, high = subject(rng, "period")
    count = whole(rng, 1, 4)
    chart = start(rng, heading, count, series_names(rng, count) if count > 1 else [])
    tops = np.cumsum(walks(rng, low, high, count, len(names)), axis=0)
    scale = chart.value_axis(0, float(tops.max()), caption)
    slots, edge = chart.category_axis(names), chance(rng, 0.6)
    wash = blend(chart.colours[0], chart.background, 0.35) if count == 1 else None
    for row in range(count - 1, -1, -1):
        points = [(x, scale(float(top))) for (x, _), top in zip(slots, tops[row], strict=True)]
        colour = chart.colours[row]
        chart.draw.polygon([*points, (points[-1][0], chart.bottom), (points[0][0], chart.bottom)], fill=wash or colour)
        if edge or wash:
            chart.line(points, colour if wash else chart.background, 6 if wash else 4)
    chart.frame()
    return chart.finish()


def shares(rng: Generator, count: int) -> list[int]:
    """``count`` whole percentages of at least 3 that sum to 100."""
    parts = np.floor(rng.dirichlet(np.full(count, 2.5)) * (100 - 3 * count)) + 3
    parts[0] += 100 - parts.sum()
    return [int(part) for part in parts]


def wheel(rng: Generator, hole: float) -> tuple[Chart, tuple[float, float], float, list[int]]:
    """A pie of random shares with ``hole`` (share of the radius) cut out; also its middle, radius and shares."""
    names = category_names(rng, whole(rng, 3, 7))
    parts, by_legend = shares(rng, len(names)), chance(rng, 0.5)
    name = pick(rng, ("Market share", "Budget", "Survey answers", "Orders", "Time spent", "Votes"))
    chart = start(rng, f"{name} by group (%)", len(names), names if by_legend else [])
    left, right = (40.0, chart.right) if by_legend else (120.0, chart.image.width - 120.0)
    x, y = (left + right) / 2, (chart.top + chart.bottom + 60) / 2
    radius = min((right - left) / 2 - 40, (chart.bottom - chart.top) / 2 + (0 if not by_legend else 20))
    apart, gap, angle = whole(rng, -6, len(names) - 1), chance(rng, 0.6), uniform(rng, 0, 360)
    for index, part in enumerate(parts):
        sweep = 3.6 * part
        turn = math.radians(angle + sweep / 2)
        shift = 0.09 * radius if index == apart and not hole else 0
        cx, cy = x + shift * math.cos(turn), y + shift * math.sin(turn)
        box = (cx - radius, cy - radius, cx + radius, cy + radius)
        edge = chart.background if gap else None
        chart.draw.pieslice(box, angle, angle + sweep, fill=chart.colours[index], outline=edge, width=4)
        reach = radius * ((1 + hole) / 2 if hole else 0.68)
        label = f"{part}%"
        if part >= 5:
            spot = (cx + reach * math.cos(turn), cy + reach * math.sin(turn))
            centred(chart.draw, *spot, label, chart.font(26), contrast(chart.colours[index]))
        if not by_legend:
            out = (cx + (radius + 16) * math.cos(turn), cy + (radius + 22) * math.sin(turn))
            anchor = "lm" if math.cos(turn) > 0.2 else "rm" if math.cos(turn) < -0.2 else "mm"
            chart.draw.text(out, names[index], font=chart.font(26), fill=chart.text, anchor=anchor)
        angle += sweep
    return chart, (x, y), radius, parts


@family("pie chart")
def pie_chart(rng: Generator) -> Image.Image:
    return wheel(rng, 0)[0].finish()


@family("donut chart")
def donut_chart(rng: Generator) -> Image.Image:
    hole = uniform(rng, 0.48, 0.66)
    chart, (x, y), radius, parts = wheel(rng, hole)
    inner = radius * hole
    chart.draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=chart.background)
    if chance(rng, 0.6):
        centred(chart.draw, x, y - 18, f"{max(parts)}%", chart.font(inner * 0.42, True), chart.text)
        centred(chart.draw, x, y + inner * 0.3, "largest", chart.font(28), chart.text)
    return chart.finish()


@family("scatter plot")
def scatter_plot(rng: Generator) -> Image.Image:
    (name_x, unit_x, low_x, high_x), (name_y, unit_y, low_y, high_y) = (
        SUBJECTS[int(index)] for index in rng.choice(len(SUBJECTS), 2, replace=False)
    )
    count = pick(rng, (1, 1, 2, 3, 4))
    names = series_names(rng, count) if count > 1 else []
    chart = start(rng, f"{name_y} against {name_x.lower()}", count, names, "dot")
    x_axis = chart.value_axis(low_x, high_x, f"{name_x} ({unit_x})", across=True)
    y_axis = chart.value_axis(low_y, high_y, f"{name_y} ({unit_y})")
    chart.frame()
    radius, shape, slope = uniform(rng, 6, 13), pick(rng, ("dot", "ring", "square", "cross")), uniform(rng, -0.8, 0.8)
    for colour in chart.colours:
        middle, spread = (0.5, 0.5) if count == 1 else (uniform(rng, 0.15, 0.85), 0.2)
        across = np.clip(rng.normal(middle, spread / 2.2, whole(rng, 25, 90)), 0.02, 0.98)
        noise = rng.normal(0, uniform(rng, 0.04, 0.16), len(across))
        base = 0.5 if count == 1 else uniform(rng, 0.3, 0.7)
        for u, v in zip(across, np.clip(base + slope * (across - middle) + noise, 0.02, 0.98), strict=True):
            x, y = x_axis(low_x + float(u) * (high_x - low_x)), y_axis(low_y + float(v) * (high_y - low_y))
            box = (x - radius, y - radius, x + radius, y + radius)
            if shape == "cross":
                chart.draw.line(box, fill=colour, width=4)
                chart.draw.line((box[0], box[3], box[2], box[1]), fill=colour, width=4)
            elif shape == "square":
                chart.draw.rectangle(box, fill=colour)
            else:
                chart.draw.ellipse(box, fill=None if shape == "ring" else colour, outline=colour, width=4)
    return chart.finish()


@family("histogram")
def histogram(rng: Generator) -> Image.Image:
    name, unit, low, high = pick(rng, SUBJECTS)
    size, shape = whole(rng, 150, 900), pick(rng, ("normal", "skewed", "two peaks", "flat"))
    sample = {
        "normal": rng.normal(0.5, 0.15, size),
        "skewed": rng.gamma(2, 0.12, size),
        "two peaks": np.where(rng.random(size) < 0.5, rng.normal(0.28, 0.08, size), rng.normal(0.7, 0.1, size)),
        "flat": rng.random(size),
    }[shape]
    chart = start(rng, f"Distribution of {name.lower()} (n = {size})", 2)
    x_axis = chart.value_axis(low, high, f"{name} ({unit})", across=True, grid=False)
    values = x_axis.low + np.clip(sample, 0.001, 0.999) * (x_axis.high - x_axis.low)
    counts, edges = np.histogram(values, whole(rng, 12, 32), (x_axis.low, x_axis.high))
    y_axis = chart.value_axis(0, float(counts.max()), pick(rng, ("Frequency", "Count", "Number of cases")))
    edge = pick(rng, (chart.background, chart.text))
    for count, begin, end in zip(counts, edges[:-1], edges[1:], strict=True):
        box = (x_axis(float(begin)), y_axis(float(count)), x_axis(float(end)), chart.bottom)
        chart.draw.rectangle(box, fill=chart.colours[0], outline=edge, width=2)
    if chance(rng, 0.3):
        x = x_axis(float(values.mean()))
        chart.line([(x, chart.top), (x, chart.bottom)], chart.text, 4, 14)
        chart.draw.text((x + 8, chart.top - 2), "mean", font=chart.font(24), fill=chart.text, anchor="ld")
    chart.frame()
    return chart.finish()


def shade(stops: tuple[Colour, Colour, Colour], share: float) -> Colour:
    """The colour at ``share`` (0 to 1) of a three-stop colour map."""
    return blend(stops[0], stops[1], 2 * share) if share < 0.5 else blend(stops[1], stops[2], 2 * share - 1)


@family("heatmap")
def heatmap(rng: Generator) -> Image.Image:
    stops, correlated = pick(rng, MAPS), chance(rng, 0.35)
    rows = category_names(rng, whole(rng, 5, 8))
    columns = [name[:4] for name in rows] if correlated else period_names(rng, whole(rng, 5, 12))
    name, unit, low, high = pick(rng, SUBJECTS)
    values = amounts(rng, low, high, (len(rows), len(columns)))
    if correlated:
        low, high, unit, name = -1, 1, "r", "Correlation"
        values = np.round(np.corrcoef(rng.normal(size=(len(rows), 7)) + 0.4 * rng.normal(size=7)), 2)
    chart = start(rng, f"{name} ({unit})", 1)
    chart.right -= 110
    chart.category_axis(columns)
    slots = chart.category_axis(rows, across=False)
    width, room = (chart.right - chart.left) / len(columns), slots[0][1]
    gap, annotated = pick(rng, (0, 0, 2, 4)), chance(rng, 0.6) and width > 58
    for (row, column), value in np.ndenumerate(values):
        colour = shade(stops, (float(value) - low) / (high - low))
        x, y = chart.left + column * width, slots[row][0] - room / 2
        chart.draw.rectangle((x + gap, y + gap, x + width - gap, y + room - gap), fill=colour)
        if annotated:
            centred(chart.draw, x + width / 2, y + room / 2, number(float(value)), chart.font(21), contrast(colour))
    bar = Scale(low, high, chart.bottom, chart.top)
    for y in range(int(chart.top), int(chart.bottom)):
        colour = shade(stops, (chart.bottom - y) / (chart.bottom - chart.top))
        chart.draw.line((chart.right + 28, y, chart.right + 58, y), fill=colour)
    for tick in (low, (low + high) / 2, high):
        chart.draw.text((chart.right + 66, bar(tick)), number(tick), font=chart.font(22), fill=chart.text, anchor="lm")
    return chart.finish()


@family("radar chart")
def radar_chart(rng: Generator) -> Image.Image:
    axes = [SKILLS[int(index)] for index in rng.permutation(len(SKILLS))[: whole(rng, 5, 9)]]
    count, top = whole(rng, 1, 3), pick(rng, (5, 10, 100))
    names = series_names(rng, count)
    chart = start(rng, pick(rng, ("Product ratings", "Model comparison", "Team profile")), count, names, "line")
    left = 60.0
    x, y = (left + chart.right) / 2, (chart.top + chart.bottom + 40) / 2
    radius = min((chart.right - left) / 2 - 110, (chart.bottom - chart.top) / 2 - 10)
    turns = [2 * math.pi * index / len(axes) - math.pi / 2 for index in range(len(axes))]

    def ring(reaches: Sequence[float]) -> list[tuple[float, float]]:
        points = [(x + reach * math.cos(t), y + reach * math.sin(t)) for reach, t in zip(reaches, turns, strict=True)]
        return [*points, points[0]]

    mesh, rounded = blend(chart.background, chart.text, 0.3), chance(rng, 0.3)
    for level in range(1, 6):
        reach = radius * level / 5
        if rounded:
            chart.draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=mesh, width=2)
        else:
            chart.line(ring([reach] * len(axes)), mesh)
        chart.draw.text((x + 6, y - reach), number(top * level / 5), font=chart.font(19), fill=chart.text, anchor="lm")
    for (px, py), turn, axis in zip(ring([radius] * len(axes)), turns, axes, strict=False):
        chart.line([(x, y), (px, py)], mesh)
        anchor = "lm" if math.cos(turn) > 0.2 else "rm" if math.cos(turn) < -0.2 else "mm"
        spot = (px + 14 * math.cos(turn), py + 30 * math.sin(turn))
        chart.draw.text(spot, axis, font=chart.font(26), fill=chart.text, anchor=anchor)
    veil, filled = ImageDraw.Draw(chart.image, "RGBA"), chance(rng, 0.7)
    for colour in chart.colours:
        outline = ring([radius * round(uniform(rng, 0.3, 1), 1) for _ in axes])
        if filled:
            veil.polygon(outline, fill=(*colour, 80))
        chart.line(outline, colour, 6)
    return chart.finish()


@family("box plot")
def box_plot(rng: Generator) -> Image.Image:
    names = category_names(rng, whole(rng, 3, 8))
    heading, caption, low, high = subject(rng, "group")
    chart = start(rng, heading, len(names))
    across, span = chance(rng, 0.2), high - low
    samples = [rng.normal(uniform(rng, 0.3, 0.7), uniform(rng, 0.07, 0.14), 70) * span + low for _ in names]
    scale = chart.value_axis(min(map(np.min, samples)), max(map(np.max, samples)), caption, across)
    slots, wide, plain = chart.category_axis(names, not across), uniform(rng, 0.4, 0.7), chance(rng, 0.35)

    def place(along: float, value: float) -> tuple[float, float]:
        return (scale(value), along) if across else (along, scale(value))

    for sample, (middle, room), colour in zip(samples, slots, chart.colours, strict=True):
        first, median, third = (float(value) for value in np.percentile(sample, (25, 50, 75)))
        inside = sample[(sample >= 2.5 * first - 1.5 * third) & (sample <= 2.5 * third - 1.5 * first)]
        half = room * wide / 2
        fill = chart.background if plain else colour
        for quartile, end in ((first, float(inside.min())), (third, float(inside.max()))):
            chart.line([place(middle, quartile), place(middle, end)], chart.text, 3)
            chart.line([place(middle - half / 2, end), place(middle + half / 2, end)], chart.text, 3)
        (x0, y0), (x1, y1) = place(middle - half, first), place(middle + half, third)
        box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        chart.draw.rectangle(box, fill=fill, outline=chart.text, width=3)
        chart.line([place(middle - half, median), place(middle + half, median)], colour if plain else chart.text, 6)
        for value in sample[~np.isin(sample, inside)]:
            x, y = place(middle, float(value))
            chart.draw.ellipse((x - 7, y - 7, x + 7, y + 7), outline=chart.text, width=3)
    chart.frame()
    return chart.finish()
