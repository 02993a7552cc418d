"""What the jobs of a dry-run would ask at most: cheap, since nothing is rendered and no ledger is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskgalaxy.config import asks_a_server
from taskgalaxy.llm.settings import endpoints_of

ASKING_RULES: Mapping[str, str] = {
    "expand_level": "expand",
    "filter_matches": "filter",
    "generate_qa": "qa",
    "cast_votes": "referees",
    "generate_cot": "cot",
}
"""The rules that ask, and the role that they ask in."""


def asking_summary(
    config: Mapping[str, Any], jobs: Iterable[tuple[str, Mapping[str, str]]], counts: Mapping[str, int]
) -> str:
    """One line per rule and endpoint that is asked over the network; empty if none is.

    Args:
        jobs: rule and wildcards of every job that would run.
        counts: shard -> how many images it has; those of the fill are not known before.
    """
    counted: Counter[tuple[str, str]] = Counter()
    images: Counter[tuple[str, str]] = Counter()
    for rule, wildcards in jobs:
        if rule in ASKING_RULES:
            one = wildcards.get("referee")
            for endpoint in [one] if one else endpoints_of(config, ASKING_RULES[rule]):
                if asks_a_server(config, [endpoint]):
                    counted[rule, endpoint] += 1
                    images[rule, endpoint] += counts.get(wildcards.get("shard", ""), 0)
    if not counted:
        return ""
    rows = [_row(rule, endpoint, count, images[rule, endpoint], config) for (rule, endpoint), count in counted.items()]
    rows.sort(key=lambda row: list(ASKING_RULES).index(row[0]))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"  {rule:{widths[0]}}  {endpoint:{widths[1]}}  {about}" for rule, endpoint, about in rows]
    head = "What would be asked, at most (what the ledger holds is not asked again):"
    if config["fill"]["below"] is not None:
        further = f"{config['fill']['images']} further images of every thin task type (fill)"
        lines.append(f"  and the same about up to {further}")
    return "\n".join([head, *lines, "`snakemake plan` counts requests, tokens and money.", ""])


def _row(rule: str, endpoint: str, jobs: int, images: int, config: Mapping[str, Any]) -> Sequence[str]:
    model = f"{endpoint} ({config['endpoints'][endpoint]['model']})"
    if rule == "expand_level":
        return rule, model, _plural(jobs, "level")
    if rule == "generate_cot":
        return rule, model, f"{_plural(config['cot']['max'], 'question')} per task type"
    each = {
        "filter_matches": "one question each",
        "generate_qa": "one question each",
        "cast_votes": f"up to {config['match']['k']} questions each",
    }[rule]
    share = len(endpoints_of(config, "qa")) if rule == "generate_qa" else 1
    about = _plural(images, "image") if share == 1 else f"about {_plural(round(images / share), 'image')} of {images:,}"
    return rule, model, f"{_plural(jobs, 'shard')}, {about}, {each}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
