"""From what is missing and what is not known yet to requests, tokens, money and hours, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.prices import TYPICAL_IMAGE_TOKENS, image_tokens, usd
from taskgalaxy.llm.settings import EndpointSettings, endpoints_of
from taskgalaxy.plan.history import Experience, experience
from taskgalaxy.plan.needs import CotNeeds, ExpandNeeds, Needs, ShardNeeds, Size, Sizes, batch_files, sent_bytes

PRIORS: Mapping[str, Mapping[str, float]] = {
    "expand": {"text_tokens": 400, "completion_tokens": 300},
    "filter": {"text_tokens": 450, "completion_tokens": 60},
    "qa": {"text_tokens": 450, "completion_tokens": 300},
    "referee": {"text_tokens": 220, "completion_tokens": 2},
    "cot": {"text_tokens": 220, "completion_tokens": 250},
}
"""Per request, where the ledger and the prompts that can be rendered say nothing."""

SECONDS_PRIOR = 5.0
LOADED_SECONDS_PRIOR = 0.1
WITH_KEPT_PRIOR = 0.9
KEPT_PRIOR = 3.0
PAIRS_PRIOR = 0.95
CHILDREN_PRIOR = 8.0
"""Seconds per request, and per vote of a model that the job loads; images of which the filter keeps something,
task types that it keeps of those, pairs per kept task type, where this run has not shown its own yet; task types
below one of a level without a target."""

_ENOUGH = 20
"""Images (or task types) of this run from which on its own shares count."""


@dataclass
class StagePlan:
    """One line of the plan.

    Attributes:
        exact: of ``requests``, those whose prompts could be rendered and are not in the ledger.
        usd: ``None`` where the endpoint has no prices.
        batch_files: ``None`` where it is asked online.
        hours: at the configured limits, with ``jobs`` at once; of a batch the day that it may take.
        basis: where the token counts come from.
    """

    stage: str
    endpoint: str
    model: str
    requests: int
    exact: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    batch_files: int | None
    hours: float
    basis: str


@dataclass(frozen=True)
class RunPlan:
    """The plan of a run.

    Attributes:
        jobs: shard jobs that run at once.
        spent_usd: what the ledger's answers have cost so far.
        unplanned: what none of the figures holds.
    """

    stages: Sequence[StagePlan]
    jobs: int
    spent_usd: float
    budget_usd: float | None
    unplanned: str | None = None

    @property
    def usd(self) -> float:
        """What is still to be paid, to endpoints that have prices."""
        return sum(stage.usd or 0.0 for stage in self.stages)

    @property
    def unpriced(self) -> list[str]:
        """Endpoints that are asked and have no prices."""
        names = [stage.endpoint for stage in self.stages if stage.usd is None and stage.requests]
        return list(dict.fromkeys(names))

    def as_json(self) -> dict[str, Any]:
        return {
            "stages": [asdict(stage) for stage in self.stages],
            "usd": self.usd,
            "unpriced": self.unpriced,
            "spent_usd": self.spent_usd,
            "budget_usd": self.budget_usd,
        }

    def table(self) -> str:
        """The plan as plain text."""
        if not self.stages:
            return "Nothing to pay for: every role is played by the embedded provider.\n"
        sums = [
            f"{sum(getattr(stage, name) for stage in self.stages):,}"
            for name in ("requests", "exact", "prompt_tokens", "completion_tokens")
        ]
        total = ("all", "", *sums, f"{self.usd:,.2f}", "", "", "")
        cells = [_HEAD, *(_cells(stage) for stage in self.stages), total]
        widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
        lines = ["  ".join(map(_aligned, row, widths, range(len(row)))).rstrip() for row in cells]
        lines.insert(1, "-" * max(map(len, lines)))
        lines.insert(-1, lines[1])
        return "\n".join([*lines, "", *self._notes()]) + "\n"

    def _notes(self) -> list[str]:
        notes = [
            f"Answered requests are not counted; the ledger's answers have cost ${self.spent_usd:,.2f} so far.",
            f"Hours with {self.jobs} jobs at once; stages overlap. What is not exact is an estimate from "
            "this run's own shares, or from priors:",
            f"  {SECONDS_PRIOR:g} s per request ({LOADED_SECONDS_PRIOR:g} s of a model that the job loads), "
            f"{WITH_KEPT_PRIOR:.0%} of images with {KEPT_PRIOR:g} kept task types "
            f"each, {PAIRS_PRIOR:.0%} of them with a pair; {CHILDREN_PRIOR:g} task types below one; "
            "image tokens as gpt-4o counts them.",
        ]
        if self.unplanned:
            notes.append(self.unplanned)
        if self.unpriced:
            notes.append(f"Without prices, and not in the sum: {', '.join(self.unpriced)}.")
        if self.budget_usd is not None:
            left = self.budget_usd - self.spent_usd
            enough = "enough" if self.usd <= left else "NOT enough"
            notes.append(f"budget_usd is ${self.budget_usd:,.2f}: ${left:,.2f} left, {enough}.")
        return notes


_HEAD = ("stage", "endpoint", "requests", "exact", "tokens in", "tokens out", "USD", "batches", "hours", "tokens by")


def estimate(
    config: Mapping[str, Any],
    ledger: Ledger,
    expand: ExpandNeeds | None,
    shards: Sequence[ShardNeeds],
    cot: CotNeeds | None,
    sizes: Sizes,
    images: Sequence[Size],
    jobs: int,
) -> list[StagePlan]:
    """The plan, one line per stage and endpoint that costs something.

    Args:
        expand: ``None`` if the embedded provider expands.
        cot: ``None`` if it writes the step-by-step answers, or nobody does.
        sizes: of the images that were inspected, by id.
        images: the sizes of some images of the sources, for those that were not.
        jobs: shard jobs that run at once.
    """
    plans = []
    unfiltered = sum(shard.unfiltered for shard in shards)
    with_kept, kept, pairs = _shares(shards)
    # Images and task types about which later stages will ask once earlier ones have answered.
    coming_images = sum(shard.unsettled for shard in shards) * with_kept
    coming_types = coming_images * kept + sum(shard.pending for shard in shards)
    parts: list[tuple[str, str, Needs, float]] = []
    roles = config["roles"]
    if expand is not None:
        parts.append(("expand", roles["expand"], expand.missing, float(expand.later)))
    parts.append(("filter", roles["filter"], _sum(shards, "filter"), float(unfiltered)))
    generators = endpoints_of(config, "qa")
    for name in generators:
        parts.append(("qa", name, _sum(shards, f"qa {name}"), coming_images / len(generators)))
    for name in roles["referees"]:
        parts.append(("referee", name, _sum(shards, f"referee {name}"), coming_types * pairs))
    if cot is not None:
        coming_pairs = coming_types * pairs
        every_pair = sum(shard.pairs for shard in shards) + coming_pairs
        most = every_pair if cot.most is None else min(every_pair, cot.most)
        unchosen = max(0.0, most - cot.chosen) if coming_pairs or not cot.chosen else 0.0
        parts.append(("cot", roles["cot"], cot.missing, unchosen))
    for stage, endpoint, missing, later in parts:
        settings = EndpointSettings.of(endpoint, config["endpoints"][endpoint])
        if settings.provider == "embedded":
            continue
        role = f"{stage} {endpoint}" if stage in ("qa", "referee") else stage
        files = sum(shard.batch_files.get(role, 0) for shard in shards)
        seen = experience(ledger, stage, settings.model, sizes)
        at_once = 1 if stage in ("expand", "cot") else jobs
        plans.append(_line(stage, settings, missing, later, files, seen, images, at_once))
    return plans


def _sum(shards: Sequence[ShardNeeds], role: str) -> Needs:
    total = Needs()
    for shard in shards:
        total.add(shard.missing.get(role, Needs()))
    return total


def _shares(shards: Sequence[ShardNeeds]) -> tuple[float, float, float]:
    """Images with kept task types, task types kept of those, and pairs per kept task type: of this run, or priors."""
    settled = sum(shard.settled for shard in shards)
    with_kept = sum(shard.with_kept for shard in shards)
    kept = sum(shard.kept for shard in shards)
    offered = sum(shard.offered for shard in shards)
    pairs = sum(shard.pairs for shard in shards)
    return (
        with_kept / settled if settled >= _ENOUGH else WITH_KEPT_PRIOR,
        kept / with_kept if with_kept >= _ENOUGH else KEPT_PRIOR,
        pairs / offered if offered >= _ENOUGH else PAIRS_PRIOR,
    )


def _line(
    stage: str,
    settings: EndpointSettings,
    missing: Needs,
    later: float,
    files: int,
    seen: Experience | None,
    images: Sequence[Size],
    jobs: int,
) -> StagePlan:
    prior = PRIORS[stage]
    requests = missing.requests + math.ceil(later)
    if missing.requests:
        each, each_bytes = (
            (missing.text_tokens + missing.image_tokens) / missing.requests,
            missing.bytes / missing.requests,
        )
    else:
        each, each_bytes = prior["text_tokens"], 4 * prior["text_tokens"]
        if stage != "expand":
            tokens, size = _typical_image(settings, images)
            each, each_bytes = each + tokens, each_bytes + size
    factor = seen.prompt_factor if seen else 1.0
    completion = seen.completion_tokens if seen else min(prior["completion_tokens"], settings.max_tokens or math.inf)
    prompt_tokens = round(requests * each * factor)
    completion_tokens = round(requests * completion)
    batch = settings.mode == "batch"
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    if batch and later:
        files += batch_files(math.ceil(later), round(later * each_bytes))
    return StagePlan(
        stage,
        settings.name,
        settings.model,
        requests,
        missing.requests,
        prompt_tokens,
        completion_tokens,
        usd(settings.prices, usage, batch=batch) if settings.prices else None,
        files if batch else None,
        _hours(settings, requests, prompt_tokens + completion_tokens, seen, jobs),
        f"{seen.answers:,} recorded answers" if seen else "priors",
    )


def _typical_image(settings: EndpointSettings, images: Sequence[Size]) -> tuple[float, float]:
    """Tokens and bytes of an image as this endpoint is sent it, on average over ``images``."""
    if not images:
        return TYPICAL_IMAGE_TOKENS, 0.0
    max_side = settings.image_max_side
    tokens = [image_tokens(width, height, max_side, settings.image_detail) for width, height, _ in images]
    sizes = [sent_bytes(width, height, size, max_side) for width, height, size in images]
    return sum(tokens) / len(images), sum(sizes) / len(images)


def _hours(settings: EndpointSettings, requests: int, tokens: int, seen: Experience | None, jobs: int) -> float:
    """The longest of what latency, the limit on requests and the limit on tokens make of it."""
    if settings.mode == "batch":
        return 24.0 if requests else 0.0
    # A model that the job loads is not asked several at once: its seconds are a share of a forward pass.
    loaded = settings.provider == "transformers"
    prior, at_once = (LOADED_SECONDS_PRIOR, 1) if loaded else (SECONDS_PRIOR, settings.concurrency)
    seconds = seen.seconds if seen and seen.seconds else prior
    hours = requests * seconds / (at_once * jobs) / 3600
    if settings.requests_per_minute:
        hours = max(hours, requests / settings.requests_per_minute / 60)
    if settings.tokens_per_minute:
        hours = max(hours, tokens / settings.tokens_per_minute / 60)
    return hours


def _cells(plan: StagePlan) -> tuple[str, ...]:
    return (
        plan.stage,
        plan.endpoint,
        f"{plan.requests:,}",
        f"{plan.exact:,}",
        f"{plan.prompt_tokens:,}",
        f"{plan.completion_tokens:,}",
        "-" if plan.usd is None else f"{plan.usd:,.2f}",
        "-" if plan.batch_files is None else f"{plan.batch_files:,}",
        f"{plan.hours:,.1f}",
        plan.basis,
    )


def _aligned(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column in (0, 1, 9) else text.rjust(width)
