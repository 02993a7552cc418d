"""Which generator writes about which image, where several share ``roles.qa``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl


def generator_of(image_id: str, generators: Sequence[str]) -> str:
    """The generator that an image belongs to: the one with the smallest hash of its name and the image.

    So (rendezvous hashing) it depends on nothing but these. A further generator takes over about one in ``n + 1`` of
    the images, and no other image changes hands; what was answered about those is in the ledger.

    Args:
        generators: the names of their endpoints, in any order.
    """
    return min(generators, key=lambda name: hashlib.blake2b(f"{name}:{image_id}".encode(), digest_size=16).digest())


def divided(rows: pl.DataFrame, generators: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The rows (with a column image_id) of every generator's images, in their order, by the generator's name."""
    owners = pl.Series([generator_of(image_id, generators) for image_id in rows["image_id"]], dtype=pl.String)
    return {name: rows.filter(owners == name) for name in generators}
