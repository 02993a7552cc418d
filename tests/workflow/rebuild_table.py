"""The table of docs/operations.md: what a change runs again, asks again and does to the final set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from workflow import changes
from workflow.changes import Effect
from workflow.project import Project

STAGES = frozenset(("filter", "qa", "referee"))

_STEPS = {
    "expand_level": 1,
    "pool_task_types": 1,
    "embed_task_types": 1,
    "match": 2,
    "filter_matches": 2,
    "generate_qa": 2,
    "cast_votes": 6,
    "tally_votes": 1,
    "referee_statistics": 1,
    "decontaminate": 1,
    "balance": 1,
    "funnel": 1,
    "write_manifest": 1,
    "write_card": 1,
    "seal_dataset": 1,
    "export_llava": 1,
    "gather_images": 1,
}
"""The jobs of a run with two shards and three referees, in their order; without those on images alone and the pages."""


def since(rule: str) -> Counter[str]:
    """The jobs from ``rule`` on."""
    names = list(_STEPS)
    return Counter({name: _STEPS[name] for name in names[names.index(rule) :]})


@dataclass(frozen=True)
class Change:
    """A row of the table.

    Attributes:
        name: what is changed.
        make: changes it in a copy of the fixture ``finished``.
        runs: what runs again, in words; ``jobs``: the same by rule.
        asks: what is asked, in words; ``stages``: those that may ask anything at all.
        result: what becomes of the final set, in words; ``effect``: whether it did.
        anew: stages whose every question is another than before.
    """

    name: str
    make: Callable[[Project], object]
    runs: str = "nothing"
    jobs: Counter[str] = field(default_factory=Counter)
    asks: str = "nothing"
    stages: frozenset[str] = frozenset()
    result: str = "unchanged"
    effect: Effect = changes.same
    anew: frozenset[str] = frozenset()


_NEW_SHARD = "the jobs of the new shards, `find_duplicates`, everything from `tally_votes` on"
_NEW_SHARD_JOBS = since("tally_votes") + Counter(
    [
        "write_shard",
        "inspect_images",
        "find_duplicates",
        "embed_images",
        "match",
        "filter_matches",
        "generate_qa",
    ]
    + ["cast_votes"] * 3
)
_AND_REMOVED = f"{_NEW_SHARD}; `list_removed`"
_REMOVED_JOBS = Counter(["list_removed"])
_DROPPED_JOBS = since("decontaminate") + Counter(["list_removed", "find_duplicates"])
_CHANGED = "about images whose candidates changed"

TOGETHER: dict[str, tuple[Change, ...]] = {
    "new images": (
        Change(
            "add images to a source",
            lambda project: project.add_images("one", [20, 21]),
            _NEW_SHARD,
            _NEW_SHARD_JOBS,
            "about the new images",
            STAGES,
            "more samples; where a task type is full, they may displace older ones",
            changes.grown("one"),
        ),
        Change(
            "add a source behind the others",
            lambda project: project.add_images("three", [23, 24]),
            _NEW_SHARD,
            _NEW_SHARD_JOBS,
            "about the new images",
            STAGES,
            "as above",
            changes.grown("three"),
        ),
        Change(
            "replace an image's content under the same name",
            changes.replace,
            _AND_REMOVED,
            _NEW_SHARD_JOBS + _REMOVED_JOBS,
            "about the new content",
            STAGES,
            "the old content's samples are gone; else as above",
            changes.gone("one", "0001.png"),
        ),
    ),
    "removed images": (
        Change(
            "remove an image",
            changes.remove,
            "`list_removed`, `find_duplicates`, everything from `decontaminate` on",
            _DROPPED_JOBS,
            result="its samples are gone; others may take their places",
            effect=changes.gone("one", "0001.png"),
        ),
        Change(
            "remove one of two copies of an image",
            changes.remove_copy,
            "as above",
            _DROPPED_JOBS,
            result="unchanged, apart from source and path",
            effect=changes.copy_stands_in,
        ),
    ),
    "seeds and a prompt": (
        Change(
            "add seeds",
            changes.add_seed,
            "everything from `expand_level` on; no image is embedded again",
            since("expand_level"),
            _CHANGED,
            STAGES,
            "made of the new candidates",
            changes.has_the_new_seed,
        ),
        Change(
            "a prompt (here: the filter's)",
            lambda project: changes.write_template(project, "filter", "{}Take your time."),
            "everything from its step on",
            since("filter_matches"),
            "all of its step; later, where what is asked about changed",
            STAGES,
            "made of the new answers",
            changes.all_new("filter_request"),
            anew=frozenset({"filter"}),
        ),
    ),
    "candidates": (
        Change(
            "`match.k`",
            lambda project: project.config["match"].update(k=2),
            "everything from `match` on",
            since("match"),
            _CHANGED,
            STAGES,
            "made of the new candidates",
            lambda _, project: bool(project.dataset()["rank"].max() == 2),
        ),
        Change(
            "`match.text`",
            lambda project: project.config["match"].update(text="leaf"),
            "everything from `embed_task_types` on; no image is embedded again",
            since("embed_task_types"),
            _CHANGED,
            STAGES,
            "made of the new candidates",
            changes.all_new("score"),
        ),
        Change(
            "the CLIP model, also other weights in the same folder",
            changes.other_weights,
            "`embed_images`, everything from `embed_task_types` on",
            since("embed_task_types") + Counter({"embed_images": 2}),
            _CHANGED,
            STAGES,
            "made of the new candidates",
            changes.all_new("score"),
        ),
    ),
    "another referee and threshold": (
        Change(
            "replace a referee",
            changes.replace_referee,
            "its `cast_votes`, everything from `tally_votes` on",
            since("tally_votes") + Counter({"cast_votes": 2}),
            "the new referee, about every sample",
            frozenset({"referee"}),
            "accepted by the new votes",
            changes.has_votes_of("first", "second", "fourth"),
        ),
        Change(
            "`referee.accept_at`",
            lambda project: project.config.update(referee={"accept_at": 3}),
            "everything from `tally_votes` on",
            since("tally_votes"),
            result="fewer samples if it was raised, more if it was lowered",
            effect=changes.has_scores_of(3),
        ),
    ),
    "one referee less": (
        Change(
            "drop a referee",
            changes.drop_referee,
            "everything from `tally_votes` on",
            since("tally_votes"),
            result="accepted by the votes that are left",
            effect=changes.has_votes_of("first", "second"),
        ),
    ),
    "draw": (
        Change(
            "`balance.max`",
            lambda project: project.config.update(balance={"max": 1}),
            "everything from `balance` on",
            since("balance"),
            result="fewer samples per task type, or more",
            effect=lambda _, project: project.dataset()["task_type"].is_unique().all(),
        ),
        Change(
            "`seed`",
            lambda project: project.config.update(seed=9),
            "everything from `balance` on",
            since("balance"),
            result="drawn anew where a task type has more samples than places",
            effect=changes.is_another_draw,
        ),
    ),
    "benchmark": (
        Change(
            "name a benchmark, or change its images or questions",
            changes.name_benchmark,
            "`hash_benchmark`, `hash_images` where no image was compared before, everything from `decontaminate` on",
            since("decontaminate") + Counter(["hash_benchmark"] + ["hash_images"] * 2),
            result="what it shares with the benchmark is gone by name; others may take their places",
            effect=changes.left_out_by_name,
        ),
    ),
    "archive": (
        Change(
            "put a source's images into a tar (or zip, Parquet, list), under the source's name",
            changes.pack,
            _AND_REMOVED,
            _NEW_SHARD_JOBS + _REMOVED_JOBS,
        ),
    ),
    "nothing is asked": (
        Change("touch an image", changes.touch, _AND_REMOVED, _NEW_SHARD_JOBS + _REMOVED_JOBS),
        Change(
            "rename or move an image",
            changes.move,
            _AND_REMOVED,
            _NEW_SHARD_JOBS + _REMOVED_JOBS,
            result="unchanged, apart from the path",
            effect=changes.was_moved,
        ),
        Change("add a duplicate", changes.duplicate, _NEW_SHARD, _NEW_SHARD_JOBS),
        Change(
            "`images.shard_size`",
            lambda project: project.config.update(images={"shard_size": 3}),
            "`write_manifest`, which holds the configuration, `write_card` and `seal_dataset`; "
            "shards that exist stay as they are",
            Counter(["write_manifest", "write_card", "seal_dataset"]),
        ),
        Change(
            "raise a stage's number in `versions.py` (here: the referees')",
            changes.raise_version,
            "everything from that stage on",
            since("cast_votes"),
            "nothing, as long as the prompts come out the same",
            result="what the new code makes of the recorded answers",
        ),
        Change(
            "edit a comment in the seeds",
            changes.comment_on_seeds,
            "everything from `expand_level` on; no image is embedded again",
            since("expand_level"),
        ),
        Change(
            "edit a comment in a prompt (here: the referees')",
            lambda project: changes.write_template(project, "referee", "{{# a comment #}}{}"),
            "everything from its step on",
            since("cast_votes"),
        ),
        Change("edit a comment in the Snakefile, a rule, a script or the library", changes.comment_on_code),
        Change("edit a script or the library, and leave the numbers in `versions.py` alone", changes.edit_code),
        Change("how to ask: `concurrency`, `timeout_s`, `max_retries` …", changes.ask_otherwise),
        Change("`git clone`, `git checkout`: newer files, the same content", changes.own_code),
    ),
}
"""The rows, in their order. Those under one key are planned one by one and then run together."""


def table() -> list[str]:
    """The table's lines in Markdown."""
    rows = [row for together in TOGETHER.values() for row in together]
    lines = ["| what changes | what runs again | what is asked | the final set |", "| --- | --- | --- | --- |"]
    return lines + [f"| {row.name} | {row.runs} | {row.asks} | {row.result} |" for row in rows]
