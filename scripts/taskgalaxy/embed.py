"""Embedding a shard's images (paper section 2.2, "Match and Filter"): decoded beside the model, batch by batch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from taskgalaxy.clip import Clip
from taskgalaxy.embeddings import Vectors
from taskgalaxy.errors import UserError
from taskgalaxy.llm.request import ImageContent
from taskgalaxy.preprocessing import Pixels
from taskgalaxy.rejects import reject

log = logging.getLogger(__name__)


class Embedded(NamedTuple):
    """Ids and their embeddings, float32 of shape (rows, dimension), each row of Euclidean length 1."""

    ids: list[str]
    vectors: Vectors


class Batch(NamedTuple):
    """Images ready for the model, and those that could not be read: their ids and why."""

    ids: list[str]
    pixels: torch.Tensor
    """uint8, shape (len(ids), height, width, 3)."""
    failed: dict[str, str]


class _Image(NamedTuple):
    image_id: str
    pixels: Pixels | None
    failed: str = ""
    error: UserError | None = None


class _Images(Dataset[_Image]):
    """Images by position, decoded and cut to size, or why not.

    A ``UserError`` is a value too, since what is raised in a worker is another error here.
    """

    def __init__(self, images: Sequence[ImageContent], cut: Callable[[bytes], Pixels]) -> None:
        self._images = images
        self._cut = cut

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> _Image:
        image = self._images[index]
        try:
            return _Image(image.image_id, self._cut(image.read()))
        except OSError as error:
            return _Image(image.image_id, None, str(error))
        except UserError as error:
            return _Image(image.image_id, None, error=error)


def _batch(items: Sequence[_Image]) -> Batch | UserError:
    for item in items:
        if item.error is not None:
            return item.error
    found = [(item.image_id, item.pixels) for item in items if item.pixels is not None]
    pixels = torch.from_numpy(np.stack([pixels for _, pixels in found])) if found else torch.empty(0, dtype=torch.uint8)
    failed = {item.image_id: item.failed for item in items if item.pixels is None}
    return Batch([image_id for image_id, _ in found], pixels, failed)


def batches(
    images: Sequence[ImageContent], cut: Callable[[bytes], Pixels], batch_size: int, workers: int, pinned: bool = False
) -> Iterator[Batch]:
    """``images`` in their order, ``batch_size`` at a time, decoded by ``workers`` processes ahead of their use.

    In memory are two batches per worker, and of every worker the one image that it decodes. With
    ``workers`` 0 each batch is decoded when it is its turn. ``pinned`` memory is copied to a GPU while that
    computes.

    Raises:
        UserError: if an image's source has one.
    """
    loader = DataLoader(
        _Images(images, cut),
        batch_size=batch_size,
        num_workers=min(workers, -(-len(images) // batch_size)),
        collate_fn=_batch,
        pin_memory=pinned,
    )
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        yield batch


def embed_shard(clip: Clip, images: Sequence[ImageContent], workers: int) -> tuple[Embedded, list[dict[str, Any]]]:
    """Embed a shard's images; what could not be read any more is in the rows of ``schemas.REJECTS``."""
    started = time.perf_counter()
    ids: list[str] = []
    parts: list[Vectors] = []
    rejects: list[dict[str, Any]] = []
    for batch, vectors in _embedded(clip, batches(images, clip.cut, clip.batch_size, workers, clip.device == "cuda")):
        finite = [bool(row.all()) for row in np.isfinite(vectors)]
        ids += [image_id for image_id, fine in zip(batch.ids, finite, strict=True) if fine]
        parts.append(vectors[finite])
        rejects += [
            reject("match", image_id, "embedding_not_finite", image_id=image_id)
            for image_id, fine in zip(batch.ids, finite, strict=True)
            if not fine
        ]
        rejects += [
            reject("match", image_id, "image_changed", image_id=image_id, detail=why)
            for image_id, why in batch.failed.items()
        ]
    seconds = time.perf_counter() - started
    log.info("%d images in %.1f s, %.1f a second", len(images), seconds, len(images) / seconds)
    filled = [part for part in parts if part.size]
    return Embedded(ids, np.concatenate(filled) if filled else np.empty((0, 0), np.float32)), rejects


def _embedded(clip: Clip, found: Iterator[Batch]) -> Iterator[tuple[Batch, Vectors]]:
    """Each batch with its embeddings. A GPU already has the next one when these are fetched from it."""
    before: tuple[Batch, torch.Tensor] | None = None
    for batch in found:
        running = batch, clip.encode(batch.pixels)
        if before is not None:
            yield before[0], before[1].cpu().numpy()
        before = running
    if before is not None:
        yield before[0], before[1].cpu().numpy()
