"""Places that people made, outdoors and indoors: houses, rooms, streets and launch pads."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import WHITE, chance, family, pick, uniform, vivid, whole
from .paint import (
    SUNNY,
    Point,
    as_image,
    backdrop,
    blend,
    darker,
    disc,
    grained,
    hill,
    leafy,
    lighter,
    lit,
    scene_size,
    sky,
)


@family("house")
def house(rng: Generator) -> Image.Image:
    (width, height), mode = scene_size(rng), pick(rng, [*SUNNY, "night"])
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
    width, height = scene_size(rng)
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
    (width, height), mode = scene_size(rng), pick(rng, [*SUNNY, "night"])
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
