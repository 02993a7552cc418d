"""Technical drawings: mathematics, flowcharts, graphs, plans, maps, clocks, chess and music."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.mathtext import MathTextParser
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import (
    BODY_FONTS,
    SIZE,
    WHITE,
    WORDS,
    Colour,
    centred,
    chance,
    family,
    font,
    ink,
    palette,
    paper,
    pick,
    title,
    uniform,
    vivid,
    whole,
)
from .paint import BIG, Array, Point, big, blend, darker, disc, lighter, polygon

VERBS = ("Read", "Check", "Send", "Save", "Update", "Count", "Load", "Print", "Sort", "Approve", "Measure", "Test")
ROOMS = (
    "Living room",
    "Kitchen",
    "Bedroom",
    "Bathroom",
    "Study",
    "Hall",
    "Dining room",
    "Bedroom 2",
    "Store",
    "Office",
)
OPENINGS = (
    "e2e4 e7e5 g1f3 b8c6 f1b5 a7a6 b5a4 g8f6 d2d3 f8c5 c2c3 d7d6",
    "d2d4 d7d5 c2c4 e7e6 b1c3 g8f6 c1g5 f8e7 e2e3 h7h6 g5h4 b7b6",
    "e2e4 c7c5 g1f3 d7d6 d2d4 c5d4 f3d4 g8f6 b1c3 a7a6 c1e3 e7e5",
    "e2e4 e7e6 d2d4 d7d5 b1c3 f8b4 e4e5 c7c5 a2a3 b4c3 b2c3 g8e7",
    "c2c4 e7e5 b1c3 g8f6 g2g3 d7d5 c4d5 f6d5 f1g2 d5b6 g1f3 b8c6",
)


def _board(rng: Generator) -> tuple[Image.Image, ImageDraw.ImageDraw, Colour, Colour]:
    """Image, drawing context, background and line colour of a light or a dark drawing."""
    dark: list[Colour] = [(28, 32, 40), (24, 54, 96), (38, 66, 54), (16, 16, 18)]
    ground, line = (pick(rng, dark), (235, 238, 240)) if chance(rng, 0.25) else (paper(rng), ink(rng))
    return *big(ground), ground, line


def _polar(x: float, y: float, radius: float, angle: float) -> Point:
    return x + radius * float(np.cos(angle)), y + radius * float(np.sin(angle))


def _arrow(draw: ImageDraw.ImageDraw, path: list[Point], fill: Colour, width: int = 5) -> None:
    draw.line(path, fill=fill, width=width)
    (a, b), (x, y) = path[-2:]
    back = float(np.arctan2(b - y, a - x))
    draw.polygon([(x, y), _polar(x, y, 26, back - 0.4), _polar(x, y, 26, back + 0.4)], fill=fill)


@family("geometry figure")
def geometry_figure(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
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
    points = [_polar(512, 512, radius, turn) for turn in turns]
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
            centred(draw, *_polar(x, y, 116, first + sweep / 2), text, face, line)
        centred(draw, *_polar(x, y, 48, turns[index]), "ABCD"[index], font(50, "times-italic"), line)
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
    image, draw, ground, line = _board(rng)
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
    _arrow(draw, [(50, 512), (990, 512)], line)
    _arrow(draw, [(512, 974), (512, 34)], line)
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
    image, _, _, line = _board(rng)
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


@family("flowchart")
def flowchart(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    count, side, x = whole(rng, 4, 6), pick(rng, [-1, 1]), 512.0
    face, fills = font(28, pick(rng, ["sans", "serif"])), palette(rng, 3)
    tones = [blend(ground, fill, 0.45) for fill in fills]
    pitch, choice = 940 / count, whole(rng, 1, count - 2)
    x -= side * 185
    tall = min(54.0, pitch * 0.29)
    for index in range(count):
        y = 42 + pitch * (index + 0.5)
        box, text = (x - 150, y - tall, x + 150, y + tall), f"{pick(rng, VERBS)} {pick(rng, WORDS)}"
        if index + 1 < count:
            low = y + tall * (1.35 if index == choice else 1)
            _arrow(draw, [(x, low), (x, y + pitch - tall * (1.35 if index + 1 == choice else 1))], line)
        if index in (0, count - 1):
            draw.rounded_rectangle(box, tall, tones[0], line, 4)
            text = "Start" if index == 0 else "End"
        elif index == choice:
            away, text = x + side * 375, f"{pick(rng, WORDS)} ok?"
            tip = tall * 1.35
            draw.polygon([(x, y - tip), (x + 178, y), (x, y + tip), (x - 178, y)], tones[1], line, 4)
            _arrow(draw, [(x + side * 178, y), (away - side * 118, y)], line)
            draw.rectangle((away - 118, y - tall, away + 118, y + tall), tones[2], line, 4)
            centred(draw, away, y - 18, pick(rng, VERBS), face, line)
            centred(draw, away, y + 18, pick(rng, WORDS), face, line)
            goal = y + pitch if chance(rng, 0.5) else y - pitch
            turn = y + np.sign(goal - y) * tall
            _arrow(draw, [(away, float(turn)), (away, goal), (x + side * 150, goal)], line)
            centred(draw, x + side * 210, y - 24, "No", font(26), line)
            draw.text((x + 14, y + tip + 2), "Yes", font=font(26), fill=line)
        else:
            draw.rectangle(box, tones[2], line, 4)
        centred(draw, x, y, text, face, line)
    return image.reduce(2)


@family("network graph")
def network_graph(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    count, size, directed = whole(rng, 7, 16), uniform(rng, 30, 46), chance(rng, 0.3)
    fills, lettered, weighted = palette(rng, whole(rng, 1, 4)), chance(rng, 0.5), chance(rng, 0.3)
    places: list[Point] = []
    while len(places) < count:
        spots = rng.uniform(90, 934, (40, 2))
        gaps = [min([float(np.hypot(x - a, y - b)) for a, b in places] or [0.0]) for x, y in spots]
        places.append(tuple(spots[int(np.argmax(gaps))].tolist()))
    gaps_between = np.array([[np.hypot(a - c, b - d) for c, d in places] for a, b in places])
    edges = {
        tuple(sorted((i, int(j)))) for i in range(count) for j in np.argsort(gaps_between[i])[1 : whole(rng, 3, 4)]
    }
    for i, j in sorted(edges):
        (a, b), (c, d) = places[i], places[j]
        angle = float(np.arctan2(d - b, c - a))
        if directed:
            _arrow(draw, [(a, b), _polar(c, d, -size, angle)], blend(ground, line, 0.6), 4)
        else:
            draw.line((a, b, c, d), fill=blend(ground, line, 0.55), width=5)
        if weighted:
            disc(draw, (a + c) / 2, (b + d) / 2, 19, ground)
            centred(draw, (a + c) / 2, (b + d) / 2, str(whole(rng, 1, 20)), font(26), line)
    for index, (x, y) in enumerate(places):
        fill = darker(pick(rng, fills), 0.2)
        disc(draw, x, y, size, fill, darker(fill, 0.4), 4)
        centred(draw, x, y, chr(65 + index) if lettered else str(index + 1), font(34, "sans-bold"), WHITE)
    return image.reduce(2)


@family("tree diagram")
def tree_diagram(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    depth, upright, elbows, boxes = whole(rng, 3, 4), chance(rng, 0.6), chance(rng, 0.5), chance(rng, 0.4)
    levels: list[list[int]] = [[0]]
    while len(levels) < depth:
        above = len(levels[-1])
        children = [whole(rng, 1, 3) if above < 4 else whole(rng, 0, 2) for _ in range(above)]
        children[0] = max(children[0], 3 - above if above < 3 else 1)
        levels.append([parent for parent, number in enumerate(children) for _ in range(number)][:9])
    spots: list[list[Point]] = []
    for row, level in enumerate(levels):
        across = [BIG * (index + 0.5) / len(level) for index in range(len(level))]
        along = 110 + 804 * row / (depth - 1)
        spots.append([(at, along) if upright else (along, at) for at in across])
    fills, names = [darker(fill, 0.2) for fill in palette(rng, depth)], rng.permutation(26)
    for row in range(1, depth):
        for parent, (x, y) in zip(levels[row], spots[row], strict=True):
            a, b = spots[row - 1][parent]
            bend = [(a, (b + y) / 2), (x, (b + y) / 2)] if upright else [((a + x) / 2, b), ((a + x) / 2, y)]
            draw.line([(a, b), *(bend if elbows else []), (x, y)], fill=blend(ground, line, 0.7), width=5)
    for row, places in enumerate(spots):
        for index, (x, y) in enumerate(places):
            if boxes:
                draw.rounded_rectangle((x - 46, y - 34, x + 46, y + 34), 10, fills[row], line, 4)
            else:
                disc(draw, x, y, 42, fills[row], line, 4)
            centred(draw, x, y, chr(65 + int(names[(row * 9 + index) % 26])), font(38, "sans-bold"), WHITE)
    return image.reduce(2)


@family("venn diagram")
def venn_diagram(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    rules: list[tuple[str, set[int]]] = [
        ("Even", set(range(2, 31, 2))),
        ("Multiples of 3", set(range(3, 31, 3))),
        ("Multiples of 5", set(range(5, 31, 5))),
        ("Squares", {1, 4, 9, 16, 25}),
        ("Primes", {2, 3, 5, 7, 11, 13, 17, 19, 23, 29}),
        ("Over 15", set(range(16, 31))),
    ]
    count, turn = whole(rng, 2, 3), pick(rng, [0.0, np.pi])
    middle = 479 if turn else 545
    sets, radius = [rules[int(index)] for index in rng.permutation(len(rules))[:count]], 270.0
    centres = [(350.0, 520.0), (674.0, 520.0)] if count == 2 else polygon(512, middle, 178, 3, turn)
    for (x, y), fill in zip(centres, palette(rng, count), strict=True):
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=110)
        image.paste(fill, (0, 0), mask)
        disc(draw, x, y, radius, None, blend(ground, line, 0.8), 5)
    for (name, _), (x, y) in zip(sets, centres, strict=True):
        up = -1 if count == 2 or y < middle + (0 if turn == 0 else 120) else 1
        at_x = x if count == 2 or abs(x - 512) < 9 else x + np.sign(x - 512) * 90
        centred(draw, at_x, y + up * (radius + 36), name, font(38, "sans-bold"), line)
    for region in range(1, 2**count):
        inside = [index for index in range(count) if region >> index & 1]
        members: list[int] = [v for v in range(1, 31) if all((v in sets[i][1]) == (i in inside) for i in range(count))]
        x, y = np.mean([centres[i] for i in inside], axis=0)
        push = {1: 1.5 if count == 3 else 1.25, 2: 1.75 if count == 3 else 1.0, 3: 1.0}[len(inside)]
        x, y = 512 + (x - 512) * push, (y - middle) * push + middle if count == 3 else 520
        shown: list[int] = sorted(rng.permutation(members)[: 4 if len(inside) == 1 else 2].tolist())
        for row, start in enumerate(range(0, len(shown), 2)):
            text = ", ".join(str(v) for v in shown[start : start + 2])
            centred(draw, x, y + 48 * (row - (len(shown) > 2) / 2), text, font(36), line)
    return image.reduce(2)


def _part(draw: ImageDraw.ImageDraw, kind: str, a: Point, b: Point, line: Colour, ground: Colour) -> None:
    """A wire from ``a`` to ``b`` with a component in its middle."""
    along = np.subtract(b, a) / np.hypot(*np.subtract(b, a))
    middle, across = np.add(a, b) / 2, np.array([-along[1], along[0]])

    def at(*pairs: Point) -> list[Point]:
        return [(float(p[0]), float(p[1])) for p in (middle + u * along + v * across for u, v in pairs)]

    draw.line([a, b], fill=line, width=6)
    if kind == "wire":
        return
    reach = {"battery": 24, "capacitor": 12, "switch": 56}.get(kind, 64)
    draw.line(at((-reach, 0), (reach, 0)), fill=ground, width=10)
    if kind == "resistor":
        teeth = [(-64 + 128 * (i + 0.5) / 6, 26 * (-1) ** i) for i in range(6)]
        draw.line(at((-64, 0), *teeth, (64, 0)), fill=line, width=6, joint="curve")
    elif kind == "inductor":
        turns = [(-64 + 128 * t / 40, -30 * abs(np.sin(np.pi * t / 10))) for t in range(41)]
        draw.line(at(*turns), fill=line, width=6, joint="curve")
    elif kind == "switch":
        draw.line(at((-56, 0), (44, -50)), fill=line, width=6)
        for x, y in at((-56, 0), (56, 0)):
            disc(draw, x, y, 9, line)
    elif kind in ("battery", "capacitor"):
        for u, half in ((-24, 52), (-8, 26), (8, 52), (24, 26)) if kind == "battery" else ((-12, 46), (12, 46)):
            draw.line(at((u, -half), (u, half)), fill=line, width=7)
        if kind == "battery":
            draw.line(at((-8, 0), (8, 0)), fill=ground, width=10)
    else:
        x, y = at((0, 0))[0]
        draw.line(at((-64, 0), (64, 0)), fill=line, width=6)
        disc(draw, x, y, 46, ground, line, 6)
        if kind == "lamp":
            for angle in (0.785, 2.356):
                draw.line([_polar(x, y, 44, angle), _polar(x, y, -44, angle)], fill=line, width=5)
        else:
            centred(draw, x, y, "A" if kind == "ammeter" else "V", font(48, "sans-bold"), line)


@family("circuit diagram")
def circuit_diagram(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    left, right, top, low = (
        uniform(rng, 150, 200),
        uniform(rng, 800, 850),
        uniform(rng, 180, 280),
        uniform(rng, 720, 830),
    )
    split = uniform(rng, 470, 530)
    wires = [((left, low), (left, top), "battery"), ((left, top), (split, top), ""), ((split, top), (right, top), "")]
    wires += [
        ((right, top), (right, low), ""),
        ((right, low), (split, low), pick(rng, ["resistor", "lamp"])),
        ((split, low), (left, low), ""),
    ]
    if chance(rng, 0.6):
        wires.append(((split, top), (split, low), pick(rng, ["resistor", "lamp", "capacitor"])))
        for y in (top, low):
            disc(draw, split, y, 13, line)
    marks = {"resistor": ("R", "Ω"), "capacitor": ("C", "µF"), "battery": ("", "V"), "inductor": ("L", "mH")}
    kinds, used, valued = (
        [*marks, "lamp", "switch", "ammeter", "wire", "wire"],
        dict.fromkeys("RCL", 0),
        chance(rng, 0.6),
    )
    for a, b, given in wires:
        kind = given or pick(rng, [name for name in kinds if name != "battery"])
        _part(draw, kind, a, b, line, ground)
        letter, unit = marks.get(kind, ("", ""))
        if letter:
            used[letter] += 1
        text = f"{letter}{used[letter]}" if letter else ""
        if unit and (valued or not letter):
            text = f"{text} {pick(rng, [3, 5, 9, 12, 22, 47])} {unit}".strip()
        x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        if a[0] == b[0]:
            for row, word in enumerate(text.split(" ", 1) if letter else [text]):
                centred(draw, x + (-100 if a[0] == left else 98), y - 18 + 40 * row, word, font(32), line)
        else:
            centred(draw, x, y - 66, text, font(32), line)
    return image.reduce(2)


@family("floor plan")
def floor_plan(rng: Generator) -> Image.Image:
    image, draw, ground, line = _board(rng)
    wide, tall = whole(rng, 760, 900), whole(rng, 680, 900)
    left, top, scale = (BIG - wide) / 2, (BIG - tall) / 2, uniform(rng, 70, 95)
    rooms, doors, goal = [(left, top, left + wide, top + tall)], [], whole(rng, 4, 6)
    while len(rooms) < goal:
        a, b, c, d = rooms.pop(int(np.argmax([(room[2] - room[0]) * (room[3] - room[1]) for room in rooms])))
        share = uniform(rng, 0.42, 0.58)
        if c - a > d - b:
            cut = a + share * (c - a)
            rooms += [(a, b, cut, d), (cut, b, c, d)]
            doors.append(((cut, b + 30), (cut, b + 110)))
        else:
            cut = b + share * (d - b)
            rooms += [(a, b, c, cut), (a, cut, c, d)]
            doors.append(((a + 30, cut), (a + 110, cut)))
    doors.append(((left + 30, top + tall), (left + 110, top + tall)))
    tints, names, coloured = palette(rng, goal), rng.permutation(len(ROOMS)), chance(rng, 0.5)
    for room, tint, name in zip(rooms, tints, names[:goal], strict=True):
        draw.rectangle(room, blend(ground, tint, 0.2) if coloured else ground, line, 10)
        x, y, area = (room[0] + room[2]) / 2, (room[1] + room[3]) / 2, (room[2] - room[0]) * (room[3] - room[1])
        centred(draw, x, y - 2, ROOMS[name], font(min(30, (room[2] - room[0]) / 7.5)), line)
        centred(draw, x, y + 38, f"{area / scale**2:.1f} m²", font(26), line)
        for edge, outer in ((room[0], left), (room[2], left + wide)):
            if edge == outer:
                draw.rectangle((edge - 8, y - 55, edge + 8, y + 55), ground, line, 3)
    for (a, b), (c, d) in doors:
        draw.line((a, b, c, d), fill=ground, width=24)
        swing = (a - 80, b - 80, a + 80, b + 80)
        draw.arc(swing, *((0, 90) if a == c else (270, 360)), fill=line, width=3)
        draw.line((a, b, a + (80 if a == c else 0), b - (0 if a == c else 80)), fill=line, width=5)
    return image.reduce(2)


@family("street map")
def street_map(rng: Generator) -> Image.Image:
    schemes: list[tuple[Colour, Colour, Colour, Colour, Colour]] = [
        ((238, 234, 226), WHITE, (250, 215, 120), (190, 222, 165), (165, 205, 230)),
        ((225, 226, 230), WHITE, (255, 235, 175), (195, 225, 190), (150, 195, 240)),
        ((32, 36, 46), (68, 75, 90), (150, 115, 60), (35, 62, 50), (25, 50, 85)),
    ]
    ground, minor, major, park, water = pick(rng, schemes)
    side, (image, draw), face = 1460, big(ground, 1460, 1460), font(26)
    text = (225, 225, 230) if ground[0] < 100 else (70, 70, 78)
    lines = [np.cumsum(rng.uniform(105, 190, 14)) - 60 for _ in range(2)]
    for a, b in zip(lines[0], lines[0][1:], strict=False):
        for c, d in zip(lines[1], lines[1][1:], strict=False):
            if chance(rng, 0.1):
                draw.rectangle((a, c, b, d), fill=park)
            elif chance(rng, 0.5):
                draw.rectangle((a + 24, c + 24, b - 28, d - 28), fill=blend(ground, text, 0.12))
    t = np.linspace(-50, side + 50, 40)
    river = (
        730 + uniform(rng, -260, 260) + 130 * np.sin(t / uniform(rng, 180, 300)) + uniform(rng, -0.5, 0.5) * (t - 730)
    )
    if chance(rng, 0.6):
        draw.line(np.column_stack([t, river]).ravel().tolist(), fill=water, width=whole(rng, 50, 110), joint="curve")
    roads: list[tuple[float, float, float, float]] = [(at, 0, at, side) for at in lines[0]]
    roads += [(0, at, side, at) for at in lines[1]]
    main = {int(i) for i in rng.integers(0, 28, 5)}
    if chance(rng, 0.5):
        main.add(len(roads))
        roads.append((0, uniform(rng, 0, 900), side, uniform(rng, 500, 1400)))
    for grow, casing in ((6, True), (0, False)):
        for index, road in sorted(enumerate(roads), key=lambda item: item[0] in main):
            fill, width = (major, 34) if index in main else (minor, 18)
            draw.line(road, fill=blend(ground, text, 0.35) if casing else fill, width=width + grow)
    for at in lines[1][2:9:2]:
        x, name = uniform(rng, 350, 850), f"{title(rng, 1)} {pick(rng, ['Street', 'Road', 'Avenue', 'Lane'])}"
        draw.text((x, at), name, font=face, fill=text, anchor="lm", stroke_width=5, stroke_fill=ground)
    turned = image.reduce(2).rotate(pick(rng, [0.0, uniform(rng, -25, 25)]), Image.Resampling.BICUBIC)
    small = turned.crop((109, 109, 621, 621))
    if chance(rng, 0.5):
        x, y, pin, tone = uniform(rng, 120, 400), uniform(rng, 150, 400), ImageDraw.Draw(small), vivid(rng)
        pin.polygon([(x - 14, y - 30), (x + 14, y - 30), (x, y)], fill=tone)
        disc(pin, x, y - 36, 16, tone)
        disc(pin, x, y - 36, 6, WHITE)
    return small


@family("clock face")
def clock_face(rng: Generator) -> Image.Image:
    image, draw = big(vivid(rng, (0.05, 0.5), (0.3, 0.95)))
    dial, line = pick(rng, [(WHITE, (20, 20, 22)), ((245, 236, 215), (50, 35, 25)), ((28, 30, 36), (235, 235, 230))])
    r, rim, square = uniform(rng, 360, 450), vivid(rng, (0.0, 0.9), (0.15, 0.9)), chance(rng, 0.25)
    for radius, fill in ((r + 40, rim), (r + 12, darker(rim, 0.35)), (r, dial)):
        if square:
            draw.rounded_rectangle((512 - radius, 512 - radius, 512 + radius, 512 + radius), 60, fill)
        else:
            disc(draw, 512, 512, radius, fill)
    numerals = [str(hour) for hour in range(1, 13)]
    if chance(rng, 0.4):
        numerals = "I II III IV V VI VII VIII IX X XI XII".split()
    face = font(r * uniform(rng, 0.15, 0.2), pick(rng, ["sans", "sans-bold", "serif", "times-bold"]))
    for minute in range(60):
        angle, length = np.radians(6 * minute - 90), 0.08 if minute % 5 == 0 else 0.04
        ends = [_polar(512, 512, r * 0.96, angle), _polar(512, 512, r * (0.96 - length), angle)]
        draw.line(ends, fill=line, width=9 if minute % 5 == 0 else 4)
    for hour, text in enumerate(numerals, 1):
        centred(draw, *_polar(512, 512, r * 0.74, np.radians(30 * hour - 90)), text, face, line)
    hour, minute, accent = whole(rng, 0, 11), whole(rng, 0, 59), pick(rng, [(200, 40, 40), line, vivid(rng)])
    for turn, length, width in ((30 * (hour + minute / 60), 0.5, 22), (6 * minute, 0.78, 14)):
        angle = np.radians(turn - 90)
        draw.line([_polar(512, 512, -40, angle), _polar(512, 512, length * r, angle)], fill=line, width=width)
    if chance(rng, 0.5):
        angle = np.radians(6 * whole(rng, 0, 59) - 90)
        draw.line([_polar(512, 512, -70, angle), _polar(512, 512, 0.85 * r, angle)], fill=accent, width=6)
    disc(draw, 512, 512, 24, accent)
    return image.reduce(2)


@family("chessboard")
def chessboard(rng: Generator) -> Image.Image:
    pairs: list[tuple[Colour, Colour]] = [((240, 217, 181), (181, 136, 99)), ((238, 238, 210), (118, 150, 86))]
    pairs += [
        ((222, 227, 230), (120, 145, 165)),
        ((235, 225, 245), (140, 115, 165)),
        ((230, 230, 230), (130, 130, 130)),
    ]
    (pale, dark), frame = pick(rng, pairs), pick(rng, [(60, 40, 30), (40, 42, 48), WHITE, (235, 225, 205)])
    image, draw = big(frame)
    squares = {
        f"{name}{rank}": piece
        for rank, row in ((1, "RNBQKBNR"), (8, "rnbqkbnr"))
        for name, piece in zip("abcdefgh", row, strict=True)
    }
    squares |= {f"{name}{rank}": piece for rank, piece in ((2, "P"), (7, "p")) for name in "abcdefgh"}
    for move in pick(rng, OPENINGS).split()[: whole(rng, 0, 12)]:
        squares[move[2:]] = squares.pop(move[:2])
    if chance(rng, 0.3):
        squares = {at: piece for at, piece in squares.items() if piece in "kKpP" or chance(rng, 0.4)}
    flipped, cell, edge = chance(rng, 0.3), 116, 48
    tone = (60, 50, 45) if frame[0] > 128 else (225, 220, 210)
    for rank in range(8):
        for column in range(8):
            x, y = edge + cell * (7 - column if flipped else column), edge + cell * (rank if flipped else 7 - rank)
            # a1 is dark: even sums of rank and column.
            draw.rectangle((x, y, x + cell - 1, y + cell - 1), fill=pale if (rank + column) % 2 else dark)
            piece = squares.get(f"{'abcdefgh'[column]}{rank + 1}")
            if piece:
                fill, rim = ((250, 250, 246), (30, 28, 28)) if piece.isupper() else ((32, 30, 32), (205, 205, 205))
                glyph = dict(zip("kqrbnp", "♚♛♜♝♞♟", strict=True))[piece.lower()]
                middle = (x + cell / 2, y + cell / 2)
                draw.text(middle, glyph, fill, font(88), anchor="mm", stroke_width=3, stroke_fill=rim)
        at = edge + cell * (7.5 - rank if flipped else rank + 0.5)
        centred(draw, at, 1000, "abcdefgh"[rank], font(28), tone)
        centred(draw, 24, BIG - at, str(rank + 1), font(28), tone)
    return image.reduce(2)


@family("sheet music")
def sheet_music(rng: Generator) -> Image.Image:
    ground = pick(rng, [WHITE, WHITE, (250, 246, 232), (240, 228, 200)])
    (image, draw), line, gap = big(ground), ink(rng), uniform(rng, 15, 19)
    staves, beats, headed = whole(rng, 3, 5), pick(rng, [2, 3, 4]), chance(rng, 0.6)
    if headed:
        centred(draw, 512, 66, title(rng, 2), font(46, "times-bold"), line)
    first, bars = 170 if headed else 110, whole(rng, 2, 3) if beats > 2 else 3
    cells: dict[int, list[list[float]]] = {1: [[1], [0.5, 0.5]], 2: [[2], [1, 1], [0.5, 0.5, 1], [1, 0.5, 0.5]]}
    step = 0
    for stave in range(staves):
        top = first + stave * (BIG - first - 60) / staves
        base = top + 4 * gap
        for row in range(5):
            draw.line((60, top + row * gap, 964, top + row * gap), fill=line, width=3)
        # A treble clef: a curl round the G line, a loop above the stave and a tail below it.
        t = np.linspace(0, 1, 60)
        curl_x = 100 + gap * np.interp(
            t, [0, 0.15, 0.3, 0.45, 0.62, 0.75, 0.85, 1], [0.2, -0.8, 0.6, 0.9, -1.4, 0.9, 0.3, 0]
        )
        curl_y = base - gap * np.interp(
            t, [0, 0.15, 0.3, 0.45, 0.62, 0.75, 0.85, 1], [0.6, 1, 1.9, 0.2, 1.2, 4, 5.2, 4.2]
        )
        draw.line(np.column_stack([curl_x, curl_y]).ravel().tolist(), fill=line, width=5, joint="curve")
        draw.line((100, base - 4.2 * gap, 108, base + 1.4 * gap), fill=line, width=5)
        disc(draw, 102, base + 1.4 * gap, 7, line)
        if stave == 0:
            for row, digit in enumerate((beats, 4)):
                centred(draw, 160, top + gap + 2 * row * gap, str(digit), font(2.6 * gap, "times-bold"), line)
        start = 200 if stave == 0 else 150
        for bar in range(bars):
            left, width = start + bar * (964 - start) / bars, (964 - start) / bars
            draw.line((left + width, top, left + width, base), fill=line, width=4)
            lengths = [v for chunk in ([2, 2] if beats == 4 else [2, 1][: beats - 1]) for v in pick(rng, cells[chunk])]
            ends, moment = [], 0.0
            for length in lengths:
                step = int(np.clip(step + whole(rng, -2, 2), 0, 9))
                x, y = left + 34 + (width - 46) * moment / beats, base + gap - step * gap / 2
                up, head = step < 6, polygon(0, 0, 1, 20)
                oval = [(x + gap * (0.66 * a + 0.12 * b), y + gap * (0.46 * b - 0.2 * a)) for a, b in head]
                draw.polygon(oval, fill=ground if length == 2 else line, outline=line, width=4)
                if step == 0:
                    draw.line((x - gap, y, x + gap, y), fill=line, width=3)
                stem = (x + 0.6 * gap, y - 3.4 * gap) if up or length == 0.5 else (x - 0.6 * gap, y + 3.4 * gap)
                draw.line((stem[0], y, *stem), fill=line, width=4)
                moment += length
                if length == 0.5:
                    ends.append(stem)
                    if len(ends) % 2 == 0:
                        draw.line([ends[-2], stem], fill=line, width=10)
    draw.line((60, first, 60, first + 4 * gap), fill=line, width=4)
    return image.reduce(2)
