"""All figures of the report, in its order: title, caption, what they show in words, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from taskgalaxy.describe.sheets import Sheets
from taskgalaxy.figures import images, referees, samples, task_types
from taskgalaxy.figures.style import share_text
from taskgalaxy.figures.svg import to_svg


@dataclass(frozen=True)
class Material:
    """What figures are drawn from: the tables, and the numbers of :func:`taskgalaxy.describe.run.describe`."""

    sheets: Sheets
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Plate:
    """A figure of the report.

    Attributes:
        name: of its file. sheets: the tables that hold its numbers.
        caption: how to read it; no numbers.
        words: what it shows, for those who do not see it.
    """

    name: str
    title: str
    caption: str
    sheets: tuple[str, ...]
    draw: Callable[[Material], Figure]
    words: Callable[[Material], str]

    def svg(self, material: Material) -> str:
        """The figure as SVG; the same material gives the same bytes."""
        return to_svg(self.draw(material), self.name, self.title, self.words(material))


def _listed(frame: pl.DataFrame, text: str, most: int = 12) -> str:
    """A phrase per row, ``text`` with the row's columns filled in."""
    rows = [text.format(**row) for row in frame.head(most).iter_rows(named=True)]
    left = frame.height - len(rows)
    return "; ".join([*rows, *([f"and {left:,} more"] if left else [])]) + "."


def _median_lengths(material: Material) -> str:
    parts = []
    for part in ("question", "answer"):
        counts = material.sheets["lengths"].filter(pl.col("part") == part)
        if counts.height:
            parts.append(f"Half of the {part}s have at most {samples.quantile(counts, 0.5)} words, "
                         f"nine tenths at most {samples.quantile(counts, 0.9)}.")  # fmt: skip
    return " ".join(parts) or "The set is empty."


def _kept_at_ends(material: Material) -> str:
    ranks = material.sheets["ranks"]
    if ranks.is_empty():
        return "There are no candidates."
    first, last = ranks.row(0, named=True), ranks.row(-1, named=True)
    return (
        f"{share_text(first['share'])} of the candidates at rank {first['rank']} were kept, and "
        f"{share_text(last['share'])} of those at rank {last['rank']}."
    )


PLATES: tuple[Plate, ...] = (
    Plate(
        "funnel",
        "From reply lines and image files to the final set",
        "What every stage let through of what came in. Stages count different things (second line of their names): "
        "an image becomes k candidates, so that shares can be compared and lengths cannot.",
        ("funnel",),
        lambda m: samples.funnel(m.sheets["funnel"]),
        lambda m: _listed(m.sheets["funnel"], "{stage}: {rows_out:,} of {rows_in:,} {unit} let through"),
    ),
    Plate(
        "samples_per_task_type",
        "Samples per task type",
        "The paper's Figure 5. Above, the share of the task types with samples that have so many; of the paper's "
        "set only the first share is known as a number, by a review that reads it off the figure. Below, the same "
        "counted in finer steps, also before the cap per task type was applied, and with the task types that have "
        "none.",
        ("samples_per_task_type", "task_types"),
        lambda m: task_types.samples_per_task_type(
            m.sheets["samples_per_task_type"], m.numbers["paper"]["share_1_to_10"]
        ),
        lambda m: _listed(
            m.sheets["samples_per_task_type"],
            "{samples} samples: {accepted_task_types:,} task types by accepted ones, {final_task_types:,} in the set",
        ),
    ),
    Plate(
        "levels",
        "Task types per level",
        "Labels on each level of the hierarchy (distinct, with all that stands above them), and the task types "
        "whose last level it is. The paper gives one number for levels 1 to 3 and 19,227 task types in all.",
        ("levels",),
        lambda m: task_types.levels(m.sheets["levels"]),
        lambda m: _listed(
            m.sheets["levels"].with_columns(pl.col("paper").cast(pl.String).fill_null("not given")),
            "level {level}: {labels:,} labels, {task_types:,} task types end here, the paper: {paper}",
        ),
    ),
    Plate(
        "fates",
        "What became of the task types",
        "How far each task type came: among no image's candidates; a candidate, but never kept by the filter; kept, "
        "but no question came of it; questions, but none accepted; accepted, but none drawn; in the set.",
        ("fates", "task_types_without_samples"),
        lambda m: task_types.fates(m.sheets["fates"]),
        lambda m: _listed(m.sheets["fates"], "{fate}: {task_types:,} task types"),
    ),
    Plate(
        "nearest_task_types",
        "How close task types are to each other",
        "The cosine of every task type's text embedding (the one that images are matched with) with that of its "
        "nearest neighbour. Near-duplicates split the samples of one task over two names.",
        ("task_types", "similar_task_types"),
        lambda m: task_types.nearest(m.sheets["task_types"], m.numbers["similar_above"]),
        lambda m: (
            f"{m.numbers['similar_pairs']:,} pairs of task types have a cosine of "
            f"{m.numbers['similar_above']:g} or more."
        ),
    ),
    Plate(
        "sources",
        "Sources and licences",
        "Distinct images of every source and licence, and those of them that the set uses (paper, Table 1).",
        ("sources",),
        lambda m: images.sources(m.sheets["sources"]),
        lambda m: _listed(m.sheets["sources"], "{source} ({license}): {images:,} images, {images_in_set:,} in the set"),
    ),
    Plate(
        "ranks",
        "At which rank kept task types stood",
        "Left, the share of the candidates at each rank that the filter kept, with 95 % confidence intervals. "
        "Right, the share of all kept ones that stood at this rank or above: what a smaller k would have found. If "
        "the left curve is still high at the last rank, more task types fit than k candidates can hold.",
        ("ranks",),
        lambda m: images.ranks(m.sheets["ranks"]),
        _kept_at_ends,
    ),
    Plate(
        "none_rate",
        "The None rate: images without a task type",
        "The share of images of which no candidate was kept, with 95 % confidence intervals. Shards stand in the "
        "order in which they are asked about; images that were added later come later in their source. Where the "
        "rate climbs, the pool of task types lacks what the new images show. Images of which no reply could be used "
        "are counted too; the tables tell them apart.",
        ("none_rate_by_source", "none_rate_by_shard"),
        lambda m: images.none_rate(m.sheets["none_rate_by_shard"], m.sheets["none_rate_by_source"]),
        lambda m: _listed(m.sheets["none_rate_by_source"], "{source}: {without:,} of {images:,} images"),
    ),
    Plate(
        "votes",
        "Votes and agreement",
        "Above, how the votes of a sample split. Below, how often two referees vote alike, and how far beyond "
        "chance (Cohen's kappa, which is low where nearly all votes are the same).",
        ("votes", "agreement"),
        lambda m: referees.votes(m.sheets["votes"], m.sheets["agreement"]),
        lambda m: _listed(
            m.sheets["votes"], "{yes} yes, {no} no, {missing} missing: {samples:,} samples, {accepted:,} accepted"
        ),
    ),
    Plate(
        "rejection_by_first_level",
        "What the referees reject, by first level",
        "The share of samples that the vote rejected, with 95 % confidence intervals; the dashed line is that of "
        "all. A first level far to the right has bad questions, or questions that are too hard for the referees: "
        "votes cannot tell which, people who look at the rejected samples can. Of more than 40 first levels those "
        "with most samples are drawn; the table has all.",
        ("rejection_by_first_level",),
        lambda m: referees.rejection(m.sheets["rejection_by_first_level"]),
        lambda m: _listed(m.sheets["rejection_by_first_level"], "{level_1}: {rejected:,} of {samples:,} rejected", 40),
    ),
    Plate(
        "lengths",
        "How long questions and answers are",
        "Words (what stands between blanks) of the questions and answers in the set. The longest hundredth is not "
        "drawn.",
        ("lengths",),
        lambda m: samples.lengths(m.sheets["lengths"]),
        _median_lengths,
    ),
    Plate(
        "datasets",
        "Beside other datasets",
        "Instances and task types as the paper's Table A-4 gives them, and this run's set (star). A dataset whose "
        "number of task types is not known is in the table only.",
        ("datasets",),
        lambda m: samples.datasets(m.sheets["datasets"]),
        lambda m: _listed(
            m.sheets["datasets"].with_columns(pl.col("task_types").cast(pl.String).fill_null("unknown")),
            "{name}: {instances:,} instances, {task_types} task types",
        ),
    ),
)
