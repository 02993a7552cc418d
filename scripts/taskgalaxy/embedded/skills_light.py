"""Skills about light and shade, sharpness, size and shape of the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.pixels import Floats
from taskgalaxy.embedded.skill import Skill, Values, closeness, margin

PLACES = (
    ("top left", "top centre", "top right"),
    ("middle left", "centre", "middle right"),
    ("bottom left", "bottom centre", "bottom right"),
)
"""What the parts of a grid of 3 by 3 are called."""


def _brightness(measures: Measures) -> Values | None:
    light = measures.lightness
    for level, low, high in (("dark", -1, 35), ("of medium brightness", 42, 58), ("bright", 66, 101)):
        if low < light < high:
            return {"level": level, "light": str(round(light))}
    return None


def _check_brightness(values: Values, measures: Measures) -> float:
    return closeness(measures.lightness, int(values["light"]), 9)


BRIGHTNESS = Skill(
    "brightness",
    _brightness,
    _check_brightness,
    (
        "is the picture dark, of medium brightness or bright overall?",
        "how bright is the picture as a whole?",
        "what is the overall exposure like: dark, medium or bright?",
    ),
    (
        "It is {level}, with a mean lightness of about {light} on a scale from 0 (black) to 100 (white).",
        "Overall the picture is {level}, because its pixels have an average lightness of about {light} out of 100.",
        "With an average lightness of about {light} out of 100, it is {level}.",
    ),
)


def _contrast(measures: Measures) -> Values | None:
    spread = measures.contrast
    for level, low, high in (("low", -1, 9), ("moderate", 13, 20), ("high", 25, 101)):
        if low < spread < high:
            return {"level": level, "spread": str(round(spread))}
    return None


def _check_contrast(values: Values, measures: Measures) -> float:
    return closeness(measures.contrast, int(values["spread"]), 4 + 0.25 * int(values["spread"]))


CONTRAST = Skill(
    "contrast",
    _contrast,
    _check_contrast,
    (
        "is the contrast between light and dark low, moderate or high?",
        "how far apart are the light and the dark parts?",
        "how would you rate the tonal contrast, and on what grounds?",
    ),
    (
        "The contrast is {level}: lightness varies with a standard deviation of about {spread} on a scale of 0 to 100.",
        "The tonal contrast is {level}, because the lightness of the pixels spreads by about {spread} points (standard "
        "deviation, out of 100).",
        "With a standard deviation of about {spread} out of 100 in lightness, the tonal contrast is {level}.",
    ),
)


def _tone(measures: Measures) -> Values | None:
    bright, contrast = _brightness(measures), _contrast(measures)
    if bright is None or contrast is None:
        return None
    return {"level": bright["level"], "light": bright["light"], "contrast": contrast["level"],
            "spread": contrast["spread"]}  # fmt: skip


TONE = Skill(
    "tone",
    _tone,
    lambda values, measures: min(_check_brightness(values, measures), _check_contrast(values, measures)),
    (
        "how would you describe the lighting, taking both brightness and contrast into account?",
        "what do brightness and contrast together say about the tonal character?",
        "is the tonal range wide or narrow, and is the result bright or dark?",
    ),
    (
        "The picture is {level} (mean lightness about {light} out of 100) and its contrast is {contrast} (standard "
        "deviation about {spread}).",
        "Its contrast is {contrast}, with a standard deviation of about {spread} in lightness, and overall it is "
        "{level}, with a mean of about {light} out of 100.",
        "Taken together: {level} at a mean lightness of about {light} of 100 and {contrast} in contrast, as the "
        "lightness spreads by about {spread} points.",
    ),
)


def _extreme(pick: Callable[[Floats], np.intp], sign: int) -> Callable[[Measures], Values | None]:
    def claim(measures: Measures) -> Values | None:
        ranked = np.sort(sign * measures.grid.ravel())[::-1]
        if ranked[0] - ranked[1] < 4:
            return None
        index = int(pick(measures.grid))
        apart = abs(float(measures.grid.ravel()[index]) - float(measures.grid.mean()))
        return {"place": PLACES[index // 3][index % 3], "apart": str(round(apart))}

    return claim


def place_index(place: str) -> tuple[int, int] | None:
    """Row and column of a name in ``PLACES``."""
    return next(
        ((row, names.index(place)) for row, names in enumerate(PLACES) if place in names),
        None,
    )


def _check_extreme(sign: int) -> Callable[[Values, Measures], float]:
    def check(values: Values, measures: Measures) -> float:
        at = place_index(values["place"])
        grid = sign * measures.grid
        if at is None:
            return 0.0
        others = np.delete(grid.ravel(), at[0] * 3 + at[1])
        return margin(float(grid[at]) - float(others.max()), -1.5, 8)

    return check


BRIGHTEST = Skill(
    "brightest part",
    _extreme(np.argmax, 1),
    _check_extreme(1),
    (
        "if the picture is divided into three by three equal parts, which part is the brightest?",
        "where does the most light fall on a grid of three rows and three columns?",
        "in which part of a three by three grid is the lightness highest?",
    ),
    (
        "The part at the {place} is the brightest, about {apart} points lighter than the mean of the nine parts.",
        "It is the {place} of the grid, which is about {apart} points (out of 100) above the average of all parts.",
        "The brightest of the nine parts is the one at the {place}, because its mean lightness exceeds the average by "
        "about {apart} points.",
    ),
)

DARKEST = Skill(
    "darkest part",
    _extreme(np.argmin, -1),
    _check_extreme(-1),
    (
        "if the picture is divided into three by three equal parts, which part is the darkest?",
        "where on a grid of three rows and three columns is the shade deepest?",
        "in which part of a three by three grid is the lightness lowest?",
    ),
    (
        "The part at the {place} is the darkest, about {apart} points darker than the mean of the nine parts.",
        "It is the {place} of the grid, which is about {apart} points (out of 100) below the average of all parts.",
        "The darkest of the nine parts is the one at the {place}, because its mean lightness falls short of the "
        "average by about {apart} points.",
    ),
)


def _half(first: str, second: str, at: int) -> Callable[[Measures], Values | None]:
    def claim(measures: Measures) -> Values | None:
        one, two = measures.halves[at : at + 2]
        if abs(one - two) < 5:
            return None
        sides = (first, second) if one > two else (second, first)
        return {"more": sides[0], "less": sides[1], "one": str(round(max(one, two))), "two": str(round(min(one, two)))}

    return claim


def _check_half(first: str, at: int) -> Callable[[Values, Measures], float]:
    def check(values: Values, measures: Measures) -> float:
        one, two = measures.halves[at : at + 2]
        apart = one - two if values["more"] == first else two - one
        return min(margin(apart, 2, 4), closeness(apart, int(values["one"]) - int(values["two"]), 9))

    return check


def _half_skill(name: str, first: str, second: str, at: int) -> Skill:
    return Skill(
        name,
        _half(first, second, at),
        _check_half(first, at),
        (
            f"which half is brighter, the {first} or the {second} one?",
            f"how does the lightness of the {first} half compare with that of the {second} half?",
            f"is the light spread evenly between the {first} and the {second} half?",
        ),
        (
            "The {more} half is brighter: its mean lightness is about {one}, against about {two} in the {less} half.",
            "The {more} half outshines the {less} one, with a mean lightness of about {one} versus {two} out of 100.",
            "The two halves differ, because the {more} one has a mean lightness of about {one} and the "
            "{less} one of only {two}.",
        ),
    )


LEFT_RIGHT = _half_skill("left and right", "left", "right", 0)
TOP_BOTTOM = _half_skill("top and bottom", "upper", "lower", 2)


def _middle(measures: Measures) -> Values | None:
    middle, rim = measures.middle_and_rim
    if abs(middle - rim) < 7:
        return None
    return {"level": "brighter" if middle > rim else "darker", "one": str(round(middle)), "two": str(round(rim))}


def _check_middle(values: Values, measures: Measures) -> float:
    middle, rim = measures.middle_and_rim
    apart = middle - rim if values["level"] == "brighter" else rim - middle
    return min(margin(apart, 3, 4), closeness(apart, abs(int(values["one"]) - int(values["two"])), 9))


MIDDLE = Skill(
    "middle and rim",
    _middle,
    _check_middle,
    (
        "is the middle brighter or darker than the area around it?",
        "how does the lightness of the central area compare with that of the surrounding area?",
        "does the light draw the eye to the middle or away from it?",
    ),
    (
        "The middle is {level} than its surroundings, with a mean lightness of about {one} against about {two}.",
        "Compared with the outer area, whose mean lightness is about {two}, the central area is {level}, at about "
        "{one}.",
        "The central area is {level}: about {one} out of 100 in lightness, while the rest averages about {two}.",
    ),
)


def _sharpness(measures: Measures) -> Values | None:
    sharp = measures.sharpness
    if sharp is None or 0.13 < sharp < 0.5 or measures.detail < 0.01:
        return None
    return {"level": "sharp" if sharp >= 0.5 else "soft", "rise": str(round(100 * sharp))}


def _check_sharpness(values: Values, measures: Measures) -> float:
    sharp = measures.sharpness
    if sharp is None:
        return 0.0
    return margin(sharp, 0.5, 0.3) if values["level"] == "sharp" else margin(-sharp, -0.5, 0.3)


SHARPNESS = Skill(
    "sharpness",
    _sharpness,
    _check_sharpness,
    (
        "are the edges sharp or soft?",
        "how crisp are the outlines at full resolution?",
        "does the picture look sharply rendered or blurred, and how can this be told?",
    ),
    (
        "The outlines are {level}: from one pixel to the next, the strongest edges rise by about {rise} % of the tonal "
        "range.",
        "They are {level}, because the steepest steps between neighbouring pixels reach about {rise} % of the range "
        "from dark to light.",
        "Since the strongest edges change by about {rise} % of the tonal range within one pixel, the rendering is "
        "{level}.",
    ),
)


def _shape(measures: Measures) -> Values:
    ratio = max(measures.width, measures.height) / min(measures.width, measures.height)
    shape = "square" if ratio < 1.02 else "landscape" if measures.width > measures.height else "portrait"
    return {
        "shape": shape,
        "width": str(measures.width),
        "height": str(measures.height),
        "ratio": f"{ratio:.2f} to 1",
    }


def _check_shape(values: Values, measures: Measures) -> float:
    width, height = measures.picture.rgb(200).shape[1::-1]
    shape = "square" if abs(width - height) < 4 else "landscape" if width > height else "portrait"
    size = values["width"] == str(measures.width) and values["height"] == str(measures.height)
    return float(size and values["shape"] == shape)


SHAPE = Skill(
    "orientation",
    _shape,
    _check_shape,
    (
        "is the format landscape, portrait or square?",
        "what is the orientation of the image, and what are its proportions?",
        "how does the width compare with the height?",
    ),
    (
        "The format is {shape}: {width} pixels wide and {height} pixels high, a ratio of {ratio}.",
        "It measures {width} by {height} pixels, so its longer and shorter sides stand at {ratio} and the format is "
        "{shape}.",
        "With {width} pixels across and {height} pixels down (a ratio of {ratio}), the image is {shape}.",
    ),
)

LIGHT_SKILLS = (
    BRIGHTNESS, CONTRAST, TONE, BRIGHTEST, DARKEST, LEFT_RIGHT, TOP_BOTTOM, MIDDLE, SHARPNESS, SHAPE,
)  # fmt: skip
