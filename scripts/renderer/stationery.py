"""Papers of shops, offices and hosts: receipts, invoices, forms, cards, notes, menus and posters."""

from __future__ import annotations

import datetime
import math

import numpy as np
from numpy.random import Generator
from PIL import Image

from .canvas import (
    BLACK,
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
    TOWNS,
    address,
    day,
    fitted,
    lines,
    long_date,
    money,
    person,
    phone,
    ruled_table,
)
from .handwriting import write, written_width


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
