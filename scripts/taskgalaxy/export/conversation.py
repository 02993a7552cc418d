"""What all exports say of a sample in the same way: its image, its question and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IMAGE_TOKEN = "<image>"
MIX_FOLDER = "llava_mix"
"""The folder of an existing mix's images, beside those of the sources."""


def question(sample: Mapping[str, Any]) -> str:
    """The question behind the token ``<image>``, which stands once: trainers count it.

    Where the text happens to hold the token, it is written ``< image >``.
    """
    return f"{IMAGE_TOKEN}\n{_without_token(sample['question'])}"


def answer(sample: Mapping[str, Any]) -> str:
    """The answer, without the token ``<image>``."""
    return _without_token(sample["answer"])


def image_path(sample: Mapping[str, Any]) -> str:
    """``source/path``, relative to an image folder that holds one folder per source (export/images)."""
    return f"{sample['source']}/{sample['image']}"


def _without_token(text: str) -> str:
    return text.replace(IMAGE_TOKEN, "< image >")
