"""What requests cost, and how many tokens they are likely to have where nobody has counted them yet."""

from __future__ import annotations

import math
from collections.abc import Mapping

from taskgalaxy.llm.settings import Prices

CHARACTERS_PER_TOKEN = 4.0
"""A prior for English prompts; the plan corrects it by what servers have counted."""

TYPICAL_IMAGE_TOKENS = 765
"""An image of 1024 x 1024 pixels by :func:`image_tokens`; stands for one whose size is not at hand."""

_TILE = 512
_TOKENS_PER_TILE = 170
_TOKENS_PER_IMAGE = 85


def usd(prices: Prices, usage: Mapping[str, int], *, batch: bool = False) -> float:
    """US dollars for ``usage`` (``prompt_tokens``, ``completion_tokens`` and, part of the first, ``cached_tokens``)."""
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    cached = min(usage.get("cached_tokens", 0), prompt)
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    millionths = (prompt - cached) * prices.input + cached * cached_price + completion * prices.output
    return millionths / 1e6 * (prices.batch_factor if batch else 1.0)


def text_tokens(text: str) -> int:
    """About how many tokens ``text`` has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def image_tokens(width: int, height: int, max_side: int | None = None, detail: str | None = None) -> int:
    """Tokens of an image of ``width`` x ``height`` pixels, as OpenAI counts them for gpt-4o.

    The image is fitted into 2048 x 2048 pixels, its shorter side into 768, and each tile of 512 x 512
    costs 170 tokens beside 85 for the image; with ``detail: low`` it costs these 85 alone. Other models
    count otherwise.
    """
    if detail == "low":
        return _TOKENS_PER_IMAGE
    scale = min(1.0, (max_side or 2048) / max(width, height), 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    # Rounded, so that a side of 1536 pixels and an error of the last digit is not four tiles long.
    columns, rows = (math.ceil(round(side * scale, 6) / _TILE) for side in (width, height))
    return _TOKENS_PER_IMAGE + _TOKENS_PER_TILE * columns * rows
