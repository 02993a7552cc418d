"""Document families: pages, slips and cards. Sums, totals and dates on them are right."""

from __future__ import annotations

import datetime
import math

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
from .chart_axes import blend, contrast
from .document_parts import (
    DISHES,
    FIRST,
    GOODS,
    GROCERIES,
    JOBS,
    LAST,
    TOWNS,
    address,
    day,
    fitted,
    lines,
    long_date,
    money,
    person,
    phone,
    picture,
    ruled_table,
)
from .handwriting import write, written_width


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


@family("receipt")
def receipt(rng: Generator) -> Image.Image:
    image, draw = blank(pick(rng, (WHITE, (250, 249, 244), (240, 240, 238))), 380, 640)
    colour, face, bold = pick(rng, (BLACK, (50, 50, 60), (60, 50, 90))), font(15, "mono"), font(17, "mono-bold")
    shop = f"{title(rng, 1)} {pick(rng, ('Market', 'Store', 'Foods', 'Shop', 'Corner'))}".upper()
    y = lines(draw, 190, 28, [shop], fitted(draw, shop, 330, 26, "mono-bold"), colour, "ma")
    date = day(rng)
    y = lines(draw, 190, y, [*address(rng), f"Tel {phone(rng)}"], face, colour, "ma") + 6
    clock = f"{whole(rng, 8, 21):02d}:{whole(rng, 0, 59):02d}"
    rows = [(f"{date:%d.%m.%Y}", clock), ("", "")]
    bought = [
        (whole(rng, 1, 3), GROCERIES[int(i)], whole(rng, 80, 999)) for i in rng.permutation(16)[: whole(rng, 3, 9)]
    ]
    rows += [(f"{count} x {name}", money(count * price)) for count, name, price in bought]
    total = sum(count * price for count, _, price in bought)
    rate = pick(rng, (0, 5, 7, 10, 20))
    tax = round(total * rate / 100)
    rows += [("", ""), ("SUBTOTAL", money(total)), (f"TAX {rate}%", money(tax)), ("TOTAL", money(total + tax))]
    paid = math.ceil((total + tax) / 1000) * 1000
    cash = [("CASH", money(paid)), ("CHANGE", money(paid - total - tax))]
    rows += cash if chance(rng, 0.5) else [(f"CARD ****{whole(rng, 1000, 9999)}", money(total + tax))]
    mark = pick(rng, "-=*.")
    for name, amount in rows:
        used = bold if name == "TOTAL" else face
        draw.text((24, y), name or mark * 37, font=used, fill=colour)
        draw.text((356, y), amount, font=used, fill=colour, anchor="ra")
        y += 23
    lines(
        draw, 190, y + 16, [pick(rng, ("THANK YOU!", "PLEASE COME AGAIN", "THANKS FOR YOUR VISIT"))], face, colour, "ma"
    )
    return image.crop((0, 0, 380, min(640, int(y + 70))))


@family("invoice")
def invoice(rng: Generator) -> Image.Image:
    image, draw = blank(paper(rng), 450, 600)
    accent, colour, kind = vivid(rng, value=(0.35, 0.75)), ink(rng), pick(rng, ("sans", "serif", "times"))
    face, bold, banner, date = font(11, kind), font(12, f"{kind}-bold"), chance(rng, 0.4), day(rng)
    if banner:
        draw.rectangle((0, 0, 450, 76), fill=accent)
    shown, side = contrast(accent) if banner else accent, chance(rng, 0.5)
    draw.text(
        (414 if side else 36, 24), "INVOICE", font=font(30, f"{kind}-bold"), fill=shown, anchor="ra" if side else "la"
    )
    draw.text(
        (36 if side else 414, 32),
        f"{title(rng, 1)} & Co",
        font=font(18, f"{kind}-bold"),
        fill=contrast(accent) if banner else colour,
        anchor="la" if side else "ra",
    )
    due = date + datetime.timedelta(days=30)
    facts = [f"Invoice no. {whole(rng, 1000, 99999)}", f"Date: {long_date(date)}", f"Due: {long_date(due)}"]
    lines(draw, 414, 96, facts, face, colour, "ra")
    draw.text((36, 96), "Bill to", font=bold, fill=accent)
    lines(draw, 36, 114, [person(rng), *address(rng)], face, colour)
    chosen = rng.permutation(len(GOODS))[: whole(rng, 3, 7)]
    items = [(GOODS[int(i)], whole(rng, 1, 12), whole(rng, 4, 300) * 50) for i in chosen]
    rows = [["Description", "Qty", "Price", "Amount"]]
    rows += [[name, str(count), money(price), money(count * price)] for name, count, price in items]
    y = ruled_table(draw, rng, (36, 184, 414), rows, (3, 0.8, 1.3, 1.5), kind, 28) + 14
    total, rate, sign = sum(count * price for _, count, price in items), pick(rng, (5, 10, 19, 20)), pick(rng, "$€£")
    tax = round(total * rate / 100)
    for name, amount in (("Subtotal", total), (f"VAT {rate}%", tax), ("Total due", total + tax)):
        used = bold if name == "Total due" else face
        draw.text((300, y), name, font=used, fill=colour, anchor="ra")
        draw.text((408, y), f"{sign}{money(amount)}", font=used, fill=colour, anchor="ra")
        y += 20
    lines(draw, 36, 540, [f"Please pay to account {whole(rng, 10**7, 10**8)} within 30 days."], face, colour)
    return image


@family("form")
def form(rng: Generator) -> Image.Image:
    image, draw = blank(pick(rng, (WHITE, (252, 250, 240), (238, 244, 250))), 450, 590)
    accent, colour, kind = vivid(rng, value=(0.3, 0.6)), ink(rng), pick(rng, ("sans", "sans", "serif"))
    face, filled, style = font(12, kind), chance(rng, 0.5), pick(rng, ("box", "line", "comb"))
    heading = pick(rng, ("Application Form", "Registration Form", "Patient Form", "Order Form", "Membership Form"))
    if chance(rng, 0.5):
        draw.rectangle((0, 0, 450, 58), fill=accent)
        centred(draw, 225, 30, heading, font(22, f"{kind}-bold"), contrast(accent))
    else:
        draw.text((34, 22), heading, font=font(24, f"{kind}-bold"), fill=colour)
    name, date = person(rng), day(rng)
    fields = [
        ("First name", name.split()[0]),
        ("Last name", name.split()[1]),
        ("Date of birth", f"{date:%d/%m/%Y}"),
        ("Street", address(rng)[0]),
        ("Town", pick(rng, TOWNS)),
        ("Telephone", phone(rng)),
        ("Occupation", pick(rng, JOBS)),
    ][: whole(rng, 5, 7)]
    y = 76
    for number, (label, value) in enumerate(fields, 1):
        draw.text((34, y + 14), f"{number}. {label}", font=face, fill=colour, anchor="lm")
        if style == "comb":
            for x in range(150, 414, 22):
                draw.rectangle((x, y, x + 22, y + 26), outline=accent)
        elif style == "box":
            draw.rectangle((150, y, 414, y + 28), outline=accent, fill=WHITE)
        else:
            draw.line((150, y + 26, 414, y + 26), fill=accent)
        for place, text in enumerate(value[:12] if style == "comb" else (value,)) if filled else ():
            spot = (161 + 22 * place, y + 14) if style == "comb" else (158, y + 14)
            draw.text(
                spot, text, font=font(14, "sans-italic"), fill=(25, 40, 140), anchor="mm" if style == "comb" else "lm"
            )
        y += 40
    for question, answers in (("Contact by", ("Post", "Phone", "E-mail")), ("Member", ("Yes", "No")))[
        : whole(rng, 1, 2)
    ]:
        chosen = whole(rng, 0, len(answers) - 1) if filled else -1
        draw.text((34, y + 10), question, font=face, fill=colour, anchor="lm")
        for place, answer in enumerate(answers):
            x = 150 + 88 * place
            draw.rectangle((x, y + 2, x + 15, y + 17), outline=colour, fill=WHITE, width=2)
            draw.text((x + 22, y + 10), answer, font=face, fill=colour, anchor="lm")
            if place == chosen:
                draw.line([(x + 2, y + 9), (x + 7, y + 15), (x + 16, y - 2)], fill=(25, 40, 140), width=3)
        y += 36
    paragraph(draw, rng, (34, y + 6, 414, y + 44), font(9, kind), colour)
    draw.line((34, 562, 190, 562), fill=colour)
    draw.line((250, 562, 414, 562), fill=colour)
    draw.text((34, 566), "Date", font=font(10, kind), fill=colour)
    draw.text((250, 566), "Signature", font=font(10, kind), fill=colour)
    if filled:
        write(draw, rng, (258, 556), name, 9, (25, 40, 140), 0.5)
    return image


@family("business card")
def business_card(rng: Generator) -> Image.Image:
    desk = pick(rng, ((196, 190, 180), (120, 90, 66), (70, 74, 80), (222, 224, 228), (160, 176, 184)))
    image, draw = blank(desk, 640, 410)
    card = pick(rng, (WHITE, WHITE, (248, 244, 234), (28, 30, 36), vivid(rng, (0.5, 0.9), (0.25, 0.5))))
    text, accent, kind = contrast(card), vivid(rng, (0.5, 0.9), (0.5, 0.9)), pick(rng, ("sans", "serif", "times"))
    draw.rectangle((46, 46, 602, 372), fill=blend(desk, BLACK, 0.35))
    draw.rectangle((38, 38, 594, 364), fill=card)
    layout = pick(rng, ("left", "centre", "band"))
    x, anchor = {"left": (76, "la"), "centre": (316, "ma"), "band": (230, "la")}[layout]
    name, company, town = person(rng), title(rng, 1), pick(rng, TOWNS)
    if layout == "band":
        draw.rectangle((38, 38, 196, 364), fill=accent)
    spot = {"left": (530, 100), "centre": (316, 86), "band": (117, 200)}[layout]
    sides, paint = pick(rng, (3, 4, 6, 40)), card if layout == "band" else accent
    draw.regular_polygon((*spot, 32), sides, rotation=whole(rng, 0, 45), fill=paint)
    centred(draw, *spot, company[0], font(28, f"{kind}-bold"), contrast(paint))
    y = 70.0 if layout == "left" else 132 if layout == "centre" else 84
    y = lines(draw, x, y, [name], font(34, f"{kind}-bold"), text, anchor)
    y = lines(draw, x, y, [pick(rng, JOBS)], font(19, kind), blend(text, accent, 0.5), anchor)
    if chance(rng, 0.5):
        draw.line((x - (80 if layout == "centre" else 0), y + 8, x + 80, y + 8), fill=accent, width=3)
    first, last = name.lower().split()
    mail = f"{first}.{last}@{company.lower()}.example"
    facts = [phone(rng), mail, f"{whole(rng, 1, 180)} {title(rng, 1)} Street, {town}"][: whole(rng, 2, 3)]
    lines(draw, x, 346 - 26 * len(facts), facts, font(16, kind), text, anchor)
    return image


@family("handwritten note")
def handwritten_note(rng: Generator) -> Image.Image:
    sheet = pick(rng, ((254, 253, 246), (255, 247, 170), WHITE, (252, 240, 214), (255, 222, 230), (222, 240, 252)))
    image, draw = blank(sheet, 960, pick(rng, (960, 1100)))
    pen = pick(rng, ((24, 40, 130), (20, 20, 24), (60, 60, 66), (140, 26, 40)))
    step, kind = uniform(rng, 74, 104), pick(rng, ("ruled", "ruled", "squared", "plain"))
    rule, top, margin = (166, 196, 224), uniform(rng, 120, 180), 130 if kind == "ruled" else 70
    for y in np.arange(top, image.height, step) if kind == "ruled" else np.arange(0, image.height, 40):
        if kind != "plain":
            draw.line((0, float(y), 960, float(y)), fill=rule, width=2)
        if kind == "squared":
            draw.line((float(y), 0, float(y), image.height), fill=rule, width=2)
    if kind == "ruled":
        draw.line((108, 0, 108, image.height), fill=(232, 150, 150), width=3)
    height, slant, width = step * uniform(rng, 0.22, 0.28), uniform(rng, 0, 0.45), whole(rng, 3, 6)
    listed, y, count = chance(rng, 0.3), top - 4, whole(rng, 5, 9)
    for row in range(count):
        if y > image.height - 40:
            break
        indent, line = margin + (60 if listed and row else uniform(rng, 0, 14)), words(rng, 1)
        longest = 420 if listed else 960 - 60 - indent - (uniform(rng, 60, 400) if row in (0, count - 1) else 0)
        while written_width(longer := f"{line} {words(rng, 1)}", height) < longest:
            line = longer
        if listed and row:
            draw.line((margin + 6, y - height / 2, margin + 34, y - height / 2), fill=pen, width=width)
        write(draw, rng, (indent, y), line.capitalize() if row == 0 or listed else line, height, pen, slant, width)
        y += step
    return image.reduce(2)


@family("menu")
def menu(rng: Generator) -> Image.Image:
    sheet = pick(rng, (WHITE, (250, 244, 230), (34, 38, 36), (44, 24, 26), (238, 232, 216)))
    image, draw = blank(sheet, 430, 610)
    text, accent, kind = contrast(sheet), vivid(rng, (0.4, 0.8), (0.6, 0.85)), pick(rng, ("serif", "times", "sans"))
    accent = accent if text == WHITE else blend(accent, BLACK, 0.35)
    if chance(rng, 0.6):
        draw.rectangle((12, 12, 418, 598), outline=accent, width=pick(rng, (1, 2, 4)))
    name = f"{pick(rng, ('Café', 'Bistro', 'Trattoria', 'The', 'Restaurant'))} {pick(rng, FIRST + TOWNS)}"
    centred(draw, 215, 48, name, fitted(draw, name, 360, 32, f"{kind}-bold"), accent)
    centred(draw, 215, 80, pick(rng, ("Menu", "Lunch menu", "Dinner menu")), font(16, f"{kind}-italic"), text)
    sections = [section for section in DISHES if section == "Mains" or chance(rng, 0.75)]
    counts = [whole(rng, 2, 4) for _ in sections]
    room = min(470 / (sum(counts) + 1.7 * len(sections)), 34)
    sign, dotted, centre, y = pick(rng, ("$", "€", "£", "")), chance(rng, 0.5), chance(rng, 0.3), 104.0
    face = font(min(room * 0.58, 16), kind)
    for section, count in zip(sections, counts, strict=True):
        y += room * 0.6
        spot, anchor = ((215, y), "ma") if centre else ((36, y), "la")
        draw.text(spot, section.upper(), font=font(min(room * 0.68, 19), f"{kind}-bold"), fill=accent, anchor=anchor)
        y += room * 1.1
        dishes = DISHES[section]
        for index in rng.permutation(len(dishes))[:count]:
            dish, price = dishes[int(index)], f"{sign}{money(whole(rng, 6, 56) * 50)}"
            if centre:
                draw.text((215, y), f"{dish}   {price}", font=face, fill=text, anchor="ma")
            else:
                draw.text((36, y), dish, font=face, fill=text)
                draw.text((394, y), price, font=face, fill=text, anchor="ra")
                begin, end = 44 + draw.textlength(dish, font=face), 386 - draw.textlength(price, font=face)
                for x in np.arange(begin, end - 3, 7) if dotted else ():
                    draw.text((float(x), y), ".", font=face, fill=blend(text, sheet, 0.4))
            y += room
    return image


@family("poster")
def poster(rng: Generator) -> Image.Image:
    ground = vivid(rng, (0.3, 0.95), (0.2, 0.95))
    image, draw = blank(ground, 860, 1220)
    text, shades, style = contrast(ground), palette(rng, 4), pick(rng, ("rings", "rays", "blocks", "hills", "dots"))
    x, y = uniform(rng, 250, 610), uniform(rng, 560, 760)
    for index in range(14) if style in ("rings", "rays") else ():
        shade, reach = shades[index % 3], 420 - 30 * index
        if style == "rings":
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=shade)
        else:
            box = (x - 1400, y - 1400, x + 1400, y + 1400)
            draw.pieslice(box, index * 360 / 14, (index + 0.5) * 360 / 14, fill=blend(shade, ground, 0.5))
    if style == "rays":
        draw.ellipse((x - 150, y - 150, x + 150, y + 150), fill=shades[3])
    for index in range(whole(rng, 7, 16)) if style in ("blocks", "dots") else ():
        left, high, size = uniform(rng, 0, 760), uniform(rng, 400, 900), uniform(rng, 60, 260)
        shape = draw.ellipse if style == "dots" else draw.rectangle
        shape(
            (left, high, left + size, high + size * (1 if style == "dots" else uniform(rng, 0.3, 2))),
            fill=shades[index % 4],
        )
    if style == "hills":
        draw.ellipse((x - 120, 420, x + 120, 660), fill=shades[3])
        for index in range(3):
            peaks = [(float(px), 640 + 110 * index + uniform(rng, -90, 60)) for px in np.linspace(0, 860, 8)]
            draw.polygon([(0, 1220), *peaks, (860, 1220)], fill=shades[index])
    kind = pick(rng, ("sans-bold", "serif-bold", "times-bold"))
    draw.rectangle((0, 0, 860, 390), fill=ground)
    draw.rectangle((0, 990, 860, 1220), fill=ground)
    event = pick(
        rng, ("FESTIVAL", "CONCERT", "EXHIBITION", "OPEN DAY", "THEATRE", "JAZZ NIGHT", "BOOK FAIR", "FILM WEEK")
    )
    topic, left = title(rng, 1).upper(), chance(rng, 0.5)
    spot, anchor = (60, "la") if left else (430, "ma")
    lines(draw, spot, 60, [topic], fitted(draw, topic, 740, 110, kind), text, anchor)
    lines(draw, spot, 210, [event], fitted(draw, event, 740, 130, kind), text, anchor)
    date, hour = day(rng), whole(rng, 17, 21)
    place = f"{pick(rng, ('Town Hall', 'City Park', 'Old Theatre', 'Museum'))} {pick(rng, TOWNS)}"
    below = lines(draw, spot, 1020, [f"{date:%A}, {long_date(date)}"], font(46, kind), text, anchor)
    lines(draw, spot, below, [f"{place}, {hour}:00"], font(38, kind.split("-")[0]), text, anchor)
    return image.reduce(2)
