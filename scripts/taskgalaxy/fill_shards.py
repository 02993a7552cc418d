"""What the shards are called that fill thin task types, which the Snakefile has to know before any is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskgalaxy.shards import source_of

FILL = "fill"
"""The source that the shards of the fill are named after."""

_SHARDS_EACH = 10
"""Shards of images for each of which there is one of the fill."""


def fill_shards(config: Mapping[str, Any], shards: int) -> list[str]:
    """The shards of the fill beside so many of images; none if nothing is to be filled."""
    if config["fill"]["below"] is None:
        return []
    return [f"{FILL}-{number:05d}" for number in range(-(-shards // _SHARDS_EACH))]


def is_fill(shard: str, config: Mapping[str, Any]) -> bool:
    """Whether a shard is one of the fill. (Without a fill a source may be called like it.)"""
    return source_of(shard) == FILL and FILL not in config["sources"]
