"""Patterns, materials, colour studies and plain shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from .canvas import SIZE, WHITE, Colour, centred, chance, family, font, palette, pick, uniform, vivid, whole
from .paint import (
    BIG,
    SHAPES,
    Array,
    Point,
    as_image,
    big,
    blend,
    disc,
    grained,
    grid,
    mix,
    noise,
    petal,
    shape,
)

GROUNDS: list[Colour] = [WHITE, (245, 245, 240), (225, 228, 232), (40, 42, 48), (15, 15, 15)]


def _scatter(rng: Generator, count: int, low: float, high: float, gap: float) -> list[Point]:
    """Up to ``count`` random places in a square that are at least ``gap`` apart."""
    places: list[Point] = []
    for x, y in rng.uniform(low, high, (60 * count, 2)):
        if len(places) < count and all(np.hypot(x - a, y - b) >= gap for a, b in places):
            places.append((float(x), float(y)))
    return places


def _bands(coordinate: Array, edges: Sequence[float]) -> NDArray[np.intp]:
    """Which band each pixel is in when bands of the cumulative ``edges`` repeat."""
    return np.searchsorted(np.asarray(edges), coordinate % edges[-1], side="right")


@family("stripes")
def stripes(rng: Generator) -> Image.Image:
    x, y = grid(BIG, BIG)
    angle = pick(rng, [0.0, np.pi / 2, np.pi / 4, -np.pi / 4, uniform(rng, 0, np.pi)])
    count = whole(rng, 2, 5)
    colours = palette(rng, count)
    if chance(rng, 0.5):
        colours[0] = pick(rng, GROUNDS)
    equal = chance(rng, 0.5)
    unit = uniform(rng, 24, 150)
    edges = np.cumsum([unit * (1 if equal else uniform(rng, 0.3, 1.6)) for _ in range(count)])
    index = _bands(x * np.cos(angle) + y * np.sin(angle), [float(edge) for edge in edges])
    return Image.fromarray(np.asarray(colours, np.uint8)[index]).reduce(2)


@family("checkerboard")
def checkerboard(rng: Generator) -> Image.Image:
    x, y = grid(BIG, BIG)
    cells = pick(rng, [3, 4, 5, 6, 7, 10, 12, 14, 16, 20])
    angle = pick(rng, [0.0, 0.0, np.pi / 4])
    side = BIG / cells
    across, down = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    light = pick(rng, [WHITE, WHITE, (240, 235, 220), vivid(rng, (0.1, 0.35), (0.9, 1.0))])
    dark = pick(rng, [(10, 10, 10), vivid(rng), vivid(rng, (0.5, 1.0), (0.3, 0.75))])
    odd = ((across // side + down // side) % 2).astype(int)
    return Image.fromarray(np.asarray([light, dark], np.uint8)[odd]).reduce(2)


@family("polka dots")
def polka_dots(rng: Generator) -> Image.Image:
    ground = pick(rng, [WHITE, (250, 240, 225), vivid(rng), vivid(rng, (0.2, 0.5), (0.8, 1.0)), (20, 20, 25)])
    dots = palette(rng, whole(rng, 2, 5)) if chance(rng, 0.35) else [vivid(rng) if sum(ground) > 600 else WHITE]
    image, draw = big(ground)
    step = uniform(rng, 70, 220)
    radius = step * uniform(rng, 0.18, 0.36)
    staggered = chance(rng, 0.6)
    height = step * (0.866 if staggered else 1.0)
    for row in range(-1, int(BIG / height) + 2):
        for column in range(-1, int(BIG / step) + 2):
            shift = 0.5 if staggered and row % 2 else 0.0
            disc(draw, (column + shift) * step, row * height, radius, pick(rng, dots))
    return image.reduce(2)


@family("granular texture")
def granular_texture(rng: Generator) -> Image.Image:
    base = pick(rng, [(205, 180, 135), (150, 148, 145), (120, 95, 75), (180, 110, 90), (215, 210, 200), (80, 82, 88)])
    kind = pick(rng, ["sand", "granite", "gravel"])
    broad = noise(rng, SIZE, SIZE, 200, 200, 3)[..., None]
    if kind == "sand":
        fine = noise(rng, SIZE, SIZE, uniform(rng, 3, 9), uniform(rng, 3, 9), 3)[..., None]
        field = np.asarray(base) * (0.55 + 0.3 * broad + 0.5 * fine)
        return grained(rng, as_image(field), 14)
    if kind == "granite":
        field = mix(base, (235, 230, 225), (noise(rng, SIZE, SIZE, 14, 14, 3) - 0.55) * 6)
        field = mix(field, (35, 33, 36), (noise(rng, SIZE, SIZE, 10, 10, 3) - 0.6) * 8)
        return grained(rng, as_image(field * (0.85 + 0.2 * broad)), 8)
    image, draw = big(blend(base, (0, 0, 0), 0.65))
    size = uniform(rng, 14, 34)
    count = int(1.9e6 / size**2)
    places, radii = rng.uniform(-10, BIG + 10, (count, 2)), rng.uniform(0.5, 1.15, (count, 2)) * size
    shades, turns = rng.uniform(0.55, 1.2, count), rng.uniform(0, np.pi, count)
    for (x, y), (rx, ry), shade, turn in zip(places, radii, shades, turns, strict=True):
        c, s = np.cos(turn), np.sin(turn)
        for scale, lift in ((1.0, 0.62), (0.78, 1.0)):
            outline = [
                (x + scale * (rx * a * c - ry * b * s), y + scale * (rx * a * s + ry * b * c)) for a, b in _PEBBLE
            ]
            draw.polygon(outline, fill=blend((0, 0, 0), base, min(1.25, float(shade) * lift)))
    return grained(rng, image.reduce(2), 7)


_PEBBLE = [(float(np.cos(a)), float(np.sin(a))) for a in np.arange(7) * 2 * np.pi / 7]


@family("wood grain")
def wood_grain(rng: Generator) -> Image.Image:
    light, dark = pick(
        rng,
        [
            ((222, 184, 135), (160, 110, 65)),
            ((190, 130, 80), (110, 65, 35)),
            ((120, 80, 55), (60, 36, 24)),
            ((235, 210, 170), (200, 160, 110)),
            ((175, 95, 60), (95, 40, 25)),
        ],
    )
    x, y = grid()
    planks = pick(rng, [1, 1, 3, 4, 5])
    plank = (y * planks // SIZE).astype(int)
    shifts = rng.uniform(0, 400, planks)[plank]
    warp = noise(rng, SIZE, SIZE, 420, 90, 2)
    rings = (y + shifts) / uniform(rng, 14, 34) + uniform(rng, 2, 6) * warp
    for _ in range(whole(rng, 0, 3)):
        knot_x, knot_y, spread = uniform(rng, 40, 470), uniform(rng, 40, 470), uniform(rng, 18, 34)
        distance = np.hypot((x - knot_x) / 2.2, y - knot_y)
        rings += 3.5 * np.exp(-((distance / spread) ** 2))
    streaks = noise(rng, SIZE, SIZE, 220, 3, 2)
    share = 0.55 * (0.5 + 0.5 * np.sin(2 * np.pi * rings)) ** 2 + 0.5 * streaks
    field = mix(light, dark, share) * rng.uniform(0.85, 1.08, planks)[plank][..., None]
    if planks > 1:
        field[np.abs(y % (SIZE / planks)) < 2.5] *= 0.35
    image = as_image(field)
    return image if chance(rng, 0.5) else image.transpose(Image.Transpose.ROTATE_90)


@family("brick wall")
def brick_wall(rng: Generator) -> Image.Image:
    base = pick(
        rng,
        [(165, 72, 52), (150, 60, 48), (190, 120, 80), (200, 170, 120), (120, 118, 120), (225, 222, 215), (95, 55, 48)],
    )
    mortar = pick(rng, [(200, 195, 185), (160, 155, 150), (90, 85, 82), (225, 220, 210)])
    if abs(sum(base) - sum(mortar)) < 120:
        mortar = blend(base, (0, 0, 0), 0.45)
    image, draw = big(mortar)
    height = uniform(rng, 55, 125)
    width, gap = height * uniform(rng, 2.0, 2.9), uniform(rng, 6, 14)
    variety = uniform(rng, 0.04, 0.2)
    for row in range(int(BIG / height) + 2):
        left = -width * (0.5 if row % 2 else 0.0) - uniform(rng, 0, 0.03) * width
        while left < BIG:
            colour = blend(base, pick(rng, [(0, 0, 0), WHITE]), uniform(rng, 0, variety))
            box = (left, row * height, left + width - gap, (row + 1) * height - gap)
            draw.rounded_rectangle(box, radius=5, fill=colour)
            draw.line((box[0] + 4, box[3] - 2, box[2] - 4, box[3] - 2), fill=blend(colour, (0, 0, 0), 0.35), width=5)
            left += width
    field = np.asarray(image.reduce(2), float) * (0.82 + 0.36 * noise(rng, SIZE, SIZE, 40, 40, 4))[..., None]
    return grained(rng, as_image(field), 7)


@family("woven fabric")
def woven_fabric(rng: Generator) -> Image.Image:
    x, y = grid()
    period = uniform(rng, 9, 30)
    column, row = (x // period).astype(int), (y // period).astype(int)
    weave = pick(rng, ["plain", "twill", "basket"])
    if weave == "plain":
        over = (column + row) % 2 == 0
    elif weave == "twill":
        over = (column + row) % 4 < 2
    else:
        over = (column // 2 + row // 2) % 2 == 0
    yarns = np.asarray(
        [*palette(rng, whole(rng, 1, 3)), pick(rng, [(235, 225, 205), (40, 40, 50), (150, 120, 90)])], float
    )
    length = pick(rng, [1, 2, 6, 8])
    warp, weft = (yarns[rng.integers(len(yarns), size=length)] for _ in range(2))
    round_x, round_y = np.sin(np.pi * (x / period % 1)), np.sin(np.pi * (y / period % 1))
    across, along = np.where(over, round_x, round_y), np.where(over, round_y, round_x)
    colour = np.where(over[..., None], warp[column % length], weft[row % length])
    light = 0.3 + 0.55 * np.sqrt(across) + 0.25 * along
    fibre = np.where(over, noise(rng, SIZE, SIZE, 3, 16, 2), noise(rng, SIZE, SIZE, 16, 3, 2))
    return as_image(colour * (light * (0.8 + 0.35 * fibre))[..., None])


@family("colour swatches")
def colour_swatches(rng: Generator) -> Image.Image:
    columns, rows = whole(rng, 2, 6), whole(rng, 1, 5)
    ground = pick(rng, [WHITE, WHITE, (245, 243, 238), (35, 36, 40)])
    image, draw = big(ground)
    colours = palette(rng, columns * rows)
    if chance(rng, 0.4):
        family_colour = vivid(rng)
        ends = (blend(family_colour, WHITE, 0.8), blend(family_colour, (0, 0, 0), 0.75))
        colours = [blend(*ends, index / (columns * rows - 1)) for index in range(columns * rows)]
    cell_x, cell_y = 960 / columns, min(960 / rows, 480)
    top, gap = (BIG - rows * cell_y) / 2, uniform(rng, 0.08, 0.2)
    text = (60, 60, 60) if sum(ground) > 400 else (220, 220, 220)
    face = font(min(34, cell_x * 0.17), pick(rng, ["sans", "mono"]))
    rounding = pick(rng, [0.0, 0.0, 0.15])
    for index, colour in enumerate(colours):
        left, upper = 32 + index % columns * cell_x, top + index // columns * cell_y
        margin = gap * cell_x / 2
        box = (left + margin, upper + margin, left + cell_x - margin, upper + cell_y - margin - 40)
        draw.rounded_rectangle(box, radius=rounding * min(cell_x, cell_y), fill=colour)
        label = "#{:02X}{:02X}{:02X}".format(*colour)
        centred(draw, left + cell_x / 2, upper + cell_y - margin - 16, label, face, text)
    return image.reduce(2)


@family("colour gradient")
def colour_gradient(rng: Generator) -> Image.Image:
    x, y = (axis / SIZE for axis in grid())
    kind = pick(rng, ["linear", "linear", "radial", "corners"])
    stops = [vivid(rng, (0.2, 1.0), (0.3, 1.0)) for _ in range(4)]
    if kind == "corners":
        return as_image(mix(mix(stops[0], stops[1], x), mix(stops[2], stops[3], x), y))
    if kind == "linear":
        angle = uniform(rng, 0, 2 * np.pi)
        share = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    else:
        share = 1.4 * np.hypot(x - uniform(rng, 0.2, 0.8), y - uniform(rng, 0.2, 0.8))
    if chance(rng, 0.5):
        return as_image(mix(stops[0], stops[1], share))
    return as_image(mix(mix(stops[0], stops[1], 2 * share), stops[2], 2 * share - 1))


@family("colour field")
def colour_field(rng: Generator) -> Image.Image:
    """One dominant vivid colour with a few small shapes of other colours."""
    colours = palette(rng, 5)
    image, draw = big(vivid_like(rng, colours[0]))
    for x, y in _scatter(rng, whole(rng, 2, 5), 120, BIG - 120, 150):
        kind = pick(rng, SHAPES)
        shape(draw, kind, x, y, uniform(rng, 24, 48), pick(rng, [*colours[2:], WHITE]), uniform(rng, 0, 6))
    return image.reduce(2)


def vivid_like(rng: Generator, colour: Colour) -> Colour:
    """A lighter or darker neighbour of ``colour``."""
    return blend(colour, pick(rng, [WHITE, (0, 0, 0)]), uniform(rng, 0, 0.25))


@family("mandala")
def mandala(rng: Generator) -> Image.Image:
    ground = pick(rng, [WHITE, (250, 244, 230), (30, 22, 50), (12, 30, 45), (70, 20, 35)])
    image, draw = big(ground)
    order, centre = pick(rng, [6, 8, 10, 12, 16]), BIG / 2
    colours, line = palette(rng, whole(rng, 3, 6)), pick(rng, [(30, 30, 40), (250, 245, 230)])
    rings = whole(rng, 5, 8)
    for ring in range(rings, 0, -1):
        outer = 490 * ring / rings
        inner, colour = outer * uniform(rng, 0.3, 0.6), pick(rng, colours)
        kind, shift = pick(rng, ["petals", "petals", "dots", "spikes", "disc", "scallops"]), pick(rng, [0.0, 0.5])
        if kind == "disc":
            disc(draw, centre, centre, outer * 0.94, colour, line, 4)
        for step in range(order):
            angle = 2 * np.pi * (step + shift) / order - np.pi / 2
            room = np.pi * outer / order
            x, y = centre + outer * 0.85 * np.cos(angle), centre + outer * 0.85 * np.sin(angle)
            if kind == "petals":
                draw.polygon(
                    petal(centre, centre, angle, inner, outer, room * 0.75), fill=colour, outline=line, width=4
                )
            elif kind == "spikes":
                draw.polygon(
                    petal(centre, centre, angle, inner, outer, room * 0.6, 0.5), fill=colour, outline=line, width=4
                )
            elif kind == "scallops":
                disc(draw, x, y, min(room * 0.95, 490 - outer * 0.85), colour, line, 4)
            else:
                disc(draw, x, y, room * (0.35 if kind == "dots" else 0.2), line if kind == "disc" else colour, line, 3)
    disc(draw, centre, centre, 32, pick(rng, colours), line, 4)
    return image.reduce(2)


@family("counted shapes")
def counted_shapes(rng: Generator) -> Image.Image:
    """3 to 12 separated shapes of one kind on a plain ground."""
    ground = pick(rng, GROUNDS)
    image, draw = big(ground)
    count = whole(rng, 3, 12)
    cells = 2 if count <= 4 else 3 if count <= 9 else 4
    side = BIG / cells
    kind, colour, tilt = pick(rng, SHAPES), vivid(rng, (0.6, 1.0), (0.6, 0.95)), uniform(rng, 0, 0.6)
    radius = side * uniform(rng, 0.22, 0.34)
    for cell in rng.permutation(cells * cells)[:count]:
        room = side / 2 - radius - 12
        x = (cell % cells + 0.5) * side + uniform(rng, -room, room)
        y = (cell // cells + 0.5) * side + uniform(rng, -room, room)
        shape(draw, kind, float(x), float(y), radius, colour, tilt)
    return image.reduce(2)


@family("spatial arrangement")
def spatial_arrangement(rng: Generator) -> Image.Image:
    """Two or three big shapes of different kinds and colours beside or above one another."""
    image, draw = big(pick(rng, GROUNDS))
    count = whole(rng, 2, 3)
    layout = pick(rng, ["row", "column", "corner"])
    spots = {
        "row": [(0.27, 0.5), (0.73, 0.5)] if count == 2 else [(0.18, 0.5), (0.5, 0.5), (0.82, 0.5)],
        "column": [(0.5, 0.27), (0.5, 0.73)] if count == 2 else [(0.5, 0.18), (0.5, 0.5), (0.5, 0.82)],
        "corner": [(0.28, 0.28), (0.72, 0.72)] if count == 2 else [(0.5, 0.27), (0.26, 0.73), (0.74, 0.73)],
    }[layout]
    radius = 150 if count == 3 and layout != "corner" else uniform(rng, 180, 220)
    kinds = rng.permutation(len(SHAPES))
    for (x, y), kind, colour in zip(spots, kinds, palette(rng, count), strict=False):
        shape(draw, SHAPES[kind], x * BIG, y * BIG, radius, colour)
    return image.reduce(2)
