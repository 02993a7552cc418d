"""Labels of task types, as people and models write them, brought to one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

SEPARATOR = "~"
"""Joins the levels of a task type, as the published data does."""

# Compatibility normalisation would tear some of these apart, so they are replaced before it.
_LOOK_ALIKES = str.maketrans(dict.fromkeys("∼～〜˜⁓\ue000", SEPARATOR))
_LEVELS = re.compile(r" *(?:~|-+>|→|»| > ) *")
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})

_MARKERS = '*_`"“”„'
_PAIRS = frozenset({("'", "'"), ("‘", "’"), ("[", "]")})
_PAIR_PER_LEVEL = re.compile(r"['’\]]~['‘\[]")
_TRAILING = " .,;:。、"
_LEADING = re.compile(
    r"""
      [-+*#–—‣▪▸◦●○■]+(?:\ |$)     # a bullet or a heading
    | [•·]\ ?
    | \(?[0-9]{1,4}[.)](?![0-9])\ ?  # 1. or 1) or (1), but not 2.5D
    | \(?[A-Za-z]\)(?:\ |$)          # a) or (a)
    """,
    re.VERBOSE,
)


def split_levels(task_type: str) -> list[str]:
    """The levels of a task type, outermost first."""
    return task_type.split(SEPARATOR)


def join_levels(levels: Iterable[str]) -> str:
    """A task type from its levels, outermost first."""
    return SEPARATOR.join(levels)


def clean_label(text: str) -> str:
    """``text`` without what decorates it: bullets, numbering, quotes, bold markers, final punctuation.

    The Unicode form is NFKC, white space is single blanks, invisible and control characters are gone,
    and everything that stands for a step down the levels (``->``, ``→``, ``»``, `` > ``, look-alikes of
    ``~``) is ``~`` without blanks around it. Case is kept. Cleaning twice changes nothing.
    """
    while (cleaned := _undecorate(_flatten(text))) != text:
        text = cleaned
    return text


def label_key(label: str) -> str:
    """What two labels have in common if they are the same one: the cleaned form without its case."""
    return unicodedata.normalize("NFKC", clean_label(label).casefold())


def split_path(text: str) -> list[str]:
    """The cleaned labels of a reply line, outermost first; a level that is empty is ``""``."""
    return [clean_label(level) for level in clean_label(text).split(SEPARATOR)]


def path_key(levels: Sequence[str]) -> tuple[str, ...]:
    """:func:`label_key` of every level."""
    return tuple(label_key(level) for level in levels)


def _flatten(text: str) -> str:
    """One line of visible characters in NFKC, levels joined by ``~``."""
    text = unicodedata.normalize("NFKC", text.translate(_LOOK_ALIKES))
    visible = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _DROPPED_CATEGORIES
    )
    return _LEVELS.sub(SEPARATOR, " ".join(visible.split()))


def _undecorate(text: str) -> str:
    """``text`` less one layer of decoration on either end."""
    text = text[match.end() :] if (match := _LEADING.match(text)) else text
    text = text.rstrip(_TRAILING).strip(_MARKERS).strip()
    # 'a'~'b' is two quoted levels and not one quoted path.
    if len(text) > 1 and (text[0], text[-1]) in _PAIRS and not _PAIR_PER_LEVEL.search(text):
        text = text[1:-1].strip()
    return text
