"""Exact top-k by cosine: the candidates of each image (paper section 2.2, equation 1; k is 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from taskgalaxy.taxonomy import check_k


def exact_topk(
    images: NDArray[np.float32], tasks: NDArray[np.float32], k: int, chunk: int = 1024
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` best tasks of every image.

    Scores are dot products of unit rows, computed in float64 and rounded to float32: the sums of float32
    differ in their last bits with the number of rows, of columns and of threads, and break ties at random.
    Ties go to the smaller task index; memory is bounded by ``chunk`` images.

    Args:
        images: float32, shape (N, d). tasks: float32, shape (M, d). k: from 1 to M.

    Returns:
        Indices (int64) and scores (float32), both of shape (N, k), best first.

    Raises:
        ValueError: if ``k`` is not from 1 to M, or a value is not finite.
    """
    count = len(tasks)
    if not 1 <= k <= count:
        raise ValueError(f"k is {k}, it must be from 1 to the {count} task types")
    if not (np.isfinite(images).all() and np.isfinite(tasks).all()):
        raise ValueError("embeddings must be finite")
    indices = np.empty((len(images), k), np.int64)
    scores = np.empty((len(images), k), np.float32)
    tasks_t = torch.from_numpy(tasks).double().T
    for start in range(0, len(images), chunk):
        block = (torch.from_numpy(images[start : start + chunk]).double() @ tasks_t).float()
        threshold = torch.topk(block, k, dim=1).values[:, -1:]
        for row, (line, floor) in enumerate(zip(block.numpy(), threshold.numpy()[:, 0], strict=True), start):
            # Every task at least as good as the k-th: more than k of them where scores tie.
            best = np.flatnonzero(line >= floor)
            best = best[np.argsort(-line[best], kind="stable")][:k]
            indices[row], scores[row] = best, line[best]
    return indices, scores


def candidate_rows(
    image_ids: Sequence[str],
    images: NDArray[np.float32],
    task_types: Sequence[str],
    tasks: NDArray[np.float32],
    k: int,
) -> list[dict[str, Any]]:
    """The ``k`` best task types of every image as rows of ``tables.TOPK``.

    Raises:
        UserError: if there are fewer than ``k`` task types.
    """
    check_k(k, len(task_types))
    if not image_ids:
        return []
    indices, scores = exact_topk(images, tasks, k)
    return [
        {"image_id": image_id, "rank": rank, "task_type": task_types[index], "score": score}
        for image_id, row, row_scores in zip(image_ids, indices, scores, strict=True)
        for rank, (index, score) in enumerate(zip(row.tolist(), row_scores.tolist(), strict=True), 1)
    ]
