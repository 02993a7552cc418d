"""Drawings laid out by a fixed scheme: floor plans, street maps, clock faces, chessboards and sheet music."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .board import board, polar
from .canvas import WHITE, Colour, centred, chance, family, font, ink, palette, pick, title, uniform, vivid, whole
from .paint import BIG, big, blend, darker, disc, polygon

ROOMS = (
    "Living room",
    "Kitchen",
    "Bedroom",
    "Bathroom",
    "Study",
    "Hall",
    "Dining room",
    "Bedroom 2",
    "Store",
    "Office",
)


OPENINGS = (
    "e2e4 e7e5 g1f3 b8c6 f1b5 a7a6 b5a4 g8f6 d2d3 f8c5 c2c3 d7d6",
    "d2d4 d7d5 c2c4 e7e6 b1c3 g8f6 c1g5 f8e7 e2e3 h7h6 g5h4 b7b6",
    "e2e4 c7c5 g1f3 d7d6 d2d4 c5d4 f3d4 g8f6 b1c3 a7a6 c1e3 e7e5",
    "e2e4 e7e6 d2d4 d7d5 b1c3 f8b4 e4e5 c7c5 a2a3 b4c3 b2c3 g8e7",
    "c2c4 e7e5 b1c3 g8f6 g2g3 d7d5 c4d5 f6d5 f1g2 d5b6 g1f3 b8c6",
)


@family("floor plan")
def floor_plan(rng: Generator) -> Image.Image:
    image, draw, ground, line = board(rng)
    wide, tall = whole(rng, 760, 900), whole(rng, 680, 900)
    left, top, scale = (BIG - wide) / 2, (BIG - tall) / 2, uniform(rng, 70, 95)
    rooms, doors, goal = [(left, top, left + wide, top + tall)], [], whole(rng, 4, 6)
    while len(rooms) < goal:
        a, b, c, d = rooms.pop(int(np.argmax([(room[2] - room[0]) * (room[3] - room[1]) for room in rooms])))
        share = uniform(rng, 0.42, 0.58)
        if c - a > d - b:
            cut = a + share * (c - a)
            rooms += [(a, b, cut, d), (cut, b, c, d)]
            doors.append(((cut, b + 30), (cut, b + 110)))
        else:
            cut = b + share * (d - b)
            rooms += [(a, b, c, cut), (a, cut, c, d)]
            doors.append(((a + 30, cut), (a + 110, cut)))
    doors.append(((left + 30, top + tall), (left + 110, top + tall)))
    tints, names, coloured = palette(rng, goal), rng.permutation(len(ROOMS)), chance(rng, 0.5)
    for room, tint, name in zip(rooms, tints, names[:goal], strict=True):
        draw.rectangle(room, blend(ground, tint, 0.2) if coloured else ground, line, 10)
        x, y, area = (room[0] + room[2]) / 2, (room[1] + room[3]) / 2, (room[2] - room[0]) * (room[3] - room[1])
        centred(draw, x, y - 2, ROOMS[name], font(min(30, (room[2] - room[0]) / 7.5)), line)
        centred(draw, x, y + 38, f"{area / scale**2:.1f} m²", font(26), line)
        for edge, outer in ((room[0], left), (room[2], left + wide)):
            if edge == outer:
                draw.rectangle((edge - 8, y - 55, edge + 8, y + 55), ground, line, 3)
    for (a, b), (c, d) in doors:
        draw.line((a, b, c, d), fill=ground, width=24)
        swing = (a - 80, b - 80, a + 80, b + 80)
        draw.arc(swing, *((0, 90) if a == c else (270, 360)), fill=line, width=3)
        draw.line((a, b, a + (80 if a == c else 0), b - (0 if a == c else 80)), fill=line, width=5)
    return image.reduce(2)


@family("street map")
def street_map(rng: Generator) -> Image.Image:
    schemes: list[tuple[Colour, Colour, Colour, Colour, Colour]] = [
        ((238, 234, 226), WHITE, (250, 215, 120), (190, 222, 165), (165, 205, 230)),
        ((225, 226, 230), WHITE, (255, 235, 175), (195, 225, 190), (150, 195, 240)),
        ((32, 36, 46), (68, 75, 90), (150, 115, 60), (35, 62, 50), (25, 50, 85)),
    ]
    ground, minor, major, park, water = pick(rng, schemes)
    side, (image, draw), face = 1460, big(ground, 1460, 1460), font(26)
    text = (225, 225, 230) if ground[0] < 100 else (70, 70, 78)
    lines = [np.cumsum(rng.uniform(105, 190, 14)) - 60 for _ in range(2)]
    for a, b in zip(lines[0], lines[0][1:], strict=False):
        for c, d in zip(lines[1], lines[1][1:], strict=False):
            if chance(rng, 0.1):
                draw.rectangle((a, c, b, d), fill=park)
            elif chance(rng, 0.5):
                draw.rectangle((a + 24, c + 24, b - 28, d - 28), fill=blend(ground, text, 0.12))
    t = np.linspace(-50, side + 50, 40)
    river = (
        730 + uniform(rng, -260, 260) + 130 * np.sin(t / uniform(rng, 180, 300)) + uniform(rng, -0.5, 0.5) * (t - 730)
    )
    if chance(rng, 0.6):
        draw.line(np.column_stack([t, river]).ravel().tolist(), fill=water, width=whole(rng, 50, 110), joint="curve")
    roads: list[tuple[float, float, float, float]] = [(at, 0, at, side) for at in lines[0]]
    roads += [(0, at, side, at) for at in lines[1]]
    main = {int(i) for i in rng.integers(0, 28, 5)}
    if chance(rng, 0.5):
        main.add(len(roads))
        roads.append((0, uniform(rng, 0, 900), side, uniform(rng, 500, 1400)))
    for grow, casing in ((6, True), (0, False)):
        for index, road in sorted(enumerate(roads), key=lambda item: item[0] in main):
            fill, width = (major, 34) if index in main else (minor, 18)
            draw.line(road, fill=blend(ground, text, 0.35) if casing else fill, width=width + grow)
    for at in lines[1][2:9:2]:
        x, name = uniform(rng, 350, 850), f"{title(rng, 1)} {pick(rng, ['Street', 'Road', 'Avenue', 'Lane'])}"
        draw.text((x, at), name, font=face, fill=text, anchor="lm", stroke_width=5, stroke_fill=ground)
    turned = image.reduce(2).rotate(pick(rng, [0.0, uniform(rng, -25, 25)]), Image.Resampling.BICUBIC)
    small = turned.crop((109, 109, 621, 621))
    if chance(rng, 0.5):
        x, y, pin, tone = uniform(rng, 120, 400), uniform(rng, 150, 400), ImageDraw.Draw(small), vivid(rng)
        pin.polygon([(x - 14, y - 30), (x + 14, y - 30), (x, y)], fill=tone)
        disc(pin, x, y - 36, 16, tone)
        disc(pin, x, y - 36, 6, WHITE)
    return small


@family("clock face")
def clock_face(rng: Generator) -> Image.Image:
    image, draw = big(vivid(rng, (0.05, 0.5), (0.3, 0.95)))
    dial, line = pick(rng, [(WHITE, (20, 20, 22)), ((245, 236, 215), (50, 35, 25)), ((28, 30, 36), (235, 235, 230))])
    r, rim, square = uniform(rng, 360, 450), vivid(rng, (0.0, 0.9), (0.15, 0.9)), chance(rng, 0.25)
    for radius, fill in ((r + 40, rim), (r + 12, darker(rim, 0.35)), (r, dial)):
        if square:
            draw.rounded_rectangle((512 - radius, 512 - radius, 512 + radius, 512 + radius), 60, fill)
        else:
            disc(draw, 512, 512, radius, fill)
    numerals = [str(hour) for hour in range(1, 13)]
    if chance(rng, 0.4):
        numerals = "I II III IV V VI VII VIII IX X XI XII".split()
    face = font(r * uniform(rng, 0.15, 0.2), pick(rng, ["sans", "sans-bold", "serif", "times-bold"]))
    for minute in range(60):
        angle, length = np.radians(6 * minute - 90), 0.08 if minute % 5 == 0 else 0.04
        ends = [polar(512, 512, r * 0.96, angle), polar(512, 512, r * (0.96 - length), angle)]
        draw.line(ends, fill=line, width=9 if minute % 5 == 0 else 4)
    for hour, text in enumerate(numerals, 1):
        centred(draw, *polar(512, 512, r * 0.74, np.radians(30 * hour - 90)), text, face, line)
    hour, minute, accent = whole(rng, 0, 11), whole(rng, 0, 59), pick(rng, [(200, 40, 40), line, vivid(rng)])
    for turn, length, width in ((30 * (hour + minute / 60), 0.5, 22), (6 * minute, 0.78, 14)):
        angle = np.radians(turn - 90)
        draw.line([polar(512, 512, -40, angle), polar(512, 512, length * r, angle)], fill=line, width=width)
    if chance(rng, 0.5):
        angle = np.radians(6 * whole(rng, 0, 59) - 90)
        draw.line([polar(512, 512, -70, angle), polar(512, 512, 0.85 * r, angle)], fill=accent, width=6)
    disc(draw, 512, 512, 24, accent)
    return image.reduce(2)


@family("chessboard")
def chessboard(rng: Generator) -> Image.Image:
    pairs: list[tuple[Colour, Colour]] = [((240, 217, 181), (181, 136, 99)), ((238, 238, 210), (118, 150, 86))]
    pairs += [
        ((222, 227, 230), (120, 145, 165)),
        ((235, 225, 245), (140, 115, 165)),
        ((230, 230, 230), (130, 130, 130)),
    ]
    (pale, dark), frame = pick(rng, pairs), pick(rng, [(60, 40, 30), (40, 42, 48), WHITE, (235, 225, 205)])
    image, draw = big(frame)
    squares = {
        f"{name}{rank}": piece
        for rank, row in ((1, "RNBQKBNR"), (8, "rnbqkbnr"))
        for name, piece in zip("abcdefgh", row, strict=True)
    }
    squares |= {f"{name}{rank}": piece for rank, piece in ((2, "P"), (7, "p")) for name in "abcdefgh"}
    for move in pick(rng, OPENINGS).split()[: whole(rng, 0, 12)]:
        squares[move[2:]] = squares.pop(move[:2])
    if chance(rng, 0.3):
        squares = {at: piece for at, piece in squares.items() if piece in "kKpP" or chance(rng, 0.4)}
    flipped, cell, edge = chance(rng, 0.3), 116, 48
    tone = (60, 50, 45) if frame[0] > 128 else (225, 220, 210)
    for rank in range(8):
        for column in range(8):
            x, y = edge + cell * (7 - column if flipped else column), edge + cell * (rank if flipped else 7 - rank)
            # a1 is dark: even sums of rank and column.
            draw.rectangle((x, y, x + cell - 1, y + cell - 1), fill=pale if (rank + column) % 2 else dark)
            piece = squares.get(f"{'abcdefgh'[column]}{rank + 1}")
            if piece:
                fill, rim = ((250, 250, 246), (30, 28, 28)) if piece.isupper() else ((32, 30, 32), (205, 205, 205))
                glyph = dict(zip("kqrbnp", "♚♛♜♝♞♟", strict=True))[piece.lower()]
                middle = (x + cell / 2, y + cell / 2)
                draw.text(middle, glyph, fill, font(88), anchor="mm", stroke_width=3, stroke_fill=rim)
        at = edge + cell * (7.5 - rank if flipped else rank + 0.5)
        centred(draw, at, 1000, "abcdefgh"[rank], font(28), tone)
        centred(draw, 24, BIG - at, str(rank + 1), font(28), tone)
    return image.reduce(2)


@family("sheet music")
def sheet_music(rng: Generator) -> Image.Image:
    ground = pick(rng, [WHITE, WHITE, (250, 246, 232), (240, 228, 200)])
    (image, draw), line, gap = big(ground), ink(rng), uniform(rng, 15, 19)
    staves, beats, headed = whole(rng, 3, 5), pick(rng, [2, 3, 4]), chance(rng, 0.6)
    if headed:
        centred(draw, 512, 66, title(rng, 2), font(46, "times-bold"), line)
    first, bars = 170 if headed else 110, whole(rng, 2, 3) if beats > 2 else 3
    cells: dict[int, list[list[float]]] = {1: [[1], [0.5, 0.5]], 2: [[2], [1, 1], [0.5, 0.5, 1], [1, 0.5, 0.5]]}
    step = 0
    for stave in range(staves):
        top = first + stave * (BIG - first - 60) / staves
        base = top + 4 * gap
        for row in range(5):
            draw.line((60, top + row * gap, 964, top + row * gap), fill=line, width=3)
        # A treble clef: a curl round the G line, a loop above the stave and a tail below it.
        t = np.linspace(0, 1, 60)
        curl_x = 100 + gap * np.interp(
            t, [0, 0.15, 0.3, 0.45, 0.62, 0.75, 0.85, 1], [0.2, -0.8, 0.6, 0.9, -1.4, 0.9, 0.3, 0]
        )
        curl_y = base - gap * np.interp(
            t, [0, 0.15, 0.3, 0.45, 0.62, 0.75, 0.85, 1], [0.6, 1, 1.9, 0.2, 1.2, 4, 5.2, 4.2]
        )
        draw.line(np.column_stack([curl_x, curl_y]).ravel().tolist(), fill=line, width=5, joint="curve")
        draw.line((100, base - 4.2 * gap, 108, base + 1.4 * gap), fill=line, width=5)
        disc(draw, 102, base + 1.4 * gap, 7, line)
        if stave == 0:
            for row, digit in enumerate((beats, 4)):
                centred(draw, 160, top + gap + 2 * row * gap, str(digit), font(2.6 * gap, "times-bold"), line)
        start = 200 if stave == 0 else 150
        for bar in range(bars):
            left, width = start + bar * (964 - start) / bars, (964 - start) / bars
            draw.line((left + width, top, left + width, base), fill=line, width=4)
            lengths = [v for chunk in ([2, 2] if beats == 4 else [2, 1][: beats - 1]) for v in pick(rng, cells[chunk])]
            ends, moment = [], 0.0
            for length in lengths:
                step = int(np.clip(step + whole(rng, -2, 2), 0, 9))
                x, y = left + 34 + (width - 46) * moment / beats, base + gap - step * gap / 2
                up, head = step < 6, polygon(0, 0, 1, 20)
                oval = [(x + gap * (0.66 * a + 0.12 * b), y + gap * (0.46 * b - 0.2 * a)) for a, b in head]
                draw.polygon(oval, fill=ground if length == 2 else line, outline=line, width=4)
                if step == 0:
                    draw.line((x - gap, y, x + gap, y), fill=line, width=3)
                stem = (x + 0.6 * gap, y - 3.4 * gap) if up or length == 0.5 else (x - 0.6 * gap, y + 3.4 * gap)
                draw.line((stem[0], y, *stem), fill=line, width=4)
                moment += length
                if length == 0.5:
                    ends.append(stem)
                    if len(ends) % 2 == 0:
                        draw.line([ends[-2], stem], fill=line, width=10)
    draw.line((60, first, 60, first + 4 * gap), fill=line, width=4)
    return image.reduce(2)
