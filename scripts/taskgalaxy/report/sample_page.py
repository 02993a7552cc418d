"""The sample page: one HTML file to look at samples, rejects and the funnel, without a network.

Style, script, data and thumbnails all lie inside the file; its content security policy forbids it to
load anything, and allows the one style sheet and the one script by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import polars as pl

from taskgalaxy.files import atomic
from taskgalaxy.report.funnel import milestones
from taskgalaxy.report.page_data import Gallery, ReadImage, choose_samples, reject_groups, sample_rows
from taskgalaxy.report.reasons import REASON_SENTENCES, STAGE_SENTENCES

if TYPE_CHECKING:
    from taskgalaxy.report.referees import RefereeStatistics

EMBEDDED_NOTE = (
    "Made by the embedded provider, which asks and answers only what it can measure in the pixels. It exists "
    "to run and test the workflow; this is not training data."
)
"""Stands on the page whenever the embedded provider had a part in its samples."""


def write_sample_page(
    path: Path | str,
    samples: pl.DataFrame,
    rejects: pl.DataFrame,
    funnel: pl.DataFrame,
    read_image: ReadImage,
    *,
    images: pl.DataFrame,
    title: str = "Sample page",
    provider_note: str | None = None,
    truth: Sequence[dict[str, Any]] | None = None,
    referees: RefereeStatistics | None = None,
    task_types: int | None = None,
    max_samples: int = 5000,
    rejects_per_reason: int = 50,
    thumbnail_side: int = 256,
) -> None:
    """Write the page to ``path``, atomically; the same arguments give the same bytes.

    Args:
        path: the HTML file.
        samples: :data:`taskgalaxy.tables.DATASET`.
        rejects: :data:`taskgalaxy.tables.REJECTS` of all stages.
        funnel: :data:`taskgalaxy.tables.FUNNEL`.
        read_image: bytes of an image, from its source and its path below the source's root. An image
            for which it raises OSError, or that does not decode, is shown as missing.
        images: :data:`taskgalaxy.tables.IMAGE_INDEX`, where the images of the rejects are looked up.
        title: the heading.
        provider_note: a remark above everything; without one, samples that the embedded provider had
            a part in bring :data:`EMBEDDED_NOTE`.
        truth: rows of :func:`taskgalaxy.report.truth.measure`, or nothing where no ground truth is known.
        referees: of :func:`taskgalaxy.report.referees.referee_statistics`; without them their tab is left out.
        task_types: the size of the pool, as in :func:`taskgalaxy.report.funnel.milestones`.
        max_samples: most samples the page carries; more are thinned evenly over the task types.
        rejects_per_reason: most rejects of one stage and reason that the page carries.
        thumbnail_side: longest side of a thumbnail, in pixels.
    """
    gallery = Gallery(read_image, thumbnail_side)
    shown = choose_samples(samples, max_samples)
    rows = sample_rows(shown, gallery)
    groups = reject_groups(rejects, images, gallery, rejects_per_reason)
    data = {
        "samples": rows,
        "rejects": {
            f"{group['stage']}/{each['reason']}": each["rows"] for group in groups for each in group["reasons"]
        },
        "images": gallery.entries,
    }
    votes = None if referees is None else referees["samples"] * len(referees["referees"])
    style, script = _template("sample_page.css"), _template("sample_page.js")
    page = _environment().get_template("sample_page.html.jinja").render(
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
        style_hash=_source_hash(style),
        script_hash=_source_hash(script),
        data=script_json(data),
    )  # fmt: skip
    with atomic(path) as file:
        file.write(page)


def _note(samples: pl.DataFrame) -> str | None:
    providers = {*samples["filter_provider"].unique(), *samples["qa_provider"].unique()}
    return EMBEDDED_NOTE if "embedded" in providers else None


def script_json(value: Any) -> str:
    """Compact JSON that may stand inside a script element: nothing in it ends the element or a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("taskgalaxy.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["words"] = lambda name: name.replace("_", " ")
    environment.filters["decimal"] = lambda value: "–" if value is None else f"{value:.3f}".replace("-", "−")
    environment.filters["share"] = lambda value: "–" if value is None else f"{100 * value:.1f} %"
    return environment


def _template(name: str) -> str:
    return resources.files("taskgalaxy.report").joinpath("templates", name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    """The text's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
