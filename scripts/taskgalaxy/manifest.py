"""What the final set is made of: counts, models, prompts, answers, configuration and tools; and the checksums."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.files import atomic, sha256_file
from taskgalaxy.licenses import license_of_set

THIN = 10
"""A task type with fewer samples is thin (the paper's first bucket, Figure 5, has 1 to 10)."""

_TOOLS = (
    "snakemake",
    "torch",
    "open_clip_torch",
    "transformers",
    "openai",
    "polars",
    "pyarrow",
    "numpy",
    "scipy",
    "pillow",
)


def tool_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what comes out, as far as they are installed."""
    installed = {"python": platform.python_version()}
    for name in _TOOLS:
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed


def manifest(
    dataset: pl.DataFrame,
    funnel: pl.DataFrame,
    task_types: pl.DataFrame,
    config: Mapping[str, Any],
    identity: Mapping[str, str],
    inputs: Mapping[str, Any],
    answers: Mapping[str, Any],
) -> dict[str, Any]:
    """What the set is made of.

    Where sources lie is left out: it says where this machine keeps its files, and would make the manifest
    differ between machines.

    Args:
        dataset: ``schemas.DATASET``.
        funnel: ``schemas.FUNNEL``.
        task_types: ``schemas.TASK_TYPES``, the pool.
        identity: that of the CLIP model.
        inputs: the digests of the files that decided the set, the prompt templates and the seeds.
        answers: of :func:`taskgalaxy.ledger_tools.cited.cited_answers`.
    """
    sources = {
        name: {key: value for key, value in source.items() if key != "located"}
        for name, source in config["sources"].items()
    }
    models = model_rows(dataset)
    return {
        "samples": dataset.height,
        "task_types": dataset["task_type"].n_unique(),
        "images": dataset["image_id"].n_unique(),
        "samples_by_source": _counts(dataset["source"]),
        "license": license_of_set(dataset["license"], config["licenses"]),
        "samples_by_license": _counts(dataset["license"]),
        "sources": source_rows(dataset),
        "samples_per_task_type": _per_task_type(dataset),
        "task_type_pool": _pool(task_types),
        "providers": sorted({row["provider"] for row in models}),
        "models": models,
        "inputs": dict(inputs),
        "answers": dict(answers),
        "funnel": funnel.to_dicts(),
        "clip": dict(identity),
        "config": {**config, "sources": sources},
        "tools": tool_versions(),
    }


def _counts(column: pl.Series) -> dict[str, int]:
    return dict(sorted(column.value_counts().iter_rows()))


def source_rows(dataset: pl.DataFrame) -> list[dict[str, Any]]:
    """Samples and images of every source and licence."""
    groups = dataset.group_by("source", "license").agg(samples=pl.len(), images=pl.col("image_id").n_unique())
    return groups.sort("source", "license").to_dicts()


def model_rows(dataset: pl.DataFrame) -> list[dict[str, Any]]:
    """Who did what for how many samples: role, referee (``None`` for the other roles), provider and model.

    The provenance of the samples says so, not the configuration: with a ledger that is replayed, or a model that was
    changed in between, the two may differ.
    """
    made = [
        dataset.select(
            role=pl.lit(role),
            referee=pl.lit(None, pl.String),
            provider=f"{role}_provider",
            model=f"{role}_model",
        )
        for role in ("filter", "qa")
    ]
    votes = dataset.select(pl.col("votes").explode()).drop_nulls().unnest("votes")
    made.append(votes.select("referee", "provider", "model", role=pl.lit("referee")).select(made[0].columns))
    keys = ["role", "referee", "provider", "model"]
    return pl.concat(made).group_by(keys).agg(samples=pl.len()).sort(keys).to_dicts()


def _per_task_type(dataset: pl.DataFrame) -> dict[str, Any]:
    sizes = dataset.group_by("task_type").len("samples")["samples"]
    return {
        "fewest": sizes.min(),
        "median": sizes.median(),
        "most": sizes.max(),
        f"task_types_below_{THIN}": int((sizes < THIN).sum()),
        f"samples_in_task_types_below_{THIN}": int(sizes.filter(sizes < THIN).sum()),
    }


def _pool(task_types: pl.DataFrame) -> dict[str, Any]:
    """The task types that images were matched with, and the nodes of the tree above them by level, outermost first."""
    levels = task_types["levels"]
    deepest = int(task_types["depth"].max() or 0)  # type: ignore[arg-type]
    return {
        "task_types": task_types.height,
        "nodes_by_level": [
            levels.filter(task_types["depth"] >= level).list.head(level).n_unique() for level in range(1, deepest + 1)
        ],
        "by_origin": _counts(task_types["origin"]),
    }


def answer_keys(dataset: pl.DataFrame) -> Sequence[str]:
    """The ledger keys of all answers that the set's provenance names; those of the embedded provider are in none."""
    stages = [dataset.select(provider=f"{role}_provider", request=f"{role}_request") for role in ("filter", "qa")]
    votes = dataset.select(pl.col("votes").explode()).drop_nulls().unnest("votes")
    rows = pl.concat([*stages, votes.select("provider", "request")])
    recorded = rows.filter(pl.col("provider") != "embedded")["request"].drop_nulls()
    return recorded.unique().sort().to_list()


def write_checksums(path: Path | str, files: Iterable[Path | str]) -> None:
    """Write SHA256SUMS, as ``sha256sum --check`` reads it, with paths relative to its folder."""
    folder = Path(path).parent
    with atomic(path) as out:
        for file in sorted(Path(file) for file in files):
            out.write(f"{sha256_file(file)}  {file.relative_to(folder).as_posix()}\n")
