"""The sample page: all samples, the rejects, the funnel and the referees, without a server or a network.

A small set lies in the page itself, thumbnails and all: one file that can be sent to somebody. Of a large one the page
carries a selection in this way, an index of all samples, and loads their text from files in a folder beside it, while
their images are the originals, by relative links: to read and reduce every image of a large set would take hours and
gigabytes for what few will ever look at. Without the folder the page shows its selection.

The content security policy allows the one style sheet and the one script by their hashes, and to a page with a folder
also the scripts that this script asks for, and images by links.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from taskgalaxy.files import atomic, sha256_json
from taskgalaxy.report.funnel import milestones
from taskgalaxy.report.html_page import environment, script_json, source_hash, template
from taskgalaxy.report.page_data import Gallery, ReadImage, reject_groups
from taskgalaxy.report.reasons import REASON_SENTENCES, STAGE_SENTENCES
from taskgalaxy.report.sample_index import choose_samples, in_order, sample_index
from taskgalaxy.report.sample_shards import ID_LETTERS, SHARD_SIZE, packed, write_shards

if TYPE_CHECKING:
    from taskgalaxy.report.referees import RefereeStatistics

_PACKAGE = "taskgalaxy.report"
_SCRIPTS = (
    "sample_page_base.js",
    "sample_page_store.js",
    "sample_page_tree.js",
    "sample_page_view.js",
    "sample_page.js",
)

EMBEDDED_NOTE = (
    "Made by the embedded provider, which asks and answers only what it can measure in the pixels. It exists "
    "to run and test the workflow; this is not training data."
)
"""Stands on the page whenever the embedded provider had a part in its samples."""


def write_sample_page(
    path: Path | str,
    folder: Path | str,
    samples: pl.DataFrame,
    rejects: pl.DataFrame,
    funnel: pl.DataFrame,
    read_image: ReadImage,
    *,
    images: pl.DataFrame,
    images_at: str = "../export/images",
    title: str = "Sample page",
    provider_note: str | None = None,
    truth: Sequence[dict[str, Any]] | None = None,
    referees: RefereeStatistics | None = None,
    task_types: int | None = None,
    max_samples: int = 5000,
    rejects_per_reason: int = 50,
    thumbnail_side: int = 256,
    shard_size: int = SHARD_SIZE,
) -> None:
    """Write the page to ``path`` and what it loads to ``folder``, file by file atomically.

    The same arguments give the same bytes.

    Args:
        path: the HTML file.
        folder: beside it; stays empty unless there are more than ``max_samples`` samples.
        samples: :data:`taskgalaxy.schemas.DATASET`.
        rejects: :data:`taskgalaxy.schemas.REJECTS` of all stages.
        funnel: :data:`taskgalaxy.schemas.FUNNEL`.
        read_image: bytes of an image, from its source and its path below the source's root. An image
            for which it raises OSError, or that does not decode, is shown as missing.
        images: :data:`taskgalaxy.schemas.IMAGE_INDEX`, where the images of the rejects are looked up.
        images_at: where the page finds the folder that has every source's images in a folder of the source's name;
            only images that the page does not carry are looked for there.
        title: the heading.
        provider_note: a remark above everything; without one, samples that the embedded provider had
            a part in bring :data:`EMBEDDED_NOTE`.
        truth: rows of :func:`taskgalaxy.report.truth.measure`, or nothing where no ground truth is known.
        referees: of :func:`taskgalaxy.report.referees.referee_statistics`; without them their tab is left out.
        task_types: the size of the pool, as in :func:`taskgalaxy.report.funnel.milestones`.
        max_samples: most samples the page itself carries; of more a selection, spread evenly over the task types.
        rejects_per_reason: most rejects of one stage and reason that the page carries.
        thumbnail_side: longest side of a thumbnail, in pixels.
        shard_size: samples in a file of ``folder``.
    """
    path, folder = Path(path), Path(folder)
    ordered = in_order(samples)
    index = sample_index(ordered)
    sharded = ordered.height > max_samples
    # A sample's id comes from its image, task type, question and answer.
    edition = sha256_json([index, shard_size, ordered["sample_id"].to_list()])[:16]
    folder.mkdir(parents=True, exist_ok=True)
    if sharded:
        write_shards(folder, ordered, edition, shard_size)
    index |= {
        "total": ordered.height,
        "edition": edition,
        "folder": folder.name if sharded else None,
        "shard_size": shard_size,
        "id_letters": ID_LETTERS,
        "images_at": images_at,
    }
    gallery = Gallery(read_image, thumbnail_side)
    shown = choose_samples(ordered.with_row_index("position"), max_samples)
    inside = {"positions": shown["position"].to_list(), **packed(shown, gallery)}
    groups = reject_groups(rejects, images, gallery, rejects_per_reason)
    inside["rejects"] = {
        f"{group['stage']}/{each['reason']}": each["rows"] for group in groups for each in group["reasons"]
    }
    inside["images"] = gallery.entries
    votes = None if referees is None else referees["samples"] * len(referees["referees"])
    style, script = template(_PACKAGE, "sample_page.css"), _script()
    page = environment(_PACKAGE).get_template("sample_page.html.jinja").render(
        title=title,
        note=provider_note or _note(samples),
        total=samples.height,
        shown=shown.height,
        type_count=samples["task_type"].n_unique(),
        image_count=samples["image_id"].n_unique(),
        sources=sorted(samples["source"].unique()),
        missing=sum(entry["uri"] is None for entry in gallery.entries),
        milestones=milestones(funnel, task_types=task_types, votes=votes),
        funnel=funnel.sort("position").to_dicts(),
        groups=groups,
        rejected=rejects.height,
        truth=truth,
        referees=referees,
        stage_sentences=STAGE_SENTENCES,
        reason_sentences=REASON_SENTENCES,
        style=style,
        script=script,
        style_hash=source_hash(style),
        script_hash=source_hash(script),
        sharded=sharded,
        index=script_json(index),
        inside=script_json(inside),
    )  # fmt: skip
    with atomic(path) as file:
        file.write(page)


def _note(samples: pl.DataFrame) -> str | None:
    providers = {*samples["filter_provider"].unique(), *samples["qa_provider"].unique()}
    return EMBEDDED_NOTE if "embedded" in providers else None


def _script() -> str:
    """The page's script, one function that leaves nothing behind but what the shards call."""
    parts = "\n".join(template(_PACKAGE, name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'
