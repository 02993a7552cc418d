"""Wide views as painterly illustrations, by day, dusk, night or grey weather."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from .canvas import WHITE, chance, family, pick, uniform, vivid, whole
from .paint import (
    SKIES,
    SUNNY,
    Array,
    as_image,
    backdrop,
    blend,
    conifer,
    darker,
    disc,
    grained,
    grid,
    hill,
    lighter,
    lit,
    mix,
    noise,
    ridge,
    scene_size,
    sky,
)


def _broad_slope(line: Array) -> Array:
    """Steepness of a skyline over a dozen pixels, so that whole faces are lit or in shade."""
    smooth = np.convolve(np.pad(line, 12, mode="edge"), np.full(25, 1 / 25), mode="valid")
    return np.gradient(smooth) * 0.45


@family("mountain landscape")
def mountain_landscape(rng: Generator) -> Image.Image:
    (width, height), mode = scene_size(rng), pick(rng, SUNNY)
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
        slope = np.clip(_broad_slope(line)[column], -0.6, 0.6) + detail
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
    (width, height), mode = scene_size(rng), pick(rng, ["day", "day", "dusk", "grey", "night"])
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
    width, height = scene_size(rng)
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
    (width, height), mode = scene_size(rng), pick(rng, ["day", "dusk", "night", "night", "grey"])
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
    (width, height), mode = scene_size(rng), pick(rng, SUNNY)
    season = pick(rng, [(60, 120, 55), (95, 145, 60), (200, 120, 40), (180, 80, 40), (45, 95, 75)])
    mist = lit(lighter(blend(season, (225, 235, 225), 0.6), 0.3), mode)
    y = grid(width, height)[1]
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
