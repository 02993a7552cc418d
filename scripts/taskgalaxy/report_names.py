"""What the report's tables and figures are called, which the Snakefile has to know before any is made."""

from __future__ import annotations

TABLES = (
    "task_types",
    "fates",
    "task_types_without_samples",
    "samples_per_task_type",
    "levels",
    "sources",
    "datasets",
    "funnel",
    "ranks",
    "none_rate_by_shard",
    "none_rate_by_source",
    "votes",
    "agreement",
    "rejection_by_first_level",
    "similar_task_types",
    "lengths",
    "questions_asked",
)

FIGURES = (
    "funnel",
    "samples_per_task_type",
    "levels",
    "fates",
    "nearest_task_types",
    "sources",
    "ranks",
    "none_rate",
    "votes",
    "rejection_by_first_level",
    "lengths",
    "datasets",
)
