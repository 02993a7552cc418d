"""The embedded provider answers as a language model would, the same every time, and only what it can measure."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from renderer.families import render
from taskgalaxy import expand, filtering, qa, referee
from taskgalaxy.embedded.first import FirstMeasures
from taskgalaxy.embedded.kinds import KINDS
from taskgalaxy.embedded.pixels import Picture
from taskgalaxy.embedded.provider import STAGES, EmbeddedProvider
from taskgalaxy.embedded.relevance import SKILLS, recognise, relevant_skills
from taskgalaxy.embedded.second import SecondMeasures
from taskgalaxy.embedded.skill import LEAD_INS, ask, read_answer, read_question
from taskgalaxy.embedded.vocabulary import load_vocabulary
from taskgalaxy.errors import UserError
from taskgalaxy.images import decode_rgb
from taskgalaxy.llm.ask import Bounds, ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.request import Reply, Request

ROOT = Path(__file__).parents[2]
VOCABULARY = load_vocabulary(ROOT / "resources" / "embedded" / "vocabulary.yaml")
DOMINANT = "Analysis~colour analysis~dominant colour detection"
COUNTING = "Detection~region detection~separate region counting"
BARS = "OCR~chart ocr~bar chart label recognition"
RECEIPT = "OCR~bill ocr~receipt total extraction"
XRAY = "Medical Imaging Analysis~disease diagnosis~lung disease detection"


@dataclass(frozen=True)
class Bytes:
    data: bytes

    @property
    def image_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def read(self) -> bytes:
        return self.data


def encoded(image: Image.Image) -> Bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return Bytes(file.getvalue())


def discs(count: int, ground: str = "white", colour: str = "navy") -> Bytes:
    image = Image.new("RGB", (400, 400), ground)
    draw = ImageDraw.Draw(image)
    for index in range(count):
        x, y = 70 + 120 * (index % 3), 70 + 120 * (index // 3)
        draw.ellipse((x - 40, y - 40, x + 40, y + 40), fill=colour)
    return encoded(image)


def answer(model: str, stage: str, image: Bytes | None = None, **variables: Any) -> Reply:
    return asyncio.run(EmbeddedProvider(model).answer(Request(stage, "", image, variables)))


def pairs(image: Bytes, *task_types: str) -> list[dict[str, str]]:
    reply = answer("embedded-generator", "qa", image, task_types=list(task_types))
    return [json.loads(line) for line in reply.text.splitlines()]


def kept(image: Bytes, *candidates: str) -> list[str]:
    reply = answer("embedded-generator", "filter", image, candidates=list(candidates))
    labels: list[str] = json.loads(reply.text)
    return labels


def vote(model: str, image: Bytes, question: str, task_type: str = DOMINANT, **more: str) -> int | None:
    reply = answer(model, "referee", image, task_type=task_type, question=question, **more)
    if reply.p_yes is not None:
        assert (reply.p_yes >= 0.5) == (reply.text == "1")
    return referee.parse(reply)[0]


# Vocabulary and expansion


def test_level_one_is_given_as_bare_labels() -> None:
    reply = answer("embedded-generator", "expand", parent="", children=["ocr", "Detection"], level=1)
    lines = reply.text.splitlines()
    assert "Image Description" in lines
    assert not {"OCR", "Detection"} & set(lines)


def test_children_are_given_as_paths_without_those_that_are_known() -> None:
    known = ["RECEIPT total extraction"]
    reply = answer("embedded-generator", "expand", parent="OCR~bill ocr", children=known, level=3)
    parsed = expand.parse_reply("OCR~bill ocr", reply.text, known)
    assert "invoice number extraction" in parsed.labels
    assert parsed.rejects == []


@pytest.mark.parametrize(
    ("parent", "children"),
    [("OCR~menu price extraction", []), ("Something~else", []), ("Recipes", []), ("OCR~bill ocr", None)],
)
def test_nothing_new_is_said_to_be_none(parent: str, children: list[str] | None) -> None:
    known = VOCABULARY.children(parent.split("~")) if children is None else children
    assert answer("embedded-generator", "expand", parent=parent, children=known, level=3).text == "None"


def test_every_family_of_the_vocabulary_has_a_kind_and_every_measurable_label_a_skill() -> None:
    families = {family for leaf in VOCABULARY.leaves for family in leaf.families} - {"any"}
    assert families <= {family for group in KINDS.values() for family in group}
    for leaf in VOCABULARY.leaves:
        assert bool(relevant_skills(leaf.task_type, leaf)) == bool(leaf.families), leaf.task_type


# The filter


def test_the_filter_knows_the_families_it_was_trained_on() -> None:
    families = {XRAY: "chest x-ray", "OCR~code ocr~qr code decoding": "qr code", RECEIPT: "receipt",
                "Analysis~chart analysis~trend line analysis": "line chart"}  # fmt: skip
    for right, family in families.items():
        found = [kept(encoded(render(family, seed, 99)), *families) for seed in range(5)]
        assert found.count([right]) >= 4
        assert all(labels in ([right], []) for labels in found)


def test_the_filter_keeps_what_can_be_measured_and_nothing_else() -> None:
    candidates = [DOMINANT, "Detection~out of stock detection", "No~such label", COUNTING]
    assert kept(discs(4), *candidates) == [DOMINANT, COUNTING]
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    assert kept(encoded(Image.fromarray(noise)), *candidates, BARS, XRAY) == []


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png", "camera.png", "hubble_deep_field.jpg"])
def test_the_filter_does_not_guess_on_photographs(name: str) -> None:
    skimage = pytest.importorskip("skimage")
    image = Bytes((Path(skimage.__file__).parent / "data" / name).read_bytes())
    specific = [leaf.task_type for leaf in VOCABULARY.leaves if leaf.families and not leaf.general]
    assert len(kept(image, *specific)) <= len(specific) // 20


def test_the_filter_reply_is_read_by_its_stage() -> None:
    candidates = [DOMINANT, BARS]
    reply = answer("embedded-generator", "filter", discs(3), candidates=candidates)
    assert [verdict for verdict, _ in filtering.parse(reply, candidates).verdicts] == [True, False]


# Questions


def test_pairs_say_what_is_there() -> None:
    (pair,) = pairs(discs(5), COUNTING)
    assert "5 regions" in pair["answer"] or "% of" in pair["answer"]
    (pair,) = pairs(encoded(Image.new("RGB", (300, 200), "#d01818")), DOMINANT)
    assert "red" in pair["answer"]


def test_every_offered_task_type_is_answered_or_abstained_from() -> None:
    task_types = [DOMINANT, COUNTING, "Refusal~refusal due to animal cruelty", "No~such label"]
    reply = answer("embedded-generator", "qa", discs(5), task_types=task_types)
    found, rejected = qa.parse(reply, task_types)
    assert [pair.task_type for pair in found] == task_types[:2]
    assert [(part.task_type, part.reason) for part in rejected] == [(each, "abstained") for each in task_types[2:]]


def test_an_undecided_measurement_is_abstained_from() -> None:
    (pair,) = pairs(encoded(Image.new("RGB", (300, 300), "grey")), "Analysis~design analysis~symmetry analysis")
    assert pair.keys() == {"task_type", "abstain"}


def test_wordings_vary_over_images() -> None:
    questions = {pairs(discs(5, "white", f"#{blue:02x}2080"), DOMINANT)[0]["question"] for blue in range(40, 80)}
    assert len(questions) >= 6


def test_there_are_enough_skills_and_wordings() -> None:
    assert len(SKILLS) >= 18
    assert len({skill.name for skill in SKILLS}) == len(SKILLS)
    for skill in SKILLS:
        assert len(set(skill.questions)) >= 3
        assert len(set(skill.answers)) >= 3


@pytest.fixture(scope="module")
def rendered() -> list[Image.Image]:
    names = [families[0] for families in KINDS.values()] + ["table", "seascape", "mandala", "colour swatches", "cat"]
    return [render(name, 7, 7).convert("RGB") for name in names]


def test_what_is_asked_is_recognised_and_what_is_claimed_is_read_back(rendered: list[Image.Image]) -> None:
    asked = set()
    for image in rendered:
        measures = FirstMeasures(Picture(image))
        for skill in SKILLS:
            values = skill.claim(measures)
            if values is None:
                continue
            asked.add(skill.name)
            for number in range(len(LEAD_INS) * len(skill.questions) * len(skill.answers)):
                question, text = ask(skill, values, number)
                assert recognise(question) == (skill, read_question(skill, question))
                assert read_answer(skill, text) == values
                assert question[0].isupper()
                assert question.endswith("?")
                assert text[0].isupper()
                assert text.endswith(".")
                assert "  " not in question + text
    assert len(asked) >= 24


def test_most_claims_hold_when_measured_again_and_few_hold_for_another_picture(rendered: list[Image.Image]) -> None:
    first = [FirstMeasures(Picture(image)) for image in rendered]
    second = [SecondMeasures(Picture(image)) for image in rendered]
    own, other = [], []
    for skill in SKILLS:
        for at, measures in enumerate(first):
            values = skill.claim(measures)
            if values is not None:
                own.append(skill.check(values, second[at]) >= 0.5)
                elsewhere = second[(at + 1) % len(second)]
                if skill.claim(first[(at + 1) % len(first)]) != values:
                    other.append(skill.check(values, elsewhere) >= 0.5)
    assert np.mean(own) > 0.85
    assert np.mean(other) < 0.4


# Referees


def test_remeasure_tells_right_answers_from_wrong_ones() -> None:
    image = discs(5)
    right = "The foreground consists of 5 regions, not counting specks below 0.2 % of the area."
    question = "How many separate regions stand out from the background, leaving specks aside?"
    model = "embedded-remeasure"
    assert vote(model, image, question, COUNTING, answer=right) == 1
    assert vote(model, image, question, COUNTING, answer=right.replace("5", "9")) == 0
    assert vote(model, image, question, COUNTING) == 1


def test_remeasure_abstains_from_what_it_does_not_know() -> None:
    model, question = "embedded-remeasure", "Which colour covers the largest area?"
    assert vote(model, discs(5), "What is the man in the picture thinking?") is None
    assert vote(model, discs(5), question, answer="It is hard to say.") is None
    reply = answer(model, "referee", discs(5), task_type=DOMINANT, question="Why?")
    assert referee.parse(reply) == (None, "abstained")


def test_remeasure_refuses_a_question_about_a_colour_that_is_not_there() -> None:
    question = "How does the area of {} compare with the area of {}?"
    assert vote("embedded-remeasure", discs(5), question.format("white", "blue")) == 1
    assert vote("embedded-remeasure", discs(5), question.format("orange", "pink")) == 0


def test_traits_expect_what_the_words_say() -> None:
    chart, scan = encoded(render("bar chart", 1, 99)), encoded(render("chest x-ray", 1, 99))
    question = "Which colour covers the largest area?"
    assert vote("embedded-traits", chart, question, BARS) == 1
    assert vote("embedded-traits", scan, question, BARS) == 0
    assert vote("embedded-traits", scan, question, XRAY) == 1
    assert vote("embedded-traits", chart, question, XRAY) == 0


def test_traits_want_a_question_of_the_type() -> None:
    assert vote("embedded-traits", discs(5), "Which colour covers the largest area?", DOMINANT) == 1
    assert vote("embedded-traits", discs(5), "Are the edges sharp or soft?", DOMINANT) == 0


def test_semantic_prefers_the_fitting_label() -> None:
    families = {XRAY: "chest x-ray", RECEIPT: "receipt", BARS: "bar chart"}
    provider = EmbeddedProvider("embedded-semantic")

    async def probabilities(image: Bytes) -> dict[str, float]:
        votes = {}
        for label in families:
            reply = await provider.answer(Request("referee", "", image, {"task_type": label, "question": "?"}))
            assert reply.p_yes is not None
            votes[label] = reply.p_yes
        return votes

    for right, family in families.items():
        votes = asyncio.run(probabilities(encoded(render(family, 1, 99))))
        assert max(votes, key=votes.__getitem__) == right
        assert all(p_yes < 0.5 for label, p_yes in votes.items() if label != right)


# The provider


def test_it_calls_itself_by_its_name() -> None:
    provider = EmbeddedProvider("embedded-generator")
    assert (provider.name, provider.model, dict(provider.parameters)) == ("embedded", "embedded-generator", {})
    assert provider.asks
    assert not provider.recorded
    assert answer("embedded-traits", "referee", discs(5), task_type=DOMINANT, question="Why?").provider == "embedded"


def test_it_answers_every_question_one_after_the_other_and_leaves_no_ledger(tmp_path: Path) -> None:
    provider = EmbeddedProvider("embedded-generator")
    requests = [Request("filter", str(count), discs(count), {"candidates": [DOMINANT, COUNTING]}) for count in range(5)]
    ledger = Ledger(tmp_path / "ledger")
    replies = ask_all(requests, provider, ledger, "shard", bounds=Bounds(budget_usd=0.0, max_failed=0.0))
    assert replies == [asyncio.run(provider.answer(request)) for request in requests]
    assert not ledger.folder.exists()


def test_it_is_stopped_as_any_other_model() -> None:
    taken: list[str] = []

    async def take(key: str, reply: Reply, question: object = None) -> None:
        taken.append(key)
        if len(taken) == 2:
            raise UserError("disk", "is full", "make room")

    requests = {
        str(number): Request("expand", "", None, {"parent": "", "children": [], "level": 1}) for number in range(9)
    }
    with pytest.raises(UserError, match="disk: is full"):
        asyncio.run(EmbeddedProvider("embedded-generator").answer_all(requests, take, lambda: None, Path()))
    assert len(taken) <= 3


def test_an_unknown_model_and_a_wrong_stage_are_told() -> None:
    with pytest.raises(UserError, match="embedded-traits"):
        EmbeddedProvider("gpt")
    for model, stages in STAGES.items():
        wrong = "filter" if "referee" in stages else "referee"
        with pytest.raises(UserError, match=model):
            answer(model, wrong, discs(1))


def test_missing_resources_are_told(tmp_path: Path) -> None:
    provider = EmbeddedProvider("embedded-generator", tmp_path)
    with pytest.raises(UserError, match="Restore the file"):
        asyncio.run(provider.answer(Request("expand", "", None, {"parent": "", "children": [], "level": 1})))


def test_an_image_that_cannot_be_read_is_a_failed_reply() -> None:
    reply = answer("embedded-generator", "filter", Bytes(b"no image"), candidates=[DOMINANT])
    assert reply.failure() == "request_failed"
    assert reply.finish_reason == "unaskable"
    assert reply.detail


def test_replies_are_the_same_whatever_was_asked_before() -> None:
    busy = EmbeddedProvider("embedded-generator")
    images = [discs(count) for count in range(1, 20)]
    requests = [Request("qa", "", image, {"task_types": [DOMINANT, COUNTING]}) for image in images]

    async def ask_all() -> list[str]:
        return [(await busy.answer(request)).text for request in [*requests, *requests[::-1]]]

    texts = asyncio.run(ask_all())
    assert texts[: len(images)] == texts[len(images) :][::-1]
    assert texts[0] == answer("embedded-generator", "qa", images[0], task_types=[DOMINANT, COUNTING]).text


_PROGRAM = """
import asyncio, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from taskgalaxy.embedded.provider import EmbeddedProvider
from taskgalaxy.images import ImageFile
from taskgalaxy.llm.request import Request
from taskgalaxy.sources.folder import FolderSource
from taskgalaxy.sources.names import Patterns
import hashlib
path = Path(sys.argv[2])
source = FolderSource("one", path.parent, Patterns())
image = ImageFile(hashlib.sha256(path.read_bytes()).hexdigest(), source, path.name)
request = Request("qa", "", image, {"task_types": sys.argv[3:]})
print(asyncio.run(EmbeddedProvider("embedded-generator").answer(request)).text)
assert not {"torch", "open_clip", "matplotlib"} & set(sys.modules)
"""


def test_another_process_says_the_same_and_needs_no_torch(tmp_path: Path) -> None:
    image = discs(6, "beige", "green")
    (tmp_path / "discs.png").write_bytes(image.data)
    task_types = [DOMINANT, COUNTING, "Analysis~exposure analysis~brightness analysis"]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(ROOT / "scripts"), str(tmp_path / "discs.png"), *task_types],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert {output.strip() for output in outputs} == {
        answer("embedded-generator", "qa", image, task_types=task_types).text.strip()
    }


def test_measuring_is_quick() -> None:
    data = encoded(render("mountain landscape", 3, 3)).data
    started = time.process_time()
    for _ in range(5):
        measures = FirstMeasures(Picture(decode_rgb(data)))
        for skill in SKILLS:
            skill.claim(measures)
    assert (time.process_time() - started) / 5 < 0.3


@pytest.mark.parametrize("task_type", [DOMINANT, COUNTING])
def test_the_steps_lead_to_what_the_plain_answer_says(task_type: str) -> None:
    (pair,) = pairs(discs(4), task_type)
    reply = json.loads(answer("embedded-generator", "cot", discs(4), question=pair["question"]).text)
    assert len(reply["steps"]) == 2
    asked = recognise(pair["question"])
    assert asked is not None
    said = read_answer(asked[0], pair["answer"])
    assert said is not None
    assert read_answer(asked[0], reply["answer"]) == said
    assert all(value in reply["steps"][1] for value in said.values())


def test_a_question_of_somebody_else_is_not_thought_about() -> None:
    assert json.loads(answer("embedded-generator", "cot", discs(4), question="Who painted it?").text).keys() == {
        "abstain"
    }
