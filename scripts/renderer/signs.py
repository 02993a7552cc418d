"""Families of marks and signs: codes to scan, captchas, plates, road signs, logos."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from renderer.canvas import (
    BLACK,
    SIZE,
    WHITE,
    WORDS,
    Colour,
    blank,
    centred,
    chance,
    family,
    font,
    ink,
    paper,
    pick,
    uniform,
    vivid,
    whole,
)

_RED, _GREEN, _BLUE, _YELLOW = (200, 24, 32), (12, 110, 62), (20, 80, 170), (250, 210, 30)

# EAN-13: seven modules per digit in three codes, and which code the left digits take for the first digit.
_ODD = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
_EVEN = tuple("".join("10"[int(bit)] for bit in code)[::-1] for code in _ODD)
_RIGHT = tuple("".join("10"[int(bit)] for bit in code) for code in _ODD)
_PARITY = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO")


def _ean_modules(digits: list[int]) -> str:
    left = "".join(
        (_ODD if side == "O" else _EVEN)[digit] for side, digit in zip(_PARITY[digits[0]], digits[1:7], strict=True)
    )
    right = "".join(_RIGHT[digit] for digit in digits[7:])
    return f"101{left}01010{right}101"


@family("barcode")
def barcode(rng: Generator) -> Image.Image:
    digits = [whole(rng, 0, 9) for _ in range(12)]
    digits.append(-sum(digit * (1 + 2 * (index % 2)) for index, digit in enumerate(digits)) % 10)
    image, draw = blank(paper(rng), 560, pick(rng, (300, 360, 420)))
    module, colour = pick(rng, (4, 5)), ink(rng)
    left, top, bottom = (560 - 95 * module) // 2, whole(rng, 24, 50), image.height - whole(rng, 60, 80)
    if chance(rng, 0.4):
        draw.rectangle((0, 0, 560, image.height), outline=vivid(rng), width=14)
    for index, bit in enumerate(_ean_modules(digits)):
        guard = index < 3 or index > 91 or 45 <= index <= 49
        if bit == "1":
            x = left + index * module
            draw.rectangle((x, top, x + module - 1, bottom + (12 if guard else 0)), fill=colour)
    centred(draw, 280, bottom + 30, "".join(map(str, digits)), font(30, "mono"), colour)
    return image


@family("qr code")
def qr_code(rng: Generator) -> Image.Image:
    count = pick(rng, (21, 25, 29, 33))
    modules = rng.random((count, count)) < 0.48
    for row, column in ((0, 0), (0, count - 7), (count - 7, 0)):
        modules[max(0, row - 1) : row + 8, max(0, column - 1) : column + 8] = False
        modules[row : row + 7, column : column + 7] = True
        modules[row + 1 : row + 6, column + 1 : column + 6] = False
        modules[row + 2 : row + 5, column + 2 : column + 5] = True
    modules[6, 8 : count - 8] = modules[8 : count - 8, 6] = np.arange(count - 16) % 2 == 0
    dark = pick(rng, [BLACK, BLACK, (20, 30, 90), (90, 20, 40), (10, 70, 60)])
    pixels = np.where(modules[..., None], np.array(dark), np.array(WHITE)).astype(np.uint8)
    size = count * (400 // count)
    code = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
    image, draw = blank(pick(rng, [WHITE, WHITE, vivid(rng, (0.05, 0.25), (0.85, 1))]))
    place = (SIZE - size) // 2
    draw.rectangle((place - 24, place - 24, place + size + 24, place + size + 24), fill=WHITE)
    image.paste(code, (place, place))
    return image


@family("captcha")
def captcha(rng: Generator) -> Image.Image:
    ground = vivid(rng, (0.02, 0.2), (0.85, 1))
    image, draw = blank(ground, 600, 260)
    for _ in range(whole(rng, 6, 14)):
        ends = [uniform(rng, 0, 600), uniform(rng, 0, 260), uniform(rng, 0, 600), uniform(rng, 0, 260)]
        draw.line(ends, fill=vivid(rng, (0.2, 0.7), (0.5, 0.9)), width=whole(rng, 1, 3))
    count = whole(rng, 5, 7)
    for index in range(count):
        glyph = Image.new("RGBA", (130, 150))
        face = font(whole(rng, 70, 96), pick(rng, ("sans-bold", "serif-bold", "mono-bold", "serif-italic")))
        character = pick(rng, "ABCDEFGHKLMNPRSTUVXYZabdefhkmnprt23456789")
        ImageDraw.Draw(glyph).text(
            (65, 75), character, font=face, fill=(*vivid(rng, (0.3, 1), (0.15, 0.6)), 255), anchor="mm"
        )
        glyph = glyph.rotate(uniform(rng, -35, 35), Image.Resampling.BICUBIC)
        image.paste(glyph, (int(10 + index * 560 / count) - 10, whole(rng, 30, 80)), glyph)
    speckles = rng.integers(0, (600, 260), (whole(rng, 300, 1200), 2))
    draw.point([tuple(point) for point in speckles.tolist()], fill=(90, 90, 90))
    return image


@family("license plate")
def license_plate(rng: Generator) -> Image.Image:
    image, draw = blank(vivid(rng, (0.05, 0.8), (0.2, 0.8)), 620, 340)
    draw.rounded_rectangle((20, 20, 600, 320), 30, outline=vivid(rng, (0, 0.3), (0.1, 0.4)), width=10)
    plate, text = pick(rng, [(WHITE, BLACK), (_YELLOW, BLACK), (WHITE, (20, 40, 120)), ((30, 70, 150), WHITE)])
    draw.rounded_rectangle((60, 110, 560, 230), 12, fill=plate, outline=text, width=5)
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    number = "".join(pick(rng, letters) for _ in range(whole(rng, 1, 3)))
    number += pick(rng, (" ", "-", " ")) + str(whole(rng, 100, 9999))
    if chance(rng, 0.5):
        number += f" {pick(rng, letters)}{pick(rng, letters)}"
    left = 60
    if chance(rng, 0.5):
        draw.rectangle((66, 116, 108, 224), fill=_BLUE)
        centred(draw, 87, 206, pick(rng, ("D", "F", "I", "E", "NL", "PL")), font(20, "sans-bold"), WHITE)
        left = 108
    face = font(76, pick(rng, ("sans-bold", "mono-bold")))
    while draw.textlength(number, font=face) > 540 - left:
        face = font(face.size - 4, "sans-bold")
    centred(draw, (left + 560) / 2, 170, number, face, text)
    for x in (80 if left == 60 else 124, 540):
        draw.ellipse((x - 5, 118, x + 5, 128), fill=(120, 120, 120))
    return image


def _regular(centre: tuple[float, float], radius: float, corners: int, turn: float) -> list[tuple[float, float]]:
    angles = [turn + 2 * math.pi * index / corners for index in range(corners)]
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]


@family("road sign")
def road_sign(rng: Generator) -> Image.Image:
    sky = vivid(rng, (0.15, 0.45), (0.75, 0.98))
    image, draw = blank(sky)
    draw.rectangle((0, whole(rng, 380, 440), SIZE, SIZE), fill=vivid(rng, (0.2, 0.5), (0.3, 0.6)))
    draw.rectangle((246, 220, 266, SIZE), fill=(120, 124, 128))
    centre, radius = (256.0, 200.0), uniform(rng, 130, 165)
    kind = pick(rng, ("stop", "limit", "warning", "entry", "direction", "yield"))
    box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    if kind == "stop":
        draw.polygon(_regular(centre, radius, 8, math.pi / 8), fill=_RED, outline=WHITE, width=9)
        centred(draw, *centre, "STOP", font(84, "sans-bold"), WHITE)
    elif kind == "limit":
        draw.ellipse(box, fill=WHITE, outline=_RED, width=30)
        centred(draw, *centre, str(10 * whole(rng, 2, 13)), font(110, "sans-bold"), BLACK)
    elif kind == "entry":
        draw.ellipse(box, fill=_RED, outline=WHITE, width=6)
        draw.rectangle((centre[0] - 0.7 * radius, 172, centre[0] + 0.7 * radius, 228), fill=WHITE)
    elif kind == "direction":
        colour = pick(rng, (_GREEN, _BLUE))
        draw.rounded_rectangle((60, 90, 452, 300), 14, fill=colour, outline=WHITE, width=7)
        for row in range(3):
            draw.text((86, 112 + 60 * row), pick(rng, WORDS).title(), font=font(40, "sans-bold"), fill=WHITE)
            draw.text(
                (428, 112 + 60 * row), str(whole(rng, 2, 99)), font=font(40, "sans-bold"), fill=WHITE, anchor="ra"
            )
    else:
        turn = -math.pi / 2 if kind == "warning" else math.pi / 2
        fill = _YELLOW if kind == "warning" and chance(rng, 0.5) else WHITE
        draw.polygon(_regular(centre, radius * 1.15, 3, turn), fill=fill, outline=_RED, width=24)
        if kind == "warning":
            centred(draw, 256, 216, "!", font(120, "sans-bold"), BLACK)
    return image


@family("logo")
def logo(rng: Generator) -> Image.Image:
    ground: Colour = pick(rng, [WHITE, WHITE, (245, 245, 247), vivid(rng, (0.4, 0.9), (0.2, 0.5))])
    light = sum(ground) > 400
    first = vivid(rng, (0.6, 1), (0.5, 0.9)) if light else WHITE
    second = vivid(rng, (0.5, 1), (0.6, 0.95))
    image, draw = blank(ground)
    centre, radius = (256.0, 200.0), uniform(rng, 95, 130)
    kind = pick(rng, ("petals", "rings", "polygon", "letter", "waves"))
    if kind == "petals":
        for x, y in _regular(centre, radius * 0.6, pick(rng, (3, 5, 6)), uniform(rng, 0, 6)):
            draw.ellipse(
                (x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2), fill=pick(rng, (first, second))
            )
    elif kind == "rings":
        for shrink, colour in ((1.0, first), (0.72, ground), (0.45, second)):
            size = radius * shrink
            draw.ellipse((256 - size, 200 - size, 256 + size, 200 + size), fill=colour)
    elif kind == "polygon":
        corners, turn = pick(rng, (3, 4, 6)), uniform(rng, 0, 6)
        draw.polygon(_regular(centre, radius, corners, turn), fill=first)
        draw.polygon(_regular(centre, radius * 0.55, corners, turn + math.pi / corners), fill=second)
    elif kind == "letter":
        draw.rounded_rectangle((256 - radius, 200 - radius, 256 + radius, 200 + radius), 40, fill=first)
        mark = pick(rng, "ABEGKMNRSTVX")
        centred(draw, *centre, mark, font(150, "sans-bold"), ground if first != ground else BLACK)
    else:
        for row in range(4):
            y = 200 - radius + row * radius * 0.55
            draw.arc((256 - radius, y, 256 + radius, y + radius), 190, 350, fill=(first, second)[row % 2], width=22)
    name = "".join(pick(rng, ("zo", "ka", "li", "ven", "tra", "mo", "nex", "ri", "sol", "qua")) for _ in range(2))
    face = font(whole(rng, 54, 70), pick(rng, ("sans-bold", "serif-bold", "sans", "mono-bold")))
    centred(draw, 256, 400, name.title() if chance(rng, 0.7) else name.upper(), face, first)
    return image
