"""Figures as SVG: the same figure gives the same bytes, and several may stand in one page.

What matplotlib writes is made fit for a page with a strict content security policy: style attributes, which such a
policy forbids, become attributes of their own; identifiers get the figure's name before them; and title and
description are inside, for those who do not see the figure.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

from matplotlib.figure import Figure

from taskgalaxy.figures.style import in_style

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"#([\w-]+)")
ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _LINK)


def to_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """The figure as one SVG element.

    Args:
        name: before every identifier in it; distinct among the figures of a page.
        title, description: what it is, and what it shows, in words.
    """
    drawn = io.BytesIO()
    with in_style():
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    root = ET.fromstring(drawn.getvalue())
    ids = {element.get("id") for element in root.iter()}
    used = ids & {
        found for element in root.iter() for value in element.attrib.values() for found in _REFERENCE.findall(value)
    }

    def prefixed(match: re.Match[str]) -> str:
        return f"#{name}-{match[1]}" if match[1] in used else match[0]

    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        for part in filter(None, map(str.strip, element.attrib.pop("style", "").split(";"))):
            key, value = part.split(":", 1)
            element.set(key.strip(), value.strip())
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for key, value in list(element.attrib.items()):
            element.set(key, f"{name}-{value}" if key == "id" else _REFERENCE.sub(prefixed, value))
    # What the style element that is gone says of all elements.
    root.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt"})
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title {name}-description"})
    for number, (part, text) in enumerate((("title", title), ("description", description))):
        element = ET.Element(f"{{{_SVG}}}{'desc' if part == 'description' else part}", {"id": f"{name}-{part}"})
        element.text = text
        root.insert(number, element)
    return ET.tostring(root, encoding="unicode") + "\n"
