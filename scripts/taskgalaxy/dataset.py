"""The final set: drawn samples with everything that is known about them."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.files import atomic, sha256_file
from taskgalaxy.labels import split_levels
from taskgalaxy.tables import DATASET, SAMPLES, read_samples, to_frame

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


def read_all_samples(paths: Iterable[Path | str]) -> pl.DataFrame:
    """Samples of many shards, in the order given; of ``tables.SAMPLES``."""
    return pl.concat([to_frame([], SAMPLES), *(read_samples(path) for path in paths)])


def assemble(drawn: pl.DataFrame, samples: pl.DataFrame, images: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``tables.DATASET`` for ``drawn`` (column sample_id), sorted by task type and sample_id.

    ``samples`` are of ``tables.SAMPLES``, ``images`` of ``tables.IMAGE_INDEX``; ``scores`` is the vote table.

    Raises:
        ValueError: if a sample's image or votes are missing.
    """
    rows = (
        drawn.select("sample_id")
        .join(samples, on="sample_id", how="left")
        .join(
            images.select("image_id", "source", "width", "height", "license", image="path"), on="image_id", how="left"
        )
        .join(scores.select("sample_id", "votes", vote_score="score"), on="sample_id", how="left")
        .with_columns(
            level_1=pl.col("task_type").map_elements(lambda name: split_levels(name)[0], return_dtype=pl.String)
        )
        .sort("task_type", "sample_id")
    )
    for column in ("question", "image", "votes"):
        missing = rows[column].null_count()
        if missing:
            raise ValueError(f"{missing} of {rows.height} samples have no {column}")
    return rows.select(DATASET.schema.names)


def tool_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what comes out, as far as they are installed."""
    installed = {"python": platform.python_version()}
    for name in _TOOLS:
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed


def manifest(
    dataset: pl.DataFrame, funnel: pl.DataFrame, config: Mapping[str, Any], identity: Mapping[str, str]
) -> dict[str, Any]:
    """What the set is made of: counts, configuration, tools and models.

    ``identity`` is that of the CLIP model. The roots of sources are left out: they say where this machine
    keeps its files, and would make the manifest differ between machines.
    """
    sources = {
        name: {key: value for key, value in source.items() if key != "root"}
        for name, source in config["sources"].items()
    }
    referees = dataset["votes"].explode().struct.field("provider")
    providers = sorted({*dataset["filter_provider"], *dataset["qa_provider"], *referees})
    return {
        "samples": dataset.height,
        "task_types": dataset["task_type"].n_unique(),
        "images": dataset["image_id"].n_unique(),
        "samples_by_source": dict(sorted(dataset["source"].value_counts().iter_rows())),
        "samples_by_license": dict(sorted(dataset["license"].value_counts().iter_rows())),
        "providers": providers,
        "funnel": funnel.to_dicts(),
        "clip": dict(identity),
        "config": {**config, "sources": sources},
        "tools": tool_versions(),
    }


def write_checksums(path: Path | str, files: Iterable[Path | str]) -> None:
    """Write SHA256SUMS, as ``sha256sum --check`` reads it, with paths relative to its folder."""
    folder = Path(path).parent
    with atomic(path) as out:
        for file in sorted(Path(file) for file in files):
            out.write(f"{sha256_file(file)}  {file.relative_to(folder).as_posix()}\n")
