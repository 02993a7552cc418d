"""Question-answer pairs: for each task type a skill that it is about and that is decided on this image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.relevance import relevant_skills
from taskgalaxy.embedded.skill import Skill, Values, ask
from taskgalaxy.embedded.vocabulary import Vocabulary
from taskgalaxy.files import json_line


def reply_questions(variables: Mapping[str, Any], image_id: str, measures: Measures, vocabulary: Vocabulary) -> str:
    """JSON Lines, one object per task type: a pair, or why there is none.

    A skill is asked about once as long as there are others, so that an image's questions differ; the choice
    and the wording come from a hash of image and task type.
    """
    used: set[str] = set()
    lines = []
    for task_type in variables["task_types"]:
        known = vocabulary.find(task_type)
        skills = relevant_skills(task_type, known)
        decided = decided_skills(skills, measures)
        if not decided:
            why = "no measurement is decisive on this image" if skills else "it asks for nothing that is measured"
            lines.append(json_line({"task_type": task_type, "abstain": why}))
            continue
        number = _number(image_id, task_type)
        fresh = [each for each in decided if each[0].name not in used] or decided
        skill, values = fresh[number % min(3, len(fresh))]
        used.add(skill.name)
        question, answer = ask(skill, values, number // 3)
        lines.append(json_line({"task_type": task_type, "question": question, "answer": answer}))
    return "".join(lines)


def decided_skills(skills: tuple[Skill, ...], measures: Measures) -> list[tuple[Skill, Values]]:
    """Those that claim something of the picture, with what they claim."""
    claims = [(skill, skill.claim(measures)) for skill in skills]
    return [(skill, values) for skill, values in claims if values is not None]


def _number(image_id: str, task_type: str) -> int:
    """A number from the image and the task type alone."""
    return int.from_bytes(hashlib.sha256(f"{image_id}\n{task_type}".encode()).digest()[:6])
