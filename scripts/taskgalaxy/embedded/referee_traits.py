"""The referee of traits: what the words of a task type lead one to expect of a picture and of a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from taskgalaxy.embedded.expectations import EXPECTATIONS
from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.verdict import Verdict, vote
from taskgalaxy.embedded.vocabulary import Vocabulary
from taskgalaxy.labels import split_levels

_UNEXPECTING = 0.6
"""The vote where the words lead to no expectation: nothing speaks against it."""


_TOPICS: Sequence[tuple[str, str]] = (
    (r"colour", r"colou?r|palette|warm|vivid|muted|saturat|\b(?:more|most) "),
    (r"brightness|lighting|light and shade|tonal|exposure", r"bright|light|dark|shade|expos|ton"),
    (r"contrast", r"contrast|light and the dark|ton|colou?r|area"),
    (r"sharpness", r"sharp|crisp|blur|soft"),
    (r"symmetry", r"symmetr|mirror|swapped"),
    (r"orientation|aspect", r"format|orientation|width|proportion"),
    (r"region (?:counting|quantity)", r"region|connected|foreground"),
    (r"text line", r"text|letter"),
    (r"direction", r"direction|horizontal|diagonal|edges"),
    (r"half|halves", r"half|halves"),
    (r"background", r"background|surround|foreground"),
    (r"empty space", r"empty|blank|plain"),
)
"""Words of a task type about pixels, and what a question of that type speaks of."""


def judge_traits(variables: Mapping[str, Any], measures: Measures, vocabulary: Vocabulary) -> Verdict:
    """1 unless the picture violates an expectation that the words of the task type raise, or the question does."""
    known = vocabulary.find(variables["task_type"])
    levels = split_levels(variables["task_type"])
    if known is not None and known.general:
        subject, text = levels[-1].casefold(), variables["question"].casefold()
        if any(re.search(words, subject) and not re.search(spoken, text) for words, spoken in _TOPICS):
            return vote(0.1)
        subject_words = subject
    else:
        subject_words = " ".join(levels[-2:]).casefold()
    met = [
        expectation(measures)
        for pattern, expectations in EXPECTATIONS
        if re.search(pattern, subject_words)
        for expectation in expectations
    ]
    return vote(min(met, default=_UNEXPECTING))
