"""Votes of a model that the job loads go through the ledger like any other answer."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tiny_vlms
from taskgalaxy import referee
from taskgalaxy.errors import UserError
from taskgalaxy.llm import vote_checkpoint
from taskgalaxy.llm.ledger import Ledger, key_of
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.providers import make_provider
from taskgalaxy.llm.request import Answer, Reply, Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.llm.transformers_provider import TransformersProvider
from taskgalaxy.llm.vote_model import Score, VoteModel

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parents[2]
SIZES = [(60, 60), (170, 60), (60, 170)]


@dataclass(frozen=True)
class Picture:
    data: bytes

    @property
    def image_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def read(self) -> bytes:
        if not self.data:
            raise OSError("no such file")
        return self.data


def picture(seed: int) -> Picture:
    width, height = SIZES[seed % len(SIZES)]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Picture(file.getvalue())


PICTURES = [picture(seed) for seed in range(5)]


def questions(*counts: int) -> list[Request]:
    """So many about each picture."""
    return [
        Request("referee", f"Is it {number}?", image)
        for image, count in zip(PICTURES, counts, strict=False)
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EndpointSettings:
    folder = tiny_vlms.save("internvl", tmp_path_factory.mktemp("internvl"), seed=4)
    return EndpointSettings(
        "judge", "transformers", "tiny", folder=str(folder), revision="sha256:1", dtype="float32", device="cpu"
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[EndpointSettings]:
    """What is loaded."""
    loaded: list[EndpointSettings] = []
    load = vote_checkpoint.load_vote_model
    monkeypatch.setattr(vote_checkpoint, "load_vote_model", lambda given: loaded.append(given) or load(given))
    return loaded


def ask(ledger: Path, settings: EndpointSettings, requests: list[Request]) -> list[Answer]:
    provider = make_provider(settings, Ledger(ledger), ledger / "missing")
    return Model(provider, Ledger(ledger), "shard").ask(requests, referee.problem)


def records(ledger: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in Ledger(ledger).files() for line in path.read_text().splitlines()]


def answer(settings: EndpointSettings, requests: list[Request], scores: Mapping[str, Any]) -> list[Reply]:
    """The replies of a model whose scores are given, by the ledger's key."""
    replies: dict[str, Reply] = {}

    async def take(key: str, reply: Reply, question: Any = None) -> None:
        replies[key] = reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VoteModel, "score", lambda _, images: [scores["of image"] for _ in images])
        provider = TransformersProvider(settings)
        asked = {request.text: request for request in requests}
        asyncio.run(provider.answer_all(asked, take, lambda: None, Path()))
    return [replies[request.text] for request in requests]


def test_votes_are_the_model_s_and_are_recorded_once(
    tmp_path: Path, settings: EndpointSettings, loads: list[EndpointSettings]
) -> None:
    asked = questions(3, 1, 2)
    answers = ask(tmp_path, settings, asked)
    model = vote_checkpoint.load_vote_model(settings)
    for request, given in zip(asked, answers, strict=True):
        assert request.image
        image = model.inputs.prepare(Image.open(io.BytesIO(request.image.read())), [request.text])
        ((score,),) = model.score([image])
        assert given.reply.text == str(score.vote)
        assert given.reply.p_yes == pytest.approx(score.p_yes, abs=1e-4)
        assert given.reply.usage["prompt_tokens"] == len(image.prompts[0])
        assert given.origin["provider"] == "transformers"
        assert referee.parse(given.reply) == (score.vote, None)
    assert len({given.reply.text for given in answers}) == 2
    kept = records(tmp_path)
    assert len(kept) == len(asked)
    for record in kept:
        assert record["key"] == key_of(record)
        assert record["parameters"] == {"revision": "sha256:1", "dtype": "float32"}
        assert 0 < record["raw"]["mass"] < 1
        assert record["reply"]["seconds"] > 0

    loads.clear()
    again = ask(tmp_path, settings, asked)
    assert [given.reply for given in again] == [given.reply for given in answers]
    assert loads == []
    assert len(records(tmp_path)) == len(asked)


def test_new_questions_alone_are_asked(tmp_path: Path, settings: EndpointSettings) -> None:
    first = ask(tmp_path, settings, questions(2, 2))
    more = ask(tmp_path, settings, questions(3, 2, 1))
    assert len(records(tmp_path)) == 6
    assert {given.origin["request"]: given.reply for given in first}.items() <= {
        given.origin["request"]: given.reply for given in more
    }.items()


def test_votes_come_out_the_same_whatever_the_batch(tmp_path: Path, settings: EndpointSettings) -> None:
    asked = questions(2, 3, 1, 3, 2)
    votes = [
        [given.reply.p_yes for given in ask(tmp_path / str(size), replace(settings, batch_size=size), asked)]
        for size in (1, 2, 64)
    ]
    assert votes[0] == pytest.approx(votes[2], abs=1e-4)
    assert votes[1] == pytest.approx(votes[2], abs=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {"revision": "sha256:2"},
        {"dtype": "bfloat16"},
        {"reply_prefix": "Vote: "},
        {"template_options": {"thinking": False}},
        {"processor_options": {"crop_to_patches": False}},
        {"image_max_side": 64},
    ],
)
def test_what_decides_a_vote_is_in_its_key(changed: dict[str, Any], tmp_path: Path, settings: EndpointSettings) -> None:
    first = ask(tmp_path, settings, questions(1, 1))
    second = ask(tmp_path, replace(settings, **changed), questions(1, 1))
    assert len(records(tmp_path)) == 4
    if "revision" not in changed:
        assert [given.reply.p_yes for given in first] != [given.reply.p_yes for given in second]


def test_how_a_vote_is_come_by_is_not_in_its_key(
    tmp_path: Path, settings: EndpointSettings, loads: list[EndpointSettings]
) -> None:
    ask(tmp_path, settings, questions(1))
    loads.clear()
    ask(tmp_path, replace(settings, device="auto", batch_size=3, folder="/elsewhere", temperature=1.0), questions(1))
    assert loads == []


def test_the_ledger_alone_replays_the_votes(tmp_path: Path, settings: EndpointSettings) -> None:
    first = ask(tmp_path, settings, questions(2, 1))
    again = ask(tmp_path, replace(settings, provider="replay", folder=None), questions(2, 1))
    assert again == first


def test_an_image_that_cannot_be_read_is_named_and_holds_up_no_other(
    tmp_path: Path, settings: EndpointSettings
) -> None:
    torn = Picture(PICTURES[1].data[:300])
    asked = [Request("referee", "Is it?", image) for image in (PICTURES[0], torn, Picture(b""), PICTURES[2])]
    replies = [given.reply for given in ask(tmp_path, settings, asked)]
    assert [reply.finish_reason for reply in replies] == ["stop", "unaskable", "unaskable", "stop"]
    assert "truncated" in (replies[1].detail or "")
    assert "no such file" in (replies[2].detail or "")
    assert referee.parse(replies[1]) == (None, "request_failed")
    assert len(records(tmp_path)) == 2


@pytest.mark.parametrize("token", ["<IMG_CONTEXT>", "<|im_end|>", "<video>"])
def test_a_question_with_a_control_token_is_not_put_to_the_model(
    token: str, tmp_path: Path, settings: EndpointSettings
) -> None:
    asked = [Request("referee", text, PICTURES[0]) for text in ("Is it?", f"What does {token} say?")]
    replies = [given.reply for given in ask(tmp_path, settings, asked)]
    assert [reply.finish_reason for reply in replies] == ["stop", "unaskable"]
    assert token in (replies[1].detail or "")


def test_a_score_that_is_none_is_no_answer(settings: EndpointSettings) -> None:
    (reply,) = answer(settings, questions(1), {"of image": [Score(float("nan"), 1.0, 1.0)]})
    assert (reply.finish_reason, reply.text) == ("failed", "")
    assert "not finite as float32" in (reply.detail or "")
    replies = answer(settings, questions(2), {"of image": None})
    assert [reply.finish_reason for reply in replies] == ["failed"] * 2
    assert "image_max_side" in (replies[0].detail or "")


@pytest.mark.parametrize(("mass", "warned"), [(0.9, False), (0.1, True)])
def test_a_model_that_would_say_something_else_is_told_of(
    mass: float, warned: bool, settings: EndpointSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer(settings, questions(1), {"of image": [Score(0.0, 1.0, mass)]})
    assert f"0 and 1 have {mass:.3f}" in caplog.text
    assert ("would rather say something else" in caplog.text) == warned


class ShutError(Exception):
    pass


def test_nothing_is_scored_once_the_gate_is_shut_and_what_was_is_taken(settings: EndpointSettings) -> None:
    taken: Counter[str] = Counter()
    passed = 0

    async def take(key: str, reply: Reply, question: Any = None) -> None:
        taken[key] += 1

    def gate() -> None:
        nonlocal passed
        passed += 1
        # The first time before the model is loaded, then before each pack.
        if passed > 3:
            raise ShutError

    asked = {str(number): request for number, request in enumerate(questions(1, 1, 1, 1, 1))}
    with pytest.raises(ShutError):
        asyncio.run(TransformersProvider(replace(settings, batch_size=1)).answer_all(asked, take, gate, Path()))
    assert len(taken) == 2
    assert set(taken.values()) == {1}


def test_an_answer_that_cannot_be_recorded_ends_the_run_after_its_pack(settings: EndpointSettings) -> None:
    taken: list[str] = []

    async def take(key: str, reply: Reply, question: Any = None) -> None:
        taken.append(key)
        if key == "0":
            raise UserError("the disk", "is full", "make room")

    asked = {str(number): request for number, request in enumerate(questions(3, 3))}
    with pytest.raises(UserError, match="is full"):
        asyncio.run(TransformersProvider(replace(settings, batch_size=3)).answer_all(asked, take, lambda: None, Path()))
    assert sorted(taken) == ["0", "1", "2"]


def test_a_replayed_job_needs_no_torch() -> None:
    program = (
        "import sys; from pathlib import Path; from taskgalaxy.llm.ledger import Ledger\n"
        "from taskgalaxy.llm.providers import make_provider; from taskgalaxy.llm.settings import EndpointSettings\n"
        "make_provider(EndpointSettings('a', 'transformers', 'm', revision='0' * 40), Ledger('none'), Path('none'))\n"
        "assert not {'torch', 'transformers', 'openai'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT / "scripts")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
