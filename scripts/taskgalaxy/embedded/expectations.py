"""What the words of a task type lead one to expect of a picture, written down by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.skill import margin

Expectation = Callable[[Measures], float]
"""From 0 (violated) to 1 (met), 0.5 on the border."""


def _least(measure: Callable[[Measures], float], border: float, scale: float) -> Expectation:
    return lambda it: margin(measure(it), border, scale)


def _most(measure: Callable[[Measures], float], border: float, scale: float) -> Expectation:
    return lambda it: margin(-measure(it), -border, scale)


def _detail(it: Measures) -> float:
    return it.detail


def _empty(it: Measures) -> float:
    return it.empty


def _contrast(it: Measures) -> float:
    return it.contrast


def _colourful(it: Measures) -> float:
    return it.colourfulness


def _sharp(it: Measures) -> float:
    return it.sharpness or 0.0


def _ground(it: Measures) -> float:
    return it.background.uniformity


def _rows(it: Measures) -> float:
    return it.text_lines


def _repeats(it: Measures) -> float:
    return it.repetition


def _one_way(it: Measures) -> float:
    """The share of edges in the commonest direction."""
    return float(it.directions.max()) if it.directions is not None else 0.25


def _level(it: Measures) -> float:
    return float(it.directions[0]) if it.directions is not None else 0.0


def _square(it: Measures) -> float:
    """The share of edges that are horizontal or vertical."""
    return float(it.directions[:2].sum()) if it.directions is not None else 0.5


def _mirrored(it: Measures) -> float:
    return it.symmetry[0] if it.symmetry else 0.0


def _colours(*names: str) -> Callable[[Measures], float]:
    return lambda it: sum(it.colours.get(name, 0.0) for name in names)


_CRISP = _least(_sharp, 0.4, 0.3)
_SOFT = _most(_sharp, 0.72, 0.2)
_PLAIN = _least(_ground, 0.85, 0.3)
_SPARSE = _most(_detail, 0.24, 0.1)
_FLAT = (_CRISP, _PLAIN, _least(_empty, 0.2, 0.2))
_PAGE = (_CRISP, _least(_ground, 0.6, 0.3), _least(_rows, 4, 5), _least(_detail, 0.09, 0.06))
_COLOURED = _least(_colourful, 6, 6)
_UNFRAMED = _most(_ground, 0.92, 0.2)

EXPECTATIONS: Sequence[tuple[str, Sequence[Expectation]]] = (
    (r"\bchart|\bgraph\b|histogram|\bplot|\bbars?\b|proportion|trend line|correlation|distribution|filled area|outlier"
     r"|multi axis|data sets|sales report|stacked|axis tick|statistics|visual trend",
     (*_FLAT, _most(_detail, 0.32, 0.1))),
    (r"\bbars?\b|stacked|histogram", (_least(_square, 0.7, 0.2),)),
    (r"heatmap|matrix value", (_CRISP, _PLAIN, _least(_square, 0.65, 0.2), _least(_contrast, 14, 8))),
    (r"\bpie\b|donut|proportion|largest share", (_most(_one_way, 0.45, 0.1), _SPARSE)),
    (r"\bletter text|business letter|research paper|academic|newspaper|news article|receipt|invoice|\bform\b|menu"
     r"|financial|paperwork|document type|headline|citation|contact detail|source code|program code|code to|software",
     _PAGE),
    (r"\btable\b", (_CRISP, _PLAIN, _least(_square, 0.6, 0.15), _least(_rows, 5, 5))),
    (r"letter text|research paper|academic|news", (_least(_rows, 9, 8), _least(_detail, 0.18, 0.1))),
    (r"handwritten", (_CRISP, _least(_ground, 0.6, 0.3), _most(_colourful, 18, 6), _most(_one_way, 0.5, 0.15))),
    (r"slide|presentation|calendar|schedule|lecture|date reasoning", (_CRISP, _least(_empty, 0.4, 0.2))),
    (r"poster|advertis", (_least(_ground, 0.7, 0.3), _least(_colourful, 15, 10))),
    (r"comic|storytelling", (_CRISP, _least(_contrast, 20, 8), _least(_detail, 0.22, 0.12))),
    (r"web page|chat|user interface|screen reader", (_CRISP, _least(_rows, 3, 4), _least(_detail, 0.11, 0.08))),
    (r"flowchart|network|hierarchy|tree diagram|parent child|venn|set theory|set relation|diagram type|circuit"
     r"|geometry|equation|formula|function|angle and length|node connection|shortest path|electrical|mathematics",
     (*_FLAT, _SPARSE)),
    (r"equation|formula|circuit|geometry|\bfunction|venn|node", (_most(_detail, 0.14, 0.05),)),
    (r"floor plan|room adjacency|escape route", (*_FLAT, _least(_square, 0.72, 0.2))),
    (r"\bmaps?\b|route planning|sightseeing", (_CRISP, _least(_detail, 0.08, 0.05))),
    (r"sheet music|musical|music |melody", (*_PAGE[:2], _least(_level, 0.5, 0.15), _least(_detail, 0.18, 0.1))),
    (r"qr code|barcode|machine readable|captcha", (_least(_contrast, 10, 8), _CRISP, _least(_detail, 0.06, 0.06))),
    (r"license plate|road sign|sign meaning", (_least(_contrast, 10, 8), _most(_detail, 0.3, 0.1))),
    (r"chess|board game|\bcheck\b|checker", (_least(_contrast, 14, 8), _least(_square, 0.62, 0.2))),
    (r"skyline|city view|urban", (_most(_sharp, 0.9, 0.2), _UNFRAMED, _least(_contrast, 7, 5))),
    (r"scenery|residential scene|natural scene|forest scene|landscape|coastal|seaside|woodland|street hazard"
     r"|residential|indoor|room furnishing|launch|car detection|traffic scene",
     (_SOFT, _UNFRAMED, _least(_contrast, 7, 5))),
    (r"woodland|forest", (_least(_colours("green", "brown", "black", "grey", "beige"), 0.3, 0.3),)),
    (r"coastal|seaside", (_least(_level, 0.6, 0.3),)),
    (r"astronomy|stargazing", (_most(lambda it: it.lightness, 28, 12), _SPARSE)),
    (r"rocket|space flight|launch", (_most(_detail, 0.16, 0.08), _SOFT, _COLOURED)),
    (r"x-ray|lung|thoracic|radiograph", (_most(_colourful, 6, 4), _UNFRAMED, _SOFT, _least(_contrast, 12, 8))),
    (r"microscop|cell type", (_COLOURED, _SOFT, _most(_one_way, 0.4, 0.1), _least(_detail, 0.06, 0.06))),
    (r"flower|botany|gardening|fruit|recipe", (_least(_colourful, 7, 6), _SOFT, _most(_detail, 0.12, 0.08))),
    (r"\bcat\b|\bpets?\b|\bfish\b|\bface\b|facial|portrait|coffee|\bcup\b",
     (_most(_detail, 0.18, 0.08), _SOFT, _least(_empty, 0.3, 0.3), _most(_rows, 12, 6))),
    (r"stripe", (_least(_one_way, 0.7, 0.3), _most(_rows, 3, 4))),
    (r"fabric weave|textile", (_least(_repeats, 0.5, 0.3), _least(_detail, 0.12, 0.1))),
    (r"brick|masonry", (_least(_repeats, 0.35, 0.2), _least(_square, 0.7, 0.2))),
    (r"dot pattern|dotted", (_least(_repeats, 0.45, 0.3), _most(_one_way, 0.45, 0.1))),
    (r"repeating pattern|abstract pattern|wall texture|tile pattern",
     (_least(lambda it: max(it.repetition, _one_way(it), _mirrored(it)), 0.45, 0.3), _most(_rows, 12, 6))),
    (r"wood material|wood grain",
     (_least(_colours("brown", "orange", "beige", "red"), 0.4, 0.3), _most(_empty, 0.2, 0.2))),
    (r"grain size|material grain|texture classification|material surface",
     (_most(_empty, 0.45, 0.2), _most(_rows, 14, 6))),
    (r"mandala", (_least(_mirrored, 0.8, 0.2), _least(_detail, 0.09, 0.06))),
    (r"swatch|colour charts|colour theory|gradual colour|gradient|monochrome|plain colour",
     (_most(_detail, 0.25, 0.08), _most(_rows, 8, 5), _least(_empty, 0.18, 0.1))),
    (r"gradient|gradual|monochrome|plain colour", (_least(_empty, 0.8, 0.3), _COLOURED, _most(_detail, 0.05, 0.05))),
    (r"clock|time reading", (_PLAIN, _least(_contrast, 14, 8), _most(_one_way, 0.45, 0.1))),
    (r"coin|money|currency", (_most(_detail, 0.22, 0.08), _most(_one_way, 0.42, 0.1), _SOFT)),
    (r"object counting|shape counting|number statement|relative position|spatial relation|position choice"
     r"|position statement|geometric shape|shape attribute",
     (_PLAIN, _least(_empty, 0.35, 0.2), _most(_detail, 0.18, 0.08))),
    (r"relative position|spatial relation|position choice|position statement", (_most(_detail, 0.08, 0.04),)),
    (r"logo|brand", (_least(_empty, 0.3, 0.2), _most(_detail, 0.2, 0.08))),
    (r"text line", (_least(_rows, 2, 4),)),
)  # fmt: skip
"""Patterns for the last two levels of a task type, and what a picture of it should be like."""
