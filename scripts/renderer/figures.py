"""Figures of mathematics: geometry, graphs of functions and equations."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.mathtext import MathTextParser
from numpy.random import Generator
from PIL import Image

from .board import arrow, board, polar
from .canvas import BODY_FONTS, SIZE, centred, chance, family, font, palette, pick, uniform, vivid, whole
from .paint import Array, blend, darker, disc, lighter


@family("geometry figure")
def geometry_figure(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
    face, accent, radius, start = (
        font(44, pick(rng, BODY_FONTS)),
        vivid(rng),
        uniform(rng, 290, 350),
        uniform(rng, 0, 6),
    )
    corners = whole(rng, 3, 4)
    # Corners on a circle: each angle is half of the arc it faces, so whole even arcs give whole degrees.
    arcs = [2 * whole(rng, 35, 75), 2 * whole(rng, 35, 55)] if corners == 3 else [2 * whole(rng, 35, 52) for _ in "abc"]
    arcs.append(360 - sum(arcs))
    turns = [start + float(np.radians(sum(arcs[:index]))) for index in range(corners)]
    points = [polar(512, 512, radius, turn) for turn in turns]
    unknown = whole(rng, 0, 2 * corners)
    draw.polygon(points, fill=blend(ground, accent, pick(rng, [0.0, 0.15, 0.3])), outline=line, width=6)
    if chance(rng, 0.4):
        disc(draw, 512, 512, radius, None, accent, 5)
        disc(draw, 512, 512, 9, accent)
    if corners == 4 and chance(rng, 0.5):
        draw.line([points[0], points[2]], fill=accent, width=5)
        unknown = 9
    for index, (x, y) in enumerate(points):
        before, after = points[index - 1], points[(index + 1) % corners]
        degrees = round((360 - arcs[index - 1] - arcs[index]) / 2)
        first, last = (float(np.arctan2(b - y, a - x)) for a, b in (after, before))
        sweep = (last - first) % (2 * np.pi)
        draw.arc((x - 60, y - 60, x + 60, y + 60), np.degrees(first), np.degrees(first + sweep), fill=accent, width=5)
        text = "x" if index == unknown else f"{degrees}°"
        if unknown != 9:
            centred(draw, *polar(x, y, 116, first + sweep / 2), text, face, line)
        centred(draw, *polar(x, y, 48, turns[index]), "ABCD"[index], font(50, "times-italic"), line)
    return image.reduce(2)


def _signed(number: int) -> str:
    return "" if number == 0 else f" {'+' if number > 0 else '−'} {abs(number)}"


def _function(rng: Generator) -> tuple[str, Callable[[Array], Array]]:
    a, h, k, kind = pick(rng, [1, 2, 3]), whole(rng, -3, 3), whole(rng, -3, 3), whole(rng, 0, 6)
    lead, inside = "" if a == 1 else str(a), f"(x{_signed(-h)})" if h else "x"
    options: list[tuple[str, Callable[[Array], Array]]] = [
        (f"{lead}{inside}²{_signed(k)}", lambda x: a * (x - h) ** 2 + k),
        (f"{lead} sin(x){_signed(k)}".strip(), lambda x: a * np.sin(x) + k),
        (f"|x{_signed(-h)}|{_signed(k)}", lambda x: np.abs(x - h) + k),
        (f"{inside}³{_signed(k)}", lambda x: (x - h) ** 3 + k),
        (f"{lead}x{_signed(k)}", lambda x: a * x + k),
        (f"2ˣ{_signed(k)}", lambda x: 2**x + k),
        (f"{lead} cos(x){_signed(k)}".strip(), lambda x: a * np.cos(x) + k),
    ]
    return options[kind]


@family("function plot")
def function_plot(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
    span = whole(rng, 5, 8)
    unit, faint, face = 448 / span, blend(ground, line, 0.15), font(28, pick(rng, BODY_FONTS))
    for tick in range(-span, span + 1):
        place = 512 + tick * unit
        if span < 8:
            draw.line((place, 64, place, 960), fill=faint, width=2)
            draw.line((64, place, 960, place), fill=faint, width=2)
    for tick in range(-span, span + 1):
        place = 512 + tick * unit
        if tick and tick % 2 == 0:
            centred(draw, place, 540, f"{tick}".replace("-", "−"), face, line)
            draw.text((498, 1024 - place), f"{tick}".replace("-", "−"), fill=line, font=face, anchor="rm")
    arrow(draw, [(50, 512), (990, 512)], line)
    arrow(draw, [(512, 974), (512, 34)], line)
    x = np.linspace(-span, span, 1200)
    for row, colour in enumerate(palette(rng, whole(rng, 1, 2))):
        label, function = _function(rng)
        tone, y = darker(colour, 0.2) if line[0] < 128 else lighter(colour, 0.4), function(x)
        inside = np.abs(y) <= span
        for run in np.split(np.arange(x.size), np.flatnonzero(np.diff(inside)) + 1):
            if inside[run[0]] and run.size > 1:
                path = np.column_stack([512 + unit * x[run], 512 - unit * y[run]]).ravel().tolist()
                draw.line(path, fill=tone, width=8, joint="curve")
        draw.text((84 + 480 * row, 30), f"y = {label}", font=font(36, "serif-italic"), fill=tone, anchor="lm")
    return image.reduce(2)


@family("equation")
def equation(rng: Generator) -> Image.Image:
    p, q, n, letter = whole(rng, 1, 9), whole(rng, 1, 9), whole(rng, 2, 6), pick(rng, ["x", "t", "z", "u"])
    total, stop = p + q, whole(rng, 5, 40)
    options = [
        rf"({letter}+{p})({letter}-{q}) = {letter}^2"
        + {0: "", 1: f"+{letter}", -1: f"-{letter}"}.get(p - q, f"{p - q:+d}{letter}")
        + f" - {p * q}",
        rf"\int_0^{p} {letter}^{n}\,d{letter} = \frac{{{p ** (n + 1)}}}{{{n + 1}}}",
        rf"\sum_{{k=1}}^{{{stop}}} k = \frac{{{stop}\cdot{stop + 1}}}{{2}} = {stop * (stop + 1) // 2}",
        rf"{letter} = \frac{{-b \pm \sqrt{{b^2-4ac}}}}{{2a}}",
        rf"\frac{{d}}{{d{letter}}}\,{letter}^{n + 1} = {n + 1}{letter}^{n}",
        rf"\lim_{{{letter}\to 0}} \frac{{\sin {total}{letter}}}{{{letter}}} = {total}",
        r"e^{i\theta} = \cos\theta + i\,\sin\theta",
        rf"\sqrt{{{p * p}}} + \sqrt{{{q * q}}} = {total}",
        rf"\log_{n} {n**p} = {p}",
        r"\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}",
        r"\nabla\cdot\mathbf{E} = \frac{\rho}{\varepsilon_0}",
        rf"\frac{{{p}}}{{{n}}} + \frac{{{q}}}{{{n}}} = \frac{{{total}}}{{{n}}}",
    ]
    image, _, _, line = board(rng)
    image, count = image.reduce(2), whole(rng, 1, 4)
    for row, index in enumerate(rng.permutation(len(options))[:count]):
        with matplotlib.rc_context({"mathtext.fontset": pick(rng, ["cm", "stix", "dejavuserif", "dejavusans"])}):
            inked = np.asarray(MathTextParser("agg").parse(f"${options[index]}$", dpi=300).image)
        mask = Image.fromarray(inked)
        scale = min(450 / mask.width, (430 / count if count > 1 else 170) * 0.75 / mask.height, 1.6)
        mask = mask.resize((int(mask.width * scale), int(mask.height * scale)), Image.Resampling.LANCZOS)
        middle = SIZE * (row + 0.5) / count
        image.paste(line, ((SIZE - mask.width) // 2, int(middle - mask.height / 2)), mask)
    return image
