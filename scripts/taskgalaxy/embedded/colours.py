"""Names of colours, found in two ways: by rules on hue, and by the nearest of a list of examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from taskgalaxy.embedded.pixels import Bytes, Floats, lab_of

Shares: TypeAlias = Mapping[str, float]
"""Per colour name its share of the pixels, largest first; only colours that occur."""

NAMES = (
    "black", "grey", "white", "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "brown",
    "beige",
)  # fmt: skip
WARM = frozenset({"red", "orange", "yellow", "brown", "beige"})
COOL = frozenset({"green", "turquoise", "blue", "purple"})

_NEIGHBOURS = frozenset(
    frozenset(pair.split())
    for pair in (
        "black grey", "grey white", "white beige", "grey beige", "red orange", "red brown", "red pink", "orange brown",
        "orange yellow", "orange beige", "yellow beige", "yellow green", "brown beige", "brown grey", "brown black",
        "green turquoise", "turquoise blue", "blue purple", "purple pink", "beige pink", "grey blue", "grey green",
        "grey turquoise", "blue black", "orange pink", "purple black", "green black", "purple red",
        "grey purple", "grey pink",
    )
)  # fmt: skip
"""Names between which people, and the two ways of naming, draw the line differently."""

_INDEX = {name: index for index, name in enumerate(NAMES)}


def near(one: str, other: str) -> bool:
    """Whether two names may be used for the same colour."""
    return one == other or frozenset({one, other}) in _NEIGHBOURS


def name_indices(rgb: Bytes) -> NDArray[np.int64]:
    """Per pixel the index into ``NAMES``, by rules on hue, saturation and value."""
    channels = rgb.astype(np.float32) / 255
    red, green, blue = channels[..., 0], channels[..., 1], channels[..., 2]
    value, low = channels.max(-1), channels.min(-1)
    chroma = value - low
    safe = np.where(chroma > 0, chroma, 1)
    hue = np.where(
        value == red,
        (green - blue) / safe % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = np.where(chroma > 0, hue * 60, 0)
    saturation = chroma / np.where(value > 0, value, 1)
    rules = [
        ("black", (value < 0.2) | ((value < 0.28) & (chroma < 0.12))),
        ("white", (value > 0.9) & (chroma < 0.07)),
        ("grey", (chroma < 0.09) | (saturation < 0.16)),
        ("pink", ((hue < 15) | (hue >= 340)) & (saturation < 0.55) & (value > 0.7)),
        ("brown", (hue >= 6) & (hue < 50) & (value < 0.66) & (saturation > 0.25)),
        ("red", (hue < 14) | (hue >= 343)),
        ("beige", (hue < 62) & (saturation < 0.4)),
        ("orange", hue < 42),
        ("yellow", (hue < 66) & (value > 0.5)),
        ("green", hue < 160),
        ("turquoise", hue < 192),
        ("blue", hue < 254),
        ("purple", (hue < 300) | (value < 0.45)),
    ]
    return np.select([condition for _, condition in rules], [_INDEX[name] for name, _ in rules], _INDEX["pink"])


def shares_by_rules(rgb: Bytes) -> Shares:
    """The shares of the colour names, each pixel named by :func:`name_indices`."""
    counts = np.bincount(name_indices(rgb).ravel(), minlength=len(NAMES))
    return _ranked(dict(zip(NAMES, counts / counts.sum(), strict=True)))


_EXAMPLES = {
    "black": "000000 1c1c1c 16161f 1f1612 0f1a12",
    "grey": "808080 555555 a8a8a8 c8c8c8 3f3f3f 8a9099 dcdcdc",
    "white": "ffffff f4f4f4",
    "red": "ff0000 c81e1e a01414 dc3c3c 7d1010",
    "orange": "ff8000 f09632 e1691e ffa500",
    "yellow": "ffff00 f0d232 c8b41e fff078 ffd700",
    "green": "00ff00 1e961e 5ab45a 145014 96c864 8cdc8c 2e8b57 78a028 5f7d3c",
    "turquoise": "00ffff 1ebebe 148282 78dcdc 40c8b4",
    "blue": "0000ff 1e5adc 1e1e8c 5aa0f0 a0c8f0 283c64 4682b4 141e50 6495ed",
    "purple": "8000ff 7828a0 a064c8 501e64 b4a0e6 8250dc",
    "pink": "ff00ff f078b4 ffc0cb e63282 f0a0c8 d250a0",
    "brown": "8c4614 643c1e a06e3c 50321e 7d5a46 964b28",
    "beige": "f5e6c8 dcc8a0 e6d2b4 f0dcd2 c8b496",
}
"""Examples of each name in sRGB."""

_examples = [(name, code) for name, codes in _EXAMPLES.items() for code in codes.split()]
_EXAMPLE_INDEX = np.array([_INDEX[name] for name, _ in _examples])
_EXAMPLE_LAB = lab_of(np.array([[int(code[at : at + 2], 16) for at in (0, 2, 4)] for _, code in _examples], np.uint8))

_CLUSTERS = 12
_ROUNDS = 6


def clusters(lab: Floats) -> tuple[Floats, Floats]:
    """k-means of ``lab`` (pixels, 3): centres (k, 3) and their shares (k,), the same for the same pixels.

    The first centre is the mean; each further one is the pixel that lies farthest from all before it.
    """
    centres = [lab.mean(0)]
    distance = ((lab - centres[0]) ** 2).sum(1)
    while len(centres) < _CLUSTERS and distance.max() > 25:
        centres.append(lab[int(distance.argmax())])
        distance = np.minimum(distance, ((lab - centres[-1]) ** 2).sum(1))
    centre = np.array(centres, np.float32)
    for _ in range(_ROUNDS):
        nearest = _nearest(lab, centre)
        counts = np.bincount(nearest, minlength=len(centre))
        sums = np.stack([np.bincount(nearest, lab[:, axis], len(centre)) for axis in range(3)], 1)
        occupied = counts > 0
        centre = (sums[occupied] / counts[occupied, None]).astype(np.float32)
    counts = np.bincount(_nearest(lab, centre), minlength=len(centre))
    return centre, (counts / counts.sum()).astype(np.float32)


def shares_by_clusters(lab: Floats) -> Shares:
    """The shares of the colour names in ``lab`` (pixels, 3), each cluster named by its nearest example."""
    centre, share = clusters(lab)
    names = _EXAMPLE_INDEX[_nearest(centre, _EXAMPLE_LAB)]
    counts = np.bincount(names, share, len(NAMES))
    return _ranked(dict(zip(NAMES, counts, strict=True)))


def name_of(lab: Floats) -> str:
    """The name of one colour (3,) by its nearest example."""
    return NAMES[int(_EXAMPLE_INDEX[_nearest(lab[None], _EXAMPLE_LAB)][0])]


def _nearest(points: Floats, centres: Floats) -> NDArray[np.int64]:
    """Per point the index of the nearest centre."""
    squares = (centres**2).sum(1)[None] - 2 * points @ centres.T
    return np.asarray(squares.argmin(1))


def _ranked(shares: Mapping[str, float]) -> Shares:
    present = [(name, float(share)) for name, share in shares.items() if share > 0]
    return dict(sorted(present, key=lambda item: (-item[1], item[0])))
