"""Small tables of a run for the tests of the reports."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import polars as pl
from PIL import Image

from rows import vote_table
from taskgalaxy.rejects import reject
from taskgalaxy.report.funnel import funnel_rows
from taskgalaxy.report.referees import RefereeStatistics, referee_statistics
from taskgalaxy.schemas import COT_PROVENANCE, DATASET, FUNNEL, IMAGE_INDEX, REJECTS, Table
from taskgalaxy.tables import to_arrow

REFEREES = ("pixels", "regions", "clip")
NAMES = ("bars.png", "a folder/with 'quotes' & <angles>.png", "-dash.png", "zażółć.png")


def digest(*parts: object) -> str:
    """A stand-in for a content hash."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def frame(rows: Sequence[dict[str, Any]], table: Table) -> pl.DataFrame:
    """The rows as a checked table."""
    made = pl.from_arrow(to_arrow(rows, table))
    assert isinstance(made, pl.DataFrame)
    return made


def picture(source: str, path: str) -> bytes:
    """A picture that differs from path to path."""
    buffer = io.BytesIO()
    colour = hashlib.sha256(f"{source}/{path}".encode()).digest()
    Image.new("RGB", (400, 300), (colour[0], colour[1], colour[2])).save(buffer, "PNG")
    return buffer.getvalue()


def image_index() -> pl.DataFrame:
    """One row per name, from two sources in turn."""
    rows = [
        {
            "image_id": digest(name),
            "shard": f"{source}-000000",
            "present": True,
            "source": source,
            "path": name,
            "width": 400,
            "height": 300,
            "format": "PNG",
            "bytes": 1234,
            "license": "CC0-1.0",
        }
        for name, source in zip(NAMES, ("photos", "rendered") * 2, strict=True)
    ]
    return frame(rows, IMAGE_INDEX)


def samples(task_types: Sequence[str], *, provider: str = "embedded", question: str = "Which?") -> pl.DataFrame:
    """A sample per task type, the images in turn; every third vote is 2 of 3."""
    images = image_index().to_dicts()
    rows = []
    for number, task_type in enumerate(task_types):
        image = images[number % len(images)]
        given = (1, 1, 0) if number % 3 == 2 else (1, 1, 1)
        rows.append(
            {
                "sample_id": digest("sample", number),
                "image_id": image["image_id"],
                "source": image["source"],
                "image": image["path"],
                "width": image["width"],
                "height": image["height"],
                "license": image["license"],
                "task_type": task_type,
                "level_1": task_type.split("~")[0],
                "question": f"{question} {number}",
                "answer": f"Answer {number}.",
                "rank": 1 + number % 10,
                "score": 0.25,
                "filled": False,
                "votes": [
                    {
                        "referee": name,
                        "vote": vote,
                        "p_yes": 0.75,
                        "model": f"m-{name}",
                        "request": digest(number, name),
                    }
                    for name, vote in zip(REFEREES, given, strict=True)
                ],
                "vote_score": sum(given),
                "filter_provider": provider,
                "filter_model": "filter-model",
                "filter_request": digest("filter", number),
                "qa_provider": provider,
                "qa_model": "qa-model",
                "qa_prompt": digest("prompt"),
                "qa_request": digest("qa", number),
                **dict.fromkeys(COT_PROVENANCE),
            }
        )
    return frame(rows, DATASET)


def rejects(not_selected: int = 7) -> pl.DataFrame:
    """Rejects of three stages; the last three names of the filter's have an image."""
    rows = [
        reject("inspect", "broken.png", "truncated", detail="12 bytes are missing"),
        reject("balance", digest("sample", 99), "over_cap", image_id=digest(NAMES[0]), task_type="Chart~Bar"),
    ]
    rows += [
        reject("filter", f"candidate {n}", "not_selected", image_id=digest(NAMES[n % 4]), task_type=f"Chart~Kind {n}")
        for n in range(not_selected)
    ]
    return frame(rows, REJECTS)


def funnel(table: pl.DataFrame, out: int = 1000) -> pl.DataFrame:
    """A funnel in which every stage lets ``out`` rows through besides its rejects in ``table``."""
    counts = {}
    for stage in ("inspect", "filter", "balance"):
        counts[stage] = (out + table.filter(pl.col("stage") == stage).height, out)
    return frame(funnel_rows(counts, table), FUNNEL)


def statistics(
    referees: Sequence[str] = REFEREES, task_types: Sequence[str] = ("Chart~Bar", "Scene~Light")
) -> RefereeStatistics:
    """Of 120 samples, the task types in turn; the first referee always says yes, the others no or nothing at times."""
    given = [
        (
            task_types[n % len(task_types)],
            [None if n % 11 == 5 * r else int(n % (7 + 2 * r) >= r) for r in range(len(referees))],
        )
        for n in range(120)
    ]
    return referee_statistics(vote_table(given, referees, p_yes=0.75), referees, "no")
