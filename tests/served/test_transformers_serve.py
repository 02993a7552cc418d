"""A real server that nobody here wrote: it is understood, and its model's nonsense ends as named rejects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from image_files import image_file
from served.server import Served
from taskgalaxy import qa, referee
from taskgalaxy.images import ImageFile
from taskgalaxy.llm.ask import ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.openai_provider import OpenAIProvider
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.prompts import load_templates
from taskgalaxy.rejects import REASONS, VOTE_REASONS
from workflow.project import ROOT, Project, write_image

pytestmark = pytest.mark.served

TEMPLATES = load_templates(ROOT / "config" / "prompts")
TASK_TYPES = ["OCR~chart ocr~axis tick value reading", "Detection~sign detection", "Analysis~color analysis"]
QUESTIONS = ["How many rectangles are there?", "What colour is the ground?", "Which rectangle is the largest?"]
NONSENSE = ("reply_unparsable", "reply_truncated", "reply_empty", "none_fits")
SETTINGS: dict[str, Any] = {"provider": "openai", "max_tokens": 12, "concurrency": 2, "max_retries": 0, "timeout_s": 60}


def settings(served: Served) -> dict[str, Any]:
    """An endpoint of the configuration: the server, asked for short replies."""
    return {**SETTINGS, "base_url": served.url, "model": served.model}


def ask(served: Served, requests: Sequence[Request], folder: Path) -> list[Reply]:
    """What the server replies; ``folder`` becomes the ledger."""
    ledger = Ledger(folder / "ledger")
    provider = OpenAIProvider(EndpointSettings("served", **settings(served)), ledger.state)
    return ask_all(requests, provider, ledger, "shard")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[ImageFile]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        write_image(path, seed)
    return [image_file(path) for path in paths]


def test_a_text_is_answered(served: Served, tmp_path: Path) -> None:
    text = TEMPLATES["expand_level_1"].render(children=["OCR", "Detection"])
    (reply,) = ask(served, [Request("expand", text)], tmp_path)
    assert reply.finish_reason in ("stop", "length")
    assert served.model in reply.model
    assert reply.usage["prompt_tokens"] > len(text) / 4
    assert 0 < reply.usage["completion_tokens"] <= 12
    assert reply.detail is reply.p_yes is None


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_an_image_reaches_the_model_in_every_format(served: Served, tmp_path: Path, image_format: str) -> None:
    path = tmp_path / "image"
    Image.effect_mandelbrot((96, 80), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(path, image_format)
    without, with_image = ask(
        served, [Request("filter", "What is it?"), Request("filter", "What is it?", image_file(path))], tmp_path
    )
    assert with_image.finish_reason in ("stop", "length")
    # The tiny model reads an image as 64 tokens.
    assert with_image.usage["prompt_tokens"] >= without.usage["prompt_tokens"] + 64


def test_no_nonsense_becomes_a_pair(served: Served, tmp_path: Path, pictures: list[ImageFile]) -> None:
    requests = [qa.render(TEMPLATES["qa"], picture, TASK_TYPES) for picture in pictures]
    replies = ask(served, requests, tmp_path)
    assert all(reply.answered for reply in replies)
    for reply in replies:
        pairs, rejects = qa.parse(reply, TASK_TYPES)
        assert pairs == []
        assert [part.task_type for part in rejects if part.task_type] == TASK_TYPES
        assert {part.reason for part in rejects} <= set(REASONS["qa"])


def test_no_nonsense_becomes_a_vote(served: Served, tmp_path: Path, pictures: list[ImageFile]) -> None:
    requests = [
        referee.render(TEMPLATES["referee"], picture, task_type, question, None)
        for picture in pictures
        for task_type, question in zip(TASK_TYPES, QUESTIONS, strict=True)
    ]
    replies = ask(served, requests, tmp_path)
    assert all(reply.answered for reply in replies)
    for reply in replies:
        vote, reason = referee.parse(reply)
        assert vote is None
        assert reason in VOTE_REASONS


@pytest.mark.soak
def test_the_workflow_accounts_for_every_candidate(served: Served, matched: Project) -> None:
    project = matched
    for endpoint in project.config["endpoints"].values():
        endpoint.update(settings(served))
    project.run("dataset", "results/report/funnel.txt")

    funnel = pl.read_parquet(project.path("funnel.parquet"))
    for row in funnel.iter_rows(named=True):
        assert row["rows_in"] == row["rows_out"] + sum(reason["rows"] for reason in row["reasons"]), row
    assert funnel["rows_out"][-1] == project.dataset().height

    candidates = pl.read_parquet(project.path("match/topk/*.parquet")).select("image_id", "task_type")
    filtered = pl.read_parquet(project.path("filter/*.parquet"))
    # Besides the candidates, labels that it made up may be among the rejects.
    rejects = project.rejects().filter(pl.col("stage") == "filter", pl.col("reason") != "label_not_offered")
    ended = [*filtered.filter("kept").select(candidates.columns).rows(), *rejects.select(candidates.columns).rows()]
    assert sorted(ended) == sorted(candidates.rows())
    assert len(ended) == 4 * project.config["match"]["k"]
    assert set(rejects["reason"]) <= set(NONSENSE)

    records = [
        json.loads(line)
        for path in (project.folder / "ledger").rglob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    asked = {record["image"] for record in records if record["stage"] == "filter"}
    assert asked == set(candidates["image_id"])
    assert any(record["reply"]["text"] for record in records)
    assert all(served.model in record["reply"]["model"] for record in records)
