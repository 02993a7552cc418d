"""Cursive writing as smooth strokes, with the wobble of a hand: for notes and signatures."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ImageDraw

from .canvas import Colour

Points = NDArray[np.float64]

# Control points of each letter: x in units of the x-height, y up from the baseline (x-height 1).
_PATHS = {
    "a": ".8 .85 .5 1 .15 .6 .2 .1 .5 .02 .8 .5 .85 .95 .82 .3 1 .02 1.2 .15",
    "b": ".1 .3 .45 1.7 .3 2 .15 1.4 .15 .2 .4 0 .7 .3 .6 .8 .8 .75 1 .7",
    "c": ".75 .8 .5 1 .15 .6 .2 .1 .5 0 .95 .2",
    "d": ".8 .85 .5 1 .15 .6 .2 .1 .5 .02 .8 .6 .95 2 .85 .4 1 .02 1.2 .15",
    "e": ".1 .35 .6 .6 .6 .95 .35 1 .15 .55 .25 .08 .55 0 .95 .25",
    "f": ".05 .2 .5 1.6 .4 2 .25 1.5 .2 -.7 .4 -.9 .4 -.1 .8 .2",
    "g": ".8 .85 .5 1 .15 .6 .2 .1 .5 .05 .85 .9 .8 -.6 .5 -1 .3 -.7 1.1 .15",
    "h": ".05 .2 .45 1.7 .3 2 .2 1.2 .15 0 .3 .7 .6 1 .75 .6 .75 .1 .9 0 1.1 .2",
    "i": ".05 .2 .3 .95 .28 .3 .4 .02 .7 .2",
    "j": ".05 .2 .4 .95 .35 -.5 .1 -1 -.05 -.7 .7 .15",
    "k": ".05 .2 .45 1.7 .3 2 .2 1.2 .15 0 .3 .6 .65 1 .6 .6 .3 .5 .7 .05 1 .2",
    "l": ".05 .2 .45 1.6 .35 2 .2 1.4 .22 .2 .4 0 .7 .2",
    "m": ".05 .8 .2 .95 .2 0 .35 .8 .6 .95 .65 0 .8 .8 1.05 .95 1.1 .2 1.25 0 1.5 .2",
    "n": ".05 .8 .2 .95 .2 0 .35 .8 .65 .95 .75 .2 .9 0 1.15 .2",
    "o": ".5 1 .15 .7 .15 .2 .45 0 .75 .3 .7 .85 .5 1 .75 .85 1 .85",
    "p": ".05 .5 .25 1 .2 -.9 .25 .6 .55 1 .75 .6 .6 .05 .3 .1 .7 .02 1 .2",
    "q": ".8 .85 .5 1 .15 .6 .2 .1 .5 .05 .85 .9 .75 -.8 .95 -.9 .9 -.2 1.15 .2",
    "r": ".05 .2 .25 1 .35 .85 .6 .9 .55 .3 .7 .02 .95 .2",
    "s": ".05 .1 .45 1 .5 .7 .65 .3 .45 0 .15 .1 .5 .0 .9 .2",
    "t": ".05 .2 .4 1.6 .32 .4 .42 .02 .75 .2",
    "u": ".05 .8 .2 .95 .2 .2 .45 0 .7 .4 .78 .95 .76 .3 .9 .02 1.15 .2",
    "v": ".05 .8 .2 .95 .4 0 .75 .95 .95 .8",
    "w": ".05 .8 .2 .95 .25 .1 .45 0 .65 .8 .7 .1 .9 0 1.15 .95 1.3 .8",
    "x": ".05 .8 .25 .95 .5 .1 .75 .05 .95 .25",
    "y": ".05 .8 .2 .95 .25 .3 .45 .15 .8 .95 .7 -.6 .4 -1 .25 -.7 1.05 .15",
    "z": ".05 .85 .4 1 .65 .85 .2 .1 .5 .0 .35 -.6 .2 -.9 .15 -.6 .9 .15",
}
_LETTERS: dict[str, Points] = {
    letter: np.array(path.split(), dtype=np.float64).reshape(-1, 2) for letter, path in _PATHS.items()
}


def _smooth(points: Points, steps: int = 6) -> Points:
    """A Catmull-Rom curve through ``points`` (n, 2)."""
    padded = np.vstack([points[:1], points, points[-1:]])
    before, here, there, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = here + 0.5 * t * (
        there - before + t * (2 * before - 5 * here + 4 * there - after + t * (3 * (here - there) + after - before))
    )
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2), dtype=np.float64)


def write(
    draw: ImageDraw.ImageDraw,
    rng: Generator,
    at: tuple[float, float],
    text: str,
    height: float,
    colour: Colour,
    slant: float = 0.25,
    width: int = 2,
) -> float:
    """Write ``text`` (letters a-z and blanks) from ``at`` on the baseline; ``height`` is the x-height in pixels.

    A capital is written as a letter of one and a half times the size. Returns the x where the pen stops.
    """
    x, y = at
    for word in text.split():
        strokes: list[Points] = []
        extras: list[Points] = []
        drift = rng.normal(0, 0.05)
        for letter in word:
            size = height * (1.5 if letter.isupper() else 1) * rng.normal(1, 0.04)
            path = _LETTERS[letter.lower()] + rng.normal(0, 0.03, (len(_LETTERS[letter.lower()]), 2))
            shifts = {
                "i": (0.35, 1.4, 0.42, 1.5),
                "j": (0.45, 1.4, 0.5, 1.5),
                "t": (0.0, 1.15, 0.75, 1.2),
                "x": (0.1, 0, 0.8, 1),
            }
            marks = [path, np.array(shifts[letter.lower()]).reshape(2, 2)] if letter.lower() in shifts else [path]
            for mark, store in zip(marks, (strokes, extras), strict=False):
                store.append(
                    np.column_stack([x + size * (mark[:, 0] + slant * mark[:, 1]), y - size * (mark[:, 1] + drift)])
                )
            x += size * (path[-1, 0] - 0.02)
        for stroke in (np.vstack(strokes), *extras):
            draw.line([(float(px), float(py)) for px, py in _smooth(stroke)], fill=colour, width=width, joint="curve")
        x += height * rng.normal(0.75, 0.08)
    return x


def written_width(text: str, height: float) -> float:
    """About how wide :func:`write` makes ``text``, in pixels."""
    letters = sum(
        _LETTERS[letter.lower()][-1, 0] * (1.5 if letter.isupper() else 1) for letter in text if letter != " "
    )
    return float(height * (letters + 0.75 * text.count(" ")))
