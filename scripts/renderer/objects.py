"""Single things on a plain or simple ground: flowers, faces, animals, food, coins, medical and cell images."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from .canvas import SIZE, WHITE, Colour, centred, chance, family, font, pick, uniform, vivid, whole
from .paint import (
    BIG,
    Point,
    as_image,
    backdrop,
    big,
    blend,
    darker,
    disc,
    grained,
    grid,
    lighter,
    mix,
    noise,
    petal,
    polygon,
)


def studio(rng: Generator, plain: float = 0.4) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A calm backdrop of twice the final size: white with probability ``plain``, else a soft gradient."""
    if chance(rng, plain):
        return big(pick(rng, [WHITE, (246, 244, 238), (238, 241, 245)]))
    base = vivid(rng, (0.08, 0.5), (0.45, 1.0))
    return backdrop(mix(lighter(base, 0.3), darker(base, 0.25), grid()[1] / SIZE))


def table(rng: Generator, level: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A wall above and a table top below row ``level`` of the drawing."""
    wall = vivid(rng, (0.05, 0.4), (0.55, 0.98))
    top = pick(rng, [(170, 120, 80), (120, 82, 58), (225, 215, 200), (205, 170, 130), (90, 95, 105)])
    y = grid()[1] * 2
    field = mix(lighter(wall, 0.2), darker(wall, 0.1), y / level)
    surface = mix(lighter(top, 0.12), darker(top, 0.15), (y - level) / (BIG - level))
    return backdrop(np.where((y > level)[..., None], surface, field))


def ball(image: Image.Image, x: float, y: float, radius_x: float, radius_y: float, colour: Colour) -> None:
    """Paste a shaded ellipsoid lit from the upper left, with a highlight."""
    width, height = int(2 * radius_x), int(2 * radius_y)
    px, py = grid(width, height)
    a, b = px / radius_x - 1, py / radius_y - 1
    up = np.sqrt(np.clip(1 - a * a - b * b, 0, 1))
    light = np.clip(-0.45 * a - 0.55 * b + 0.7 * up, 0, 1)
    body = mix(darker(colour, 0.5), lighter(colour, 0.1), light)
    patch = mix(body, WHITE, 0.75 * light**24)
    mask = Image.fromarray(((a * a + b * b) < 1).astype(np.uint8) * 255)
    image.paste(as_image(patch), (int(x - radius_x), int(y - radius_y)), mask)


def shadow(draw: ImageDraw.ImageDraw, x: float, y: float, half: float, colour: Colour) -> None:
    draw.ellipse((x - half, y - half * 0.14, x + half, y + half * 0.14), fill=colour)


def curve(points: list[Point], steps: int = 24) -> list[Point]:
    """A Bezier curve through the first and last of its control ``points``."""
    t = np.linspace(0, 1, steps)[:, None]
    levels = [np.asarray(point)[None, :] + 0 * t for point in points]
    while len(levels) > 1:
        levels = [(1 - t) * first + t * second for first, second in zip(levels, levels[1:], strict=False)]
    return [(float(a), float(b)) for a, b in levels[0]]


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
    if colours[0] == (250, 248, 240) and min(image.getpixel((5, 5))) > 225:  # type: ignore[type-var, arg-type]
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
    for stripe in (-0.25, 0.0, 0.25) if pattern == "tabby" else ():
        draw.line(
            (x + stripe * size, y - size * 0.84, x + stripe * size * 0.8, y - size * 0.5),
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
    x, y = grid()
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
        shadow(draw, x, base - size * 0.05, size * 0.95, blend(image.getpixel((int(x), 900)), (0, 0, 0), 0.35))  # type: ignore[arg-type]
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
        disc(draw, x + 16, y + 24, size * 1.6, blend(image.getpixel((40, 900)), (0, 0, 0), 0.25))  # type: ignore[arg-type]
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
    draw.ellipse(
        (x - half * 1.75, base - 52, x + half * 1.75, base + 62), fill=blend(image.getpixel((40, 900)), (0, 0, 0), 0.3)
    )  # type: ignore[arg-type]
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
        disc(draw, x + 10, y + 14, radius, blend(image.getpixel((3, 3)), (0, 0, 0), 0.45))  # type: ignore[arg-type]
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


@family("chest x-ray")
def chest_xray(rng: Generator) -> Image.Image:
    """A frontal view: dark lungs, pale ribs, spine, heart and diaphragm."""
    width, height = pick(rng, [(512, 512), (470, 560)])
    body, draw = Image.new("L", (width, height), 8), None
    draw = ImageDraw.Draw(body)
    x, half = width / 2 + uniform(rng, -10, 10), width * uniform(rng, 0.4, 0.46)
    top, low = height * uniform(rng, 0.12, 0.17), height * uniform(rng, 0.74, 0.84)
    draw.rounded_rectangle((x - half * 1.06, top, x + half * 1.06, height + 80), radius=90, fill=105)
    draw.polygon([(x - 52, 0), (x + 52, 0), (x + half * 0.9, top + 30), (x - half * 0.9, top + 30)], fill=115)
    lungs = Image.new("L", body.size, 0)
    for side in (-1, 1):
        dome = low + side * 8
        outline = curve(
            [
                (x + side * half * 0.16, dome - 20),
                (x + side * half * 0.12, top - 10),
                (x + side * half * 0.45, top - 50),
                (x + side * half * 1.0, top + 60),
                (x + side * half * 0.95, dome - 60),
                (x + side * half * 0.88, dome + 14),
            ]
        )
        outline += curve(
            [
                (x + side * half * 0.88, dome + 14),
                (x + side * half * 0.6, dome - 70),
                (x + side * half * 0.16, dome - 20),
            ]
        )
        ImageDraw.Draw(lungs).polygon(outline, fill=255)
    field = np.asarray(body.filter(ImageFilter.GaussianBlur(9)), float)
    air = np.asarray(lungs.filter(ImageFilter.GaussianBlur(5)), float) / 255
    field = field * (1 - 0.68 * air)
    bones, soft = Image.new("L", body.size, 0), Image.new("L", body.size, 0)
    ribs, organs = ImageDraw.Draw(bones), ImageDraw.Draw(soft)
    for side in (-1, 1):
        for rib in range(9):
            level = top + 4 + rib * (low - top) / 8.4
            reach = half * min(0.97, 0.62 + 0.1 * rib)
            back = curve(
                [
                    (x + side * 14, level),
                    (x + side * reach * 0.6, level - 34),
                    (x + side * reach * 1.1, level + 10),
                    (x + side * reach, level + 62),
                ]
            )
            ribs.line(back, fill=42, width=13, joint="curve")
            ribs.line(back, fill=28, width=8, joint="curve")
        ribs.line(
            curve([(x + side * 22, top + 34), (x + side * half * 0.5, top + 4), (x + side * half * 0.95, top - 8)]),
            fill=70,
            width=15,
        )
        organs.ellipse(
            (x + side * half * 0.28 - 22, height * 0.36, x + side * half * 0.28 + 18, height * 0.54), fill=30
        )
    for vertebra in np.arange(10, height, 27):
        ribs.rounded_rectangle((x - 19, vertebra, x + 19, vertebra + 22), radius=6, fill=48)
    big_heart = uniform(rng, 0.85, 1.2)
    organs.ellipse((x - half * 0.24 * big_heart, height * 0.47, x + half * 0.5 * big_heart, low + 6), fill=100)
    organs.rectangle((x - 26, 0, x + 26, height), fill=60)
    field += np.asarray(bones.filter(ImageFilter.GaussianBlur(2)), float) + np.asarray(
        soft.filter(ImageFilter.GaussianBlur(9)), float
    )
    field *= 0.86 + 0.28 * noise(rng, width, height, 60, 60, 5)
    final = as_image(
        np.repeat(((field + rng.standard_normal(field.shape) * 5) * uniform(rng, 0.9, 1.15))[..., None], 3, axis=2)
    )
    if chance(rng, 0.6):
        ImageDraw.Draw(final).text((22, 18), "R", font=font(30, "sans-bold"), fill=(235, 235, 235))
    return final


@family("cell microscopy")
def cell_microscopy(rng: Generator) -> Image.Image:
    """Stained tissue, fluorescent cells on black, or blood cells, each filling a field of view."""
    kind = pick(rng, ["stained", "fluorescent", "blood"])
    styles: dict[str, tuple[Colour, Colour, Colour]] = {
        "stained": ((245, 222, 235), pick(rng, [(228, 160, 196), (220, 175, 215)]), (96, 52, 130)),
        "fluorescent": ((4, 6, 10), pick(rng, [(20, 130, 50), (150, 30, 40), (120, 30, 120)]), (60, 90, 235)),
        "blood": ((244, 240, 232), (222, 120, 120), (238, 180, 172)),
    }
    ground, flesh, core = styles[kind]
    image, draw = backdrop(mix(ground, darker(ground, 0.12), noise(rng, SIZE, SIZE, 120, 120, 3)))
    size, turn = uniform(rng, 42, 85), np.linspace(0, 2 * np.pi, 28, endpoint=False)
    step = size * uniform(rng, 1.7, 2.3)
    for gy in np.arange(0, BIG + step, step):
        for gx in np.arange(0, BIG + step, step):
            if chance(rng, 0.2 if kind != "stained" else 0.06):
                continue
            x, y = gx + uniform(rng, -0.3, 0.3) * step, gy + uniform(rng, -0.3, 0.3) * step
            wobble = uniform(rng, 0.02, 0.06) if kind == "blood" else uniform(rng, 0.08, 0.22)
            radii = (
                size
                * uniform(rng, 0.85, 1.15)
                * (
                    1
                    + wobble * np.sin(2 * turn + uniform(rng, 0, 6))
                    + wobble * 0.6 * np.sin(3 * turn + uniform(rng, 0, 6))
                )
            )
            edge, inner = np.stack([x + radii * np.cos(turn), y + radii * np.sin(turn)], 1), uniform(rng, 0.36, 0.5)
            shade = darker(flesh, uniform(rng, 0, 0.25))
            draw.polygon(
                edge.ravel().tolist(),
                fill=shade,
                outline=lighter(shade, 0.25) if kind == "fluorescent" else darker(shade, 0.22),
                width=4,
            )
            nucleus = (edge - (x, y)) * inner + (
                x + uniform(rng, -0.12, 0.12) * size,
                y + uniform(rng, -0.12, 0.12) * size,
            )
            white_cell = kind == "blood" and chance(rng, 0.05)
            draw.polygon(
                nucleus.ravel().tolist(), fill=(105, 60, 150) if white_cell else darker(core, uniform(rng, 0, 0.2))
            )
            if kind != "blood":
                disc(
                    draw,
                    float(nucleus[:, 0].mean()),
                    float(nucleus[:, 1].mean()),
                    size * 0.09,
                    darker(core, 0.45) if kind == "stained" else lighter(core, 0.5),
                )
    soft = image.reduce(2).filter(ImageFilter.GaussianBlur(uniform(rng, 0.6, 1.6)))
    x, y = grid()
    field = np.asarray(soft, float)
    if chance(rng, 0.35):
        field *= np.clip((250 - np.hypot(x - SIZE / 2, y - SIZE / 2)) / 3, 0, 1)[..., None]
    return grained(rng, as_image(field), 5)
