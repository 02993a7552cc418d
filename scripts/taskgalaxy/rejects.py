"""Why rows are rejected: closed lists of reasons, one per stage."""

from __future__ import annotations

from collections.abc import Mapping

_REQUEST_FAILED = ("refused", "content_filter", "reply_truncated", "reply_empty", "reply_unparsable", "request_failed")

REASONS: Mapping[str, tuple[str, ...]] = {
    "expand": (
        "empty_label",
        "not_under_parent",
        "too_deep",
        "too_long",
        "known_label",
        "over_target",
        *_REQUEST_FAILED,
    ),
    "inspect": (
        "name_not_utf8",
        "unsafe_name",
        "duplicate_name",
        "not_a_file",
        "missing",
        "encrypted",
        "compression_unknown",
        "compression_bomb",
        "overlapping",
        "too_many_bytes",
        "vanished",
        "unreadable",
        "empty_file",
        "not_an_image",
        "truncated",
        "too_small",
        "too_many_pixels",
        "animated",
    ),
    "duplicates": ("duplicate",),
    "match": ("image_changed", "embedding_not_finite"),
    "filter": ("none_fits", "not_selected", "label_not_offered", *_REQUEST_FAILED),
    "qa": (
        "abstained",
        "no_pair",
        "label_not_offered",
        "second_pair",
        "question_empty",
        "answer_empty",
        "malformed_pair",
        *_REQUEST_FAILED,
    ),
    "referee": ("score_below_threshold", "votes_missing"),
    "decontaminate": ("benchmark_image", "benchmark_image_near", "benchmark_question", "near_duplicate"),
    "balance": ("image_removed", "over_cap", "below_minimum"),
    "cot": ("abstained", "no_steps", "answer_empty", *_REQUEST_FAILED),
}
"""Why a row was rejected, per stage. Nothing else may be written as a reason."""

VOTE_REASONS = ("abstained", *_REQUEST_FAILED)
"""Why a vote is null."""


def reject(
    stage: str,
    item: str,
    reason: str,
    *,
    image_id: str | None = None,
    task_type: str | None = None,
    detail: str | None = None,
) -> dict[str, str | None]:
    """One row of the ``REJECTS`` table."""
    return {
        "stage": stage,
        "item": item,
        "image_id": image_id,
        "task_type": task_type,
        "reason": reason,
        "detail": detail,
    }
