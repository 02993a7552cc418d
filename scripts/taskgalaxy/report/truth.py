"""How right the pipeline was where the truth is known: the images of our own renderer.

No step of the pipeline reads the ground truth; only the report does, after the dataset stands. The first
line of the truth file lists the task types, as whole paths, that fit every image: ``{"any": [...]}``. Every
other line names one image by its content and lists those that fit it in particular:
``{"path", "sha256", "family", "task_types": [...]}``.
Whether a task type fits is all that is judged: nothing here says that an answer is right.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.errors import UserError
from taskgalaxy.labels import join_levels, path_key, split_levels

Row = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """Ground truth by content hash: what fits an image because of its family, and what fits any image.

    Labels are compared without regard to upper and lower case, as the pool does.
    """

    specific: dict[str, frozenset[str]]
    general_labels: frozenset[str]

    @property
    def specific_labels(self) -> frozenset[str]:
        """Labels that are specific to some family, and fit every image nowhere."""
        return frozenset().union(*self.specific.values()) - self.general_labels

    def fitting(self, image_id: str) -> frozenset[str]:
        """Every label that fits the image."""
        return self.specific[image_id] | self.general_labels


def read_truth(path: Path | str) -> Truth:
    """The truth file at ``path`` (JSON Lines, as this module describes).

    Raises:
        UserError: if the file cannot be read, or a line is not such a row, naming the line.
    """
    specific: dict[str, frozenset[str]] = {}
    general: frozenset[str] = frozenset()
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(str(path), f"the ground truth cannot be read ({error})", _FIX) from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            image_id, task_types = ("", row["any"]) if number == 1 else (row["sha256"], row["task_types"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number}", f"is not a row of ground truth ({error!r})", _FIX) from error
        if not isinstance(image_id, str) or not _is_texts(task_types):
            raise UserError(f"{path}, line {number}", "sha256 must be text, task_types and any lists of text", _FIX)
        labels = frozenset(map(_key, task_types))
        if number == 1:
            general = labels
        else:
            specific[image_id] = labels
    return Truth(specific, general)


_FIX = "Write a line with any, then a line per image with path, sha256, family and task_types; or leave the file out"


def _key(task_type: str) -> str:
    """What two spellings of a task type have in common, as the pool tells them apart."""
    return join_levels(path_key(split_levels(task_type)))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def measure(
    truth_path: Path | str,
    images: pl.DataFrame,
    topk: pl.DataFrame,
    kept: pl.DataFrame,
    samples: pl.DataFrame,
    votes: pl.DataFrame,
    accepted: Collection[str],
    final: Collection[str],
) -> list[Row]:
    """The pipeline against the ground truth: rows of ``measure``, ``value``, ``n`` and ``explanation``.

    Args:
        truth_path: the truth file; an image's row is found by its content hash.
        images: :data:`taskgalaxy.schemas.IMAGE_INDEX`; images without a row of truth are left out.
        topk: :data:`taskgalaxy.schemas.TOPK`.
        kept: :data:`taskgalaxy.schemas.FILTER`, the rows that were not kept included.
        samples: the question-answer pairs, :data:`taskgalaxy.schemas.SAMPLES`.
        votes: :data:`taskgalaxy.schemas.VOTES` of every referee.
        accepted: sample_id of the samples that the vote accepted.
        final: sample_id of the samples in the final set.

    Returns:
        ``value`` is a share between 0 and 1, or None where ``n``, the number of rows that the share is
        of, is 0. Task types that the truth file never names are left out, and the first rows say how
        many candidates could be judged.

    Raises:
        UserError: as :func:`read_truth`.
    """
    truth = read_truth(truth_path)
    judge = _Judge(truth)
    image_ids = set(images["image_id"].unique())
    known_images = sorted(image_ids & set(truth.specific))
    candidates = judge.judged(topk)
    filtered = judge.judged(kept)
    drawn = judge.judged(samples)
    rows = [
        _row("images with ground truth", len(known_images), len(image_ids),
             "Share of the images whose fitting task types are known; all that follows is about these."),
        _row("candidates that can be judged", candidates.height,
             topk.filter(pl.col("image_id").is_in(known_images)).height,
             "Share of their candidates that the ground truth names; the others are left out."),
    ]  # fmt: skip
    rows += _match_rows(truth, judge, known_images, topk, candidates)
    rows += _filter_rows(filtered)
    rows += _referee_rows(drawn, votes)
    rows += _vote_rows(drawn, accepted, final)
    return rows


class _Judge:
    """Says of a task type whether it fits an image: True, False, or None where the truth is not known."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.specific = truth.specific_labels
        self.known = self.specific | truth.general_labels

    def label(self, task_type: str) -> str | None:
        """The truth's label for a task type; None if the truth file never names it."""
        key = _key(task_type)
        return key if key in self.known else None

    def judged(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of known images and known task types, with columns ``fits`` and ``specific``."""
        names = {each: self.label(each) for each in frame["task_type"].unique()}
        fits: list[bool | None] = []
        specific: list[bool] = []
        for image_id, task_type in frame.select("image_id", "task_type").iter_rows():
            label = names[task_type]
            known = label is not None and image_id in self.truth.specific
            fits.append(label in self.truth.fitting(image_id) if known else None)
            specific.append(label in self.specific)
        added = frame.with_columns(pl.Series("fits", fits, pl.Boolean), pl.Series("specific", specific, pl.Boolean))
        return added.filter(pl.col("fits").is_not_null())


def _match_rows(
    truth: Truth, judge: _Judge, known_images: Sequence[str], topk: pl.DataFrame, candidates: pl.DataFrame
) -> list[Row]:
    k = max(topk["rank"].to_list(), default=0)
    found: dict[str, set[str | None]] = {}
    for image_id, task_type in topk.select("image_id", "task_type").iter_rows():
        found.setdefault(image_id, set()).add(judge.label(task_type))
    wanted = {each: truth.specific[each] - truth.general_labels for each in known_images}
    wanted = {each: labels for each, labels in wanted.items() if labels}
    hits = {each: len(labels & found.get(each, set())) for each, labels in wanted.items()}
    only = candidates.filter("specific")
    return [
        _row(f"match: images with a fitting type in {k}", sum(hit > 0 for hit in hits.values()), len(hits),
             f"Recall at {k}: share of images with at least one type of their own family among the candidates."),
        _row(f"match: fitting types found in {k}", sum(hits.values()), sum(map(len, wanted.values())),
             f"Share of all types of an image's own family that are among its {k} candidates."),
        _row("match: precision", candidates.filter("fits").height, candidates.height,
             "Share of candidates that fit: the base line that the filter has to beat."),
        _row("match: precision, specific types", only.filter("fits").height, only.height,
             "The same without the types that fit any image."),
    ]  # fmt: skip


def _filter_rows(filtered: pl.DataFrame) -> list[Row]:
    rows = []
    for suffix, part in (("", filtered), (", specific types", filtered.filter("specific"))):
        kept, fitting = part.filter("kept"), part.filter("fits")
        rows += [
            _row(f"filter: precision{suffix}", kept.filter("fits").height, kept.height,
                 "Share of the kept candidates that fit." if not suffix
                 else "The same without the types that fit any image."),
            _row(f"filter: recall{suffix}", fitting.filter("kept").height, fitting.height,
                 "Share of the fitting candidates that were kept." if not suffix
                 else "The same without the types that fit any image."),
        ]  # fmt: skip
    return rows


def _referee_rows(drawn: pl.DataFrame, votes: pl.DataFrame) -> list[Row]:
    rows = [
        _row("before the vote: samples that fit", drawn.filter("fits").height, drawn.height,
             "Share of question-answer pairs whose task type fits: the accuracy of always voting yes."),
    ]  # fmt: skip
    cast = votes.join(drawn.select("sample_id", "fits"), on="sample_id", how="inner")
    for referee in cast["referee"].unique().sort():
        own = cast.filter(pl.col("referee") == referee)
        given = own.drop_nulls("vote")
        missing = own.height - given.height
        right = given.filter((pl.col("vote") == 1) == pl.col("fits")).height
        rows += [
            _row(f"referee {referee}: accuracy", right, given.height,
                 f"Share of votes that agree with whether the task type fits; {missing:,} missing votes left out."),
            _row(f"referee {referee}: yes-rate", given.filter(pl.col("vote") == 1).height, given.height,
                 "Share of votes that are yes."),
        ]  # fmt: skip
    return rows


def _vote_rows(drawn: pl.DataFrame, accepted: Collection[str], final: Collection[str]) -> list[Row]:
    verdicts = drawn.with_columns(pl.col("sample_id").is_in(list(accepted)).alias("accepted"))
    passed, fitting = verdicts.filter("accepted"), verdicts.filter("fits")
    chosen = drawn.filter(pl.col("sample_id").is_in(list(final)))
    return [
        _row("vote: accuracy", verdicts.filter(pl.col("accepted") == pl.col("fits")).height, verdicts.height,
             "Share of samples that the vote decides rightly, accepted or not."),
        _row("vote: precision", passed.filter("fits").height, passed.height, "Share of accepted samples that fit."),
        _row("vote: recall", fitting.filter("accepted").height, fitting.height,
             "Share of fitting samples that are accepted."),
        _row("final set: samples that fit", chosen.filter("fits").height, chosen.height,
             "Share of the final samples of these images whose task type fits."),
    ]  # fmt: skip


def _row(name: str, part: int, whole: int, explanation: str) -> Row:
    return {"measure": name, "value": part / whole if whole else None, "n": whole, "explanation": explanation}


def format_truth(rows: Sequence[Row]) -> str:
    """The rows of :func:`measure` as a plain-text table: measure, share in per cent, and what it is of."""
    cells = [("measured against the ground truth", "value", "n")]
    for row in rows:
        value = "-" if row["value"] is None else f"{100 * row['value']:.1f} %"
        cells.append((row["measure"], value, f"{row['n']:,}"))
    name, value_width, count = (max(len(cell[column]) for cell in cells) for column in range(3))
    lines = [f"{cell[0]:<{name}}  {cell[1]:>{value_width}}  {cell[2]:>{count}}" for cell in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]]) + "\n"
