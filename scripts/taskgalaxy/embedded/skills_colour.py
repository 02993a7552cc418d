"""Skills about colours."""

from __future__ import annotations

from taskgalaxy.embedded.colours import Shares, near
from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.skill import Skill, Values, closeness, margin


def _percent(share: float) -> str:
    return str(round(100 * share))


def _like(name: str, shares: Shares) -> float:
    """The share of a colour and of those that may go by its name."""
    return sum(share for other, share in shares.items() if near(name, other))


def _agrees(name: str, share: float, shares: Shares, tolerance: float) -> float:
    """Whether a colour has about this share; what may go by its name counts for most of the agreement."""
    exact, most = shares.get(name, 0.0), _like(name, shares)
    nearest = min(max(share, exact), most)
    return 0.35 * closeness(exact, share, tolerance) + 0.65 * closeness(nearest, share, tolerance)


def _leads(name: str, share: float, shares: Shares) -> float:
    """Whether ``name`` leads in ``shares``, or a colour that may go by its name, with about this share."""
    if not shares or not near(next(iter(shares)), name):
        return 0.0
    return _agrees(name, share, shares, 0.15)


def _dominant(measures: Measures) -> Values | None:
    (colour, share), *others = measures.colours.items()
    if share < 0.35 or (others and others[0][1] > share - (0.25 if near(colour, others[0][0]) else 0.1)):
        return None
    return {"colour": colour, "share": _percent(share)}


def _check_dominant(values: Values, measures: Measures) -> float:
    return _leads(values["colour"], int(values["share"]) / 100, measures.colours)


DOMINANT = Skill(
    "dominant colour",
    _dominant,
    _check_dominant,
    (
        "which colour covers the largest area?",
        "what is the dominant colour, and roughly how much of the picture does it fill?",
        "if you had to name one colour that prevails, which would it be?",
        "which single colour takes up more space than any other?",
    ),
    (
        "The dominant colour is {colour}, which covers about {share} % of the image.",
        "It is {colour}: about {share} % of the pixels have this colour, more than any other.",
        "More of the area is {colour} than any other colour, at about {share} %.",
        "At about {share} % of the area, {colour} is what the picture shows most of.",
    ),
)


def _second(measures: Measures) -> Values | None:
    ranked = list(measures.colours.items())
    if len(ranked) < 2 or ranked[1][1] < 0.08 or ranked[0][1] - ranked[1][1] < 0.1:
        return None
    if near(ranked[0][0], ranked[1][0]) or (len(ranked) > 2 and ranked[1][1] - ranked[2][1] < 0.04):
        return None
    return {"colour": ranked[1][0], "share": _percent(ranked[1][1]), "first": ranked[0][0]}


def _check_second(values: Values, measures: Measures) -> float:
    if not near(next(iter(measures.colours)), values["first"]):
        return 0.2
    return _agrees(values["colour"], int(values["share"]) / 100, measures.colours, 0.1)


SECOND = Skill(
    "second colour",
    _second,
    _check_second,
    (
        "which colour is the second most common one?",
        "after the most frequent colour, which one takes up the most space?",
        "what is the runner-up among the colours, measured by area?",
    ),
    (
        "After {first}, the most common colour is {colour}, with about {share} % of the area.",
        "The second most common colour is {colour}; it covers about {share} % of the image, while {first} comes first.",
        "It is {colour}, at about {share} % of the pixels, because only {first} covers more.",
    ),
)


def _compared(measures: Measures) -> Values | None:
    ranked = list(measures.colours.items())
    if len(ranked) < 2 or ranked[1][1] < 0.08 or ranked[0][1] - ranked[1][1] < 0.12:
        return None
    if near(ranked[0][0], ranked[1][0]):
        return None
    (first, larger), (second, smaller), *_ = ranked
    ratio = larger / smaller
    times = "more than ten times" if ratio > 10 else f"about {ratio:.1f} times"
    return {
        "first": first,
        "second": second,
        "one": _percent(larger),
        "two": _percent(smaller),
        "times": times,
    }


def _check_compared(values: Values, measures: Measures) -> float:
    shares = measures.colours
    if "one" not in values:
        present = min(_like(values["first"], shares), 2 * _like(values["second"], shares))
        return margin(present, 0.06, 0.06)
    parts = [
        _agrees(values[name], int(values[number]) / 100, shares, 0.15)
        for name, number in (("first", "one"), ("second", "two"))
    ]
    return min(parts)


COMPARED = Skill(
    "colours compared",
    _compared,
    _check_compared,
    (
        "how does the area of {first} compare with the area of {second}?",
        "which covers more of the picture, {first} or {second}, and by how much?",
        "is there more {first} or more {second}, and what is the ratio of the two areas?",
    ),
    (
        "There is more {first} than {second}: about {one} % against about {two} % of the image, "
        "which is {times} as much.",
        "The area of {first} is the larger one, with {times} the area of {second} (about {one} % versus {two} %).",
        "About {one} % of the picture is {first} and about {two} % is {second}, so {first} covers {times} as much.",
    ),
)

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _present(shares: Shares, least: float) -> list[str]:
    return [name for name, share in shares.items() if share >= least]


def _palette(measures: Measures) -> Values | None:
    shares = measures.colours
    if any(0.03 <= share < 0.05 for share in shares.values()):
        return None
    names = _present(shares, 0.05)
    if len(names) < 2:
        return None
    return {"number": _NUMBERS[len(names)], "names": " and ".join([", ".join(names[:-1]), names[-1]])}


def _check_palette(values: Values, measures: Measures) -> float:
    names = values["names"].replace(" and ", ", ").split(", ")
    missing = sum(1 for name in names if _like(name, measures.colours) < 0.03)
    other = sum(1 for name in names if measures.colours.get(name, 0.0) < 0.03)
    more = sum(
        1 for name, share in measures.colours.items() if share >= 0.07 and not any(near(name, other) for other in names)
    )
    longer = abs(len(_present(measures.colours, 0.05)) - len(names))
    return max(0.0, 1 - 0.12 * (longer + other) - 0.3 * (missing + more))


PALETTE = Skill(
    "palette",
    _palette,
    _check_palette,
    (
        "how many clearly different colours each cover at least five percent of the area?",
        "which colours make up the palette, leaving out those that cover less than five percent?",
        "what are the main colours, from the largest area to the smallest?",
    ),
    (
        "There are {number} main colours: {names} (from the largest area to the smallest).",
        "The palette has {number} colours that each cover at least five percent of the image: {names}.",
        "I count {number}: {names}; every other colour covers less than five percent.",
    ),
)


def _saturation(measures: Measures) -> Values | None:
    mean = measures.colourfulness
    for level, low, high in (("almost free of colour", -1, 3), ("muted", 5, 15), ("vivid", 30, 200)):
        if low < mean < high:
            return {"level": level, "chroma": str(round(mean))}
    return None


def _check_saturation(values: Values, measures: Measures) -> float:
    mean = measures.colourfulness
    level = values["level"]
    agrees = {
        "almost free of colour": margin(-mean, -5, 4),
        "muted": min(margin(mean, 3, 3), margin(-mean, -21, 6)),
        "vivid": margin(mean, 25, 8),
    }
    return min(agrees.get(level, 0.0), closeness(mean, int(values["chroma"]), 6 + 0.35 * mean))


SATURATION = Skill(
    "saturation",
    _saturation,
    _check_saturation,
    (
        "are the colours vivid, muted or almost absent?",
        "how strong are the colours on the whole?",
        "how saturated does the picture appear overall, and what supports this?",
    ),
    (
        "On the whole the picture is {level}: the mean chroma is about {chroma} on the CIELAB scale.",
        "The picture is {level}, because its pixels have an average chroma of about {chroma} units in CIELAB.",
        "With a mean CIELAB chroma of about {chroma}, the picture is {level}.",
    ),
)


def _temperature(measures: Measures) -> Values | None:
    warm, cool = measures.warm_and_cool
    if warm + cool < 0.15 or 0.3 < warm / (warm + cool) < 0.7:
        return None
    kinds = ("warm", "cool") if warm > cool else ("cool", "warm")
    more, less = sorted((warm, cool), reverse=True)
    return {"more": kinds[0], "less": kinds[1], "one": _percent(more), "two": _percent(less)}


def _check_temperature(values: Values, measures: Measures) -> float:
    warm, cool = measures.warm_and_cool
    more, less = (warm, cool) if values["more"] == "warm" else (cool, warm)
    if warm + cool < 0.05:
        return 0.2
    return min(margin(more - less, 0, 0.2), max(0.3, closeness(more, int(values["one"]) / 100, 0.25)))


TEMPERATURE = Skill(
    "warm and cool",
    _temperature,
    _check_temperature,
    (
        "do warm or cool colours prevail?",
        "is the colour mood warm or cool, and how can one tell?",
        "what is the balance between warm colours, such as red and yellow, and cool ones, such as blue and green?",
    ),
    (
        "The {more} colours prevail: they cover about {one} % of the image, the {less} ones about {two} %.",
        "It leans towards {more} tones, because about {one} % of the pixels are {more} and only {two} % are {less}.",
        "The balance is on the {more} side, with about {one} % of the area against {two} % in {less} colours.",
    ),
)


def _foreground(measures: Measures) -> Values | None:
    shares = measures.foreground_colours
    background = measures.background
    if shares is None or background.uniformity < 0.75:
        return None
    ranked = [(name, share) for name, share in shares.items() if name != background.colour]
    if not ranked or ranked[0][1] < 0.35 or (len(ranked) > 1 and ranked[1][1] > ranked[0][1] - 0.12):
        return None
    if near(ranked[0][0], background.colour):
        return None
    return {"colour": ranked[0][0], "share": _percent(ranked[0][1]), "ground": background.colour}


def _check_foreground(values: Values, measures: Measures) -> float:
    shares = measures.foreground_colours
    if shares is None:
        return 0.3
    rest = {name: share for name, share in shares.items() if name != measures.background.colour}
    ground = near(values["ground"], measures.background.colour)
    return _leads(values["colour"], int(values["share"]) / 100, rest) if ground else 0.1


FOREGROUND = Skill(
    "foreground colour",
    _foreground,
    _check_foreground,
    (
        "which colour do most of the parts have that stand out from the background?",
        "leaving the background aside, which colour is used most?",
        "what is the main colour of everything that is drawn on or stands before the background?",
    ),
    (
        "Most of what stands out from the {ground} background is {colour}: about {share} % of it.",
        "Apart from the {ground} background, {colour} is used most, for about {share} % of the remaining area.",
        "It is {colour}, which makes up about {share} % of the parts that differ from the {ground} background.",
    ),
)


def _halves(measures: Measures) -> Values | None:
    upper, lower = measures.half_colours
    (top, top_share), (bottom, bottom_share) = next(iter(upper.items())), next(iter(lower.items()))
    if min(top_share, bottom_share) < 0.45 or near(top, bottom):
        return None
    return {"top": top, "bottom": bottom, "one": _percent(top_share), "two": _percent(bottom_share)}


def _check_halves(values: Values, measures: Measures) -> float:
    upper, lower = measures.half_colours
    return min(
        _leads(values["top"], int(values["one"]) / 100, upper),
        _leads(values["bottom"], int(values["two"]) / 100, lower),
    )


HALVES = Skill(
    "colours of the halves",
    _halves,
    _check_halves,
    (
        "how do the main colours of the upper and the lower half differ?",
        "which colour rules the top half, and which one the bottom half?",
        "does the main colour change from the upper to the lower half, and if so, how?",
    ),
    (
        "The upper half is mainly {top} (about {one} % of it), the lower half mainly {bottom} (about {two} %).",
        "Above, {top} prevails with about {one} % of that half; below, {bottom} does with about {two} %.",
        "The main colour changes from {top} in the top half (about {one} %) to {bottom} in the bottom half "
        "(about {two} %).",
    ),
)

COLOUR_SKILLS = (DOMINANT, SECOND, COMPARED, PALETTE, SATURATION, TEMPERATURE, FOREGROUND, HALVES)
