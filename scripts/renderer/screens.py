"""Families seen on a screen or a printed page: code, pages, chats, slides, calendars, comics."""

from __future__ import annotations

import calendar as months

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
    palette,
    paragraph,
    pick,
    title,
    uniform,
    vivid,
    whole,
    words,
)

_THEMES: tuple[tuple[Colour, Colour, tuple[Colour, ...]], ...] = (
    ((30, 32, 40), (212, 214, 220), ((220, 120, 200), (120, 200, 255), (150, 220, 130), (230, 180, 90))),
    ((40, 42, 54), (240, 240, 235), ((255, 121, 198), (139, 233, 253), (80, 250, 123), (241, 250, 140))),
    ((253, 253, 253), (40, 40, 44), ((160, 0, 140), (0, 70, 190), (20, 120, 40), (170, 90, 0))),
    ((253, 246, 227), (88, 110, 117), ((211, 54, 130), (38, 139, 210), (133, 153, 0), (203, 75, 22))),
)
_LINES = (
    (0, (("def ", 0), ("{a}_{b}", 1), ("({c}):", 4))),
    (1, (("for ", 0), ("{c} ", 4), ("in ", 0), ("{a}s:", 4))),
    (2, (("if ", 0), ("{c} ", 4), ("> ", 4), ("{n}", 3), (":", 4))),
    (3, (("total ", 4), ("+= ", 0), ("{c}", 4))),
    (2, (("print", 1), ('("{b} {a}")', 2))),
    (1, (("return ", 0), ("{b}", 4))),
    (0, (("class ", 0), ("{A}", 1), (":", 4))),
    (1, (("{a} ", 4), ("= ", 0), ("[{n}, {m}]", 3))),
    (0, (("import ", 0), ("{b}", 4))),
    (1, (("# {a} of the {b}", 2),)),
    (0, ()),
)
_PHRASES = (
    "See you at {n} o'clock",
    "Did the {a} arrive?",
    "Yes, thank you!",
    "The {a} is on the table",
    "Call me later",
    "Which {a} do you mean?",
    "I will bring the {a}",
    "No {a} today",
    "Great news!",
    "How was the {a}?",
)
_MONTHS = tuple(months.month_name)[1:]


def _filled(rng: Generator, text: str) -> str:
    one, other = pick(rng, WORDS), pick(rng, WORDS)
    return text.format(
        a=one,
        b=other,
        c=pick(rng, ("item", "row", "value", "x")),
        A=one.title(),
        n=whole(rng, 2, 9),
        m=whole(rng, 10, 99),
    )


def _window_buttons(draw: ImageDraw.ImageDraw, left: float, middle: float) -> None:
    for index, colour in enumerate(((237, 106, 94), (245, 191, 79), (97, 197, 84))):
        x = left + 20 * index
        draw.ellipse((x, middle - 6, x + 12, middle + 6), fill=colour)


@family("source code")
def source_code(rng: Generator) -> Image.Image:
    ground, plain, accents = pick(rng, _THEMES)
    image, draw = blank(ground, pick(rng, (512, 560)), pick(rng, (440, 512)))
    size = whole(rng, 13, 19)
    face, y, numbered = font(size, "mono"), 14.0, chance(rng, 0.7)
    if chance(rng, 0.4):
        draw.rectangle((0, 0, image.width, 28), fill=tuple((part * 3 + 128) // 4 for part in ground))
        _window_buttons(draw, 12, 14)
        y = 40.0
    line = whole(rng, 1, 60)
    while y + size < image.height:
        indent, parts = pick(rng, _LINES)
        if numbered:
            draw.text((44, y), str(line), font=face, fill=(128, 132, 140), anchor="ra")
        x = (58 if numbered else 16) + indent * 2.4 * size
        for text, role in parts:
            written = _filled(rng, text)
            draw.text((x, y), written, font=face, fill=accents[role] if role < 4 else plain)
            x += draw.textlength(written, font=face)
        y, line = y + size * 1.4, line + 1
    return image


@family("web page")
def web_page(rng: Generator) -> Image.Image:
    image, draw = blank(WHITE, 620, pick(rng, (440, 480)))
    accent, kind = vivid(rng, (0.5, 0.9), (0.4, 0.85)), pick(rng, ("sans", "sans", "serif"))
    draw.rectangle((0, 0, 620, 34), fill=(222, 225, 230))
    _window_buttons(draw, 12, 17)
    draw.rounded_rectangle((90, 7, 600, 27), 10, fill=WHITE)
    draw.text((104, 10), f"www.{pick(rng, WORDS)}-{pick(rng, WORDS)}.example", font=font(12), fill=(90, 90, 90))
    draw.rectangle((0, 34, 620, 74), fill=accent)
    draw.text((18, 42), pick(rng, WORDS).title(), font=font(22, "sans-bold"), fill=WHITE)
    for index in range(4):
        draw.text((300 + 78 * index, 48), pick(rng, WORDS).title()[:8], font=font(13), fill=WHITE)
    hero = vivid(rng, (0.1, 0.4), (0.75, 0.98))
    draw.rectangle((0, 74, 620, 190), fill=hero)
    draw.text((24, 96), title(rng, 3), font=font(26, f"{kind}-bold"), fill=(30, 30, 40))
    draw.rounded_rectangle((24, 142, 144, 172), 6, fill=accent)
    centred(draw, 84, 157, pick(rng, ("Read more", "Sign up", "Order now")), font(13, "sans-bold"), WHITE)
    columns = whole(rng, 2, 4)
    width = (620 - 20) / columns
    for index in range(columns):
        left = 20 + index * width
        draw.rectangle((left, 206, left + width - 20, 286), fill=vivid(rng, (0.2, 0.6), (0.5, 0.9)))
        draw.text((left, 296), title(rng, 2)[:16], font=font(15, f"{kind}-bold"), fill=BLACK)
        box = (left, 320, left + width - 20, image.height - 36)
        paragraph(draw, rng, box, font(11, kind), (80, 80, 85))
    draw.rectangle((0, image.height - 26, 620, image.height), fill=(60, 62, 68))
    return image


@family("chat")
def chat(rng: Generator) -> Image.Image:
    dark = chance(rng, 0.3)
    ground: Colour = (24, 28, 34) if dark else vivid(rng, (0.03, 0.12), (0.88, 0.97))
    image, draw = blank(ground, 400, 620)
    accent = vivid(rng, (0.5, 0.9), (0.4, 0.8))
    draw.rectangle((0, 0, 400, 58), fill=accent)
    draw.ellipse((14, 10, 52, 48), fill=vivid(rng, (0.2, 0.5), (0.8, 1)))
    draw.text(
        (64, 18), pick(rng, ("Ana", "Ben", "Chloe", "David", "Emma", "Farid")), font=font(20, "sans-bold"), fill=WHITE
    )
    mine = pick(rng, [(220, 248, 198), (190, 220, 255), (255, 224, 190)])
    theirs: Colour = (52, 58, 66) if dark else WHITE
    y, minute, face = 76.0, whole(rng, 0, 30), font(16)
    while y < 530:
        own = chance(rng, 0.5)
        rows = [_filled(rng, pick(rng, _PHRASES)) for _ in range(whole(rng, 1, 2))]
        width = max(draw.textlength(row, font=face) for row in rows) + 70
        height = 22 * len(rows) + 14
        left = 400 - 14 - width if own else 14
        draw.rounded_rectangle((left, y, left + width, y + height), 12, fill=mine if own else theirs)
        for index, row in enumerate(rows):
            colour = BLACK if own or not dark else WHITE
            draw.text((left + 12, y + 7 + 22 * index), row, font=face, fill=colour)
        minute = (minute + whole(rng, 0, 4)) % 60
        stamp = f"9:{minute:02}"
        draw.text((left + width - 8, y + height - 16), stamp, font=font(10), fill=(130, 130, 130), anchor="ra")
        y += height + whole(rng, 8, 18)
    draw.rectangle((0, 574, 400, 620), fill=(40, 44, 50) if dark else (245, 245, 245))
    draw.rounded_rectangle((14, 582, 340, 612), 14, fill=theirs, outline=(170, 170, 170))
    draw.ellipse((354, 580, 386, 612), fill=accent)
    return image


@family("presentation slide")
def presentation_slide(rng: Generator) -> Image.Image:
    dark = chance(rng, 0.35)
    accent = vivid(rng, (0.5, 0.95), (0.35, 0.8))
    ground: Colour = (26, 34, 56) if dark else WHITE
    text: Colour = WHITE if dark else (35, 38, 48)
    image, draw = blank(ground, 680, 382)
    band = pick(rng, ("top", "left", "line"))
    if band == "top":
        draw.rectangle((0, 0, 680, 74), fill=accent)
    elif band == "left":
        draw.rectangle((0, 0, 26, 382), fill=accent)
    else:
        draw.rectangle((40, 76, 640, 80), fill=accent)
    heading = WHITE if band == "top" else text
    draw.text(
        (44, 24), title(rng, whole(rng, 2, 4))[:34], font=font(30, pick(rng, ("sans-bold", "serif-bold"))), fill=heading
    )
    picture = chance(rng, 0.5)
    for index in range(whole(rng, 3, 5)):
        y = 108 + 46 * index
        draw.ellipse((46, y + 8, 56, y + 18), fill=accent)
        draw.text((72, y), words(rng, 3 if picture else 5).capitalize(), font=font(20), fill=text)
    if picture:
        for index, colour in enumerate(palette(rng, 4)):
            height = uniform(rng, 40, 190)
            draw.rectangle((430 + 52 * index, 320 - height, 470 + 52 * index, 320), fill=colour)
    draw.text((640, 352), str(whole(rng, 2, 40)), font=font(13), fill=(140, 140, 150), anchor="ra")
    return image


@family("calendar")
def calendar(rng: Generator) -> Image.Image:
    year, month = whole(rng, 2015, 2035), whole(rng, 1, 12)
    accent, kind = vivid(rng, (0.5, 0.9), (0.4, 0.85)), pick(rng, ("sans", "serif"))
    image, draw = blank(pick(rng, [WHITE, (250, 248, 240)]), 540, 480)
    draw.rectangle((0, 0, 540, 76), fill=accent)
    centred(draw, 270, 38, f"{_MONTHS[month - 1]} {year}", font(34, f"{kind}-bold"), WHITE)
    boxed, first = chance(rng, 0.5), pick(rng, (0, 6))
    names = [("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[(first + day) % 7] for day in range(7)]
    for column, name in enumerate(names):
        centred(draw, 51 + 73 * column, 100, name, font(16, f"{kind}-bold"), accent)
    marked = whole(rng, 1, 28)
    for row, week in enumerate(months.Calendar(first).monthdayscalendar(year, month)):
        for column, day in enumerate(week):
            x, y = 51 + 73 * column, 146 + 58 * row
            if boxed:
                draw.rectangle((x - 36, y - 29, x + 37, y + 29), outline=(205, 205, 210))
            if day:
                if day == marked:
                    draw.ellipse((x - 22, y - 22, x + 22, y + 22), fill=accent)
                weekend = names[column] == "Sun"
                colour = WHITE if day == marked else (200, 40, 40) if weekend else (40, 40, 46)
                centred(draw, x, y, str(day), font(20, kind), colour)
    return image


@family("comic strip")
def comic_strip(rng: Generator) -> Image.Image:
    columns, rows = pick(rng, ((2, 2), (3, 1), (2, 1), (3, 2)))
    width, height = 192, 224
    image, draw = blank(WHITE, columns * width + 12, rows * height + 12)
    heroes = [(pick(rng, [(255, 220, 185), (225, 180, 140), (150, 105, 75)]), vivid(rng)) for _ in range(2)]
    for index in range(columns * rows):
        left, top = 12 + (index % columns) * width, 12 + (index // columns) * height
        right, bottom = left + width - 12, top + height - 12
        draw.rectangle((left, top, right, bottom), fill=vivid(rng, (0.12, 0.4), (0.85, 1)), outline=BLACK, width=3)
        draw.rectangle((left + 3, bottom - 36, right - 3, bottom - 3), fill=vivid(rng, (0.2, 0.5), (0.5, 0.8)))
        for place, (skin, shirt) in enumerate(heroes[: whole(rng, 1, 2)]):
            x = left + 52 + 78 * place
            draw.rounded_rectangle((x - 24, bottom - 62, x + 24, bottom - 6), 12, fill=shirt, outline=BLACK, width=2)
            draw.ellipse((x - 22, bottom - 108, x + 22, bottom - 62), fill=skin, outline=BLACK, width=2)
            for eye in (-8, 8):
                draw.ellipse((x + eye - 3, bottom - 92, x + eye + 3, bottom - 84), fill=BLACK)
            draw.arc((x - 10, bottom - 86, x + 10, bottom - 70), 20, 160, fill=BLACK, width=2)
        draw.ellipse((left + 10, top + 8, right - 10, top + 78), fill=WHITE, outline=BLACK, width=2)
        draw.polygon([(left + 50, top + 74), (left + 72, top + 76), (left + 52, top + 102)], fill=WHITE)
        draw.line([(left + 50, top + 74), (left + 52, top + 102), (left + 72, top + 76)], fill=BLACK, width=2)
        for row in range(2):
            text = words(rng, 2).upper()[:16] + ("!" if row else "")
            centred(draw, (left + right) / 2, top + 32 + 20 * row, text, font(12, "sans-bold"), BLACK)
    return image if image.width >= SIZE / 2 else image.resize((SIZE, SIZE))
