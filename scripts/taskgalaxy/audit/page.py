"""The page on which people judge: one HTML file with its images, which loads nothing and sends nothing.

People are asked what referees are asked (config/prompts/referee.txt; the paper's Table A-3): do task type and question
suit the image? That is the verdict by which referees are measured. Where they do, people are asked as well whether the
answer is right, which the referees do not see unless ``referee.sees_answer``, and which whoever trains on the set wants
to know. Two verdicts and not one, since one would blame the referees for answers that they were never shown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.audit.draw import Draw
from taskgalaxy.audit.judgements import KIND
from taskgalaxy.files import atomic
from taskgalaxy.images import ImageFile
from taskgalaxy.labels import split_levels
from taskgalaxy.llm.image_uri import data_uri
from taskgalaxy.report.html_page import environment, script_json, source_hash, template

log = logging.getLogger(__name__)

_PACKAGE = "taskgalaxy.audit"
_JPEG_QUALITY = 85


def write_audit_page(
    path: Path | str,
    draw: Draw,
    images: Mapping[str, ImageFile],
    samples: Mapping[str, Mapping[str, Any]],
    votes: pl.DataFrame,
    longest_side: int = 1000,
) -> None:
    """Write the page to ``path``, atomically; the same arguments give the same bytes.

    Args:
        path: the HTML file.
        draw: what is judged.
        images: by image_id, at least those of the drawn pairs. A larger one than ``longest_side`` is shown reduced,
            a smaller one as it is, and one that cannot be read is said to be missing.
        samples: rows of ``schemas.SAMPLES`` by sample_id, at least the drawn ones.
        votes: ``schemas.VOTES``, at least those on the drawn pairs.
        longest_side: of an image, in pixels.
    """
    cast: dict[str, list[dict[str, Any]]] = {}
    for vote in votes.iter_rows(named=True):
        told = {key: vote[key] for key in ("referee", "model", "vote", "reason")}
        cast.setdefault(vote["sample_id"], []).append(told)
    shown = dict.fromkeys(samples[pair["sample_id"]]["image_id"] for pair in draw["pairs"])
    uris = {image_id: _uri(images[image_id], longest_side) for image_id in shown}
    data = {
        "kind": KIND,
        "draw": draw["draw"],
        "strata": draw["strata"],
        "images": uris,
        "pairs": [
            {
                "sample_id": pair["sample_id"],
                "image": samples[pair["sample_id"]]["image_id"],
                "levels": split_levels(pair["task_type"]),
                "question": pair["question"],
                "answer": pair["answer"],
                "told_later": {
                    "stratum": pair["stratum"],
                    "generator": samples[pair["sample_id"]]["qa_model"],
                    "votes": cast[pair["sample_id"]],
                },
            }
            for pair in draw["pairs"]
        ],
    }
    style, script = template(_PACKAGE, "audit.css"), template(_PACKAGE, "audit.js")
    page = environment(_PACKAGE).get_template("audit.html.jinja").render(
        pairs=len(draw["pairs"]),
        missing=sum(uri is None for uri in uris.values()),
        style=style,
        script=script,
        style_hash=source_hash(style),
        script_hash=source_hash(script),
        data=script_json(data),
    )  # fmt: skip
    with atomic(path) as file:
        file.write(page)


def _uri(image: ImageFile, longest_side: int) -> str | None:
    try:
        return data_uri(image, longest_side, _JPEG_QUALITY)
    except OSError as error:
        log.warning("an image to judge cannot be read: %s", error)
        return None
