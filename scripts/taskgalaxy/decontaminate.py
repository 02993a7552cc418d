"""Samples that a benchmark gives away, and images that look like earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taskgalaxy.benchmark_lists import Question, folder_entries, read_hashes
from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_file
from taskgalaxy.hamming import NOWHERE, Hashes, Index, leaders
from taskgalaxy.ngrams import Overlap
from taskgalaxy.phash import hash_bytes
from taskgalaxy.rejects import reject
from taskgalaxy.schemas import CLEAN, CONTAMINATION, NEAR_DUPLICATES

Row = dict[str, Any]


def benchmark_images(paths: Iterable[str]) -> list[Row]:
    """A row of ``schemas.BENCHMARK_IMAGES`` per image of these folders and lists.

    Raises:
        UserError: if an image cannot be decoded, or a list cannot be read.
    """
    rows: list[Row] = []
    for path in paths:
        if not Path(path).is_dir():
            rows += [listed._asdict() for listed in read_hashes(path)]
            continue
        for entry, file in folder_entries(path):
            try:
                phash = hash_bytes(file.read_bytes())
            except OSError as error:
                raise UserError(
                    str(file), f"cannot be decoded ({error})", "replace this image of the benchmark, or remove it"
                ) from error
            rows.append({"entry": entry, "sha256": sha256_file(file), "phash": phash})
    return rows


def contamination(
    samples: pl.DataFrame,
    hashes: pl.DataFrame,
    benchmark_images: Mapping[str, pl.DataFrame],
    benchmark_questions: Mapping[str, Sequence[Question]],
    distance: int | None,
    ngram: int,
) -> pl.DataFrame:
    """What samples have in common with benchmarks, in the order of the samples.

    A sample has at most one row per benchmark and reason, and none for an image that is like one of the
    benchmark's if it is one of them.

    Args:
        samples: sample_id, image_id and question.
        hashes: ``schemas.IMAGE_HASHES`` of their images; those that it lacks are compared by content alone.
        benchmark_images: ``schemas.BENCHMARK_IMAGES`` by benchmark.
        benchmark_questions: questions by benchmark.
        distance: the largest Hamming distance at which two images are alike; ``None``: only the same bytes count.
        ngram: how many words in a row two questions have in common.

    Returns:
        sample_id, image_id, reason, benchmark, entry, distance and words, as in ``schemas.CONTAMINATION``.
    """
    images = samples.select("image_id").unique(maintain_order=True)
    images = images.join(hashes.select("image_id", "phash"), on="image_id", how="left", maintain_order="left")
    found = [_HITS.clear()]
    for name, entries in benchmark_images.items():
        same = _same_images(images, entries)
        alike = _like_images(images.join(same, on="image_id", how="anti"), entries, distance)
        for hits in (same, alike):
            found.append(
                samples.select("sample_id", "image_id")
                .join(hits, on="image_id")
                .with_columns(benchmark=pl.lit(name), words=pl.lit(None, pl.String))
                .select(_HITS.columns)
            )
    for name, questions in benchmark_questions.items():
        found.append(
            _like_questions(samples, questions, ngram).with_columns(benchmark=pl.lit(name)).select(_HITS.columns)
        )
    places = samples.select("sample_id").with_row_index("place")
    # Benchmarks and reasons stay in their order: the sort is stable.
    hits = pl.concat(found).join(places, on="sample_id", maintain_order="left")
    return hits.sort("place", maintain_order=True).drop("place")


_HITS = pl.DataFrame(
    schema={
        "sample_id": pl.String,
        "image_id": pl.String,
        "reason": pl.String,
        "benchmark": pl.String,
        "entry": pl.String,
        "distance": pl.UInt8,
        "words": pl.String,
    }
)


def _same_images(images: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """image_id, entry, reason, distance of images whose bytes are a benchmark's."""
    listed = entries.filter(pl.col("sha256").is_not_null()).unique("sha256", keep="first", maintain_order=True)
    return images.join(listed.select("entry", image_id="sha256"), on="image_id", maintain_order="left").select(
        "image_id", "entry", reason=pl.lit("benchmark_image"), distance=pl.lit(None, pl.UInt8)
    )


def _like_images(images: pl.DataFrame, entries: pl.DataFrame, distance: int | None) -> pl.DataFrame:
    """The same of images that look like a benchmark's; the entry is that of the nearest, the first of several."""
    images, entries = (rows.filter(pl.col("phash").is_not_null()) for rows in (images, entries))
    if distance is None:
        images = images.clear()
    positions, apart = Index(_hashes(entries)).nearest(_hashes(images), distance or 0)
    near = positions != NOWHERE
    return images.filter(near).select(
        "image_id",
        entry=entries["entry"].gather(positions[near]),
        reason=pl.lit("benchmark_image_near"),
        distance=pl.Series(apart[near]),
    )


def _hashes(rows: pl.DataFrame) -> Hashes:
    return rows["phash"].cast(pl.UInt64).to_numpy()


def _like_questions(samples: pl.DataFrame, questions: Sequence[Question], ngram: int) -> pl.DataFrame:
    """Samples whose question shares words with a benchmark's; all of ``_HITS`` but the benchmark."""
    overlap = Overlap((question.text for question in questions), ngram)
    asked = samples["question"].unique(maintain_order=True)
    shared = [(text, *found) for text in asked if (found := overlap.first(text))]
    hits = pl.DataFrame(
        {
            "question": [text for text, _, _ in shared],
            "entry": [questions[number].entry for _, number, _ in shared],
            "words": [words for _, _, words in shared],
        },
        schema={"question": pl.String, "entry": pl.String, "words": pl.String},
    )
    return samples.join(hits, on="question", maintain_order="left").with_columns(
        reason=pl.lit("benchmark_question"), distance=pl.lit(None, pl.UInt8)
    )


def near_duplicates(
    samples: pl.DataFrame, index: pl.DataFrame, hashes: pl.DataFrame, distance: int | None
) -> pl.DataFrame:
    """Images of ``samples`` that look like an earlier one of them; of ``schemas.NEAR_DUPLICATES``.

    Earlier is what comes first in ``index``. Every row names the image that stands for it, which is itself in no
    row; images that come later change no row.

    Args:
        samples: image_id, one row per sample.
        index: ``schemas.IMAGE_INDEX``; images that are not present are left out.
        hashes: ``schemas.IMAGE_HASHES``; images without a hash are like no other.
        distance: the largest Hamming distance; ``None``: nothing is looked for.
    """
    counts = samples.group_by("image_id").len("samples")
    images = (
        index.filter("present")
        .select("image_id", "source", image="path")
        .join(counts, on="image_id", maintain_order="left")
        .join(hashes.select("image_id", "phash"), on="image_id", maintain_order="left")
        .filter(pl.col("phash").is_not_null())
    )
    if distance is None:
        images = images.clear()
    leader, apart = leaders(_hashes(images), distance or 0)
    first = images.select(first_image_id="image_id", first_source="source", first_image="image")[leader]
    rows = pl.concat([images, first], how="horizontal").with_columns(distance=pl.Series(apart, dtype=pl.UInt8))
    return rows.filter(leader != np.arange(len(leader))).select(NEAR_DUPLICATES.schema.names)


def cleaned(samples: pl.DataFrame, hits: pl.DataFrame, thinned: pl.DataFrame) -> tuple[pl.DataFrame, list[Row]]:
    """The samples that are left (``schemas.CLEAN``), and rows of ``schemas.REJECTS`` for accepted ones that are not.

    Args:
        samples: of ``schemas.CLEAN``.
        hits: of :func:`contamination`.
        thinned: the images of :func:`near_duplicates` that are to lose their samples.
    """
    first = hits.unique("sample_id", keep="first", maintain_order=True).drop("image_id")
    rows = samples.join(first, on="sample_id", how="left", maintain_order="left").join(
        thinned.select("image_id", "first_source", "first_image", apart="distance"),
        on="image_id",
        how="left",
        maintain_order="left",
    )
    gone = pl.col("reason").is_not_null() | pl.col("apart").is_not_null()
    rejects = [
        reject(
            "decontaminate",
            row["sample_id"],
            row["reason"] or "near_duplicate",
            image_id=row["image_id"],
            task_type=row["task_type"],
            detail=_told(row),
        )
        for row in rows.filter(gone & pl.col("accepted")).iter_rows(named=True)
    ]
    return rows.filter(~gone).select(CLEAN.schema.names), rejects


def _told(row: Mapping[str, Any]) -> str:
    """What a sample shares with what."""
    if row["reason"] is None:
        return f"{row['first_source']}/{row['first_image']}, distance {row['apart']}"
    where = f"{row['benchmark']}, {row['entry']}"
    if row["reason"] == "benchmark_question":
        return f"{where}: {row['words']}"
    return where if row["distance"] is None else f"{where}, distance {row['distance']}"


def published(hits: pl.DataFrame, samples: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """``hits`` of :func:`contamination` with where their images lie, and whether the referees accepted the sample."""
    return (
        hits.join(samples.select("sample_id", "accepted"), on="sample_id", maintain_order="left")
        .join(index.select("image_id", "source", image="path"), on="image_id", maintain_order="left")
        .select(CONTAMINATION.schema.names)
    )
