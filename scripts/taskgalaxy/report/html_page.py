"""What every page that the workflow writes needs: its templates, its data inside a script, its policy's hashes."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import Any

import jinja2


def environment(package: str) -> jinja2.Environment:
    """Jinja for the folder ``templates`` of ``package``: all text is escaped, and no name may be missing."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters["number"] = lambda value: f"{value:,}"
    made.filters["words"] = lambda name: name.replace("_", " ")
    made.filters["decimal"] = lambda value: "–" if value is None else f"{value:.3f}".replace("-", "−")
    made.filters["share"] = lambda value: "–" if value is None else f"{100 * value:.1f} %"
    return made


def template(package: str, name: str) -> str:
    """The text of a file in the folder ``templates`` of ``package``."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def script_json(value: Any) -> str:
    """Compact JSON that may stand inside a script element: nothing in it ends the element or a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def source_hash(text: str) -> str:
    """The text's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
