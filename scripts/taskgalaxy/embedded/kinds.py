"""The kinds of pictures that the families of the vocabulary belong to."""

from __future__ import annotations

from collections.abc import Iterable

KINDS: dict[str, tuple[str, ...]] = {
    "chart": (
        "bar chart", "horizontal bar chart", "stacked bar chart", "line chart", "area chart", "pie chart",
        "donut chart", "scatter plot", "histogram", "heatmap", "radar chart", "box plot", "function plot",
    ),
    "document": (
        "letter", "research paper", "newspaper", "table", "receipt", "invoice", "form", "business card",
        "handwritten note", "menu", "poster", "source code", "web page", "chat", "presentation slide", "calendar",
    ),
    "code": ("barcode", "qr code", "captcha", "license plate", "chessboard"),
    "diagram": (
        "road sign", "logo", "comic strip", "geometry figure", "equation", "flowchart", "network graph",
        "tree diagram", "venn diagram", "circuit diagram", "floor plan", "street map", "clock face", "sheet music",
        "counted shapes", "spatial arrangement",
    ),
    "scene": (
        "mountain landscape", "seascape", "night sky", "city skyline", "forest", "house", "indoor room",
        "street with car", "rocket launch",
    ),
    "object": ("flower", "face", "cat", "fish", "fruit", "coffee cup", "coins", "chest x-ray", "cell microscopy"),
    "texture": (
        "stripes", "checkerboard", "polka dots", "granular texture", "wood grain", "brick wall", "woven fabric",
        "mandala",
    ),
    "colour": ("colour swatches", "colour gradient", "colour field"),
}  # fmt: skip
"""Kind to families."""

_KIND_OF = {family: kind for kind, families in KINDS.items() for family in families}


def kinds_of(families: Iterable[str]) -> frozenset[str]:
    """The kinds of the families; families that no kind holds are left out."""
    return frozenset(_KIND_OF[family] for family in families if family in _KIND_OF)
