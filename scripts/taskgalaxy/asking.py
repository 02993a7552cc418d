"""What the jobs of a dry-run would ask at most: cheap, since nothing is rendered and no ledger is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskgalaxy.config import asks_a_server

ASKING_RULES: Mapping[str, str] = {
    "expand_level": "expand",
    "filter_matches": "filter",
    "generate_qa": "qa",
    "cast_votes": "referees",
}
"""The rules that ask, and the role that they ask in."""


def asking_summary(
    config: Mapping[str, Any], jobs: Iterable[tuple[str, Mapping[str, str]]], counts: Mapping[str, int]
) -> str:
    """One line per rule and endpoint that is asked over the network; empty if none is.

    Args:
        jobs: rule and wildcards of every job that would run.
        counts: shard -> how many images it has.
    """
    counted: Counter[tuple[str, str]] = Counter()
    images: Counter[tuple[str, str]] = Counter()
    for rule, wildcards in jobs:
        if rule in ASKING_RULES:
            endpoint = wildcards.get("referee") or config["roles"][ASKING_RULES[rule]]
            if asks_a_server(config, [endpoint]):
                counted[rule, endpoint] += 1
                images[rule, endpoint] += counts[wildcards["shard"]] if "shard" in wildcards else 0
    if not counted:
        return ""
    rows = [_row(rule, endpoint, count, images[rule, endpoint], config) for (rule, endpoint), count in counted.items()]
    rows.sort(key=lambda row: list(ASKING_RULES).index(row[0]))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"  {rule:{widths[0]}}  {endpoint:{widths[1]}}  {about}" for rule, endpoint, about in rows]
    head = "What would be asked, at most (what the ledger holds is not asked again):"
    return "\n".join([head, *lines, "`snakemake plan` counts requests, tokens and money.", ""])


def _row(rule: str, endpoint: str, jobs: int, images: int, config: Mapping[str, Any]) -> Sequence[str]:
    model = f"{endpoint} ({config['endpoints'][endpoint]['model']})"
    if rule == "expand_level":
        return rule, model, _plural(jobs, "level")
    each = {
        "filter_matches": "one question each",
        "generate_qa": "one question each",
        "cast_votes": f"up to {config['match']['k']} questions each",
    }[rule]
    return rule, model, f"{_plural(jobs, 'shard')}, {_plural(images, 'image')}, {each}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
