"""The schema of every table that a step writes.

A step never invents a column: :mod:`taskgalaxy.tables` refuses rows and files that differ. Rejected rows of every
stage share one schema, and their reasons come from the closed lists in :mod:`taskgalaxy.rejects`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

REMAKE = "Delete it and run snakemake again: it is made anew from what it depends on"


@dataclass(frozen=True)
class Table:
    """A table's name, its Arrow schema (``nullable=False`` is enforced), what identifies a row, and what
    to do when its file is damaged."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    remedy: str = REMAKE


def _schema(**columns: pa.DataType | tuple[pa.DataType, str]) -> pa.Schema:
    """A schema from ``name=type``; ``(type, "null")`` marks a column that may hold nulls."""
    fields = []
    for name, column in columns.items():
        nullable = isinstance(column, tuple)
        fields.append(pa.field(name, column[0] if isinstance(column, tuple) else column, nullable=nullable))
    return pa.schema(fields)


_text = pa.string()
_maybe_text = (pa.string(), "null")
VOTE = pa.struct(
    [
        pa.field("referee", pa.string(), nullable=False),
        pa.field("vote", pa.int8()),
        pa.field("p_yes", pa.float32()),
        pa.field("reason", pa.string()),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("request", pa.string()),
    ]
)

TASK_TYPES = Table(
    "task_types",
    _schema(
        task_type=_text,
        level_1=_text,
        levels=pa.list_(pa.string()),
        depth=pa.int8(),
        is_leaf=pa.bool_(),
        origin=_text,
        parent=_maybe_text,
    ),
    ("task_type",),
)

IMAGES = Table(
    "images",
    _schema(
        image_id=_text,
        source=_text,
        shard=_text,
        path=_text,
        width=pa.int32(),
        height=pa.int32(),
        format=_text,
        bytes=pa.int64(),
        license=_text,
    ),
    ("shard", "path"),
)
"""Images that decoded. ``width`` and ``height`` in pixels, after EXIF rotation."""

IMAGE_INDEX = Table(
    "image_index",
    _schema(
        image_id=_text,
        shard=_text,
        present=pa.bool_(),
        source=_text,
        path=_text,
        width=pa.int32(),
        height=pa.int32(),
        format=_text,
        bytes=pa.int64(),
        license=_text,
    ),
    ("image_id",),
    remedy=(
        "Delete it and run `snakemake --until find_duplicates` first, then the same command as before: "
        "while it is missing, Snakemake would make everything anew that ever read it, embeddings too"
    ),
)
"""One row per image content: the ``shard`` that asks about it (where it occurred first), and the place
where it lies now (its first occurrence that was not removed; its first one where ``present`` is false)."""

DUPLICATES = Table(
    "duplicates",
    _schema(image_id=_text, shard=_text, path=_text, first_shard=_text, first_path=_text),
    ("shard", "path"),
)

REMOVED = Table("removed", _schema(shard=_text, path=_text), ("shard", "path"))

TOPK = Table(
    "topk",
    _schema(image_id=_text, rank=pa.int16(), task_type=_text, score=pa.float32()),
    ("image_id", "rank"),
)
"""Candidates: rank 1 is the best, ``score`` the cosine."""

TOP_IMAGES = Table(
    "top_images",
    _schema(task_type=_text, rank=pa.int32(), image_id=_text, score=pa.float32()),
    ("task_type", "rank"),
)
"""The reverse of the candidates: the best images of every task type."""

FILTER = Table(
    "filter",
    _schema(
        image_id=_text,
        rank=pa.int16(),
        task_type=_text,
        score=pa.float32(),
        kept=pa.bool_(),
        reason=_maybe_text,
        provider=_text,
        model=_text,
        request=_text,
    ),
    ("image_id", "rank"),
)

SAMPLES = Table(
    "samples",
    _schema(
        sample_id=_text,
        image_id=_text,
        task_type=_text,
        question=_text,
        answer=_text,
        rank=pa.int16(),
        score=pa.float32(),
        filled=pa.bool_(),
        filter_provider=_text,
        filter_model=_text,
        filter_request=_text,
        qa_provider=_text,
        qa_model=_text,
        qa_prompt=_text,
        qa_request=_text,
    ),
    ("sample_id",),
)
"""Question-answer pairs with what led to them; the rows of qa/{shard}.jsonl. ``rank`` and ``score`` are
the candidate's in the match; ``filled``: it was a candidate because its task type was thin, and its rank follows
those of the image's own."""

VOTES = Table(
    "votes",
    _schema(
        sample_id=_text,
        referee=_text,
        vote=(pa.int8(), "null"),
        p_yes=(pa.float32(), "null"),
        reason=_maybe_text,
        provider=_text,
        model=_text,
        request=_text,
    ),
    ("sample_id", "referee"),
)

COT_PROVENANCE = ("cot_provider", "cot_model", "cot_prompt", "cot_request")

DATASET = Table(
    "dataset",
    _schema(
        sample_id=_text,
        image_id=_text,
        source=_text,
        image=_text,
        width=pa.int32(),
        height=pa.int32(),
        license=_text,
        task_type=_text,
        level_1=_text,
        question=_text,
        answer=_text,
        rank=pa.int16(),
        score=pa.float32(),
        filled=pa.bool_(),
        votes=pa.list_(VOTE),
        vote_score=pa.int8(),
        filter_provider=_text,
        filter_model=_text,
        filter_request=_text,
        qa_provider=_text,
        qa_model=_text,
        qa_prompt=_text,
        qa_request=_text,
        **dict.fromkeys(COT_PROVENANCE, _maybe_text),
    ),
    ("sample_id",),
)
"""The balanced final set. ``image`` is relative to the root of ``source``; ``score`` is CLIP's cosine
and ``vote_score`` the sum of the votes; ``cot_*`` say where a step-by-step answer came from."""

COT = Table(
    "step-by-step answers",
    _schema(
        sample_id=_text,
        cot_sample_id=_text,
        answer=_text,
        **dict.fromkeys(COT_PROVENANCE, _text),
    ),
    ("sample_id",),
)
"""A sample of the final set and its step-by-step answer, with which it is the sample ``cot_sample_id``."""

IMAGE_HASHES = Table(
    "image_hashes",
    _schema(image_id=_text, phash=(pa.uint64(), "null"), readable=pa.bool_()),
    ("image_id",),
)
"""Perceptual hashes (:mod:`taskgalaxy.phash`): none of images that are too plain, or could not be read any more."""

BENCHMARK_IMAGES = Table(
    "benchmark_images",
    _schema(entry=_text, sha256=_maybe_text, phash=(pa.uint64(), "null")),
    (),
)
"""The images of a benchmark: ``entry`` is a path, or file and line of a list, which gives one of the two hashes."""

CLEAN = Table(
    "clean samples",
    _schema(sample_id=_text, image_id=_text, task_type=_text, accepted=pa.bool_()),
    ("sample_id",),
)
"""The samples, accepted by the referees or not, that have nothing in common with a benchmark and whose image was
not thinned."""

CONTAMINATION = Table(
    "contamination",
    _schema(
        sample_id=_text,
        image_id=_text,
        source=_text,
        image=_text,
        accepted=pa.bool_(),
        reason=_text,
        benchmark=_text,
        entry=_text,
        distance=(pa.uint8(), "null"),
        words=_maybe_text,
    ),
    ("sample_id", "benchmark", "reason"),
)
"""What samples have in common with which ``entry`` of a benchmark: ``distance`` of two images that are alike, in bits,
and the shared ``words`` of two questions."""

NEAR_DUPLICATES = Table(
    "near_duplicates",
    _schema(
        image_id=_text,
        source=_text,
        image=_text,
        samples=pa.uint32(),
        first_image_id=_text,
        first_source=_text,
        first_image=_text,
        distance=pa.uint8(),
    ),
    ("image_id",),
)
"""Images that look like an earlier one, ``distance`` bits away; ``samples`` were accepted for them."""

REJECTS = Table(
    "rejects",
    _schema(
        stage=_text,
        item=_text,
        image_id=_maybe_text,
        task_type=_maybe_text,
        reason=_text,
        detail=_maybe_text,
    ),
    (),
)
"""Rejected rows of any stage: ``item`` names the row (a path, a reply line, a sample_id)."""

FUNNEL = Table(
    "funnel",
    _schema(
        position=pa.int8(),
        stage=_text,
        unit=_text,
        rows_in=pa.int64(),
        rows_out=pa.int64(),
        reasons=pa.list_(pa.struct([pa.field("reason", pa.string()), pa.field("rows", pa.int64())])),
    ),
    ("stage",),
)
"""``rows_in = rows_out + sum(reasons.rows)`` for every stage."""
