"""The plan of a whole run, from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from taskgalaxy.images import FORMATS
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.plan.estimate import CHILDREN_PRIOR, StagePlan, estimate
from taskgalaxy.plan.needs import ShardNeeds, Size, expand_needs, image_sizes, shard_needs
from taskgalaxy.shards import Plan, source_of
from taskgalaxy.tables import IMAGE_INDEX, read_table

_FEW_SHARDS = 8


def plan_run(
    config: Mapping[str, Any], shards: Mapping[str, int], some_files: Sequence[str], jobs: int
) -> list[StagePlan]:
    """What is still to be asked of every endpoint that costs something.

    Args:
        shards: the files in each shard of the plan.
        some_files: image files, from all over the sources, whose sizes stand for those not inspected yet.
        jobs: how many shards are asked about at once.
    """
    index_path = Path(config["results"]) / "images.parquet"
    if index_path.exists():
        index = read_table(index_path, IMAGE_INDEX)
        known = [shard for shard in shards if shard in set(index["shard"])]
        sizes = image_sizes(index)
        # A shard of the index all of whose images are duplicates asks nothing; one that is not in it is new.
        new = {name: files for name, files in shards.items() if not _inspected(config, name)}
    else:
        known, sizes, new = [], {}, dict(shards)
    needs = [ShardNeeds(unfiltered=files, unsettled=files) for files in new.values()]
    look = partial(shard_needs, config=config)
    if len(known) > _FEW_SHARDS:
        with ProcessPoolExecutor() as pool:
            needs += pool.map(look, known)
    else:
        needs += map(look, known)
    images = list(sizes.values()) or [size for path in some_files if (size := _header_size(Path(path)))]
    jobs = max(1, min(jobs, len(shards)))
    expand = expand_needs(config, CHILDREN_PRIOR)
    return estimate(config, Ledger(config["ledger"]), expand, needs, sizes, images, jobs)


def sample_files(plan: Plan, roots: Mapping[str, str], most: int = 500) -> list[str]:
    """Paths of at most ``most`` files, evenly over the shards of a plan."""
    files = [(roots[source_of(shard)], file.path) for shard, files in plan.files.items() for file in files]
    step = max(1, math.ceil(len(files) / most))
    return [f"{root}/{path}" for root, path in files[::step]]


def _header_size(path: Path) -> Size | None:
    """What an image file says of itself, before it is decoded."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return (*image.size, path.stat().st_size)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _inspected(config: Mapping[str, Any], shard: str) -> bool:
    return (Path(config["results"]) / "images" / "inspected" / f"{shard}.parquet").exists()
