"""Diagrams of how things are linked: flowcharts, graphs, trees, sets and circuits."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .board import arrow, board, polar
from .canvas import WHITE, WORDS, Colour, centred, chance, family, font, palette, pick, uniform, whole
from .paint import BIG, Point, blend, darker, disc, polygon

VERBS = ("Read", "Check", "Send", "Save", "Update", "Count", "Load", "Print", "Sort", "Approve", "Measure", "Test")


@family("flowchart")
def flowchart(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
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
            arrow(draw, [(x, low), (x, y + pitch - tall * (1.35 if index + 1 == choice else 1))], line)
        if index in (0, count - 1):
            draw.rounded_rectangle(box, tall, tones[0], line, 4)
            text = "Start" if index == 0 else "End"
        elif index == choice:
            away, text = x + side * 375, f"{pick(rng, WORDS)} ok?"
            tip = tall * 1.35
            draw.polygon([(x, y - tip), (x + 178, y), (x, y + tip), (x - 178, y)], tones[1], line, 4)
            arrow(draw, [(x + side * 178, y), (away - side * 118, y)], line)
            draw.rectangle((away - 118, y - tall, away + 118, y + tall), tones[2], line, 4)
            centred(draw, away, y - 18, pick(rng, VERBS), face, line)
            centred(draw, away, y + 18, pick(rng, WORDS), face, line)
            goal = y + pitch if chance(rng, 0.5) else y - pitch
            turn = y + np.sign(goal - y) * tall
            arrow(draw, [(away, float(turn)), (away, goal), (x + side * 150, goal)], line)
            centred(draw, x + side * 210, y - 24, "No", font(26), line)
            draw.text((x + 14, y + tip + 2), "Yes", font=font(26), fill=line)
        else:
            draw.rectangle(box, tones[2], line, 4)
        centred(draw, x, y, text, face, line)
    return image.reduce(2)


@family("network graph")
def network_graph(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
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
            arrow(draw, [(a, b), polar(c, d, -size, angle)], blend(ground, line, 0.6), 4)
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
    image, draw, ground, line = board(rng)
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
    image, draw, ground, line = board(rng)
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
                draw.line([polar(x, y, 44, angle), polar(x, y, -44, angle)], fill=line, width=5)
        else:
            centred(draw, x, y, "A" if kind == "ammeter" else "V", font(48, "sans-bold"), line)


@family("circuit diagram")
def circuit_diagram(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
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
