"""Living things on a plain or simple ground: flowers, faces, cats and fish."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import SIZE, WHITE, Colour, chance, family, pick, uniform, vivid, whole
from .paint import (
    BIG,
    Point,
    backdrop,
    big,
    blend,
    curve,
    darker,
    disc,
    grained,
    grid,
    lighter,
    mix,
    noise,
    petal,
    pixel,
)
from .studio import shadow, studio


def _bloom(rng: Generator, draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: Colour) -> None:
    kind = pick(rng, ["daisy", "round", "sunflower", "tulip"])
    if kind == "tulip":
        for angle, tone in ((-0.45, 0.2), (0.45, 0.2), (0.0, 0.0)):
            draw.polygon(
                petal(x, y + size, angle - np.pi / 2, 0, size * 1.8, size * 0.55, 1.2), fill=darker(colour, tone)
            )
        return
    count = {"daisy": whole(rng, 9, 16), "round": whole(rng, 5, 7), "sunflower": whole(rng, 16, 22)}[kind]
    wide = {"daisy": 2.0, "round": 1.15, "sunflower": 2.2}[kind] * size / count * 1.45
    turn = uniform(rng, 0, 1)
    for layer, tone in ((1.0, 0.22), (0.92, 0.0)):
        for step in range(count):
            angle = 2 * np.pi * (step + turn + (layer < 1) * 0.5) / count
            outline = petal(x, y, angle, 0.1 * size, size * layer, wide * 1.2, 1.6 if kind == "round" else 1.0)
            draw.polygon(outline, fill=darker(colour, tone), outline=darker(colour, 0.35), width=2)
    middle = pick(rng, [(245, 200, 50), (95, 60, 35), (250, 225, 110)])
    core = size * (0.38 if kind == "sunflower" else 0.26)
    disc(draw, x, y, core, middle, darker(middle, 0.3), 4)
    for radius, angle in zip(np.sqrt(rng.random(60)) * core * 0.85, rng.uniform(0, 6.3, 60), strict=True):
        disc(draw, x + radius * np.cos(angle), y + radius * np.sin(angle), core * 0.06, darker(middle, 0.35))


@family("flower")
def flower(rng: Generator) -> Image.Image:
    image, draw = studio(rng)
    count = pick(rng, [1, 1, 1, 2, 3])
    colours = [vivid(rng, (0.4, 0.95), (0.75, 1.0)) if chance(rng, 0.75) else (250, 248, 240) for _ in range(count)]
    green = pick(rng, [(60, 125, 55), (85, 140, 60), (45, 100, 70)])
    if colours[0] == (250, 248, 240) and min(pixel(image, 5, 5)) > 225:
        colours[0] = (240, 120, 150)
    for index, colour in enumerate(colours):
        x = BIG * (0.5 if count == 1 else 0.22 + 0.56 * index / (count - 1)) + uniform(rng, -30, 30)
        size = uniform(rng, 190, 300) if count == 1 else uniform(rng, 110, 160)
        y = uniform(rng, 340, 440) if count == 1 else uniform(rng, 230, 460)
        foot = (BIG / 2 + (x - BIG / 2) * 0.4, BIG + 10.0)
        stem = curve([(x, y), (x + uniform(rng, -80, 80), BIG * 0.7), foot])
        draw.line(stem, fill=green, width=20, joint="curve")
        for at, side in ((12, 1), (16, -1)):
            lean = -np.pi / 2 + side * uniform(rng, 0.7, 1.1)
            draw.polygon(
                petal(*stem[at], lean, 0, uniform(rng, 130, 220), uniform(rng, 30, 50)),
                fill=lighter(green, 0.12),
                outline=darker(green),
                width=4,
            )
        _bloom(rng, draw, x, y, size, colour)
    return grained(rng, image.reduce(2), 3)


@family("face")
def face(rng: Generator) -> Image.Image:
    """A person's head and shoulders as a flat portrait."""
    image, draw = studio(rng, 0.2)
    skin = pick(rng, [(255, 219, 190), (240, 195, 155), (220, 170, 125), (180, 125, 85), (140, 92, 62), (95, 62, 45)])
    hair = pick(
        rng,
        [(30, 24, 22), (75, 48, 30), (120, 75, 40), (200, 155, 85), (150, 60, 35), (170, 168, 165), (235, 232, 228)],
    )
    x, y, half, tall = (
        BIG / 2 + uniform(rng, -30, 30),
        uniform(rng, 430, 480),
        uniform(rng, 175, 220),
        uniform(rng, 235, 275),
    )
    style = pick(rng, ["short", "short", "long", "bald", "afro", "bun"])
    shirt = vivid(rng, (0.2, 0.9), (0.3, 0.95))
    if style == "long":
        draw.rounded_rectangle(
            (x - half - 50, y - tall - 40, x + half + 50, y + tall + 120), radius=int(half), fill=hair
        )
    elif style == "afro":
        disc(draw, x, y - 110, half + 130, hair)
    elif style == "bun":
        disc(draw, x, y - tall - 50, 85, hair)
    draw.ellipse((x - 400, y + tall + 40, x + 400, BIG + 420), fill=shirt)
    draw.rounded_rectangle((x - 85, y + 120, x + 85, y + tall + 130), radius=80, fill=darker(skin, 0.12))
    for side in (-1, 1):
        draw.ellipse((x + side * half - 36, y - 50, x + side * half + 36, y + 65), fill=darker(skin, 0.06))
    if style != "bald":
        draw.ellipse((x - half - 22, y - tall - 42, x + half + 22, y + 120), fill=hair)
    draw.ellipse((x - half, y - tall, x + half, y + tall), fill=skin)
    if style != "bald":
        part = uniform(rng, -0.8, 0.8)
        fringe = curve(
            [
                (x - half, y - 60),
                (x - half * 0.9, y - 210),
                (x + part * half, y - 200),
                (x + half * 0.9, y - 210),
                (x + half, y - 60),
            ]
        )
        crown = curve(
            [
                (x + half, y - 60),
                (x + half * 1.05, y - tall * 1.55),
                (x - half * 1.05, y - tall * 1.55),
                (x - half, y - 60),
            ]
        )
        draw.polygon(fringe + crown, fill=hair)
    iris = pick(rng, [(90, 60, 40), (70, 110, 150), (80, 120, 80), (60, 45, 40)])
    smile, look = uniform(rng, -15, 60), uniform(rng, -8, 8)
    for side in (-1, 1):
        eye = x + side * half * 0.42
        draw.ellipse((eye - 42, y - 48, eye + 42, y + 6), fill=WHITE)
        disc(draw, eye + look, y - 21, 24, iris)
        disc(draw, eye + look, y - 21, 11, (15, 15, 18))
        disc(draw, eye + look + 8, y - 28, 6, WHITE)
        brow = [(eye - 52, y - 78), (eye, y - 100 - uniform(rng, 0, 15)), (eye + 52, y - 78)]
        draw.line(curve(brow), fill=darker(hair, 0.2) if sum(hair) < 650 else (150, 145, 140), width=15)
        disc(draw, x + side * half * 0.58, y + 75, 34, blend(skin, (235, 110, 100), 0.25))
    draw.line(curve([(x - 8, y - 10), (x - 45, y + 75), (x + 30, y + 72)]), fill=darker(skin, 0.28), width=9)
    if chance(rng, 0.3):
        beard = curve(
            [
                (x - half * 0.97, y + 40),
                (x - half * 0.9, y + tall * 1.5),
                (x + half * 0.9, y + tall * 1.5),
                (x + half * 0.97, y + 40),
            ]
        )
        draw.polygon(
            beard + curve([(x + half * 0.97, y + 40), (x + 80, y + 110), (x - 80, y + 110), (x - half * 0.97, y + 40)]),
            fill=hair,
        )
    mouth = y + 140
    lips = curve([(x - 75, mouth), (x, mouth + smile), (x + 75, mouth)])
    if smile > 35:
        draw.polygon(
            curve([(x - 80, mouth - 5), (x, mouth + 2 * smile), (x + 80, mouth - 5)]),
            fill=WHITE,
            outline=(170, 70, 70),
            width=8,
        )
    else:
        draw.line(lips, fill=(175, 75, 75), width=15)
    if chance(rng, 0.3):
        for side in (-1, 1):
            eye = x + side * half * 0.42
            draw.rounded_rectangle(
                (eye - 66, y - 70, eye + 66, y + 35), radius=pick(rng, [20, 20, 52]), outline=(35, 35, 40), width=9
            )
        draw.line((x - half * 0.42 + 66, y - 25, x + half * 0.42 - 66, y - 25), fill=(35, 35, 40), width=9)
    return grained(rng, image.reduce(2), 3)


@family("cat")
def cat(rng: Generator) -> Image.Image:
    """A cat from the front, sitting or as a close view of its head."""
    image, draw = studio(rng, 0.3)
    coat = pick(rng, [(225, 150, 75), (60, 58, 62), (150, 148, 150), (240, 235, 228), (130, 100, 75), (205, 180, 145)])
    pattern = pick(rng, ["plain", "tabby", "tabby", "bib"])
    mark = darker(coat, 0.38) if sum(coat) > 250 else lighter(coat, 0.3)
    pale = lighter(coat, 0.75)
    close = chance(rng, 0.4)
    x, size = BIG / 2 + uniform(rng, -40, 40), uniform(rng, 320, 370) if close else uniform(rng, 165, 200)
    y = 560.0 if close else uniform(rng, 320, 370)
    if not close:
        floor = y + size * 3.25
        shadow(draw, x, floor - 12, size * 1.7, blend(darker(coat, 0.6), (128, 128, 128), 0.5))
        side = pick(rng, [-1, 1])
        tail = curve(
            [
                (x + side * size * 0.8, floor - 40),
                (x + side * size * 2.4, floor),
                (x + side * size * 1.8, floor - size * 1.2),
                (x + side * size * 2.1, floor - size * 1.7),
            ]
        )
        for index, (px, py) in enumerate(tail):
            disc(draw, px, py, size * 0.17, mark if pattern == "tabby" and index % 6 > 3 else coat)
        draw.ellipse((x - size * 1.15, y + size * 0.4, x + size * 1.15, floor), fill=coat)
        if pattern == "bib":
            draw.ellipse((x - size * 0.55, y + size * 0.7, x + size * 0.55, y + size * 2.2), fill=pale)
        for edge in (-1, 1):
            draw.ellipse(
                (x + edge * size * 0.85 - size * 0.55, floor - size * 0.9, x + edge * size * 0.85 + size * 0.55, floor),
                fill=darker(coat, 0.07),
            )
            draw.rounded_rectangle(
                (x + edge * size * 0.33 - size * 0.24, y + size * 1.5, x + edge * size * 0.33 + size * 0.24, floor),
                radius=int(size * 0.22),
                fill=pale if pattern == "bib" else lighter(coat, 0.08),
                outline=darker(coat, 0.2),
                width=4,
            )
            for stripe in range(3 if pattern == "tabby" else 0):
                level = y + size * (1.15 + 0.33 * stripe)
                draw.line(
                    (x + edge * size * 0.55, level + size * 0.12, x + edge * size * (0.86 + 0.07 * stripe), level),
                    fill=mark,
                    width=int(size * 0.09),
                )
    for edge in (-1, 1):
        for scale, colour in ((1.0, coat), (0.6, (235, 165, 165))):
            tip, root = (x + edge * size * 0.82, y - size * (0.75 + 0.55 * scale)), y - size * 0.35
            draw.polygon(
                [
                    (x + edge * size * (0.62 - 0.42 * scale), root - size * 0.35),
                    tip,
                    (x + edge * size * (0.66 + 0.32 * scale), root + size * 0.15),
                ],
                fill=colour,
            )
    draw.ellipse((x - size * 1.05, y - size * 0.88, x + size * 1.05, y + size * 0.82), fill=coat)
    for across in (-0.25, 0.0, 0.25) if pattern == "tabby" else ():
        draw.line(
            (x + across * size, y - size * 0.84, x + across * size * 0.8, y - size * 0.5),
            fill=mark,
            width=int(size * 0.09),
        )
    for edge in (-1, 1) if pattern == "tabby" else ():
        for level in (0.05, 0.28):
            draw.line(
                (x + edge * size * 0.98, y + size * level, x + edge * size * 0.7, y + size * (level + 0.06)),
                fill=mark,
                width=int(size * 0.08),
            )
    for edge in (-1, 1):
        disc(
            draw, x + edge * size * 0.2, y + size * 0.42, size * 0.27, lighter(coat, 0.35) if pattern != "bib" else pale
        )
    eye_colour, slit = (
        pick(rng, [(120, 190, 80), (230, 190, 60), (90, 160, 210), (210, 140, 50)]),
        uniform(rng, 0.05, 0.15),
    )
    for edge in (-1, 1):
        eye, level = x + edge * size * 0.42, y - size * 0.1
        draw.ellipse(
            (eye - size * 0.23, level - size * 0.2, eye + size * 0.23, level + size * 0.2),
            fill=eye_colour,
            outline=(30, 28, 28),
            width=max(3, int(size * 0.03)),
        )
        draw.ellipse(
            (eye - size * slit, level - size * 0.19, eye + size * slit, level + size * 0.19), fill=(12, 12, 14)
        )
        disc(draw, eye + size * 0.06, level - size * 0.08, size * 0.045, WHITE)
        for hair in (-0.12, 0.0, 0.12):
            draw.line(
                (x + edge * size * 0.25, y + size * 0.4, x + edge * size * 1.35, y + size * (0.4 + 2 * hair)),
                fill=(245, 245, 245) if sum(coat) < 600 else (120, 120, 120),
                width=4,
            )
        draw.arc(
            (
                x + edge * size * 0.14 - size * 0.14,
                y + size * 0.36,
                x + edge * size * 0.14 + size * 0.14,
                y + size * 0.6,
            ),
            0,
            180,
            fill=(60, 40, 40),
            width=max(4, int(size * 0.03)),
        )
    draw.polygon(
        [(x - size * 0.12, y + size * 0.22), (x + size * 0.12, y + size * 0.22), (x, y + size * 0.36)],
        fill=(225, 130, 135),
    )
    return grained(rng, image.reduce(2), 3)


def _one_fish(rng: Generator, draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    flip, depth, colour, second = (
        pick(rng, [-1, 1]),
        uniform(rng, 0.5, 0.85),
        vivid(rng, (0.5, 1.0), (0.6, 1.0)),
        vivid(rng, (0.3, 0.9), (0.6, 1.0)),
    )

    def at(along: float, up: float) -> Point:
        return x + flip * size * along, y - size * up * depth

    draw.polygon([at(-0.65, 0), at(-1.25, 0.55), at(-1.1, 0), at(-1.25, -0.55)], fill=second)
    draw.polygon(curve([at(0.35, 0.4), at(0.0, uniform(rng, 1.0, 1.5)), at(-0.6, 0.9), at(-0.55, 0.2)]), fill=second)
    draw.polygon(curve([at(0.1, -0.4), at(-0.3, -1.2), at(-0.55, -0.2)]), fill=second)
    upper = curve([at(0.9, -0.05), at(0.6, 0.75), at(-0.35, 0.75), at(-0.8, 0.06)])
    lower = curve([at(-0.8, -0.06), at(-0.35, -0.75), at(0.6, -0.75), at(0.9, -0.05)])
    draw.polygon(upper + lower, fill=colour)
    draw.polygon(
        curve([at(-0.8, -0.06), at(-0.3, -0.2), at(0.7, -0.2), at(0.9, -0.05)]) + lower[::-1],
        fill=lighter(colour, 0.35),
    )
    pattern = pick(rng, ["bands", "scales", "spots", "plain"])
    if pattern == "bands":
        for place in (-0.45, -0.1, 0.25):
            tall = 0.53 - 0.35 * (place - 0.1) ** 2 * 3
            draw.polygon(
                [at(place - 0.06, tall), at(place + 0.06, tall), at(place + 0.03, -tall), at(place - 0.09, -tall)],
                fill=second,
            )
    elif pattern != "plain":
        for place in np.arange(-0.5, 0.35, 0.13):
            for level in np.arange(-0.24, 0.3, 0.13):
                px, py = at(float(place), float(level))
                if pattern == "scales":
                    draw.arc(
                        (px - size * 0.07, py - size * 0.07, px + size * 0.07, py + size * 0.07),
                        -90,
                        90,
                        fill=darker(colour, 0.3),
                        width=3,
                    )
                elif chance(rng, 0.5):
                    disc(draw, px, py, size * 0.03, second)
    draw.line(
        curve([at(0.42, 0.42), at(0.32, 0), at(0.42, -0.42)]), fill=darker(colour, 0.3), width=max(3, int(size * 0.02))
    )
    draw.polygon(curve([at(0.25, -0.02), at(-0.2, 0.15), at(-0.25, -0.4), at(0.2, -0.15)]), fill=darker(second, 0.15))
    disc(draw, *at(0.62, 0.16), size * 0.085, WHITE)
    disc(draw, *at(0.64, 0.16), size * 0.045, (15, 15, 20))
    draw.line([at(0.88, -0.08), at(0.74, -0.12)], fill=darker(colour, 0.5), width=max(3, int(size * 0.02)))


@family("fish")
def fish(rng: Generator) -> Image.Image:
    y = grid()[1]
    if chance(rng, 0.8):
        water = pick(rng, [(60, 150, 200), (30, 110, 160), (70, 180, 180), (20, 70, 120)])
        rays = noise(rng, SIZE, SIZE, 60, 500, 2) * np.clip(1 - y / 400, 0, 1)
        image, draw = backdrop(mix(mix(lighter(water, 0.35), darker(water, 0.45), y / SIZE), WHITE, 0.3 * rays))
        for _ in range(whole(rng, 0, 6)):
            weed = uniform(rng, 0, BIG)
            stalk = curve(
                [
                    (weed, BIG),
                    (weed + uniform(rng, -90, 90), BIG - 120),
                    (weed + uniform(rng, -60, 60), BIG - uniform(rng, 160, 340)),
                ]
            )
            draw.line(stalk, fill=blend((40, 120, 70), water, 0.3), width=18)
        for _ in range(whole(rng, 3, 14)):
            disc(draw, uniform(rng, 0, BIG), uniform(rng, 0, BIG), uniform(rng, 6, 18), None, lighter(water, 0.6), 3)
    else:
        image, draw = big((246, 246, 242))
    count = pick(rng, [1, 1, 1, 2, 3])
    for index in range(count):
        if count == 1:
            _one_fish(rng, draw, BIG / 2, uniform(rng, 430, 560), uniform(rng, 290, 370))
        else:
            _one_fish(rng, draw, uniform(rng, 330, 700), BIG * (index + 0.5) / count, uniform(rng, 150, 210))
    return grained(rng, image.reduce(2), 3)
