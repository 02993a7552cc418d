"""What the sample page carries, chosen and bounded: samples, rejects, and each image once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
from PIL import Image

from taskgalaxy.report.funnel import UNITS
from taskgalaxy.report.reasons import REASON_SENTENCES, STAGE_SENTENCES
from taskgalaxy.report.thumbnails import thumbnail

ReadImage = Callable[[str, str], bytes]
"""The bytes of an image, given its source and its path below the source's root."""

_PROVENANCE = (
    "filter_provider",
    "filter_model",
    "filter_request",
    "qa_provider",
    "qa_model",
    "qa_prompt",
    "qa_request",
)


class Gallery:
    """The images of a page, each stored once and named by its position in :attr:`entries`.

    An image that cannot be read or decoded has ``uri`` None, and the page says so in its place.
    """

    def __init__(self, read_image: ReadImage, longest: int) -> None:
        self.entries: list[dict[str, Any]] = []
        self._positions: dict[str, int] = {}
        self._read_image = read_image
        self._longest = longest

    def position(self, image_id: str, source: str, path: str, width: int, height: int, license_: str) -> int:
        """The position of this image, which is added when it is new. ``width`` and ``height`` in pixels."""
        if image_id not in self._positions:
            self._positions[image_id] = len(self.entries)
            self.entries.append(
                {
                    "id": image_id,
                    "uri": self._uri(source, path),
                    "source": source,
                    "path": path,
                    "width": width,
                    "height": height,
                    "license": license_,
                }
            )
        return self._positions[image_id]

    def _uri(self, source: str, path: str) -> str | None:
        try:
            return thumbnail(self._read_image(source, path), self._longest).uri
        except (OSError, Image.DecompressionBombError):
            return None


def choose_samples(samples: pl.DataFrame, limit: int) -> pl.DataFrame:
    """At most ``limit`` rows of ``samples``, spread over the task types, by task type and sample_id.

    Every task type gives up to the same number of samples, the largest number that keeps within
    ``limit`` (those of smallest sample_id, which is a hash); with more task types than ``limit``, the
    first ones in alphabetical order give one sample each.
    """
    ordered = samples.sort("task_type", "sample_id")
    if ordered.height <= limit:
        return ordered
    sizes = ordered.group_by("task_type").len()["len"].to_list()
    each = 1
    while sum(min(size, each + 1) for size in sizes) <= limit:
        each += 1
    return ordered.filter(pl.int_range(pl.len()).over("task_type") < each).head(limit)


def sample_rows(samples: pl.DataFrame, gallery: Gallery) -> list[dict[str, Any]]:
    """The page's rows of ``samples`` (:data:`taskgalaxy.tables.DATASET`), in their order."""
    return [
        {
            "id": row["sample_id"],
            "image": gallery.position(
                row["image_id"], row["source"], row["image"], row["width"], row["height"], row["license"]
            ),
            "type": row["task_type"],
            "question": row["question"],
            "answer": row["answer"],
            "rank": row["rank"],
            "score": round(row["score"], 4),
            "votes": [_vote(vote) for vote in row["votes"]],
            "yes": row["vote_score"],
            **{name: row[name] for name in _PROVENANCE},
        }
        for row in samples.iter_rows(named=True)
    ]


def _vote(vote: dict[str, Any]) -> dict[str, Any]:
    return {**vote, "p_yes": None if vote["p_yes"] is None else round(vote["p_yes"], 3)}


def reject_groups(
    rejects: pl.DataFrame, images: pl.DataFrame, gallery: Gallery, per_reason: int
) -> list[dict[str, Any]]:
    """The rejects by stage, in the pipeline's order, and by reason, most frequent first.

    Args:
        rejects: :data:`taskgalaxy.tables.REJECTS` of all stages.
        images: :data:`taskgalaxy.tables.IMAGE_INDEX`, where a reject's image is looked up.
        gallery: takes the images of the rejects that are shown.
        per_reason: how many rejects of one stage and reason are shown. They are chosen by a hash of
            the row, so that they come from all over the data.
    """
    places = {row["image_id"]: row for row in images.iter_rows(named=True)}
    groups = []
    for stage, unit in UNITS.items():
        of_stage = rejects.filter(pl.col("stage") == stage)
        if of_stage.is_empty():
            continue
        sizes = of_stage.group_by("reason").len("rows").sort("rows", "reason", descending=[True, False])
        reasons = []
        for reason, total in sizes.iter_rows():
            chosen = _spread(of_stage.filter(pl.col("reason") == reason).iter_rows(named=True), per_reason)
            reasons.append(
                {
                    "reason": reason,
                    "sentence": REASON_SENTENCES[reason],
                    "total": total,
                    "rows": [_reject(row, places.get(row["image_id"]), gallery) for row in chosen],
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

    chosen = sorted(rows, key=digest)[:limit]
    return sorted(chosen, key=lambda row: tuple(str(row[name]) for name in ("item", "task_type", "detail")))


def _reject(row: dict[str, Any], place: dict[str, Any] | None, gallery: Gallery) -> dict[str, Any]:
    position = None
    if place is not None:
        position = gallery.position(
            place["image_id"], place["source"], place["path"], place["width"], place["height"], place["license"]
        )
    return {"item": row["item"], "type": row["task_type"], "detail": row["detail"], "image": position}
