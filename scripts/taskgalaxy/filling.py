"""Filling thin task types: further images for those of which the referees accepted few samples.

In the paper half of the task types have 1 to 10 samples (Figure 5). Candidates are chosen per image there, so that a
task type that is nobody's best gets none. Here such a task type chooses its images. Its pairs go through filter,
questions and referees in shards of their own, each pair in a question of its own: which others are asked about
beside it never changes the question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from taskgalaxy.schemas import TOPK
from taskgalaxy.tables import read_table


def thin_task_types(task_types: pl.Series, accepted: pl.DataFrame, below: int, most: int) -> pl.DataFrame:
    """task_type and ``room``: how many samples each may still get; of those that have fewer than ``below``.

    Args:
        task_types: the pool.
        accepted: what the referees accepted; task_type.
        most: samples of a task type in the final set.
    """
    counts = accepted.group_by("task_type").len("accepted")
    pool = pl.DataFrame({"task_type": task_types}).join(counts, on="task_type", how="left", maintain_order="left")
    pool = pool.with_columns(pl.col("accepted").fill_null(0).cast(pl.Int64))
    return pool.filter(pl.col("accepted") < below).select("task_type", room=pl.lit(most) - pl.col("accepted"))


def fill_candidates(
    top_images: pl.DataFrame, topk: Iterable[Path | str], present: pl.Series, thin: pl.DataFrame, images: int
) -> pl.DataFrame:
    """The best images of thin task types that were no candidates yet: image_id, task_type and score.

    Args:
        top_images: of ``schemas.TOP_IMAGES``.
        topk: files of ``schemas.TOPK``, read one by one.
        present: ids of the images that are still there.
        thin: of :func:`thin_task_types`.
        images: most further images of a task type.
    """
    wanted = top_images.join(thin, on="task_type").filter(pl.col("image_id").is_in(present.implode()))
    pair = ["image_id", "task_type"]
    tried = [read_table(path, TOPK).join(wanted, on=pair, how="semi").select(pair) for path in topk]
    fresh = wanted.join(pl.concat(tried), on=pair, how="anti") if tried else wanted
    position = pl.int_range(pl.len()).over("task_type")
    room = pl.min_horizontal("room", pl.lit(images))
    return fresh.sort("task_type", "rank").filter(position < room).select("image_id", "task_type", "score")


def divide(candidates: pl.DataFrame, shards: Sequence[str], k: int) -> dict[str, pl.DataFrame]:
    """``candidates`` of :func:`fill_candidates` by shard, of ``schemas.TOPK``; an image's lie in one shard.

    Their ranks go on behind the ``k`` that an image chose itself, the best first.
    """
    ranked = candidates.sort("image_id", pl.col("score"), "task_type", descending=[False, True, False]).with_columns(
        rank=(pl.int_range(pl.len()).over("image_id") + k + 1).cast(pl.Int16)
    )
    places = [_place(image_id, len(shards)) for image_id in ranked["image_id"]]
    ranked = ranked.with_columns(place=pl.Series(places, dtype=pl.Int64))
    return {
        shard: ranked.filter(pl.col("place") == number).select(TOPK.schema.names) for number, shard in enumerate(shards)
    }


def _place(image_id: str, shards: int) -> int:
    digest = hashlib.blake2b(image_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % shards
