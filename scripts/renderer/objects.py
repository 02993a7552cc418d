"""Things on a table or a plain ground: fruit, cups and coins."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from .canvas import WHITE, Colour, centred, chance, family, font, pick, uniform, vivid, whole
from .paint import BIG, big, curve, darker, disc, grained, lighter, petal, pixel, polygon
from .studio import ball, shadow, studio, table


def _one_fruit(rng: Generator, image: Image.Image, kind: str, x: float, base: float, size: float) -> None:
    draw = ImageDraw.Draw(image)
    y, stem, leaf = base - size, (95, 65, 40), (85, 150, 60)
    if kind in ("apple", "orange", "plum"):
        colours: dict[str, list[Colour]] = {
            "apple": [(200, 35, 40), (140, 185, 60), (225, 190, 70)],
            "orange": [(245, 145, 30)],
            "plum": [(95, 45, 105)],
        }
        ball(image, x, y, size, size * 0.95, pick(rng, colours[kind]))
        if kind == "apple":
            draw.ellipse((x - size * 0.3, y - size * 0.96, x + size * 0.3, y - size * 0.72), fill=(110, 60, 35))
        if kind == "orange":
            disc(draw, x + size * 0.1, y - size * 0.78, size * 0.07, (90, 120, 50))
        else:
            draw.line(
                curve([(x, y - size * 0.82), (x, y - size * 1.1), (x + size * 0.12, y - size * 1.25)]),
                fill=stem,
                width=int(size * 0.08),
            )
            draw.polygon(petal(x, y - size * 0.98, uniform(rng, -0.8, -0.2), 0, size * 0.6, size * 0.16), fill=leaf)
    elif kind == "pear":
        colour = pick(rng, [(190, 200, 80), (215, 190, 90)])
        for share in np.linspace(1, 0, 9):
            ball(image, x, y - size * 0.95 * share, size * (0.85 - 0.42 * share), size * (0.85 - 0.4 * share), colour)
        draw.line((x, y - size * 1.32, x + size * 0.12, y - size * 1.6), fill=stem, width=int(size * 0.08))
    elif kind == "lemon":
        ball(image, x + size * 0.95, y + size * 0.3, size * 0.2, size * 0.16, (235, 210, 60))
        ball(image, x, y + size * 0.3, size, size * 0.7, (245, 220, 70))
    elif kind == "grapes":
        colour = pick(rng, [(105, 45, 120), (150, 185, 80)])
        draw.line((x, y - size * 0.9, x + size * 0.1, y - size * 1.3), fill=stem, width=int(size * 0.09))
        for row in range(5):
            for column in range(5 - row):
                ball(
                    image,
                    x + (column - (4 - row) / 2) * size * 0.4,
                    y - size * 0.7 + row * size * 0.36,
                    size * 0.25,
                    size * 0.25,
                    darker(colour, uniform(rng, 0, 0.2)),
                )
    elif kind == "cherries":
        for side in (-1, 1):
            cherry = (x + side * size * 0.5, base - size * 0.45)
            draw.line(
                curve([cherry, (cherry[0], y - size * 0.5), (x, y - size)]), fill=(100, 125, 55), width=int(size * 0.06)
            )
            ball(image, *cherry, size * 0.45, size * 0.45, (180, 20, 40))
        draw.polygon(petal(x, y - size, 0.3, 0, size * 0.8, size * 0.2), fill=leaf)
    elif kind == "banana":
        for shift, tone in ((0.0, 0.22), (0.14, 0.0)):
            outer = curve(
                [
                    (x - size, y - size * (0.3 + shift)),
                    (x - size * 0.6, base + size * 0.15),
                    (x + size * 0.7, base + size * 0.1),
                    (x + size * 1.1, y - size * 0.5),
                ]
            )
            inner = curve(
                [
                    (x + size * 1.0, y - size * 0.55),
                    (x + size * 0.5, base - size * (0.35 + shift)),
                    (x - size * 0.5, base - size * (0.35 + shift)),
                    (x - size, y - size * (0.3 + shift)),
                ]
            )
            draw.polygon(outer + inner, fill=darker((245, 215, 65), tone))
        draw.line(
            (x + size * 1.05, y - size * 0.5, x + size * 1.12, y - size * 0.78),
            fill=(130, 105, 45),
            width=int(size * 0.13),
        )
    else:
        for scale, colour in ((1.3, (40, 110, 50)), (1.2, (225, 240, 200)), (1.1, (225, 60, 70))):
            draw.pieslice(
                (
                    x - size * scale,
                    base - size * scale * 1.3,
                    x + size * scale,
                    base + size * (scale * 1.3 - 1.3 + 0.0),
                ),
                0,
                180,
                fill=colour,
            )
        for seed in np.linspace(0.35, np.pi - 0.35, 6):
            draw.ellipse(
                (
                    x + size * 0.7 * np.cos(seed) - 8,
                    base - size * 0.62 + size * 0.55 * np.sin(seed) - 13,
                    x + size * 0.7 * np.cos(seed) + 8,
                    base - size * 0.62 + size * 0.55 * np.sin(seed) + 13,
                ),
                fill=(35, 25, 25),
            )


FRUITS = ("apple", "orange", "plum", "pear", "lemon", "grapes", "cherries", "banana", "watermelon")


@family("fruit")
def fruit(rng: Generator) -> Image.Image:
    image, draw = table(rng, uniform(rng, 480, 620)) if chance(rng, 0.6) else studio(rng, 0.6)
    count = pick(rng, [1, 2, 3, 3])
    kinds = [FRUITS[index] for index in rng.permutation(len(FRUITS))[:count]]
    for index, kind in enumerate(kinds):
        x = BIG * (index + 0.5) / count if count < 3 else BIG * (0.19 + 0.31 * index)
        size = {1: 260.0, 2: 185.0, 3: 135.0}[count] * uniform(rng, 0.88, 1.08)
        base = uniform(rng, 730, 800)
        shadow(draw, x, base - size * 0.05, size * 0.95, darker(pixel(image, int(x), 900), 0.35))
        _one_fruit(rng, image, kind, x, base, size)
    return grained(rng, image.reduce(2), 3)


@family("coffee cup")
def coffee_cup(rng: Generator) -> Image.Image:
    above = chance(rng, 0.35)
    image, draw = studio(rng, 0.2) if above else table(rng, uniform(rng, 500, 640))
    china = pick(rng, [(248, 246, 242), (248, 246, 242), (60, 62, 70), vivid(rng, (0.3, 0.8), (0.5, 0.95))])
    coffee: Colour = pick(rng, [(75, 42, 24), (60, 34, 20), (150, 105, 70)])
    x = BIG / 2 + uniform(rng, -40, 40)
    if above:
        y, size = BIG / 2, uniform(rng, 230, 280)
        disc(draw, x + 16, y + 24, size * 1.6, darker(pixel(image, 40, 900), 0.25))
        disc(draw, x, y, size * 1.6, darker(china, 0.04), darker(china, 0.15), 5)
        disc(draw, x, y, size * 1.15, darker(china, 0.12))
        angle = uniform(rng, -0.6, 0.9)
        draw.line((x, y, x + size * 1.5 * np.cos(angle), y + size * 1.5 * np.sin(angle)), fill=china, width=60)
        disc(draw, x, y, size, china, darker(china, 0.2), 5)
        disc(draw, x, y, size * 0.88, darker(coffee, 0.3))
        disc(draw, x, y, size * 0.84, coffee)
        if chance(rng, 0.6):
            foam = (235, 215, 185)
            for level, reach in ((0.35, 0.5), (0.1, 0.4), (-0.15, 0.3), (-0.35, 0.18)):
                for side in (-1, 1):
                    draw.polygon(petal(x, y + level * size, -np.pi / 2 + side * 0.9, 0, reach * size, 34), fill=foam)
            draw.line((x, y + size * 0.5, x, y - size * 0.45), fill=foam, width=12)
        else:
            draw.arc(
                (x - size * 0.7, y - size * 0.7, x + size * 0.7, y + size * 0.7),
                190,
                250,
                fill=lighter(coffee, 0.3),
                width=14,
            )
        return grained(rng, image.reduce(2), 3)
    base, half, tall, taper = (
        uniform(rng, 790, 840),
        uniform(rng, 190, 250),
        uniform(rng, 290, 400),
        uniform(rng, 0.55, 0.95),
    )
    top, lip = base - tall, half * 0.24
    side = pick(rng, [-1, 1])
    draw.ellipse((x - half * 1.75, base - 52, x + half * 1.75, base + 62), fill=darker(pixel(image, 40, 900), 0.3))
    draw.ellipse(
        (x - half * 1.65, base - 62, x + half * 1.65, base + 46),
        fill=darker(china, 0.06),
        outline=darker(china, 0.2),
        width=4,
    )
    handle = x + side * half * 0.98
    draw.ellipse(
        (handle - half * 0.45, top + tall * 0.15, handle + half * 0.45, top + tall * 0.68),
        outline=darker(china, 0.1),
        width=38,
    )
    for step in range(40):
        share = step / 39
        left, right = (x - half + 2 * half * share, x - half + 2 * half * (share + 1 / 39))
        tone = darker(china, 0.04 + 0.32 * share**2)
        foot = (base - 6) + 26 * np.sqrt(max(0.0, 1 - (2 * share - 1) ** 2))
        draw.polygon(
            [(left, top), (right, top), (x + (right - x) * taper, foot), (x + (left - x) * taper, foot)], fill=tone
        )
    if chance(rng, 0.35):
        for band in (0.35, 0.45):
            wide = half * (1 - (1 - taper) * band)
            draw.arc(
                (x - wide, top + tall * band - lip, x + wide, top + tall * band + lip),
                0,
                180,
                fill=vivid(rng),
                width=14,
            )
    draw.ellipse(
        (x - half, top - lip, x + half, top + lip), fill=lighter(china, 0.3), outline=darker(china, 0.2), width=5
    )
    draw.ellipse((x - half * 0.92, top - lip * 0.78, x + half * 0.92, top + lip * 0.9), fill=coffee)
    draw.arc(
        (x - half * 0.8, top - lip * 0.55, x + half * 0.8, top + lip * 0.75),
        30,
        140,
        fill=lighter(coffee, 0.25),
        width=6,
    )
    veil = Image.new("L", image.size, 0)
    for _ in range(pick(rng, [0, 2, 3])):
        at = x + uniform(rng, -0.5, 0.5) * half
        wisp = curve(
            [(at, top - 20), (at + 90, top - 110), (at - 110, top - 200), (at + uniform(rng, -30, 60), top - 320)]
        )
        ImageDraw.Draw(veil).line(wisp, fill=150, width=24)
    image.paste(WHITE, mask=veil.filter(ImageFilter.GaussianBlur(10)))
    return grained(rng, image.reduce(2), 3)


@family("coins")
def coins(rng: Generator) -> Image.Image:
    image, draw = big(pick(rng, [WHITE, (40, 75, 60), (70, 50, 40), (60, 64, 72), (215, 205, 185), (35, 50, 90)]))
    metals: list[Colour] = [(214, 175, 65), (190, 194, 200), (184, 115, 70)]
    count, unit = whole(rng, 3, 11), pick(rng, ["cents", "pence", "crown", "mark", "unit"])
    for _ in range(count):
        radius, metal = uniform(rng, 100, 170), pick(rng, metals)
        x, y = uniform(rng, 140, BIG - 140), uniform(rng, 140, BIG - 140)
        disc(draw, x + 10, y + 14, radius, darker(pixel(image, 3, 3), 0.45))
        disc(draw, x, y, radius, darker(metal, 0.35))
        for angle in np.arange(0, 2 * np.pi, 0.11):
            draw.line(
                (
                    x + radius * 0.94 * np.cos(angle),
                    y + radius * 0.94 * np.sin(angle),
                    x + radius * np.cos(angle),
                    y + radius * np.sin(angle),
                ),
                fill=lighter(metal, 0.2),
                width=4,
            )
        disc(draw, x, y, radius * 0.95, lighter(metal, 0.15))
        disc(draw, x, y, radius * 0.86, darker(metal, 0.18))
        disc(draw, x + 3, y + 3, radius * 0.84, metal)
        for reach in (0.62, 0.5):
            draw.arc(
                (x - radius * reach, y - radius * reach, x + radius * reach, y + radius * reach),
                200,
                260,
                fill=lighter(metal, 0.35),
                width=6,
            )
        relief, motif = darker(metal, 0.45), pick(rng, ["value", "value", "head", "star"])
        if motif == "value":
            centred(
                draw,
                x,
                y - radius * 0.12,
                str(pick(rng, [1, 2, 5, 10, 20, 50])),
                font(radius * 0.8, "serif-bold"),
                relief,
            )
            centred(draw, x, y + radius * 0.5, unit, font(radius * 0.24, "serif"), relief)
        elif motif == "star":
            draw.polygon(polygon(x, y, radius * 0.55, 5, 0.0, 0.42), fill=relief)
        else:
            draw.ellipse((x - radius * 0.3, y - radius * 0.55, x + radius * 0.3, y + radius * 0.2), fill=relief)
            draw.polygon(
                [(x - radius * 0.25, y - radius * 0.25), (x - radius * 0.44, y - radius * 0.08), (x - radius * 0.2, y)],
                fill=relief,
            )
            draw.pieslice(
                (x - radius * 0.55, y + radius * 0.15, x + radius * 0.55, y + radius * 1.1), 180, 360, fill=relief
            )
    return grained(rng, image.reduce(2), 4)
