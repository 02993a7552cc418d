"""Subsets of the final set for ablations: seeded, and each smaller one inside the next (paper section 3.3, Figure 6).

What is drawn depends on the seed and the sample (:func:`taskgalaxy.balance.draw_key`), so that two runs, and two
sizes, have as much in common as can be.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.balance import draw_key, in_draw_order
from taskgalaxy.cot import with_cot_answers
from taskgalaxy.dataset import assemble, read_all_samples
from taskgalaxy.division import divided
from taskgalaxy.licenses import Described, commercial_licenses
from taskgalaxy.subset_names import (
    COMMERCIAL,
    COT,
    COT_PLAIN,
    UNSCREENED,
    WITH_COT,
    band_edges,
    band_name,
    cap_name,
    generator_names,
    type_names,
)

_ORDER = ("task_type", "sample_id")

log = logging.getLogger(__name__)


def draw_subsets(
    dataset: pl.DataFrame,
    clean: pl.DataFrame,
    scores: pl.DataFrame,
    images: pl.DataFrame,
    samples: Sequence[Path | str],
    cot: pl.DataFrame | None,
    settings: Mapping[str, Any],
    licenses: Described,
    generators: Sequence[str],
    seed: int,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The subsets that the configuration asks for, by their names: rows of ``schemas.DATASET``, in the set's order.

    Args:
        dataset: the final set.
        clean: of ``schemas.CLEAN``.
        scores: the vote table.
        images: of ``schemas.IMAGE_INDEX``.
        samples: the files of all question-answer pairs, which :data:`UNSCREENED` alone needs.
        cot: of ``schemas.COT``, where there are step-by-step answers.
        settings: ``subsets`` of the configuration.
        licenses: ``licenses`` of the configuration.
        generators: the endpoints of ``roles.qa``.
        seed: the configuration's.
    """
    there = clean.join(images.filter("present"), on="image_id", how="semi")
    drawn = {
        **by_task_types(dataset, settings["task_types"], settings["images"], seed),
        **by_cap(dataset, settings["caps"], seed),
        **by_frequency(dataset, there.filter("accepted"), settings["bands"]),
        **by_generator(dataset, generators, seed),
    }
    if settings["commercial"]:
        drawn[COMMERCIAL] = for_commercial_use(dataset, licenses)
    for name, subset in drawn.items():
        yield name, dataset.join(subset, on="sample_id", how="semi", maintain_order="left")
    if settings["unscreened"]:
        yield UNSCREENED, assemble(without_screening(dataset, there, seed), read_all_samples(samples), images, scores)
    if cot is not None:
        answered = with_cot_answers(dataset, cot)
        yield COT, answered.sort(*_ORDER)
        yield COT_PLAIN, dataset.join(cot, on="sample_id", how="semi", maintain_order="left")
        yield WITH_COT, pl.concat([dataset, answered]).sort(*_ORDER)


def by_task_types(
    samples: pl.DataFrame, sizes: Sequence[int], images: int | None, seed: int
) -> dict[str, pl.DataFrame]:
    """Subsets of more and more task types, all of equally many samples, each of another image.

    The task types of a smaller subset are among those of a larger one. A subset takes the task types in turns,
    one sample at a time, and leaves out samples whose image it has.

    What the set cannot give is a warning, and no error after everything was paid for: a subset then has fewer
    task types or images than it was to have.

    Args:
        samples: of the final set: sample_id, image_id and task_type.
        sizes: how many task types; a last subset has all.
        images: how many samples, and images, every subset has; ``None``: as many as the poorest of them can.
        seed: the configuration's.
    """
    if not sizes:
        return {}
    task_types = sorted(samples["task_type"].unique(), key=lambda name: draw_key(seed, name))
    if max(sizes) > len(task_types):
        log.warning("subsets.task_types: %d were asked for, and the final set has %d", max(sizes), len(task_types))
    ordered = in_draw_order(samples, seed)
    chosen = {}
    for name, size in zip(type_names(sizes), [*sizes, len(task_types)], strict=True):
        some = task_types[:size]
        ranks = pl.DataFrame(
            {"task_type": some, "turn": range(len(some))}, schema={"task_type": pl.String, "turn": pl.Int64}
        )
        turns = ordered.join(ranks, on="task_type").sort("position", "turn")
        chosen[name] = turns.unique("image_id", keep="first", maintain_order=True)
    least = min(subset.height for subset in chosen.values())
    if images is not None and images > least:
        poorest = min(chosen, key=lambda name: chosen[name].height)
        log.warning("subsets.images: %d were asked for, and %s can have %d", images, poorest, least)
    return {name: subset.head(min(images or least, least)).drop("turn", "position") for name, subset in chosen.items()}


def by_cap(samples: pl.DataFrame, caps: Sequence[int], seed: int) -> dict[str, pl.DataFrame]:
    """Subsets of at most so many samples per task type: the first that the balanced set drew."""
    ordered = in_draw_order(samples, seed)
    return {cap_name(cap): ordered.filter(pl.col("position") < cap).drop("position") for cap in caps}


def by_frequency(samples: pl.DataFrame, accepted: pl.DataFrame, bands: Sequence[int]) -> dict[str, pl.DataFrame]:
    """The samples of task types that are rare to those that are frequent.

    Args:
        samples: of the final set.
        accepted: what the referees accepted, from which the set was drawn; it says how frequent a task type is.
        bands: the most accepted samples of every band but the last, ascending: 10, 50, 100 make 1-10, 11-50,
            51-100 and more than 100.
    """
    frequencies = accepted.group_by("task_type").len("frequency")
    counted = samples.join(frequencies, on="task_type")
    frequency = pl.col("frequency")
    return {
        band_name(low, high): counted.filter(
            (frequency >= low) & (pl.lit(True) if high is None else frequency <= high)
        ).drop("frequency")
        for low, high in band_edges(bands)
    }


def by_generator(samples: pl.DataFrame, generators: Sequence[str], seed: int) -> dict[str, pl.DataFrame]:
    """Equally many samples of every task type for each generator: as many as the one with the fewest has of it.

    Whose a sample is, its image says: two generators may be one model with other parameters, which the columns of
    provenance do not tell apart.
    """
    names = generator_names(generators)
    if not names:
        return {}
    parts = [in_draw_order(part, seed) for part in divided(samples, generators).values()]
    counts = pl.concat([part.group_by("task_type").len() for part in parts])
    common = counts.group_by("task_type").agg(fewest=pl.col("len").min(), generators=pl.len())
    common = common.filter(pl.col("generators") == len(generators))
    if common.is_empty():
        log.warning("%s are empty: no task type has a sample of every generator", " and ".join(names))
    drawn = [part.join(common, on="task_type").filter(pl.col("position") < pl.col("fewest")) for part in parts]
    return {name: part.select(samples.columns) for name, part in zip(names, drawn, strict=True)}


def without_screening(samples: pl.DataFrame, pairs: pl.DataFrame, seed: int) -> pl.DataFrame:
    """As many pairs of each task type as ``samples`` has of it, drawn whatever the referees said.

    ``pairs`` are all question-answer pairs of images that are still there.
    """
    wanted = samples.group_by("task_type").len("wanted")
    drawn = in_draw_order(pairs, seed).join(wanted, on="task_type").filter(pl.col("position") < pl.col("wanted"))
    return drawn.drop("position", "wanted")


def for_commercial_use(samples: pl.DataFrame, described: Described) -> pl.DataFrame:
    """The samples whose image may be used commercially, as far as is known."""
    allowed = commercial_licenses(samples["license"].unique(), described)
    return samples.filter(pl.col("license").is_in(allowed))
