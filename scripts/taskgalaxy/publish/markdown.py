"""Markdown from templates in which no value can end a table's cell, a line or a pair of brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jinja2

_ACTIVE = re.compile(r"[\\`*_{}\[\]<>#|~$&!]")
_NOT_PLAIN = re.compile(r"[^\w ]|_")


class Markdown(str):
    """Text that is Markdown already and stays as it is."""

    __slots__ = ()


def one_line(value: Any) -> str:
    """``value`` with every run of white space, line ends among it, as one space, and no control characters."""
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return " ".join(text.split())


def escaped(value: Any) -> str:
    """``value`` as text on one line that Markdown shows as it is."""
    return value if isinstance(value, Markdown) else _ACTIVE.sub(r"\\\g<0>", one_line(value))


def code(value: Any) -> Markdown:
    """``value`` as code on one line, in a table's cell as well as elsewhere."""
    text = one_line(value)
    if text and "`" not in text and "|" not in text:
        return Markdown(f"`{text}`")
    # Between backticks nothing can be escaped.
    entities = _NOT_PLAIN.sub(lambda character: f"&#{ord(character[0])};", text)
    return Markdown(f"<code>{entities}</code>")


def number(value: float) -> Markdown:
    """A count with its thousands, or a figure with up to three decimals."""
    return Markdown(f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip("."))


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """The package's ``template`` filled with ``values``, every one of them escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("taskgalaxy.publish"),
        # Markdown has its own signs to escape; jinja2's autoescape knows those of HTML.
        autoescape=False,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": code, "number": number}
    return environment.get_template(template).render(values)
