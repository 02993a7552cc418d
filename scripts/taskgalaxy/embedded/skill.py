"""A skill: something to ask about a picture, with sentences to ask and to answer it and the means to check.

Sentences are templates with slots in braces. The same templates that make a sentence also recognise it,
so a referee can read back what was claimed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from taskgalaxy.embedded.measures import Measures

Values = Mapping[str, str]
"""What fills the slots of a skill's sentences."""

LEAD_INS = (
    "",
    "In this image, ",
    "",
    "Looking at the picture as a whole, ",
    "",
    "When you look closely at this image, ",
)
_LEAD_IN = re.compile("|".join(re.escape(lead_in) for lead_in in LEAD_INS if lead_in))
_SLOT = re.compile(r"\\\{(\w+)\\\}|\{(\w+)\}")


@dataclass(frozen=True)
class Skill:
    """Something to ask about a picture.

    Attributes:
        name: an identifier.
        claim: what is true of a picture, or None where the measurement does not decide it.
        check: how well values agree with other measurements of the picture: from 0 to 1, 0.5 undecided.
        questions: templates, beginning with a small letter, without a full stop.
        answers: templates; each holds everything that the claim says.
    """

    name: str
    claim: Callable[[Measures], Values | None]
    check: Callable[[Values, Measures], float]
    questions: tuple[str, ...]
    answers: tuple[str, ...]


def ask(skill: Skill, values: Values, number: int) -> tuple[str, str]:
    """The question and the answer in the wording that ``number`` picks; any number will do."""
    number, lead_in = divmod(number, len(LEAD_INS))
    number, question = divmod(number, len(skill.questions))
    text = LEAD_INS[lead_in] + skill.questions[question].format_map(values)
    return text[0].upper() + text[1:], skill.answers[number % len(skill.answers)].format_map(values)


def read_question(skill: Skill, text: str) -> Values | None:
    """The slots of a question that the skill asks; None if it is not one of its questions."""
    lead_in = _LEAD_IN.match(text)
    if lead_in:
        text = text[lead_in.end() :]
    return _read(skill.questions, text[:1].lower() + text[1:])


def read_answer(skill: Skill, text: str) -> Values | None:
    """The slots of an answer that the skill gives; None if it is not one of its answers."""
    return _read(skill.answers, text)


def _read(templates: tuple[str, ...], text: str) -> Values | None:
    for template in templates:
        if match := _pattern(template).fullmatch(text):
            return match.groupdict()
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Recognises what the template makes; a slot that occurs twice has to hold the same text."""
    seen: set[str] = set()

    def group(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.+?)"

    return re.compile(_SLOT.sub(group, re.escape(template)))


def closeness(one: float, other: float, tolerance: float) -> float:
    """1 for equal numbers, 0.5 at ``tolerance`` apart, 0 at twice that."""
    return max(0.0, 1 - abs(one - other) / (2 * tolerance))


def margin(value: float, threshold: float, scale: float) -> float:
    """0.5 at the threshold, towards 1 above and towards 0 below it; ``scale`` away it is 1 or 0."""
    return min(1.0, max(0.0, 0.5 + (value - threshold) / (2 * scale)))
