"""Images that instruments take of the body: chest x-rays and cells under a microscope."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from .canvas import SIZE, Colour, chance, family, font, pick, uniform
from .paint import BIG, as_image, backdrop, curve, darker, disc, grained, grid, lighter, mix, noise


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
    for vertebra in range(10, height, 27):
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
