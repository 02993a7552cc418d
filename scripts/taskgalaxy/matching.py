"""Candidates: the task types closest to each image (paper section 2.2, "Match and Filter"), and the reverse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from taskgalaxy.embeddings import Vectors, read_embeddings, same_model
from taskgalaxy.schemas import TOP_IMAGES, TOPK
from taskgalaxy.tables import to_frame
from taskgalaxy.taxonomy import check_k
from taskgalaxy.topk import Best, exact_topk, exact_topk_of_blocks

_BLOCK = 8192
"""Images that are compared with all task types at once: with more, a matrix product gets no faster."""


def candidates(
    image_ids: Sequence[str], images: Vectors, task_types: Sequence[str], tasks: Vectors, k: int
) -> pl.DataFrame:
    """The ``k`` best task types of every image, of ``schemas.TOPK``.

    Args:
        images: shape (len(image_ids), d). tasks: shape (len(task_types), d).

    Raises:
        UserError: if there are fewer than ``k`` task types.
    """
    check_k(k, len(task_types))
    if not image_ids:
        return to_frame([], TOPK)
    best = exact_topk(images, tasks, k)
    return _ranking(best, ("image_id", image_ids), ("task_type", task_types)).select(TOPK.schema.names)


def top_images(tasks: Path | str, shards: Sequence[Path | str], m: int) -> pl.DataFrame:
    """The ``m`` best images of every task type over all shards, of ``schemas.TOP_IMAGES``.

    Ties go to the image that comes first in the order of ``shards``. Memory is bounded by the result and
    by a few shards, however many there are.

    Args:
        tasks, shards: files of embeddings.

    Raises:
        UserError: if a file is damaged, or was made by another model than ``tasks``.
    """
    task_types, task_vectors, model = read_embeddings(tasks)
    image_ids: list[str] = []

    def blocks() -> Iterator[Vectors]:
        gathered: list[Vectors] = []
        for shard in shards:
            ids, vectors, shard_model = read_embeddings(shard)
            if not ids:
                continue
            same_model(tasks, model, shard, shard_model)
            image_ids.extend(ids)
            gathered.append(vectors)
            if sum(map(len, gathered)) >= _BLOCK:
                yield np.concatenate(gathered)
                gathered.clear()
        if gathered:
            yield np.concatenate(gathered)

    best = exact_topk_of_blocks(task_vectors, blocks(), m)
    return _ranking(best, ("task_type", task_types), ("image_id", image_ids)).select(TOP_IMAGES.schema.names)


def _ranking(best: Best, query: tuple[str, Sequence[str]], key: tuple[str, Sequence[str]]) -> pl.DataFrame:
    """One row per query and key found: their names (column and values each), ``rank`` from 1 and ``score``."""
    count, width = best.indices.shape
    queries, keys = (pl.Series(name, values, pl.String) for name, values in (query, key))
    return pl.DataFrame(
        [
            queries.gather(np.repeat(np.arange(count), width)),
            keys.gather(best.indices.ravel()),
            pl.Series("rank", np.tile(np.arange(1, width + 1, dtype=np.int32), count)),
            pl.Series("score", best.scores.ravel()),
        ]
    )
