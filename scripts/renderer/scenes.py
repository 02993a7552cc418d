"""Outdoor and indoor scenes as flat or painterly illustrations, by day, dusk, night or grey weather."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import WHITE, chance, family, pick, uniform, vivid, whole
from .paint import (
    SKIES,
    Array,
    Point,
    as_image,
    backdrop,
    blend,
    conifer,
    darker,
    disc,
    grained,
    grid,
    hill,
    leafy,
    lighter,
    lit,
    mix,
    noise,
    ridge,
    sky,
)

SUNNY = ("day", "day", "day", "dusk", "grey")


def _frame(rng: Generator) -> tuple[int, int]:
    """Width and height of a scene, of about the same area whatever the aspect."""
    return pick(rng, [(640, 420), (640, 420), (600, 450), (512, 512)])


def broad_slope(line: Array) -> Array:
    """Steepness of a skyline over a dozen pixels, so that whole faces are lit or in shade."""
    smooth = np.convolve(np.pad(line, 12, mode="edge"), np.full(25, 1 / 25), mode="valid")
    return np.gradient(smooth) * 0.45


@family("mountain landscape")
def mountain_landscape(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, SUNNY)
    field = sky(rng, width, height, mode, height * 0.75)
    x, y = grid(width, height)
    haze, rock = (
        lit(pick(rng, SKIES["day"])[1], mode),
        lit(pick(rng, [(95, 95, 110), (110, 90, 80), (70, 85, 105)]), mode),
    )
    count, snow = whole(rng, 2, 4), uniform(rng, 0.0, 0.8)
    detail = noise(rng, width, height, 60, 30, 5) - 0.5
    for layer in range(count):
        depth = (layer + 1) / count
        line = ridge(
            rng, width, height * (0.5 + 0.22 * depth), height * uniform(rng, 0.22, 0.5) * (1.2 - 0.5 * depth), 0.45
        )
        below = y - line[None, :]
        column = np.clip(x + 0.5 * below * (2 * detail), 0, width - 1).astype(int)
        slope = np.clip(broad_slope(line)[column], -0.6, 0.6) + detail
        colour = mix(haze, rock, np.full_like(y, 0.25 + 0.75 * depth))
        colour = mix(colour, (20, 22, 35), 0.2 + 0.6 * slope)
        cap = (snow * height * 0.35 * (1 - 0.6 * depth) - (line[column] - line.min()) - below * 0.6 + 60 * detail) / 8
        colour = mix(colour, lit((248, 250, 255), mode), np.clip(cap, 0, 1) * (0.95 - 0.6 * np.clip(slope, 0, 1)))
        field = np.where((below > 0)[..., None], colour, field)
    shore = int(height * uniform(rng, 0.72, 0.8))
    if chance(rng, 0.45):
        mirrored = field[shore - 1 : shore - 1 - (height - shore) : -1][: height - shore]
        ripple = noise(rng, width, height - shore, 80, 4, 3)
        field[shore:] = mix(mirrored, lit((60, 100, 130), mode), 0.25 + 0.35 * ripple)
    else:
        meadow = lit(pick(rng, [(80, 125, 60), (120, 135, 70), (60, 95, 60), (160, 140, 85)]), mode)
        field[shore:] = mix(meadow, darker(meadow, 0.5), noise(rng, width, height - shore, 50, 8, 4) * 0.8)
    image, draw = backdrop(field)
    if chance(rng, 0.6):
        pine = lit((28, 58, 45), mode)
        for x in rng.uniform(0, 2 * width, whole(rng, 10, 45)):
            conifer(draw, float(x), 2 * shore + uniform(rng, 0, 30), uniform(rng, 50, 110), pine)
    return grained(rng, image.reduce(2), 4)


@family("seascape")
def seascape(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, ["day", "day", "dusk", "grey", "night"])
    horizon = int(height * uniform(rng, 0.35, 0.6))
    field = sky(rng, width, height, mode, horizon)
    rows = height - horizon
    x, y = grid(width, rows)
    depth = (y + 1) / rows
    deep = lit(pick(rng, [(20, 80, 130), (15, 95, 120), (30, 110, 140), (50, 80, 105)]), mode)
    waves = noise(rng, 512, 512, 60, 12, 4)
    level = (460 * np.log1p(9 * depth) / np.log(10)).astype(int)
    swell = waves[level, ((x - width / 2) / (0.3 + depth) * 0.25 + 256).astype(int) % 512]
    water = mix(lighter(deep, 0.4), deep, 0.2 + 0.8 * depth**0.5)
    water = mix(water, darker(deep, 0.5), (0.5 - swell) * 2)
    water = mix(water, lit((240, 248, 250), mode), np.clip((swell - 0.66) * 6, 0, 0.7))
    if mode in ("dusk", "night"):
        glitter = np.exp(-(((x - uniform(rng, 0.2, 0.8) * width) / (20 + 90 * depth)) ** 2)) * np.clip(
            (swell - 0.4) * 5, 0, 1
        )
        water = mix(water, (255, 215, 150) if mode == "dusk" else (225, 230, 235), glitter)
    if chance(rng, 0.35):
        edge = rows * uniform(rng, 0.68, 0.82) + 14 * np.sin(x / uniform(rng, 50, 120)) + 0.08 * x
        sand = lit((225, 200, 150), mode)
        water = np.where(
            (y > edge)[..., None], mix(sand, darker(sand, 0.25), noise(rng, width, rows, 40, 20, 5)), water
        )
        water = mix(water, lit(WHITE, mode), np.clip(1 - np.abs(y - edge) / 6, 0, 1) * 0.9)
    field[horizon:] = water
    image, draw = backdrop(field)
    if chance(rng, 0.4):
        middle, half, tall = uniform(rng, 0, 2) * width, uniform(rng, 120, 400), uniform(rng, 25, 110)
        outline = [
            (middle + half * t, 2 * horizon - tall * (1 - t * t) * (1 + 0.25 * np.sin(9 * t)))
            for t in np.linspace(-1, 1, 40)
        ]
        draw.polygon(outline, fill=lit((85, 100, 105), mode))
    for _ in range(pick(rng, [0, 1, 1, 2])):
        x0, base, size = (
            uniform(rng, 0.15, 0.85) * 2 * width,
            2 * horizon + uniform(rng, 6, 0.5 * rows),
            uniform(rng, 50, 130),
        )
        draw.polygon(
            [
                (x0 - size * 0.5, base - size * 0.14),
                (x0 + size * 0.55, base - size * 0.14),
                (x0 + size * 0.36, base),
                (x0 - size * 0.4, base),
            ],
            fill=lit(vivid(rng), mode),
        )
        draw.polygon(
            [(x0, base - size * 0.2), (x0, base - size * 1.3), (x0 + size * 0.5, base - size * 0.2)],
            fill=lit((250, 248, 240), mode),
        )
        draw.polygon(
            [
                (x0 - size * 0.05, base - size * 0.2),
                (x0 - size * 0.05, base - size * 1.1),
                (x0 - size * 0.42, base - size * 0.2),
            ],
            fill=lit((225, 222, 215), mode),
        )
    return grained(rng, image.reduce(2), 3)


@family("night sky")
def night_sky(rng: Generator) -> Image.Image:
    width, height = _frame(rng)
    x, y = grid(width, height)
    top, low = pick(rng, SKIES["night"])
    field = mix(top, lighter(low, uniform(rng, 0, 0.25)), (y / height) ** 2)
    angle = uniform(rng, 0.3, 2.6)
    across = (x - width / 2) * np.sin(angle) - (y - height / 2) * np.cos(angle) + uniform(rng, -60, 60)
    band = np.exp(-((across / uniform(rng, 45, 90)) ** 2)) * (chance(rng, 0.65))
    dust = noise(rng, width, height, 130, 130, 5)
    field = mix(
        field, pick(rng, [(170, 165, 205), (200, 170, 180), (130, 170, 200)]), band * np.clip(dust * 1.6 - 0.4, 0, 0.75)
    )
    stars = rng.random((height, width)) > 0.998 - 0.008 * band
    field[stars] += rng.uniform(50, 230, (int(stars.sum()), 1)) * rng.uniform(0.75, 1, (int(stars.sum()), 3))
    image, draw = backdrop(field)
    for _ in range(whole(rng, 15, 70)):
        star = pick(rng, [WHITE, (255, 235, 205), (205, 222, 255)])
        disc(draw, uniform(rng, 0, 2 * width), uniform(rng, 0, 2 * height), uniform(rng, 1.5, 4.5), star)
    if chance(rng, 0.5):
        moon_x, moon_y, size = (
            uniform(rng, 0.15, 0.85) * 2 * width,
            uniform(rng, 0.15, 0.4) * 2 * height,
            uniform(rng, 35, 75),
        )
        disc(draw, moon_x, moon_y, size, (243, 240, 220))
        phase = pick(rng, [0.0, 0.5, 0.8])
        if phase:
            disc(draw, moon_x + size * phase, moon_y - size * 0.2, size * (1.1 - 0.2 * phase), blend(top, low, 0.1))
    if chance(rng, 0.35):
        x0, y0, reach = uniform(rng, 0.2, 0.8) * 2 * width, uniform(rng, 0.1, 0.4) * 2 * height, uniform(rng, 90, 200)
        draw.line((x0, y0, x0 + reach, y0 + reach * 0.4), fill=(235, 240, 255), width=3)
    if chance(rng, 0.65):
        line = ridge(rng, 2 * width, 2 * height * 0.97, uniform(rng, 60, 220), 0.4)
        draw.polygon([*enumerate(line.tolist()), (2 * width, 2 * height), (0, 2 * height)], fill=(6, 8, 14))
        if chance(rng, 0.5):
            for at in rng.integers(0, 2 * width, 25):
                conifer(draw, float(at), float(line[at]) + 12, uniform(rng, 40, 110), (5, 7, 12))
    return image.reduce(2)


@family("city skyline")
def city_skyline(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, ["day", "dusk", "night", "night", "grey"])
    image, draw = backdrop(sky(rng, width, height, mode, height * 0.85))
    wide, ground = 2 * width, int(2 * height * uniform(rng, 0.72, 0.95))
    far, near = lit(lighter((120, 140, 165), 0.3), mode), pick(rng, [(70, 80, 100), (95, 85, 85), (60, 75, 90)])
    for layer in range(3):
        x = -uniform(rng, 0, 60)
        while x < wide:
            across, tall = (
                uniform(rng, 50, 130),
                ground * uniform(rng, 0.2, 0.5 + 0.12 * (2 - layer)) * (1.0 - 0.12 * layer),
            )
            top, colour = ground - tall, blend(far, lit(lighter(near, uniform(rng, 0, 0.3)), mode), (layer + 0.6) / 2.6)
            draw.rectangle((x, top, x + across, ground), fill=colour)
            roof = pick(rng, ["flat", "flat", "spire", "step", "slant"])
            if roof == "spire":
                draw.polygon([(x, top), (x + across, top), (x + across / 2, top - across * 0.5)], fill=colour)
                draw.line((x + across / 2, top - across, x + across / 2, top), fill=colour, width=4)
            elif roof == "step":
                draw.rectangle((x + across * 0.2, top - 30, x + across * 0.8, top), fill=colour)
            elif roof == "slant":
                draw.polygon([(x, top), (x + across, top), (x + across, top - 40)], fill=colour)
            share = {"night": 0.55, "dusk": 0.35}.get(mode, 0.0)
            for column in np.arange(x + 9, x + across - 15, 18) if layer else []:
                for row in np.arange(top + 12, ground - 12, 24):
                    on = rng.random() < share
                    draw.rectangle(
                        (column, row, column + 8, row + 12),
                        fill=(255, 222, 140) if on else darker(colour, 0.25) if share else lighter(colour, 0.35),
                    )
            x += across + uniform(rng, -8, 20)
    final = image.reduce(2)
    base = ground // 2
    pixels = np.array(final, float)
    rows = height - base
    if chance(rng, 0.6):
        ripple = noise(rng, width, rows, 60, 3, 3)
        pixels[base:] = mix(pixels[base - 1 : base - 1 - rows : -1], lit((30, 60, 95), mode), 0.3 + 0.45 * ripple)
    else:
        pixels[base:] = lit(pick(rng, [(60, 85, 60), (70, 70, 75)]), mode)
    return as_image(pixels)


@family("forest")
def forest(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, SUNNY)
    season = pick(rng, [(60, 120, 55), (95, 145, 60), (200, 120, 40), (180, 80, 40), (45, 95, 75)])
    mist = lit(lighter(blend(season, (225, 235, 225), 0.6), 0.3), mode)
    x, y = grid(width, height)
    light = noise(rng, width, height, 120, 200, 4)
    field = mix(mist, lit(season, mode), 0.35 * light + 0.45 * np.abs(y / height - 0.5))
    image, draw = backdrop(field)
    conifers, layers, wide, tall = chance(rng, 0.45), 5, 2 * width, 2 * height
    for layer in range(layers):
        near = (layer + 1) / layers
        base, green = tall * (0.5 + 0.48 * near), blend(mist, lit(darker(season, 0.45), mode), near**1.3)
        hill(rng, draw, wide, tall, base, 30, blend(green, lit(season, mode), 0.25))
        for at in np.sort(rng.uniform(-20, wide + 20, int((34 if conifers else 24) / (0.6 + near)))):
            if conifers:
                conifer(
                    draw,
                    float(at),
                    base + uniform(rng, -5, 25),
                    tall * uniform(rng, 0.28, 0.5) * (0.5 + 0.7 * near),
                    green,
                )
                continue
            trunk, half = (
                blend(mist, lit(pick(rng, [(80, 58, 42), (55, 45, 40), (205, 200, 190)]), mode), near**1.2),
                (5 + 24 * near**2) * uniform(rng, 0.6, 1.2),
            )
            lean = uniform(rng, -25, 25)
            foot = base + uniform(rng, -10, 30)
            draw.polygon(
                [(at - half, foot), (at + half, foot), (at + lean + half * 0.7, 0), (at + lean - half * 0.7, 0)],
                fill=trunk,
            )
            draw.polygon(
                [(at + half * 0.3, foot), (at + half, foot), (at + lean + half * 0.7, 0), (at + lean + half * 0.2, 0)],
                fill=darker(trunk, 0.25),
            )
        if not conifers:
            tone = blend(mist, lit(season, mode), 0.3 + 0.7 * near)
            for _ in range(90):
                disc(
                    draw,
                    uniform(rng, 0, wide),
                    tall * uniform(rng, -0.05, 0.32) ** 1,
                    uniform(rng, 10, 42),
                    blend(tone, pick(rng, [WHITE, (0, 0, 0)]), uniform(rng, 0, 0.2)),
                )
    return grained(rng, image.reduce(2), 5)


@family("house")
def house(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, [*SUNNY, "night"])
    image, draw = backdrop(sky(rng, width, height, mode, height * 0.8))
    wide, tall = 2 * width, 2 * height
    ground = tall * uniform(rng, 0.74, 0.82)
    grass = lit(pick(rng, [(95, 150, 70), (120, 160, 80), (75, 125, 65), (235, 240, 245)]), mode)
    hill(rng, draw, wide, tall, ground - 10, 60, blend(grass, lit((120, 150, 150), mode), 0.5))
    draw.rectangle((0, ground, wide, tall), fill=grass)
    floors, half = whole(rng, 1, 2), uniform(rng, 190, 290)
    x, wall = (
        wide * uniform(rng, 0.42, 0.58),
        lit(
            pick(
                rng,
                [
                    (240, 232, 215),
                    (200, 90, 70),
                    (225, 195, 130),
                    (150, 180, 195),
                    (235, 235, 235),
                    vivid(rng, (0.2, 0.5), (0.7, 0.95)),
                ],
            ),
            mode,
        ),
    )
    roof_colour, trim = (
        lit(pick(rng, [(140, 60, 50), (80, 85, 95), (110, 75, 55), (60, 90, 95)]), mode),
        lit(WHITE, mode),
    )
    for side in (-1, 1):
        if chance(rng, 0.7):
            leafy(
                rng,
                draw,
                x + side * (half + uniform(rng, 110, 200)),
                ground + 20,
                uniform(rng, 240, 420),
                lit(pick(rng, [(70, 130, 60), (50, 105, 70), (190, 120, 50)]), mode),
                mode,
            )
    story = 190 if floors == 1 else 155
    top, rise = ground - story * floors, uniform(rng, 100, 190)
    if chance(rng, 0.7):
        chimney = x + half * pick(rng, [-0.55, 0.5])
        draw.rectangle((chimney - 24, top - rise * 0.95, chimney + 24, top), fill=lit((150, 80, 65), mode))
    draw.rectangle((x - half, top, x + half, ground), fill=wall)
    peak = pick(rng, [0.0, 0.0, 0.55])
    draw.polygon(
        [(x - half - 34, top), (x - half * peak, top - rise), (x + half * peak, top - rise), (x + half + 34, top)],
        fill=roof_colour,
    )
    draw.rectangle((x - half - 34, top - 8, x + half + 34, top + 6), fill=darker(roof_colour))
    glass = (255, 220, 130) if mode in ("night", "dusk") else (150, 195, 220)
    door = pick(rng, [-0.55, 0.0, 0.55])
    for floor in range(floors):
        for slot in (-0.55, 0.0, 0.55):
            middle, sill = x + slot * half, ground - story * floor - story * 0.32
            if floor == 0 and slot == door:
                colour = lit(vivid(rng, (0.4, 0.9), (0.35, 0.75)), mode)
                draw.rectangle((middle - 42, ground - 128, middle + 42, ground), fill=trim)
                draw.rectangle((middle - 34, ground - 120, middle + 34, ground), fill=colour)
                disc(draw, middle + 22, ground - 58, 5, (230, 200, 90))
                draw.polygon(
                    [(middle - 40, ground), (middle + 40, ground), (middle + 110, tall), (middle - 110, tall)],
                    fill=lit((190, 180, 165), mode),
                )
                continue
            draw.rectangle((middle - 46, sill - 78, middle + 46, sill), fill=trim)
            draw.rectangle((middle - 38, sill - 70, middle + 38, sill - 8), fill=glass)
            draw.line((middle, sill - 78, middle, sill), fill=trim, width=6)
            draw.line((middle - 40, sill - 38, middle + 40, sill - 38), fill=trim, width=6)
    if chance(rng, 0.45):
        for post in range(0, wide, 40):
            draw.polygon(
                [(post, tall), (post, tall - 85), (post + 12, tall - 100), (post + 24, tall - 85), (post + 24, tall)],
                fill=trim,
            )
        draw.rectangle((0, tall - 60, wide, tall - 46), fill=darker(trim, 0.1))
    return grained(rng, image.reduce(2), 3)


@family("indoor room")
def indoor_room(rng: Generator) -> Image.Image:
    width, height = _frame(rng)
    wide, tall = 2 * width, 2 * height
    wall = pick(
        rng, [(235, 228, 215), (205, 215, 215), (225, 205, 190), (190, 205, 190), vivid(rng, (0.15, 0.4), (0.6, 0.95))]
    )
    wood = pick(rng, [(165, 115, 75), (120, 80, 55), (200, 165, 120), (150, 150, 150)])
    left, right = wide * uniform(rng, 0.1, 0.25), wide * uniform(rng, 0.75, 0.9)
    top, floor = tall * uniform(rng, 0.08, 0.16), tall * uniform(rng, 0.62, 0.72)
    image = Image.new("RGB", (wide, tall), wall)
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, tall), (left, floor), (right, floor), (wide, tall)], fill=wood)
    for share in np.linspace(0.0, 1.0, 12):
        draw.line(
            (left + (right - left) * share, floor, wide * (1.6 * share - 0.3), tall), fill=darker(wood, 0.2), width=3
        )
    draw.polygon([(0, 0), (left, top), (right, top), (wide, 0)], fill=lighter(wall, 0.55))
    draw.polygon([(0, 0), (left, top), (left, floor), (0, tall)], fill=darker(wall, 0.16))
    draw.polygon([(wide, 0), (right, top), (right, floor), (wide, tall)], fill=darker(wall, 0.08))
    draw.line((left, floor, right, floor), fill=lighter(wall, 0.6), width=12)
    span, centre = right - left, (left + right) / 2
    mode = pick(rng, ["day", "day", "dusk", "night"])
    side = pick(rng, [-1, 1])
    win_x, win_w, win_top, win_low = centre + side * span * 0.22, span * 0.16, top + 70, floor - 210
    view = as_image(sky(rng, int(2 * win_w), int(win_low - win_top), mode, win_low - win_top))
    image.paste(view, (int(win_x - win_w), int(win_top)))
    draw.rectangle((win_x - win_w, win_top, win_x + win_w, win_low), outline=WHITE, width=12)
    draw.line((win_x, win_top, win_x, win_low), fill=WHITE, width=8)
    if chance(rng, 0.6):
        cloth = vivid(rng, (0.2, 0.7), (0.5, 0.9))
        for edge in (-1, 1):
            at = win_x + edge * win_w
            draw.rectangle((at - 34, win_top - 24, at + 34, win_low + 60), fill=cloth)
    for index in range(whole(rng, 1, 2)):
        frame_x, size = centre - side * span * (0.15 + 0.2 * index), span * 0.07
        draw.rectangle(
            (frame_x - size, top + 90, frame_x + size, top + 90 + 2.3 * size),
            fill=vivid(rng),
            outline=darker(wood, 0.5),
            width=8,
        )
        draw.polygon(
            [
                (frame_x - size + 8, top + 82 + 2.3 * size),
                (frame_x, top + 120),
                (frame_x + size - 8, top + 82 + 2.3 * size),
            ],
            fill=vivid(rng),
        )
    rug = vivid(rng, (0.3, 0.7), (0.5, 0.85))
    draw.ellipse(
        (centre - span * 0.45, floor + 50, centre + span * 0.45, tall - 30),
        fill=rug,
        outline=lighter(rug, 0.5),
        width=10,
    )
    seat, base = vivid(rng, (0.25, 0.75), (0.4, 0.8)), floor + 60
    half = span * uniform(rng, 0.2, 0.28)
    at = centre - side * span * 0.12
    if chance(rng, 0.6):
        draw.rounded_rectangle((at - half, base - 170, at + half, base - 20), radius=30, fill=darker(seat, 0.15))
        for edge in (-1, 1):
            draw.rounded_rectangle(
                (at + edge * half - 34, base - 115, at + edge * half + 34, base + 10), radius=24, fill=seat
            )
            draw.rounded_rectangle(
                (at + edge * half * 0.45 - half * 0.42, base - 75, at + edge * half * 0.45 + half * 0.42, base - 25),
                radius=16,
                fill=lighter(seat, 0.15),
            )
        draw.rectangle((at - half, base - 35, at + half, base + 8), fill=darker(seat, 0.05))
    else:
        draw.rectangle((at - half, base - 190, at - half + 24, base + 20), fill=darker(wood, 0.4))
        draw.rounded_rectangle((at - half, base - 90, at + half * 1.2, base + 10), radius=18, fill=lighter(seat, 0.7))
        draw.rounded_rectangle((at - half * 0.4, base - 96, at + half * 1.2, base + 10), radius=18, fill=seat)
        draw.rounded_rectangle((at - half + 30, base - 124, at - half * 0.45, base - 80), radius=18, fill=WHITE)
    lamp = centre + side * span * 0.4
    draw.line((lamp, base + 20, lamp, base - 260), fill=(60, 55, 50), width=9)
    draw.ellipse((lamp - 44, base + 8, lamp + 44, base + 32), fill=(60, 55, 50))
    draw.polygon(
        [(lamp - 36, base - 330), (lamp + 36, base - 330), (lamp + 66, base - 240), (lamp - 66, base - 240)],
        fill=(250, 235, 190),
    )
    table = centre + uniform(rng, -0.1, 0.1) * span
    draw.ellipse(
        (table - 130, tall * 0.82 - 32, table + 130, tall * 0.82 + 32),
        fill=lighter(wood, 0.25),
        outline=darker(wood, 0.3),
        width=5,
    )
    final = image.reduce(2)
    if mode == "night":
        return as_image(np.asarray(final, float) * (0.72, 0.66, 0.6))
    return grained(rng, final, 3)


def _car(rng: Generator, draw: ImageDraw.ImageDraw, x: float, base: float, size: float, mode: str) -> None:
    """A car of length ``size`` seen from the side, standing on row ``base``."""
    flip, body = pick(rng, [-1, 1]), lit(vivid(rng, (0.5, 1.0), (0.5, 0.95)), mode)
    roof, tall = uniform(rng, 0.34, 0.42), pick(rng, [0.3, 0.42])

    def at(along: float, up: float) -> Point:
        return x + flip * size * along, base - size * up

    draw.ellipse((x - size * 0.52, base - 8, x + size * 0.52, base + 16), fill=lit((45, 45, 50), mode))
    draw.polygon([at(-0.36, 0.2), at(-0.28, roof), at(0.1, roof), at(tall - 0.08, 0.2)], fill=body)
    draw.polygon(
        [at(-0.31, 0.21), at(-0.255, roof - 0.03), at(-0.1, roof - 0.03), at(-0.1, 0.21)],
        fill=lit((170, 205, 225), mode),
    )
    draw.polygon(
        [at(-0.07, 0.21), at(-0.07, roof - 0.03), at(0.085, roof - 0.03), at(tall - 0.13, 0.21)],
        fill=lit((170, 205, 225), mode),
    )
    lower = [at(-0.5, 0.08), at(-0.49, 0.2), at(-0.36, 0.235), at(0.3, 0.225), at(0.46, 0.18), at(0.5, 0.08)]
    draw.polygon(lower, fill=body)
    draw.line([at(-0.5, 0.09), at(0.5, 0.09)], fill=darker(body, 0.4), width=max(3, int(size * 0.03)))
    draw.line([at(-0.085, 0.1), at(-0.085, 0.22)], fill=darker(body, 0.3), width=3)
    disc(draw, *at(0.47, 0.15), size * 0.025, (255, 240, 170))
    disc(draw, *at(-0.48, 0.16), size * 0.022, (210, 40, 40))
    for along in (-0.29, 0.29):
        disc(draw, *at(along, 0.065), size * 0.085, (25, 25, 28))
        disc(draw, *at(along, 0.065), size * 0.045, (175, 178, 182))


@family("street with car")
def street_with_car(rng: Generator) -> Image.Image:
    (width, height), mode = _frame(rng), pick(rng, [*SUNNY, "night"])
    image, draw = backdrop(sky(rng, width, height, mode, height * 0.6))
    wide, tall = 2 * width, 2 * height
    kerb, road = tall * uniform(rng, 0.58, 0.64), tall * uniform(rng, 0.68, 0.72)
    x, glass = -uniform(rng, 0, 100), (255, 222, 140) if mode in ("night", "dusk") else lit((165, 200, 220), mode)
    while x < wide:
        across, top = uniform(rng, 150, 280), kerb - uniform(rng, 230, 430)
        colour = lit(vivid(rng, (0.1, 0.5), (0.55, 0.95)), mode)
        draw.rectangle((x, top, x + across, kerb), fill=colour)
        draw.rectangle((x - 5, top - 10, x + across + 5, top + 8), fill=darker(colour, 0.3))
        columns = int(across // 65)
        for column in range(columns):
            left = x + (column + 0.5) * across / columns - 18
            for row in np.arange(top + 35, kerb - 150, 82):
                draw.rectangle((left, row, left + 36, row + 50), fill=glass, outline=lighter(colour, 0.6), width=4)
        draw.rectangle((x + 20, kerb - 95, x + across - 70, kerb - 25), fill=glass)
        draw.rectangle((x + across - 55, kerb - 95, x + across - 18, kerb), fill=darker(colour, 0.5))
        if chance(rng, 0.5):
            draw.rectangle((x + 10, kerb - 118, x + across - 60, kerb - 92), fill=lit(vivid(rng), mode))
        x += across
    draw.rectangle((0, kerb, wide, road), fill=lit((185, 182, 175), mode))
    draw.rectangle((0, road, wide, tall), fill=lit((82, 84, 90), mode))
    draw.rectangle((0, road, wide, road + 8), fill=lit((215, 212, 205), mode))
    dash = (road + tall) / 2
    for start in range(whole(rng, -90, 0), wide, 150):
        draw.rectangle((start, dash, start + 85, dash + 12), fill=lit((240, 235, 215), mode))
    for post in np.arange(uniform(rng, 30, 200), wide, uniform(rng, 330, 480)):
        if chance(rng, 0.5):
            leafy(rng, draw, float(post), road - 8, uniform(rng, 240, 330), lit((75, 130, 65), mode), mode)
        else:
            draw.line((post, road - 6, post, road - 270, post + 50, road - 280), fill=(50, 52, 58), width=9)
            disc(draw, float(post) + 54, road - 272, 13, (255, 240, 180))
    size, cars = uniform(rng, 330, 480), whole(rng, 1, 2)
    for index in range(cars):
        middle = wide * (0.5 if cars == 1 else 0.27 + 0.46 * index) + uniform(rng, -60, 60)
        _car(rng, draw, middle, dash + uniform(rng, 40, 90) - 60 * (index % 2), size, mode)
    return grained(rng, image.reduce(2), 3)


@family("rocket launch")
def rocket_launch(rng: Generator) -> Image.Image:
    width, height = pick(rng, [(512, 512), (420, 640), (450, 580)])
    mode = pick(rng, ["day", "day", "dusk", "night"])
    ground = height * uniform(rng, 0.84, 0.9)
    image, draw = backdrop(sky(rng, width, height, mode, ground))
    wide, tall, base = 2 * width, 2 * height, 2 * ground
    land = lit(pick(rng, [(120, 130, 90), (175, 155, 115), (95, 110, 85)]), mode)
    hill(rng, draw, wide, tall, base, 40, darker(land, 0.2))
    draw.rectangle((0, base, wide, tall), fill=land)
    x, length = wide * uniform(rng, 0.42, 0.58), tall * uniform(rng, 0.34, 0.44)
    tail = base - uniform(rng, 0.08, 0.38) * tall
    half = length * uniform(rng, 0.065, 0.1)
    tower = x + pick(rng, [-1, 1]) * uniform(rng, 170, 240)
    for level in np.arange(base - tall * 0.42, base, 44):
        draw.line(
            (tower - 24, level, tower + 24, level + 44, tower - 24, level + 44, tower + 24, level),
            fill=(110, 60, 55),
            width=5,
        )
    draw.line((tower - 24, base, tower - 24, base - tall * 0.43), fill=(120, 65, 60), width=8)
    draw.line((tower + 24, base, tower + 24, base - tall * 0.43), fill=(120, 65, 60), width=8)
    smoke = lit((238, 236, 234), mode)
    for share in np.linspace(0, 1, 60):
        spread = half * 0.5 + share**5 * wide * 0.42
        down = tail + half * 2 + (base - tail - half) * min(1.0, 1.15 * share)
        for tone in (0.22, 0.1, 0.0):
            warm = blend(darker(smoke, tone), (255, 180, 90), 0.5 * (1 - share))
            place = x + spread * uniform(rng, -1, 1), down + uniform(rng, -16, 16) - 26 * (0.2 - tone)
            disc(draw, *place, uniform(rng, 0.5, 1.0) * (half * 0.7 + 46 * share), warm)
    for colour, reach, across in (
        ((255, 120, 30), 3.6, 0.95),
        ((255, 200, 60), 2.6, 0.65),
        ((255, 250, 220), 1.6, 0.4),
    ):
        draw.polygon(
            [(x - half * across, tail), (x + half * across, tail), (x, tail + half * reach * uniform(rng, 1.1, 1.6))],
            fill=colour,
        )
    body, accent = (
        lit(pick(rng, [(245, 245, 245), (225, 228, 232), (240, 200, 150)]), mode),
        vivid(rng, (0.6, 1.0), (0.4, 0.85)),
    )
    nose = tail - length
    if chance(rng, 0.5):
        for side in (-1, 1):
            left = x + side * half * 1.45 - half * 0.45
            draw.rectangle((left, tail - length * 0.5, left + half * 0.9, tail), fill=darker(body, 0.15))
            draw.polygon(
                [
                    (left, tail - length * 0.5),
                    (left + half * 0.9, tail - length * 0.5),
                    (left + half * 0.45, tail - length * 0.62),
                ],
                fill=accent,
            )
    else:
        for side in (-1, 1):
            draw.polygon(
                [(x + side * half, tail - length * 0.24), (x + side * half * 2.1, tail + 14), (x + side * half, tail)],
                fill=accent,
            )
    draw.rectangle((x - half, nose + length * 0.2, x + half, tail), fill=body)
    draw.rectangle((x + half * 0.35, nose + length * 0.2, x + half, tail), fill=darker(body, 0.16))
    cone = [
        (x + half * s * np.sqrt(t), nose + length * 0.2 * t)
        for s, ts in ((-1, np.linspace(1, 0, 9)), (1, np.linspace(0, 1, 9)))
        for t in ts
    ]
    draw.polygon([(float(a), float(b)) for a, b in cone], fill=accent)
    for share in (0.45, uniform(rng, 0.6, 0.85)):
        draw.rectangle((x - half, nose + length * share, x + half, nose + length * share + 16), fill=accent)
    disc(draw, x, nose + length * 0.31, half * 0.4, (70, 110, 150), (90, 90, 95), 5)
    return grained(rng, image.reduce(2), 3)
