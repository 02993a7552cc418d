"""The referee that measures again: recognises what was asked and claimed, and checks it in another way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.relevance import recognise
from taskgalaxy.embedded.skill import read_answer
from taskgalaxy.embedded.verdict import ABSTAIN, Verdict, vote

_DECIDED, _UNDECIDED = 0.8, 0.3
"""How likely a question is to suit the image, if the other measurement decides it, and if not."""


def judge_again(variables: Mapping[str, Any], measures: Measures) -> Verdict:
    """Whether the answer is right by ``measures``; without an answer, whether the question can be decided.

    Questions that no skill asks, and answers that no skill gives, are beyond it: it abstains.
    """
    recognised = recognise(variables["question"])
    if recognised is None:
        return ABSTAIN
    skill, asked = recognised
    if variables.get("answer") is None:
        p_yes = _DECIDED if skill.claim(measures) is not None else _UNDECIDED
        if asked:
            p_yes = min(p_yes, skill.check(asked, measures))
        return vote(p_yes)
    answer = read_answer(skill, variables["answer"])
    if answer is None:
        return ABSTAIN
    if any(answer.get(slot, value) != value for slot, value in asked.items()):
        return vote(0.0)
    return vote(skill.check(answer, measures))
