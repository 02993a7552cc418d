"""The samples as the sample page's script reads them, in the page itself or in files beside it.

A page that is opened as a file may not read other files, but it may run scripts that lie beside it. So a shard is a
script of one call, which hands over the shard's JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.files import atomic
from taskgalaxy.report.page_data import Gallery

SHARD_SIZE = 500
"""Samples in a file: about half a megabyte, which a browser takes in within some 10 ms."""

ID_LETTERS = 8
"""First letters of a sample_id in the list of all, which a link to a sample is looked up in."""


def packed(samples: pl.DataFrame, gallery: Gallery) -> dict[str, Any]:
    """``samples`` (:data:`taskgalaxy.schemas.DATASET`) in their order; their images go to ``gallery``.

    What many samples have in common is stored once: ``made`` has (filter's provider, filter's model, provider, model
    and prompt of question and answer), ``panels`` the (referee, model) of every vote. A vote is (vote, p_yes,
    request). A sample's task type follows from its position.
    """
    made: dict[tuple[str, ...], int] = {}
    panels: dict[tuple[tuple[str, str], ...], int] = {}
    rows = []
    for row in samples.iter_rows(named=True):
        maker = tuple(row[name] for name in ("filter_provider", "filter_model", "qa_provider", "qa_model", "qa_prompt"))
        panel = tuple((vote["referee"], vote["model"]) for vote in row["votes"])
        rows.append(
            {
                "id": row["sample_id"],
                "image": gallery.position(
                    row["image_id"], row["source"], row["image"], row["width"], row["height"], row["license"]
                ),
                "question": row["question"],
                "answer": row["answer"],
                "rank": row["rank"],
                "score": round(row["score"], 4),
                "votes": [
                    (vote["vote"], None if vote["p_yes"] is None else round(vote["p_yes"], 3), vote["request"])
                    for vote in row["votes"]
                ],
                "panel": panels.setdefault(panel, len(panels)),
                "made": made.setdefault(maker, len(made)),
                "filter_request": row["filter_request"],
                "qa_request": row["qa_request"],
            }
        )
    return {"samples": rows, "made": list(made), "panels": list(panels)}


def write_shards(folder: Path, ordered: pl.DataFrame, edition: str, size: int = SHARD_SIZE) -> None:
    """Write all samples to ``folder``: ``00000.js`` and so on, ``size`` samples each, and ``ids.js``.

    ``edition`` names the page that they belong to. Images are named, not held.
    """
    for number, part in enumerate(ordered.iter_slices(size)):
        gallery = Gallery()
        _write(folder, f"{number:05}", edition, {**packed(part, gallery), "images": gallery.entries})
    ids = ordered["sample_id"].str.slice(0, ID_LETTERS).str.pad_end(ID_LETTERS)
    _write(folder, "ids", edition, "".join(ids))


def _write(folder: Path, name: str, edition: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Browsers parse JSON in a string much faster than the same as a part of the script.
    literal = text.replace("\\", "\\\\").replace("'", "\\'")
    with atomic(folder / f"{name}.js") as file:
        file.write(f"taskgalaxy('{name}','{edition}','{literal}');\n")
