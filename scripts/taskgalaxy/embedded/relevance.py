"""Which skills answer to which task type: by the words of its label, else by the kind of picture it is about.

And which skill asks a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from taskgalaxy.embedded.kinds import kinds_of
from taskgalaxy.embedded.skill import Skill, Values, read_question
from taskgalaxy.embedded.skills_colour import (
    COLOUR_SKILLS,
    COMPARED,
    DOMINANT,
    FOREGROUND,
    HALVES,
    PALETTE,
    SATURATION,
    SECOND,
    TEMPERATURE,
)
from taskgalaxy.embedded.skills_layout import (
    BACKGROUND,
    COUNT,
    DETAIL,
    DIRECTION,
    EMPTY,
    LARGEST,
    LAYOUT_SKILLS,
    QUADRANT,
    REPETITION,
    SYMMETRY,
    TEXT,
)
from taskgalaxy.embedded.skills_light import (
    BRIGHTEST,
    BRIGHTNESS,
    CONTRAST,
    DARKEST,
    LEFT_RIGHT,
    LIGHT_SKILLS,
    MIDDLE,
    SHAPE,
    SHARPNESS,
    TONE,
    TOP_BOTTOM,
)
from taskgalaxy.embedded.vocabulary import Knowledge
from taskgalaxy.labels import split_levels

SKILLS: tuple[Skill, ...] = (*COLOUR_SKILLS, *LIGHT_SKILLS, *LAYOUT_SKILLS)
"""Every skill."""

_BY_WORDS: Sequence[tuple[str, tuple[Skill, ...]]] = (
    ("secondary colour", (SECOND, COMPARED)),
    ("colour contrast", (COMPARED, HALVES)),
    ("colour region", (FOREGROUND, HALVES, COMPARED)),
    ("saturation", (SATURATION,)),
    ("temperature|warm and cool", (TEMPERATURE,)),
    ("palette|harmony|colour scheme", (PALETTE, COMPARED, SECOND)),
    ("colour", (DOMINANT, COMPARED, PALETTE)),
    ("left and right half", (LEFT_RIGHT,)),
    ("top and bottom half", (TOP_BOTTOM, HALVES)),
    ("light and shade", (BRIGHTEST, DARKEST, TONE, CONTRAST)),
    ("tonal|lighting", (TONE, BRIGHTNESS, CONTRAST)),
    ("contrast", (CONTRAST, TONE)),
    ("brightness", (BRIGHTNESS, BRIGHTEST, TONE)),
    ("symmetry", (SYMMETRY,)),
    ("orientation|aspect ratio", (SHAPE,)),
    ("sharpness", (SHARPNESS,)),
    ("texture", (REPETITION, DETAIL, DIRECTION)),
    ("detail density", (DETAIL, QUADRANT)),
    ("visual balance", (LEFT_RIGHT, TOP_BOTTOM, QUADRANT, SYMMETRY)),
    ("subject position", (LARGEST,)),
    ("foreground", (FOREGROUND, COUNT, LARGEST)),
    ("background", (BACKGROUND,)),
    ("empty space", (EMPTY,)),
    ("layout|composition", (QUADRANT, LARGEST, EMPTY, MIDDLE, BRIGHTEST)),
    ("region", (COUNT, LARGEST)),
    ("text line", (TEXT,)),
    ("direction", (DIRECTION,)),
)
"""The first pattern that is found in the label's last level decides, for types about what is in the pixels."""

_BY_KIND = {
    "chart": (FOREGROUND, COMPARED, PALETTE, LARGEST, DIRECTION, BACKGROUND, SECOND, EMPTY, QUADRANT),
    "document": (TEXT, EMPTY, QUADRANT, BACKGROUND, DIRECTION, FOREGROUND, DETAIL),
    "code": (CONTRAST, DIRECTION, COMPARED, DETAIL, SYMMETRY, TONE, BACKGROUND),
    "diagram": (COUNT, LARGEST, EMPTY, FOREGROUND, DIRECTION, QUADRANT, BACKGROUND, COMPARED),
    "scene": (TOP_BOTTOM, HALVES, DOMINANT, TEMPERATURE, BRIGHTEST, TONE, LEFT_RIGHT, DARKEST, COMPARED),
    "object": (DOMINANT, COMPARED, MIDDLE, LARGEST, TEMPERATURE, BRIGHTEST, PALETTE, LEFT_RIGHT, COUNT),
    "texture": (REPETITION, DIRECTION, DETAIL, CONTRAST, COMPARED, SATURATION, SYMMETRY, DOMINANT),
    "colour": (DOMINANT, PALETTE, SATURATION, TEMPERATURE, COMPARED, LEFT_RIGHT, TOP_BOTTOM),
}


def relevant_skills(task_type: str, known: Knowledge | None) -> tuple[Skill, ...]:
    """The skills that may serve a task type; none for one that is not about anything measurable."""
    if known is not None and not known.general:
        kinds = kinds_of(known.families)
        skills = [skill for kind, group in _BY_KIND.items() if kind in kinds for skill in group]
        return tuple(dict.fromkeys(skills))
    leaf = split_levels(task_type)[-1].casefold()
    return next((skills for pattern, skills in _BY_WORDS if re.search(pattern, leaf)), ())


def recognise(question: str) -> tuple[Skill, Values] | None:
    """The skill that asks this question, and what fills the question's slots."""
    for skill in SKILLS:
        values = read_question(skill, question)
        if values is not None:
            return skill, values
    return None
