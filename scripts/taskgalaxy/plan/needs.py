"""What is still to be asked: exactly where the prompts can be rendered, as counts where they cannot yet.

The stages run as in a job, but with a model that only knows the ledger: whatever it lacks is missing.
Nothing is sent and nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from taskgalaxy.cot import choose
from taskgalaxy.division import divided
from taskgalaxy.expand import LevelSettings, expand_level
from taskgalaxy.fill_shards import is_fill
from taskgalaxy.images import image_files
from taskgalaxy.jobs import shard_index
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.prices import image_tokens, text_tokens
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.settings import EndpointSettings, endpoints_of
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import DATASET, FILTER, SAMPLES, TASK_TYPES, TOPK
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.stages import cot_samples, filter_shard, qa_shard, vote_shard
from taskgalaxy.tables import read_samples, read_table, to_frame
from taskgalaxy.taxonomy import Taxonomy, load_seeds, merge, nodes_at

Size = tuple[int, int, int]
"""Width and height in pixels, and bytes."""

Sizes = Mapping[str, Size]
"""By image_id."""

_TYPICAL_IMAGE = (1024, 768, 200_000)
_BODY_BYTES = 400
"""What a request's body holds besides prompt and image."""


@dataclass
class Needs:
    """Requests of one kind that are still to be sent, added up.

    Attributes:
        text_tokens, image_tokens: of their prompts, by the rules of :mod:`taskgalaxy.llm.prices`.
        bytes: of their bodies.
    """

    requests: int = 0
    text_tokens: int = 0
    image_tokens: int = 0
    bytes: int = 0

    def add(self, other: Needs) -> None:
        self.requests += other.requests
        self.text_tokens += other.text_tokens
        self.image_tokens += other.image_tokens
        self.bytes += other.bytes


@dataclass
class ShardNeeds:
    """What one shard still asks.

    Attributes:
        missing: per endpoint's role (``filter``, ``qa NAME``, ``referee NAME``), what can be told exactly.
        batch_files: files that a batch endpoint makes of it.
        unfiltered: images whose filter request cannot be rendered yet.
        unsettled: images of which it is not known yet what the filter keeps.
        settled: images of which it is; ``with_kept`` of them have ``kept`` task types.
        offered: kept task types whose Q&A request was answered, with ``pairs`` pairs.
        pending: kept task types whose Q&A request was not answered yet.
    """

    missing: dict[str, Needs] = field(default_factory=dict)
    batch_files: dict[str, int] = field(default_factory=dict)
    unfiltered: int = 0
    unsettled: int = 0
    settled: int = 0
    with_kept: int = 0
    kept: int = 0
    offered: int = 0
    pairs: int = 0
    pending: int = 0


class LedgerOnly:
    """A provider that answers nothing and remembers what it was asked. See ``request.Provider``."""

    name = "openai"
    recorded = True
    asks = False

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters
        self.missing: dict[str, Request] = {}

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        self.missing |= questions
        for key in questions:
            await take(key, Reply("", "failed", self.model, detail="not in the ledger"))

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Asker:
    """The model of a role, and what it could not answer."""

    model: Model
    provider: LedgerOnly

    def images_missing(self) -> set[str]:
        """The images that its missing requests are about."""
        return {request.image.image_id for request in self.provider.missing.values() if request.image}

    def needs(self, sizes: Sizes) -> Needs:
        needs = Needs()
        for request in self.provider.missing.values():
            needs.add(request_needs(request, self.provider.settings, sizes))
        return needs


def open_asker(config: Mapping[str, Any], endpoint: str) -> Asker | None:
    """The model of an endpoint, as the ledger knows it; ``None`` for the embedded provider, which costs nothing."""
    settings = EndpointSettings.of(endpoint, config["endpoints"][endpoint])
    if settings.provider == "embedded":
        return None
    provider = LedgerOnly(settings)
    return Asker(Model(provider, Ledger(config["ledger"]), "plan", retry_replies=settings.retry_replies), provider)


def request_needs(request: Request, settings: EndpointSettings, sizes: Sizes) -> Needs:
    """What one request takes."""
    needs = Needs(1, text_tokens(request.text), 0, len(request.text) + _BODY_BYTES)
    if request.image:
        width, height, size = sizes.get(request.image.image_id, _TYPICAL_IMAGE)
        needs.image_tokens = image_tokens(width, height, settings.image_max_side, settings.image_detail)
        needs.bytes += sent_bytes(width, height, size, settings.image_max_side)
    return needs


def sent_bytes(width: int, height: int, size: int, max_side: int | None) -> int:
    """About how long an image's data URI is; a scaled image is taken to shrink with its area."""
    scale = min(1.0, max_side / max(width, height)) if max_side else 1.0
    return round(size * scale * scale * 4 / 3)


def topk_path(config: Mapping[str, Any], shard: str) -> Path:
    """Where the candidates of a shard lie, once they are chosen."""
    return Path(config["results"]) / "match" / "topk" / f"{shard}.parquet"


def shard_needs(shard: str, config: Mapping[str, Any]) -> ShardNeeds:
    """What ``shard`` still asks, by what exists of it under ``results``."""
    return _ShardLook(shard, config).needs()


class _ShardLook:
    """Goes through the stages of one shard as far as their answers are known."""

    def __init__(self, shard: str, config: Mapping[str, Any]) -> None:
        self._shard = shard
        self._config = config
        self._results = Path(config["results"])
        self._index = shard_index(self._results / "images.parquet", shard, config)
        self._sizes = image_sizes(self._index)
        self._images = image_files(self._index, open_sources(config))
        self._filling = is_fill(shard, config)
        self._sees_answer = config["referee"]["sees_answer"]
        self._templates = load_templates(config["prompts"], ["filter", "qa", "referee"], sees_answer=self._sees_answer)
        self._needs = ShardNeeds()

    def needs(self) -> ShardNeeds:
        path = topk_path(self._config, self._shard)
        if not path.exists():
            self._needs.unfiltered = self._needs.unsettled = self._index.height
            return self._needs
        kept = self._kept(read_table(path, TOPK))
        samples = None if kept is None else self._samples(kept)
        if samples is not None:
            for name in self._config["roles"]["referees"]:
                asker = open_asker(self._config, name)
                if asker:
                    vote_shard(samples, self._images, self._templates["referee"], asker.model, name, self._sees_answer)
                    self._note(f"referee {name}", asker)
        return self._needs

    def _kept(self, topk: pl.DataFrame) -> pl.DataFrame | None:
        """The candidates that are known to be kept; ``None`` if nothing is known."""
        needs = self._needs
        asker = open_asker(self._config, self._config["roles"]["filter"])
        unknown: set[str] = set()
        if asker:
            rows, _ = filter_shard(topk, self._images, self._templates["filter"], asker.model, filling=self._filling)
            filtered = to_frame(rows, FILTER)
            self._note("filter", asker)
            unknown = asker.images_missing()
        else:
            path = self._results / "filter" / f"{self._shard}.parquet"
            if not path.exists():
                needs.unsettled = topk["image_id"].n_unique()
                return None
            filtered = read_table(path, FILTER)
        settled = filtered.filter(~pl.col("image_id").is_in(list(unknown)))
        kept = settled.filter("kept")
        needs.unsettled = len(unknown)
        needs.settled = settled["image_id"].n_unique()
        needs.with_kept = kept["image_id"].n_unique()
        needs.kept = kept.height
        return kept

    def _samples(self, kept: pl.DataFrame) -> pl.DataFrame | None:
        """The question-answer pairs that are known; ``None`` if none is."""
        needs = self._needs
        parts = divided(kept, endpoints_of(self._config, "qa"))
        known = [samples for name, part in parts.items() if (samples := self._written(name, part)) is not None]
        if not known:
            return None
        samples = pl.concat(known)
        needs.offered, needs.pairs = kept.height - needs.pending, samples.height
        return samples

    def _written(self, generator: str, kept: pl.DataFrame) -> pl.DataFrame | None:
        """The pairs that are known of a generator for its part of the kept candidates; ``None`` if none is."""
        asker = open_asker(self._config, generator)
        if asker:
            rows, _ = qa_shard(kept, self._images, self._templates["qa"], asker.model, filling=self._filling)
            self._note(f"qa {generator}", asker)
            self._needs.pending += kept.filter(pl.col("image_id").is_in(list(asker.images_missing()))).height
            return to_frame(rows, SAMPLES)
        path = self._results / "qa" / f"{self._shard}.jsonl"
        if not path.exists():
            self._needs.pending += kept.height
            return None
        return read_samples(path).join(kept, on="image_id", how="semi")

    def _note(self, role: str, asker: Asker) -> None:
        """Note the missing requests of a role, and how many batch files they fill."""
        found = asker.needs(self._sizes)
        self._needs.missing[role] = found
        if found.requests and asker.provider.settings.mode == "batch":
            self._needs.batch_files[role] = batch_files(found.requests, found.bytes)


def batch_files(requests: int, size: int) -> int:
    """How many files of at most 50,000 requests and 200 MB these fill."""
    from taskgalaxy.llm.batch import MAX_BYTES, MAX_ROWS

    return max(-(-requests // MAX_ROWS), -(-size // MAX_BYTES))


def image_sizes(index: pl.DataFrame) -> Sizes:
    """The sizes in an image index (``schemas.IMAGE_INDEX``)."""
    columns = index.select("image_id", "width", "height", "bytes")
    return {image_id: (width, height, size) for image_id, width, height, size in columns.iter_rows()}


@dataclass
class ExpandNeeds:
    """What the expansion of the taxonomy still asks.

    Attributes:
        missing: requests of the first level that is not complete.
        later: at most this many more, of later rounds and levels.
    """

    missing: Needs = field(default_factory=Needs)
    later: int = 0


def expand_needs(config: Mapping[str, Any], growth: float) -> ExpandNeeds | None:
    """What the expansion still asks; ``None`` for the embedded provider.

    Args:
        growth: how many task types a task type is taken to have below it, for levels without a target.
    """
    asker = open_asker(config, config["roles"]["expand"])
    if asker is None:
        return None
    seeds = load_seeds(config["taxonomy"]["seeds"])
    taxonomy: Taxonomy = seeds
    levels: Sequence[Mapping[str, Any]] = config["taxonomy"]["levels"]
    for level, entry in enumerate(levels, start=1):
        settings = LevelSettings(**entry, max_characters=config["taxonomy"]["max_label_length"])
        roles = ["expand_level_1"] if level == 1 else ["expand_with_children", "expand_without_children"]
        templates = load_templates(config["prompts"], roles)
        expansion = asyncio.run(expand_level(merge(taxonomy, seeds), level, settings, templates, asker.model.replies))
        taxonomy = expansion.taxonomy
        if asker.provider.missing:
            rounds_left = max(0, settings.rounds - expansion.rounds)
            parents = len(nodes_at(taxonomy, level - 1))
            later = rounds_left * parents + _later_requests(levels[level - 1 :], len(nodes_at(taxonomy, level)), growth)
            return ExpandNeeds(asker.needs({}), later)
    return ExpandNeeds()


def _later_requests(levels: Iterable[Mapping[str, Any]], nodes: int, growth: float) -> int:
    """Requests for the levels after the first of ``levels``, which has ``nodes`` so far."""
    current, *later = levels
    parents = current["target"] or round(nodes * growth)
    requests = 0
    for level in later:
        requests += parents * level["rounds"]
        parents = level["target"] or round(parents * growth)
    return requests


@dataclass
class CotNeeds:
    """What the step-by-step answers still ask.

    Attributes:
        missing: requests about the final set as it is.
        chosen: samples of it that are to have one.
        most: how many there can be at most, if that is known.
    """

    missing: Needs = field(default_factory=Needs)
    chosen: int = 0
    most: int | None = None


def cot_needs(config: Mapping[str, Any], index: pl.DataFrame) -> CotNeeds | None:
    """What the step-by-step answers still ask; ``None`` for the embedded provider, or where nobody writes any.

    ``index`` is of ``schemas.IMAGE_INDEX``.
    """
    asker = open_asker(config, config["roles"]["cot"]) if config["roles"]["cot"] else None
    if asker is None:
        return None
    results, needs = Path(config["results"]), CotNeeds()
    pool, dataset = results / "taxonomy" / "task_types.parquet", results / "dataset" / "taskgalaxy.parquet"
    if pool.exists():
        needs.most = read_table(pool, TASK_TYPES).height * config["cot"]["max"]
    if dataset.exists():
        chosen = choose(read_table(dataset, DATASET), config["cot"]["max"], config["seed"])
        needs.chosen = chosen.height
        template = load_templates(config["prompts"], ["cot"])["cot"]
        cot_samples(chosen, image_files(index, open_sources(config)), template, asker.model)
        needs.missing = asker.needs(image_sizes(index))
    return needs
