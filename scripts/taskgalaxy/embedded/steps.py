"""Step-by-step answers: what a question of ours is about, what was measured, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.relevance import recognise
from taskgalaxy.files import json_line


def reply_steps(variables: Mapping[str, Any], measures: Measures) -> str:
    """A JSON object with steps and answer, or why there is none: other questions than ours are beyond it."""
    recognised = recognise(variables["question"])
    if recognised is None:
        return json_line({"abstain": "it asks for nothing that is measured"})
    skill, asked = recognised
    values = skill.claim(measures)
    if values is None or any(values.get(slot, value) != value for slot, value in asked.items()):
        return json_line({"abstain": "no measurement is decisive on this image"})
    measured = ", ".join(f"{slot.replace('_', ' ')} {value}" for slot, value in values.items())
    steps = [
        f"The question is about {skill.name.replace('_', ' ')}, which the pixels of the image decide.",
        f"Measured on the image: {measured}.",
    ]
    return json_line({"steps": steps, "answer": skill.answers[0].format_map(values)})
