"""A draw of an audit, what people say of it, and the page's arguments, for the tests."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

import rows
from image_files import image_file
from taskgalaxy.audit.draw import Draw, draw_pairs, make_draw, stratify
from taskgalaxy.audit.judgements import KIND
from taskgalaxy.files import sha256_json
from taskgalaxy.votes import each_vote

REFEREES = ("first", "second", "third")
VOTES = ((1, 1, 1), (1, 1, 0), (0, 0, 1), (0, 0, 0), (1, 1, 1))


def scores(pairs: int = 60) -> pl.DataFrame:
    """The vote table of pairs of many and of thin task types, all kinds of votes among both."""
    given = [
        ("Scene~thin" if number % 7 == 0 and number % 5 > 1 else f"Chart~kind {number % 2}", VOTES[number % len(VOTES)])
        for number in range(pairs)
    ]
    return rows.vote_table(given, REFEREES)


def samples(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The pairs of a vote table."""
    return {
        row["sample_id"]: rows.sample(row["sample_id"], row["image_id"], row["task_type"])
        for row in table.iter_rows(named=True)
    }


def draw_of(table: pl.DataFrame, places: int = 20, thin: int = 3, seed: int = 1) -> Draw:
    drawn, sizes = draw_pairs(stratify(table, REFEREES, thin), places, seed)
    return make_draw(drawn, sizes, samples(table), REFEREES)


def made_up(strata: Sequence[tuple[bool, int, int]], level_1: str = "Chart") -> Draw:
    """A draw of strata that are given as (accepted, population, drawn); its pairs are called STRATUM-NUMBER.

    The two referees always vote as was decided.
    """
    sizes = [
        {"name": f"{number}", "accepted": accepted, "population": population, "drawn": drawn}
        for number, (accepted, population, drawn) in enumerate(strata)
    ]
    pairs = [
        {
            "sample_id": f"{size['name']}-{number}",
            "stratum": size["name"],
            "accepted": size["accepted"],
            "task_type": f"{level_1}~bar",
            "level_1": level_1,
            "question": "Which?",
            "answer": "This.",
            "votes": {"one": int(size["accepted"]), "other": int(size["accepted"])},
        }
        for size in sizes
        for number in range(size["drawn"])
    ]
    named: Any = {"referees": ["one", "other"], "strata": sizes, "pairs": pairs}
    return {"draw": sha256_json(named), **named}


def saved(judge: str, draw: str, said: Mapping[str, tuple[str | None, str | None]], **fields: Any) -> dict[str, Any]:
    """What the page saves, of (suits, right) by sample_id."""
    judgements = [
        {"sample_id": sample_id, "suits": suits, "right": right, "comment": "", "saw_votes": False}
        for sample_id, (suits, right) in said.items()
    ]
    return {"kind": KIND, "draw": draw, "judge": judge, "strata": [], "judgements": judgements, **fields}


def write_saved(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def page_arguments(folder: Path, table: pl.DataFrame, draw: Draw, size: tuple[int, int] = (640, 480)) -> dict[str, Any]:
    """What :func:`taskgalaxy.audit.page.write_audit_page` needs besides the path; one picture for all pairs."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (40, 90, 160)).save(buffer, "PNG")
    image_id = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "image.png").write_bytes(buffer.getvalue())
    of_samples = {key: {**row, "image_id": image_id} for key, row in samples(table).items()}
    images = {image_id: image_file(folder / "image.png")}
    return {"draw": draw, "images": images, "samples": of_samples, "votes": each_vote(table)}
