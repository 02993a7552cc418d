"""All samples of the sample page in a few bytes each: how many a task type has, and what the filters go by.

A sample is named by its position in :func:`in_order`. There the samples of a task type, and of all task types under
a node of the tree, lie side by side, so that counts per task type are all that the tree needs.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import polars as pl

_KIND = ("source", "yes", "no", "missing", "provider", "model")


def in_order(samples: pl.DataFrame) -> pl.DataFrame:
    """``samples`` (:data:`taskgalaxy.schemas.DATASET`) as a walk through the tree meets them, then by sample_id."""
    # No label holds a NUL, so that nothing comes between a task type and those under it.
    walk = pl.col("task_type").str.replace_all("~", "\0", literal=True)
    return samples.sort(walk, "sample_id")


def choose_samples(ordered: pl.DataFrame, limit: int) -> pl.DataFrame:
    """At most ``limit`` rows of ``ordered``, spread over the task types, in their order.

    Every task type gives up to the same number of samples, the largest number that keeps within ``limit`` (its
    first ones, by a hash); of more task types than ``limit``, one sample each of so many at even distances.
    """
    if ordered.height <= limit:
        return ordered
    sizes = ordered.group_by("task_type", maintain_order=True).len()["len"].to_numpy()
    if sizes.size > limit:
        firsts = np.cumsum(sizes) - sizes
        return ordered.filter(pl.int_range(pl.len()).is_in(firsts[np.arange(limit) * sizes.size // limit]))
    each = 1
    while np.minimum(sizes, each + 1).sum() <= limit:
        each += 1
    return ordered.filter(pl.int_range(pl.len()).over("task_type") < each)


def sample_index(ordered: pl.DataFrame) -> dict[str, Any]:
    """The index of ``ordered``, of :func:`in_order`.

    Returns:
        ``types`` and ``counts``: the task types and how many samples each has, both in order. ``kinds``: every
        combination of source, votes (yes, no, missing) and the provider and model of question and answer that
        occurs. ``kind_of``: for every sample the place of its kind, as ``width`` bytes, little-endian, in base64.
    """
    types = ordered.group_by("task_type", maintain_order=True).len()
    votes = pl.col("votes").list.eval(pl.element().struct.field("vote"))
    yes, no = votes.list.count_matches(1), votes.list.count_matches(0)
    columns = ordered.select(
        "source",
        yes=yes,
        no=no,
        missing=votes.list.len() - yes - no,
        provider="qa_provider",
        model="qa_model",
    )
    kinds = columns.unique().sort(_KIND)
    of_samples = columns.join(kinds.with_row_index("kind"), on=_KIND, how="left", maintain_order="left")["kind"]
    width = next(width for width in (1, 2, 4) if kinds.height <= 256**width)
    return {
        "types": types["task_type"].to_list(),
        "counts": types["len"].to_list(),
        "kinds": kinds.rows(),
        "width": width,
        "kind_of": base64.b64encode(of_samples.to_numpy().astype(f"<u{width}").tobytes()).decode("ascii"),
    }
