"""What was compared with benchmarks, and which images look alike, as plain text."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskgalaxy.phash import BITS

_REASONS = ("benchmark_image", "benchmark_image_near", "benchmark_question")
_HEADS = ("same image", "alike", "question")
_MOST_GROUPS = 20
_MOST_NAMED = 5


def format_contamination(
    hits: pl.DataFrame, sizes: Mapping[str, tuple[int, int]], distance: int | None, ngram: int
) -> str:
    """A line per benchmark: what was compared, and how many accepted samples share what with it.

    Args:
        hits: ``schemas.CONTAMINATION``.
        sizes: by benchmark, how many of its images and of its questions were compared.
        distance: bits in which images that are alike may differ; ``None``: only the same bytes count.
        ngram: words that questions share.
    """
    if not sizes:
        return "Nothing was compared: the configuration names no benchmark (decontaminate.benchmarks).\n"
    accepted = hits.filter("accepted")
    width = max(len("benchmark"), *map(len, sizes))
    head = f"{'benchmark':{width}} {'images':>10} {'questions':>10}"
    lines = [
        f"Accepted samples that share something with a benchmark, left out: {accepted['sample_id'].n_unique():,}",
        "",
        head + "".join(f" {name:>12}" for name in _HEADS),
    ]
    for name, (images, questions) in sizes.items():
        of_benchmark = accepted.filter(pl.col("benchmark") == name)
        counts = [of_benchmark.filter(pl.col("reason") == reason).height for reason in _REASONS]
        lines.append(f"{name:{width}} {images:10,} {questions:10,}" + "".join(f" {count:12,}" for count in counts))
    alike = "not looked for" if distance is None else f"at most {distance} of {BITS} bits differ"
    lines += ["", f"alike: {alike}; question: {ngram} words in a row, or all of a shorter one"]
    lines.append("A sample counts once per benchmark and column. dataset/contamination.csv lists them all.")
    return "\n".join(lines) + "\n"


def format_near_duplicates(alike: pl.DataFrame, compared: pl.DataFrame, distance: int | None, thin: bool) -> str:
    """How many images look like an earlier one, and the largest groups.

    Args:
        alike: ``schemas.NEAR_DUPLICATES``.
        compared: ``schemas.IMAGE_HASHES`` of the images that were compared.
        distance: bits in which they may differ; ``None``: nothing was looked for.
        thin: whether they lose their samples.
    """
    if distance is None:
        return "Nothing was compared: near_duplicates.distance is null.\n"
    groups = alike.group_by("first_image_id", maintain_order=True).agg(
        pl.len(), pl.first("first_source", "first_image"), pl.col("source", "image", "distance").head(_MOST_NAMED)
    )
    plain = compared.filter(pl.col("readable") & pl.col("phash").is_null()).height
    unread = compared.filter(~pl.col("readable")).height
    lines = [
        f"{compared.height:,} images with accepted samples; {alike.height:,} look like an earlier one "
        f"(at most {distance} of {BITS} bits differ), in {groups.height:,} groups.",
        f"Not compared: {plain:,} too plain, {unread:,} no longer readable.",
    ]
    if not alike.is_empty():
        fate = "were left out" if thin else "stay (near_duplicates.thin is false)"
        lines.append(f"Their {alike['samples'].sum():,} samples {fate}.")
    for group in groups.sort("len", descending=True, maintain_order=True).head(_MOST_GROUPS).iter_rows(named=True):
        lines += ["", f"{group['first_source']}/{group['first_image']}"]
        named = zip(group["source"], group["image"], group["distance"], strict=True)
        lines += [f"  {bits:2}  {source}/{image}" for source, image, bits in named]
        if group["len"] > _MOST_NAMED:
            lines.append(f"      and {group['len'] - _MOST_NAMED:,} more")
    if groups.height > _MOST_GROUPS:
        lines += ["", f"and {groups.height - _MOST_GROUPS:,} more groups: report/near_duplicates.parquet"]
    return "\n".join(lines) + "\n"
