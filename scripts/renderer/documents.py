"""Printed and written pages of text: letters, papers, newspapers and tables."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from .canvas import (
    BLACK,
    BODY_FONTS,
    WHITE,
    blank,
    centred,
    chance,
    family,
    font,
    ink,
    palette,
    paper,
    paragraph,
    pick,
    title,
    uniform,
    vivid,
    whole,
    words,
)
from .document_parts import (
    FIRST,
    GROCERIES,
    LAST,
    TOWNS,
    address,
    day,
    fitted,
    lines,
    long_date,
    person,
    picture,
    ruled_table,
)
from .handwriting import write


@family("letter")
def letter(rng: Generator) -> Image.Image:
    image, draw = blank(paper(rng), 440, 600)
    colour, size = ink(rng), whole(rng, 11, 13)
    face, name, y = font(size, pick(rng, BODY_FONTS)), person(rng), 44.0
    if chance(rng, 0.4):
        accent = vivid(rng, value=(0.3, 0.7))
        draw.text((50, 34), f"{title(rng, 2)} Ltd", font=font(20, "serif-bold"), fill=accent)
        draw.line((50, 64, 390, 64), fill=accent, width=2)
        y = 76
    right = chance(rng, 0.5)
    y = lines(draw, 390 if right else 50, y, [name, *address(rng)], face, colour, "ra" if right else "la") + 10
    y = lines(draw, 50, y, [long_date(day(rng))], face, colour) + 10
    recipient = person(rng)
    y = lines(draw, 50, y, [recipient, *address(rng)], face, colour) + 14
    y = lines(draw, 50, y, [f"Dear {recipient},"], face, colour) + 6
    end = uniform(rng, 455, 480)
    while end - y > size * 3:
        stop = min(y + size * 1.4 * whole(rng, 3, 6), end)
        paragraph(draw, rng, (50, y, 390, stop), face, colour, 1.4)
        y = stop + size * 0.7
    lines(
        draw,
        50,
        y,
        [pick(rng, ("Yours sincerely,", "Kind regards,", "Best wishes,", "Yours faithfully,"))],
        face,
        colour,
    )
    write(draw, rng, (56, y + size * 3.6), name, 11, pick(rng, ((20, 30, 110), BLACK)), 0.5)
    lines(draw, 50, y + size * 5, [name], face, colour)
    return image


@family("research paper")
def research_paper(rng: Generator) -> Image.Image:
    image, draw = blank(pick(rng, (WHITE, WHITE, (252, 252, 250))), 440, 600)
    face = pick(rng, ("times", "times", "serif"))
    small, bold, colour = font(8.0, face), font(10, f"{face}-bold"), ink(rng)
    heading = [f"{title(rng, 3)} of {title(rng, 1)}", f"for {title(rng, 2)}"][: whole(rng, 1, 2)]
    y = lines(draw, 220, 38, heading, fitted(draw, heading[0], 360, 20, f"{face}-bold"), colour, "ma") + 6
    authors = ", ".join(person(rng) for _ in range(whole(rng, 2, 4)))
    y = lines(draw, 220, y, [authors], fitted(draw, authors, 370, 11, face), colour, "ma")
    y = lines(draw, 220, y, [f"University of {pick(rng, TOWNS)}"], font(10, f"{face}-italic"), colour, "ma") + 8
    centred(draw, 220, y + 4, "Abstract", bold, colour)
    depth = whole(rng, 5, 8) * 11
    paragraph(draw, rng, (70, y + 14, 370, y + 14 + depth), small, colour, 1.3)
    top, double = y + depth + 24, chance(rng, 0.75)
    sections = iter(
        ("Introduction", "Related work", "Method", "Experiments", "Results", "Discussion", "Conclusion", "References")
    )
    count = 0
    for left, right in ((36, 213), (227, 404)) if double else ((50, 390),):
        y = top
        while y < 540:
            count += 1
            draw.text((left, y), f"{count}  {next(sections)}", font=bold, fill=colour)
            stop = min(y + 16 + 10.5 * whole(rng, 6, 13), 566)
            paragraph(draw, rng, (left, y + 16, right, stop), small, colour, 1.3)
            y = stop + 6
            kind = pick(rng, ("equation", "curve", "none"))
            if kind == "equation" and y < 540:
                formula = pick(
                    rng, ("L(θ) = Σ log p(x | θ)", "y = Wx + b", "E = ½ Σ (yᵢ − ŷᵢ)²", "f(x) = αx² + βx + γ")
                )
                centred(draw, (left + right) / 2, y + 8, formula, font(11, "serif-italic"), colour)
                draw.text((right, y + 3), f"({count})", font=small, fill=colour, anchor="ra")
                y += 22
            elif kind == "curve" and y < 470:
                draw.rectangle((left + 20, y, right - 20, y + 62), outline=(120, 120, 120))
                for shade in palette(rng, 2):
                    heights = np.sort(rng.uniform(8, 54, 8))
                    points = [
                        (left + 28 + i * (right - left - 56) / 7, y + 62 - float(h)) for i, h in enumerate(heights)
                    ]
                    draw.line(points, fill=shade, width=2)
                draw.text((left + 20, y + 66), f"Figure {count}: {words(rng, 3)}.", font=small, fill=colour)
                y += 82
    centred(draw, 220, 582, str(whole(rng, 1, 12)), small, colour)
    return image


@family("newspaper")
def newspaper(rng: Generator) -> Image.Image:
    image, draw = blank(pick(rng, ((243, 239, 226), (236, 234, 228), (250, 248, 242), (230, 222, 200))), 460, 580)
    colour, date = (30, 28, 26), day(rng)
    name = f"The {pick(rng, TOWNS)} {pick(rng, ('Times', 'Post', 'Herald', 'Gazette', 'Courier', 'Echo', 'Tribune'))}"
    heavy = pick(rng, ("times-bold", "serif-bold"))
    centred(draw, 230, 38, name, fitted(draw, name, 420, 44, heavy), colour)
    draw.line((18, 66, 442, 66), fill=colour, width=2)
    draw.line((18, 84, 442, 84), fill=colour)
    tiny = font(9, "serif")
    draw.text((20, 70), f"{date:%A}, {long_date(date)}", font=tiny, fill=colour)
    draw.text(
        (440, 70),
        f"No. {whole(rng, 900, 29000):,}   Price {pick(rng, ('50 p', '£1', '$1.50', '2 €'))}",
        font=tiny,
        fill=colour,
        anchor="ra",
    )
    size = uniform(rng, 26, 36)
    heading = [title(rng, 4), title(rng, 3)][: whole(rng, 1, 2)]
    y = lines(draw, 230, 92, heading, fitted(draw, max(heading, key=len), 420, size, heavy), colour, "ma") + 4
    columns, text = whole(rng, 3, 5), font(8, "times")
    width, wide = 424 / columns, whole(rng, 1, columns - 1)
    begin, deep = whole(rng, 0, columns - wide), uniform(rng, 110, 170)
    picture(rng, draw, (18 + begin * width + 4, y, 18 + (begin + wide) * width - 4, y + deep), chance(rng, 0.6))
    for column in range(columns):
        left, right = 18 + column * width + 4, 18 + (column + 1) * width - 4
        at = y + deep + 8 if begin <= column < begin + wide else y
        split = uniform(rng, 380, 470)
        paragraph(draw, rng, (left, at, right, split), text, colour, 1.25)
        second = fitted(draw, title(rng, 2), width, 13, heavy)
        draw.line((left, split + 4, right, split + 4), fill=colour)
        at = lines(draw, left, split + 8, [pick(rng, FIRST) + " wins", title(rng, 1)], second, colour)
        paragraph(draw, rng, (left, at + 2, right, 566), text, colour, 1.25)
        if column:
            draw.line(
                (left - 4, y if not begin < column < begin + wide else y + deep + 6, left - 4, 566),
                fill=(150, 146, 138),
            )
    return image


@family("table")
def table(rng: Generator) -> Image.Image:
    columns, count, face = whole(rng, 3, 6), whole(rng, 6, 16), pick(rng, BODY_FONTS)
    values = rng.integers(3, 990, (count, columns - 1))
    kind = pick(rng, ("Town", "Person", "Product"))
    names = {"Town": TOWNS, "Person": LAST, "Product": GROCERIES}[kind]
    labels = [names[int(index)] for index in rng.permutation(len(names))[:count]]
    heads = [str(whole(rng, 1985, 2015) + index) for index in range(columns - 1)]
    rows = [[kind, *heads], *([label, *map(str, row)] for label, row in zip(labels, values.tolist(), strict=False))]
    if chance(rng, 0.5):
        rows.append(["Total", *map(str, values[: len(labels)].sum(axis=0).tolist())])
    row_height = min(uniform(rng, 26, 36), 420 / len(rows))
    height = int(len(rows) * row_height + 90)
    image, draw = blank(paper(rng), 560, max(height, 320))
    heading = f"Table {whole(rng, 1, 9)}. {title(rng, 2)} by {kind.lower()}"
    draw.text((28, 24), heading, font=font(17, f"{face}-bold"), fill=ink(rng))
    ruled_table(draw, rng, (28, 60, 532), rows, [1.5, *([1.0] * (columns - 1))], face, row_height)
    return image
