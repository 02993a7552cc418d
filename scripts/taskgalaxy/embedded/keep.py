"""The filter: which candidate task types hold on measured evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from taskgalaxy.embedded.features import features
from taskgalaxy.embedded.kinds import kinds_of
from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.probe import Posterior, Probe
from taskgalaxy.embedded.questions import decided_skills
from taskgalaxy.embedded.relevance import relevant_skills
from taskgalaxy.embedded.vocabulary import Vocabulary

MIN_POSTERIOR = 0.5
"""The least probability of the families that a task type fits."""
MAX_STRANGENESS = 1.1
"""Beyond this the picture is like nothing that the probe was trained on, and it says nothing."""


def reply_keep(variables: Mapping[str, Any], measures: Measures, vocabulary: Vocabulary, probe: Probe) -> str:
    """A JSON array of the candidates that hold.

    A task type about particular families holds if the probe finds one of them and the traits of their
    kind do not contradict it; one about pixels holds if a measurement that it asks for is decisive.
    Task types that the vocabulary does not tie to anything never hold.
    """
    posterior: Posterior | None = None
    kept = []
    for candidate in variables["candidates"]:
        known = vocabulary.find(candidate)
        if known is None or not known.families:
            continue
        if known.general:
            holds = bool(decided_skills(relevant_skills(candidate, known), measures))
        else:
            if posterior is None:
                posterior = probe.posterior(features(measures.picture))
            holds = (
                posterior.strangeness <= MAX_STRANGENESS
                and posterior.of(known.families) >= MIN_POSTERIOR
                and any(_KIND_HOLDS[kind](measures) for kind in kinds_of(known.families))
            )
        if holds:
            kept.append(candidate)
    return json.dumps(kept, ensure_ascii=False)


_KIND_HOLDS: Mapping[str, Callable[[Measures], bool]] = {
    "chart": lambda it: it.background.uniformity >= 0.8 and it.empty >= 0.12 and (it.sharpness or 0) >= 0.3,
    "document": lambda it: it.background.uniformity >= 0.5 and (it.sharpness or 0) >= 0.3,
    "code": lambda it: it.contrast >= 8,
    "diagram": lambda it: it.empty >= 0.05 and it.contrast >= 3,
    "scene": lambda it: it.background.uniformity <= 0.95,
    "object": lambda it: it.contrast >= 5,
    "texture": lambda it: it.detail >= 0.005,
    "colour": lambda it: it.detail <= 0.3,
}
"""What every picture of a kind has; bounds that hold for the rendered families with room to spare."""
