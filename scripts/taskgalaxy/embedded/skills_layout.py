"""Skills about what stands where: regions, empty space, symmetry, edges, lines of text, repetition."""

from __future__ import annotations

import numpy as np

from taskgalaxy.embedded.colours import near
from taskgalaxy.embedded.measures import DIRECTIONS, Measures
from taskgalaxy.embedded.skill import Skill, Values, closeness, margin
from taskgalaxy.embedded.skills_light import PLACES, place_index

_GROUND = 0.8


def _count(measures: Measures) -> Values | None:
    regions = measures.regions
    if regions is None or measures.background.uniformity < _GROUND or not 1 <= regions.number <= 25:
        return None
    if regions.largest > 0.85:
        return None
    return {"count": "one region" if regions.number == 1 else f"{regions.number} regions"}


def _number(text: str) -> int:
    word = text.split()[0]
    return 1 if word == "one" else int(word) if word.isdigit() else -1


def _check_count(values: Values, measures: Measures) -> float:
    regions = measures.regions
    if regions is None:
        return 0.25
    return closeness(regions.number, _number(values["count"]), 0.9 + 0.15 * _number(values["count"]))


COUNT = Skill(
    "region count",
    _count,
    _check_count,
    (
        "how many separate regions stand out from the background, leaving specks aside?",
        "into how many connected parts does the foreground fall, not counting tiny specks?",
        "what is the number of distinct regions that can be told apart from the background?",
    ),
    (
        "The foreground consists of {count}, not counting specks below 0.2 % of the area.",
        "One can count {count} that differ clearly from the background and cover at least 0.2 % of the image each.",
        "Leaving specks aside, {count} can be separated from the background.",
    ),
)


def _largest(measures: Measures) -> Values | None:
    regions = measures.regions
    if regions is None or measures.background.uniformity < _GROUND or not 0.03 <= regions.largest <= 0.85:
        return None
    row, column = min(2, int(3 * regions.y)), min(2, int(3 * regions.x))
    edge = min(abs(3 * regions.x - line) for line in (1, 2)), min(abs(3 * regions.y - line) for line in (1, 2))
    if min(edge) < 0.12:
        return None
    return {"place": PLACES[row][column], "share": str(round(100 * regions.largest))}


def _check_largest(values: Values, measures: Measures) -> float:
    regions = measures.regions
    at = place_index(values["place"])
    if regions is None or at is None:
        return 0.2
    apart = max(abs(regions.y - (at[0] + 0.5) / 3), abs(regions.x - (at[1] + 0.5) / 3))
    share = int(values["share"]) / 100
    return min(margin(-apart, -0.22, 0.1), closeness(regions.largest, share, 0.04 + 0.35 * share))


LARGEST = Skill(
    "largest region",
    _largest,
    _check_largest,
    (
        "where does the largest region that stands out from the background lie, and how large is it?",
        "in which part of the picture is the main foreground region centred?",
        "what are the position and the share of the largest connected region before the background?",
    ),
    (
        "The largest region lies at the {place} and covers about {share} % of the image.",
        "It lies at the {place}, and about {share} % of the picture belongs to it.",
        "With about {share} % of the area, the largest region has its centre of mass at the {place} of a three by "
        "three grid.",
    ),
)


def _background(measures: Measures) -> Values | None:
    colour, uniformity = measures.background
    if uniformity < _GROUND:
        return None
    return {"colour": colour, "share": str(round(100 * uniformity))}


def _check_background(values: Values, measures: Measures) -> float:
    if not near(values["colour"], measures.background.colour):
        return 0.0
    return margin(measures.background.uniformity, 0.6, 0.3)


BACKGROUND = Skill(
    "background",
    _background,
    _check_background,
    (
        "what colour is the background, and how even is it along the border?",
        "which colour surrounds everything else along the border?",
        "is there a uniform background, and if so, in which colour?",
    ),
    (
        "The background is {colour}; about {share} % of the border has this colour.",
        "Along the border about {share} % of the pixels are {colour}, so the background is fairly uniform.",
        "It is {colour}, because this colour takes up about {share} % of the border.",
    ),
)


def _empty(measures: Measures) -> Values | None:
    empty = measures.empty
    for level, low, high in (
        ("hardly any of the picture", -1, 0.08),
        ("about half of the picture", 0.42, 0.58),
        ("most of the picture", 0.7, 2),
    ):
        if low <= empty <= high:
            return {"level": level, "share": str(round(100 * empty))}
    return None


def _check_empty(values: Values, measures: Measures) -> float:
    return closeness(measures.empty, int(values["share"]) / 100, 0.2)


EMPTY = Skill(
    "empty space",
    _empty,
    _check_empty,
    (
        "how much of the area is empty, that is, plain and without any detail?",
        "what share of the picture is left blank?",
        "is there much plain space, or is the picture filled throughout?",
    ),
    (
        "All in all {level} is empty: about {share} % of the area shows no detail at all.",
        "On a fine grid about {share} % of the cells show next to no change, so {level} is plain.",
        "It turns out that {level} is left blank, namely about {share} % of the area.",
    ),
)


def _detail(measures: Measures) -> Values | None:
    detail = measures.detail
    for level, low, high in (("hardly any", -1, 0.04), ("a moderate amount of", 0.1, 0.18), ("a lot of", 0.26, 2)):
        if low <= detail <= high:
            return {"level": level, "share": str(round(100 * detail))}
    return None


def _check_detail(values: Values, measures: Measures) -> float:
    share = int(values["share"]) / 100
    return closeness(measures.detail, share, 0.06 + 0.3 * share)


DETAIL = Skill(
    "detail",
    _detail,
    _check_detail,
    (
        "how much fine detail does the picture hold?",
        "is the surface smooth or full of edges and texture?",
        "how dense are the edges across the picture?",
    ),
    (
        "There is {level} detail: about {share} % of the pixels lie on edges.",
        "It shows {level} fine structure, because edges take up about {share} % of the pixels.",
        "With about {share} % of the pixels on edges, it has {level} texture.",
    ),
)

_QUADRANTS = (("upper left", "upper right"), ("lower left", "lower right"))


def _quadrant(measures: Measures) -> Values | None:
    shares = measures.quadrant_detail
    ranked = np.sort(shares.ravel())[::-1]
    if measures.detail < 0.02 or ranked[0] - ranked[1] < 0.07:
        return None
    index = int(shares.argmax())
    return {"place": _QUADRANTS[index // 2][index % 2], "share": str(round(100 * float(ranked[0])))}


def _check_quadrant(values: Values, measures: Measures) -> float:
    names = [name for row in _QUADRANTS for name in row]
    if values["place"] not in names:
        return 0.0
    shares = measures.quadrant_detail.ravel()
    at = names.index(values["place"])
    lead = float(shares[at]) - float(np.delete(shares, at).max())
    return min(margin(lead, 0, 0.08), closeness(float(shares[at]), int(values["share"]) / 100, 0.15))


QUADRANT = Skill(
    "busiest quadrant",
    _quadrant,
    _check_quadrant,
    (
        "which quadrant is the busiest, that is, holds the most edges?",
        "in which quarter is most of the detail concentrated?",
        "is the detail spread evenly over the four quarters, or does one stand out?",
    ),
    (
        "The {place} quadrant is the busiest, with about {share} % of all edges.",
        "Most of the detail is in the {place} quarter: it holds about {share} % of the edges.",
        "The {place} quarter stands out, because about {share} % of all edge pixels fall into it, where an even "
        "spread would give 25 %.",
    ),
)


def _symmetry(measures: Measures) -> Values | None:
    if measures.symmetry is None:
        return None
    across = measures.symmetry[0]
    if 0.45 < across < 0.85:
        return None
    return {
        "level": "largely symmetric" if across >= 0.85 else "not symmetric",
        "match": "nearly the same as" if across >= 0.95 else "close to" if across >= 0.85 else "clearly different from",
    }


def _check_symmetry(values: Values, measures: Measures) -> float:
    if measures.symmetry is None:
        return 0.3
    across = measures.symmetry[0]
    return margin(across, 0.6, 0.25) if values["level"] == "largely symmetric" else margin(-across, -0.6, 0.25)


SYMMETRY = Skill(
    "mirror symmetry",
    _symmetry,
    _check_symmetry,
    (
        "is the picture symmetric about its vertical middle line?",
        "would the picture look the same if left and right were swapped?",
        "do the left and the right half mirror each other?",
    ),
    (
        "It is {level} about the vertical axis: mirrored, the picture is {match} the original.",
        "Swapping left and right gives a picture that is {match} the original, so it is {level}.",
        "Left and right are {level}, because the mirror image is {match} the picture itself.",
    ),
)


def _direction(measures: Measures) -> Values | None:
    shares = measures.directions
    if shares is None:
        return None
    ranked = np.sort(shares)[::-1]
    if ranked[0] < 0.4 or ranked[0] - ranked[1] < 0.12:
        return None
    return {"direction": DIRECTIONS[int(shares.argmax())], "share": str(round(100 * float(ranked[0])))}


def _check_direction(values: Values, measures: Measures) -> float:
    shares = measures.directions
    if shares is None or values["direction"] not in DIRECTIONS:
        return 0.2
    at = DIRECTIONS.index(values["direction"])
    return margin(float(shares[at]) - float(np.delete(shares, at).max()), -0.05, 0.25)


DIRECTION = Skill(
    "edge direction",
    _direction,
    _check_direction,
    (
        "in which direction do most edges run?",
        "which direction prevails among the lines and outlines?",
        "are the edges mainly horizontal, vertical or diagonal?",
    ),
    (
        "Most edges run in the {direction} direction: about {share} % of their total strength.",
        "The {direction} direction prevails, with about {share} % of the strength of all edges.",
        "They are mainly {direction}, because about {share} % of the edge strength lies in that direction.",
    ),
)


def _text(measures: Measures) -> Values | None:
    lines = measures.text_lines
    # Stripes and lattices have rows too, but of one direction, or without the detail of letters.
    one_way = measures.directions is not None and measures.directions.max() > 0.8
    if lines < 5 or one_way or measures.detail < 0.1 or (measures.sharpness or 0) < 0.35:
        return None
    return {"count": str(lines)}


def _check_text(values: Values, measures: Measures) -> float:
    claimed = int(values["count"])
    return closeness(measures.text_lines, claimed, 1.5 + 0.3 * claimed)


TEXT = Skill(
    "text lines",
    _text,
    _check_text,
    (
        "about how many rows look like lines of text?",
        "roughly how many text-like lines are arranged one below the other?",
        "how many separate rows of small, letter-like marks can be made out?",
    ),
    (
        "There are about {count} rows that look like lines of text.",
        "One can make out roughly {count} text-like rows, each set off from the next by a gap.",
        "About {count}, because that many narrow rows of dense marks are separated by emptier ones.",
    ),
)


def _repetition(measures: Measures) -> Values | None:
    strength = measures.repetition
    if 0.2 < strength < 0.8 or measures.detail < 0.03:
        return None
    level = "repeats itself regularly" if strength >= 0.8 else "does not repeat itself"
    return {"level": level, "share": str(round(100 * strength))}


def _check_repetition(values: Values, measures: Measures) -> float:
    strength = measures.repetition
    if values["level"] == "repeats itself regularly":
        return margin(strength, 0.3, 0.3)
    return margin(-strength, -0.45, 0.3)


REPETITION = Skill(
    "repetition",
    _repetition,
    _check_repetition,
    (
        "is there a pattern that repeats itself regularly?",
        "does the structure recur at regular distances?",
        "how regular is the pattern: does the picture match itself when it is shifted?",
    ),
    (
        "The structure {level}: shifted by the best distance, it matches itself to about {share} %.",
        "At its best shift the picture correlates with itself to about {share} %, so the pattern {level}.",
        "One can say that it {level}, because the strongest match with a shifted copy is about {share} %.",
    ),
)

LAYOUT_SKILLS = (
    COUNT, LARGEST, BACKGROUND, EMPTY, DETAIL, QUADRANT, SYMMETRY, DIRECTION, TEXT, REPETITION,
)  # fmt: skip
