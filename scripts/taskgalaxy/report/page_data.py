"""What the sample page carries of the rejects, chosen and bounded, and of the images, each once."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
from PIL import Image

from taskgalaxy.report.funnel import UNITS
from taskgalaxy.report.reasons import REASON_SENTENCES, STAGE_SENTENCES
from taskgalaxy.report.thumbnails import thumbnail

ReadImage = Callable[[str, str], bytes]
"""The bytes of an image, given its source and its path below the source's root."""


class Gallery:
    """The images of a page or of a shard, each stored once and named by its position in :attr:`entries`.

    With ``read_image`` an entry holds the image itself, reduced to ``longest`` pixels, as ``uri``; it is None for one
    that cannot be read or decoded, and the page says so in its place.
    """

    def __init__(self, read_image: ReadImage | None = None, longest: int = 256) -> None:
        self.entries: list[dict[str, Any]] = []
        self._positions: dict[str, int] = {}
        self._read_image = read_image
        self._longest = longest

    def position(self, image_id: str, source: str, path: str, width: int, height: int, license_: str) -> int:
        """The position of this image, which is added when it is new. ``width`` and ``height`` in pixels."""
        if image_id not in self._positions:
            self._positions[image_id] = len(self.entries)
            entry = {
                "id": image_id,
                "source": source,
                "path": path,
                "width": width,
                "height": height,
                "license": license_,
            }
            if self._read_image is not None:
                entry["uri"] = _uri(self._read_image, source, path, self._longest)
            self.entries.append(entry)
        return self._positions[image_id]


def _uri(read_image: ReadImage, source: str, path: str, longest: int) -> str | None:
    try:
        return thumbnail(read_image(source, path), longest).uri
    except (OSError, Image.DecompressionBombError):
        return None


def reject_groups(
    rejects: pl.DataFrame, images: pl.DataFrame, gallery: Gallery, per_reason: int
) -> list[dict[str, Any]]:
    """The rejects by stage, in the pipeline's order, and by reason, most frequent first.

    Args:
        rejects: :data:`taskgalaxy.schemas.REJECTS` of all stages.
        images: :data:`taskgalaxy.schemas.IMAGE_INDEX`, where a reject's image is looked up.
        gallery: takes the images of the rejects that are shown.
        per_reason: how many rejects of one stage and reason are shown. They are chosen by a hash of
            the row, so that they come from all over the data.
    """
    chosen = {
        (stage, reason): _spread(of_reason.iter_rows(named=True), per_reason)
        for (stage, reason), of_reason in rejects.group_by("stage", "reason")
    }
    shown = {row["image_id"] for rows in chosen.values() for row in rows} - {None}
    of_shown = images.filter(pl.col("image_id").is_in(sorted(shown)))
    places = {row["image_id"]: row for row in of_shown.iter_rows(named=True)}
    groups = []
    for stage, unit in UNITS.items():
        of_stage = rejects.filter(pl.col("stage") == stage)
        if of_stage.is_empty():
            continue
        sizes = of_stage.group_by("reason").len("rows").sort("rows", "reason", descending=[True, False])
        reasons = []
        for reason, total in sizes.iter_rows():
            reasons.append(
                {
                    "reason": reason,
                    "sentence": REASON_SENTENCES[reason],
                    "total": total,
                    "rows": [_reject(row, places.get(row["image_id"]), gallery) for row in chosen[stage, reason]],
                }
            )
        groups.append(
            {
                "stage": stage,
                "unit": unit,
                "sentence": STAGE_SENTENCES[stage],
                "total": of_stage.height,
                "reasons": reasons,
            }
        )
    return groups


def _spread(rows: Iterable[dict[str, Any]], limit: int) -> Sequence[dict[str, Any]]:
    """``limit`` rows, chosen by their hash, in the order of what they are about."""

    def digest(row: dict[str, Any]) -> bytes:
        return hashlib.sha256("\0".join(str(value) for value in row.values()).encode()).digest()

    chosen = heapq.nsmallest(limit, rows, key=digest)
    return sorted(chosen, key=lambda row: tuple(str(row[name]) for name in ("item", "task_type", "detail")))


def _reject(row: dict[str, Any], place: dict[str, Any] | None, gallery: Gallery) -> dict[str, Any]:
    position = None
    if place is not None:
        position = gallery.position(
            place["image_id"], place["source"], place["path"], place["width"], place["height"], place["license"]
        )
    return {"item": row["item"], "type": row["task_type"], "detail": row["detail"], "image": position}
