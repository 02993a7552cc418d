"""The plan of a whole run, from its folder."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from taskgalaxy.fill_shards import fill_shards
from taskgalaxy.images import FORMATS
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.plan.estimate import CHILDREN_PRIOR, RunPlan, estimate
from taskgalaxy.plan.needs import ShardNeeds, Size, cot_needs, expand_needs, image_sizes, shard_needs, topk_path
from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.sources.source import Source
from taskgalaxy.tables import read_table, to_frame

_FEW_SHARDS = 8


def plan_run(
    config: Mapping[str, Any], shards: Mapping[str, int], some_files: Sequence[tuple[str, str]], jobs: int
) -> RunPlan:
    """What is still to be asked of every endpoint that costs something.

    Args:
        shards: the files in each shard of the plan.
        some_files: (source, path) of files from all over the sources, whose sizes stand for those not
            inspected yet.
        jobs: how many shards are asked about at once, at most.
    """
    index_path = Path(config["results"]) / "images.parquet"
    index = read_table(index_path, IMAGE_INDEX) if index_path.exists() else to_frame([], IMAGE_INDEX)
    if index_path.exists():
        indexed = set(index["shard"])
        known = [shard for shard in shards if shard in indexed]
        sizes = image_sizes(index)
        # A shard of the index all of whose images are duplicates asks nothing; one that is not in it is new.
        new = {name: files for name, files in shards.items() if not _inspected(config, name)}
    else:
        known, sizes, new = [], {}, dict(shards)
    known += [shard for shard in fill_shards(config, len(shards)) if topk_path(config, shard).exists()]
    needs = [ShardNeeds(unfiltered=files, unsettled=files) for files in new.values()]
    look = partial(shard_needs, config=config)
    if len(known) > _FEW_SHARDS:
        with ProcessPoolExecutor() as pool:
            needs += pool.map(look, known)
    else:
        needs += map(look, known)
    images = list(sizes.values()) or _header_sizes(some_files, open_sources(config))
    jobs = max(1, min(jobs, len(shards)))
    expand = expand_needs(config, CHILDREN_PRIOR)
    ledger = Ledger(config["ledger"])
    stages = estimate(config, ledger, expand, needs, cot_needs(config, index), sizes, images, jobs)
    return RunPlan(stages, jobs, ledger.spent.usd(), config["budget_usd"], _unplanned(config, len(shards)))


def _unplanned(config: Mapping[str, Any], shards: int) -> str | None:
    """What no figure of the plan holds: thin task types are known when the referees have voted."""
    unknown = [shard for shard in fill_shards(config, shards) if not topk_path(config, shard).exists()]
    if not unknown:
        return None
    images, below = config["fill"]["images"], config["fill"]["below"]
    return f"Not in it: up to {images} further images of every task type with fewer than {below} accepted samples."


def _header_sizes(files: Sequence[tuple[str, str]], sources: Mapping[str, Source]) -> list[Size]:
    """What image files say of themselves, before they are decoded; those that say nothing are left out."""
    sizes: list[Size] = []
    for source, name in files:
        with suppress(OSError, ValueError, Image.DecompressionBombError):
            data = sources[source].read(name)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                sizes.append((*image.size, len(data)))
    return sizes


def _inspected(config: Mapping[str, Any], shard: str) -> bool:
    return (Path(config["results"]) / "images" / "inspected" / f"{shard}.parquet").exists()
