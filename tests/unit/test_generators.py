"""Several models write in one job: each about its images, all at once, and what was paid is kept if one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskgalaxy.config import load_schema, validated
from taskgalaxy.division import generator_of
from taskgalaxy.errors import UserError
from taskgalaxy.llm.generators import Generators, open_generators
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.request import Gate, Reply, Request, Take

SCHEMA = load_schema(Path(__file__).parents[2] / "config" / "schemas" / "config.schema.json")
NAMES = ["one", "two"]
IMAGES = [f"image {number}" for number in range(12)]
REQUESTS = [Request("qa", f"about {image}", SimpleNamespace(image_id=image, read=lambda: b"")) for image in IMAGES]


def is_fine(_: Request, reply: Reply) -> str | None:
    return None


class Writer:
    """A provider that answers with its own name, once ``ready`` lets it."""

    name = "openai"
    parameters: Mapping[str, Any] = {}
    recorded = True
    asks = True

    def __init__(self, model: str, ready: Callable[[], Any] = lambda: asyncio.sleep(0)) -> None:
        self.model = model
        self.asked: list[str] = []
        self.closed = False
        self._ready = ready

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        await self._ready()
        for key, request in questions.items():
            self.asked.append(request.text)
            await take(key, Reply(self.model, "stop", self.model))

    async def close(self) -> None:
        self.closed = True


def generators(folder: Path, *writers: Writer) -> Generators:
    return Generators({each.model: Model(each, Ledger(folder), f"{each.model}.shard") for each in writers})


def test_every_image_is_asked_about_once_by_its_generator_and_the_answers_keep_the_order(tmp_path: Path) -> None:
    writers = [Writer(name) for name in NAMES]
    answers = generators(tmp_path, *writers).ask(REQUESTS, is_fine)
    assert [answer.request for answer in answers] == REQUESTS
    assert [answer.reply.text for answer in answers] == [generator_of(image, NAMES) for image in IMAGES]
    assert [answer.origin["model"] for answer in answers] == [answer.reply.text for answer in answers]
    assert {answer.reply.text for answer in answers} == set(NAMES)
    assert sorted(writers[0].asked + writers[1].asked) == sorted(request.text for request in REQUESTS)
    assert all(writer.closed for writer in writers)


def test_one_generator_is_asked_everything_and_none_is_asked_nothing(tmp_path: Path) -> None:
    writer = Writer("one")
    assert len(generators(tmp_path, writer).ask(REQUESTS, is_fine)) == len(writer.asked) == len(REQUESTS)
    assert generators(tmp_path, writer).ask([], is_fine) == []


def test_a_further_generator_is_asked_about_its_images_and_nobody_about_others(tmp_path: Path) -> None:
    generators(tmp_path, *(Writer(name) for name in NAMES)).ask(REQUESTS, is_fine)
    writers = [Writer(name) for name in [*NAMES, "three"]]
    generators(tmp_path, *writers).ask(REQUESTS, is_fine)
    theirs = [image for image in IMAGES if generator_of(image, [*NAMES, "three"]) == "three"]
    assert [writer.asked for writer in writers] == [[], [], [f"about {image}" for image in theirs]]


def test_they_are_asked_at_once(tmp_path: Path) -> None:
    # Each waits until the other one is asked as well: one after the other they would wait for ever.
    here: list[str] = []

    async def both_are_here() -> None:
        here.append("one more")
        while len(here) < len(NAMES):
            await asyncio.sleep(0.001)

    answers = generators(tmp_path, *(Writer(name, both_are_here) for name in NAMES)).ask(REQUESTS, is_fine)
    assert len(answers) == len(REQUESTS)


def test_if_one_cannot_go_on_what_the_other_answers_is_recorded_and_the_run_stops(tmp_path: Path) -> None:
    async def refuse() -> None:
        raise UserError("endpoint one", "is gone", "look for it")

    broken, working = Writer("one", refuse), Writer("two")
    with pytest.raises(UserError, match="endpoint one: is gone"):
        generators(tmp_path, broken, working).ask(REQUESTS, is_fine)
    assert working.asked
    assert broken.closed
    again = [Writer(name) for name in NAMES]
    generators(tmp_path, *again).ask(REQUESTS, is_fine)
    assert again[0].asked
    assert not again[1].asked


def config(folder: Path, qa: str | list[str]) -> dict[str, Any]:
    given = {
        "ledger": str(folder / "ledger"),
        "results": str(folder / "results"),
        "sources": {"own": {"path": "images", "license": "CC0-1.0"}},
        "endpoints": {name: {"provider": "replay", "model": name, "max_failed": 1} for name in NAMES},
        "roles": {"expand": "one", "filter": "one", "qa": qa, "referees": ["one"]},
        "referee": {"accept_at": 1},
    }
    return validated(given, SCHEMA)


def test_files_are_named_after_the_endpoint_so_that_nobody_s_batches_are_taken_for_another_s(tmp_path: Path) -> None:
    open_generators(config(tmp_path, NAMES), "own-00000").ask(REQUESTS, is_fine)
    missing = tmp_path / "results" / "missing" / "qa"
    assert sorted(path.name for path in missing.iterdir()) == ["one.own-00000.jsonl", "two.own-00000.jsonl"]
    # Alone, it goes on in the same file.
    open_generators(config(tmp_path / "alone", "one"), "own-00000").ask(REQUESTS, is_fine)
    assert [path.name for path in (tmp_path / "alone/results/missing/qa").iterdir()] == ["one.own-00000.jsonl"]
