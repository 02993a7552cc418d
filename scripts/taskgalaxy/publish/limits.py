"""What is known to be wrong or doubtful with a set: what the method brings along, and what this run's files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from taskgalaxy.licenses import OTHER, UNKNOWN
from taskgalaxy.manifest import THIN

if TYPE_CHECKING:
    from taskgalaxy.report.referees import RefereeStatistics

HARDLY_AGREEING = 0.2
"""Up to this kappa agreement is called slight (Landis and Koch, 1977)."""

OF_THE_METHOD = (
    "Questions, answers and all task types but the seeds were written by machines, and no step that made the set has "
    "a person look at a sample. The referees' votes stand in for that, and how often these are right is not known from "
    "the set itself.",
    "Referees may share blind spots with one another and with who wrote the questions: what all of them "
    "take for right passes. They may also turn away what is right but too hard for them, so that the set leans "
    "towards what its referees can do.",
    "Whether a task type can be given to an image was decided by CLIP first: a task type that is not among the "
    "candidates of an image is never asked about, however well it fits.",
    "Task types were kept apart by their words. Two that mean the same may both be in the set, so that their number "
    "says more than their diversity.",
    "The images are those of their sources, with the subjects, regions and faults that these have; no step "
    "looks for people or for anything personal in them.",
)
"""In the words of the card; (paper, appendix A.4, and what has been asked of the paper since)."""


def limits_of_run(manifest: Mapping[str, Any], referees: RefereeStatistics) -> list[str]:
    """What the files of the run say, the gravest first; as plain text."""
    return [
        *_provider(manifest),
        *_licenses(manifest),
        *_answers(manifest),
        *_referees(manifest, referees),
        *_thin(manifest),
    ]


def _provider(manifest: Mapping[str, Any]) -> list[str]:
    if "embedded" not in manifest["providers"]:
        return []
    return [
        "This is not training data. The embedded provider had a part in it, which asks and answers only what it can "
        "measure in the pixels, and exists to run and test the workflow."
    ]


def _licenses(manifest: Mapping[str, Any]) -> list[str]:
    if manifest["license"] == UNKNOWN:
        return [
            "Nobody knows under which licence some of the images may be passed on, and so the set's own is unknown "
            "too. Do not pass it on."
        ]
    if manifest["license"] == OTHER:
        return [
            "No single licence meets the conditions of all images: keep to that of every sample, in the column license."
        ]
    return []


def _answers(manifest: Mapping[str, Any]) -> list[str]:
    answers = manifest["answers"]
    missing = answers["named"] - answers["recorded"]
    if not missing:
        return []
    return [
        f"Of the {answers['named']:,} recorded answers that the set was made of, {missing:,} were not in the ledger "
        "any more when this was written: nobody can make those samples again from it."
    ]


def _referees(manifest: Mapping[str, Any], referees: RefereeStatistics) -> list[str]:
    found = []
    if not manifest["config"]["referee"]["sees_answer"]:
        found.append(
            "The referees saw image, task type and question but not the answer: a sample may have been accepted whose "
            "answer is wrong."
        )
    kappa = referees["together"]["fleiss_kappa"]
    if kappa is not None and kappa <= HARDLY_AGREEING:
        found.append(
            f"The referees agree hardly more often than by chance (Fleiss' kappa {kappa:.3f}): that two of "
            "them said yes means little more than that one did."
        )
    missing = sum(each["missing"] for each in referees["referees"])
    if missing:
        counted = {"no": "as no", "yes": "as yes", "reject": "against the sample"}
        how = counted[manifest["config"]["referee"]["missing_vote"]]
        found.append(f"{missing:,} votes are missing; a missing vote counts {how}.")
    writers = {row["model"] for row in manifest["models"] if row["role"] == "qa" and row["provider"] != "embedded"}
    judges = {row["model"] for row in manifest["models"] if row["role"] == "referee"}
    if same := sorted(writers & judges):
        found.append(f"{', '.join(same)} voted on questions that it had written itself.")
    return found


def _thin(manifest: Mapping[str, Any]) -> list[str]:
    thin = manifest["samples_per_task_type"][f"task_types_below_{THIN}"]
    if not thin:
        return []
    return [
        f"{thin:,} of {manifest['task_types']:,} task types have fewer than {THIN} samples: what is measured of one of "
        "them, or learnt from it, rests on little."
    ]
