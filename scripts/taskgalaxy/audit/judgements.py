"""What people saved from the page: read back, and refused where it is not what the page saves."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from taskgalaxy.errors import UserError

Verdict = Literal["yes", "no", "unsure"]
KIND = "taskgalaxy audit"
"""What a saved file says that it is."""

_VERDICTS = ("yes", "no", "unsure", None)
_JUDGE_AGAIN = "save it again from results/report/audit.html, or take it out of the folder"


@dataclass(frozen=True)
class Judgement:
    """What a person says of a pair; None where nothing was said.

    Attributes:
        suits: whether task type and question suit the image, which is what referees are asked.
        right: whether the answer is right too; asked where ``suits`` is yes.
        comment: free text, possibly empty.
        saw_votes: whether the votes were looked at (after judging; the page then takes no other verdict).
    """

    suits: Verdict | None
    right: Verdict | None
    comment: str
    saw_votes: bool


@dataclass(frozen=True)
class Judge:
    """A person, and what this person said of the pairs, by sample_id."""

    name: str
    judgements: dict[str, Judgement]


def read_judgements(paths: Sequence[Path | str], draw: str, sample_ids: Collection[str], folder: str) -> list[Judge]:
    """The judges of ``paths``, sorted by name. A file may leave out pairs.

    Args:
        paths: files that the page saved.
        draw: the digest of the draw that they have to be about.
        sample_ids: of the pairs of this draw.
        folder: where the files were looked for, for the message if there is none.

    Raises:
        UserError: if there is no file, or one is not what the page saves, is of another draw, holds an unknown
            sample_id or one twice, or if two have the same name.
    """
    if not paths:
        raise UserError(
            f"config, audit.judgements: {folder}",
            "holds no saved judgements",
            "open results/report/audit.html, judge, press Save, and put the file there (docs/audit.md)",
        )
    judges: dict[str, tuple[Judge, str]] = {}
    for path in map(str, paths):
        judge = _read(path, draw, sample_ids)
        known = judges.setdefault(judge.name.casefold(), (judge, path))
        if known[1] != path:
            raise UserError(
                path,
                f"is by {judge.name}, as is {known[1]}",
                "keep the newer of the two, or give different people different names",
            )
    return [judge for _, (judge, _) in sorted(judges.items())]


def _read(path: str, draw: str, sample_ids: Collection[str]) -> Judge:
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(path, f"cannot be read as JSON ({error})", _JUDGE_AGAIN) from error
    if not isinstance(saved, dict) or saved.get("kind") != KIND:
        raise UserError(path, "holds no judgements of an audit", _JUDGE_AGAIN)
    name, rows = saved.get("judge"), saved.get("judgements")
    if not isinstance(name, str) or not name.strip() or not isinstance(rows, list):
        raise UserError(path, "lacks the judge's name or the list of judgements", _JUDGE_AGAIN)
    if saved.get("draw") != draw:
        raise UserError(
            path,
            f"is about another draw ({str(saved.get('draw'))[:12]}; results/report/audit_draw.json is {draw[:12]})",
            "votes, images, seed or audit settings have changed since the page was made: judge the new page, whose "
            "pairs are in part the same ones, or go back to what the page was made of",
        )
    judgements: dict[str, Judgement] = {}
    for number, row in enumerate(rows):
        sample_id, judgement = _judgement(f"{path}, judgement {number + 1}", row)
        if sample_id not in sample_ids:
            raise UserError(path, f"judges {sample_id}, which was not drawn", _JUDGE_AGAIN)
        if sample_id in judgements:
            raise UserError(path, f"judges {sample_id} twice", _JUDGE_AGAIN)
        judgements[sample_id] = judgement
    return Judge(name.strip(), judgements)


def _judgement(where: str, row: Any) -> tuple[str, Judgement]:
    if not isinstance(row, dict) or row.keys() != {"sample_id", "suits", "right", "comment", "saw_votes"}:
        raise UserError(where, "has not the fields that the page saves", _JUDGE_AGAIN)
    texts = isinstance(row["sample_id"], str) and isinstance(row["comment"], str)
    if not texts or not isinstance(row["saw_votes"], bool):
        raise UserError(where, "has a value of the wrong type", _JUDGE_AGAIN)
    for field in ("suits", "right"):
        if row[field] not in _VERDICTS:
            raise UserError(where, f"has {row[field]!r} as {field}, which is yes, no, unsure or null", _JUDGE_AGAIN)
    if row["right"] is not None and row["suits"] != "yes":
        raise UserError(where, "judges the answer of a question that does not suit", _JUDGE_AGAIN)
    return row["sample_id"], Judgement(row["suits"], row["right"], row["comment"], row["saw_votes"])
