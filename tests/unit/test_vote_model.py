"""However prompts are packed, their scores are those of one plain forward pass each."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import tiny_vlms
from taskgalaxy.errors import UserError
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.llm.vote_checkpoint import load_vote_model
from taskgalaxy.llm.vote_inputs import PreparedImage, left_padded, vote_tokens
from taskgalaxy.llm.vote_model import Score, VoteModel

pytestmark = pytest.mark.usefixtures("one_thread")

FAMILIES = sorted(tiny_vlms.FAMILIES)
QUESTIONS = ["Is it a dog?", "Are these 12 cats, or what else could it be?", "Why is 1 of 10 red?", "Is it?", "Or not?"]
SIZES = [(60, 60), (170, 60), (60, 170), (120, 110)]
"""Of images, in pixels: the families with tiles or patches of their own make different numbers of tokens of them."""


def picture(seed: int) -> Image.Image:
    width, height = SIZES[seed % len(SIZES)]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of a family's tiny checkpoint, made once."""
    return cache(lambda family: tiny_vlms.save(family, tmp_path_factory.mktemp(family)))


def load(folder: Path, **settings: Any) -> VoteModel:
    settings = {"dtype": "float32", "device": "cpu", **settings}
    return load_vote_model(EndpointSettings("tiny", "transformers", "tiny", folder=str(folder), **settings))


def prepared(model: VoteModel, *counts: int) -> list[PreparedImage]:
    """As many images as there are ``counts``, with so many questions each, all different."""
    return [model.inputs.prepare(picture(seed), QUESTIONS[:count]) for seed, count in enumerate(counts)]


@cache
def processor_of(folder: Path) -> Any:
    return tiny_vlms.transformers.AutoProcessor.from_pretrained(folder)


def plain_logits(model: VoteModel, folder: Path, image: Image.Image, text: str) -> torch.Tensor:
    """The next token's logits as anybody would compute them who reads the documentation of transformers."""
    processor = processor_of(folder)
    messages = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": text}]}]
    inputs = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.inference_mode():
        logits: torch.Tensor = model.model(**inputs).logits[0, -1]
    return logits


def plain_score(model: VoteModel, folder: Path, image: Image.Image, text: str) -> Score:
    probabilities = plain_logits(model, folder, image, text).double().softmax(0)
    zero, one = (float(probabilities[tokens].sum()) for tokens in model.inputs.votes)
    return Score(np.log(zero), np.log(one), zero + one)


def assert_same(ours: Sequence[Score], plain: Sequence[Score]) -> None:
    for score, other in zip(ours, plain, strict=True):
        assert score.one - score.zero == pytest.approx(other.one - other.zero, abs=1e-4)
        assert score.mass == pytest.approx(other.mass, rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch_size", [64, 4, 1])
def test_scores_are_those_of_plain_forward_passes(family: str, batch_size: int, checkpoints: Any) -> None:
    model = load(checkpoints(family), batch_size=batch_size)
    counts = (3, 1, 5, 2)
    scores = model.score(prepared(model, *counts))
    assert model.shares
    for seed, (count, of_image) in enumerate(zip(counts, scores, strict=True)):
        assert of_image is not None
        plain = [plain_score(model, checkpoints(family), picture(seed), text) for text in QUESTIONS[:count]]
        assert_same(of_image, plain)
    # Or else everything would be the same.
    assert np.std([score.one - score.zero for of_image in scores for score in of_image or []]) > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_prompts_are_the_processor_s_own(family: str, checkpoints: Any) -> None:
    processor = processor_of(checkpoints(family))
    model = load(checkpoints(family))
    image = model.inputs.prepare(picture(1), QUESTIONS)
    for index, text in enumerate(QUESTIONS):
        messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
        chat = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        expected = processor(images=[picture(1)], text=[chat], return_tensors="pt")
        ours = image.alone(index)
        assert ours.keys() == expected.keys()
        for name, values in expected.items():
            torch.testing.assert_close(ours[name], values)


def test_what_the_reply_begins_with_and_the_template_s_options_are_part_of_the_prompt(checkpoints: Any) -> None:
    plain, changed = (
        load(checkpoints("glm4v"), **settings).inputs.prepare(picture(0), QUESTIONS[:2]).prompts[1]
        for settings in ({}, {"template_options": {"thinking": False}, "reply_prefix": "My vote: "})
    )
    tokenizer = processor_of(checkpoints("glm4v")).tokenizer
    assert tokenizer.decode(changed) == tokenizer.decode(plain) + "<think></think>My vote: "


def test_options_of_the_processor_reach_it(checkpoints: Any) -> None:
    tiles = [
        load(checkpoints("internvl"), processor_options=options).inputs.prepare(picture(1), QUESTIONS[:1])
        for options in ({}, {"crop_to_patches": False})
    ]
    assert [len(image.image_inputs["pixel_values"]) for image in tiles] == [4, 1]


@pytest.mark.parametrize("options", [{"processor_options": {"size": "large"}}, {"template_options": {"messages": 3}}])
def test_options_that_are_refused_are_told_before_any_work(options: dict[str, Any], checkpoints: Any) -> None:
    with pytest.raises(UserError, match=r"processor_options and template_options of endpoints\.tiny"):
        load(checkpoints("internvl"), **options)


@pytest.mark.parametrize(("position", "told"), [(0, False), (-4, True)])
def test_a_processor_that_tokenizes_in_its_own_way_makes_every_prompt(
    position: int, told: bool, checkpoints: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = load(checkpoints("internvl")).inputs.prepare(picture(0), QUESTIONS).prompts
    inputs = load(checkpoints("internvl")).inputs
    tokenized = inputs._tokenized

    def with_another(text: str) -> list[int]:
        tokens = tokenized(text)
        if text != QUESTIONS[0]:
            tokens.insert(position, 7)
        return tokens

    monkeypatch.setattr(inputs, "_tokenized", with_another)
    for _ in range(2):
        assert inputs.prepare(picture(0), QUESTIONS).prompts == expected
    assert ("a way of its own" in caplog.text) == told


# Memory


def limit_memory(model: VoteModel, monkeypatch: pytest.MonkeyPatch, most_tokens: int) -> list[int]:
    """Let forward passes of more tokens, cache included, end as on a full GPU; the tokens of all others."""
    passed: list[int] = []
    forward = model.model.forward

    def limited(**inputs: Any) -> Any:
        if inputs["attention_mask"].numel() > most_tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate everything.")
        passed.append(inputs["attention_mask"].numel())
        return forward(**inputs)

    monkeypatch.setattr(model.model, "forward", limited)
    return passed


def test_out_of_memory_makes_forward_passes_smaller_and_they_stay_so(
    checkpoints: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(checkpoints("glm4v"))
    expected = model.score(prepared(model, 5, 5, 5, 5, 5))
    most = len(prepared(model, 1, 1)[1].prompts[0]) * 4
    passed = limit_memory(model, monkeypatch, most)
    scores = model.score(prepared(model, 5, 5, 5, 5, 5))
    for ours, plain in zip(scores, expected, strict=True):
        assert_same(ours or [], plain or [])
    assert passed
    assert model.most_tokens <= most
    assert model.shares
    told = caplog.text.count("out of memory")
    assert told >= 2
    model.score(prepared(model, 5, 5, 5, 5, 5))
    assert caplog.text.count("out of memory") == told, "it was not tried again"


def test_what_does_not_fit_even_alone_has_no_scores_and_holds_up_nothing(
    checkpoints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(checkpoints("internvl"))
    small, large, other = prepared(model, 3, 2, 1)[0], prepared(model, 3, 2, 1)[1], prepared(model, 1)[0]
    limit_memory(model, monkeypatch, len(large.prompts[1]) - 1)
    assert len(small.prompts[0]) < len(large.prompts[1])
    scores = model.score([small, large, other])
    assert [of_image and len(of_image) for of_image in scores] == [3, None, 1]


def test_packs_keep_the_order_and_both_limits(checkpoints: Any) -> None:
    model = load(checkpoints("internvl"), batch_size=6)
    images = prepared(model, 3, 3, 1, 5, 5, 2)
    assert [[images.index(image) for image in pack] for pack in model.packs(images)] == [[0, 1], [2, 3], [4], [5]]
    model.most_tokens = 1
    assert [len(pack) for pack in model.packs(images)] == [1] * 6
    assert list(model.packs([])) == []


# Models that cannot share


def test_a_model_that_cannot_go_on_from_a_cache_is_asked_prompt_by_prompt(
    checkpoints: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(checkpoints("internvl"))
    expected = model.score(prepared(model, 2, 3))
    model = load(checkpoints("internvl"))
    forward = model.model.forward

    def without_cache(**inputs: Any) -> Any:
        if "past_key_values" in inputs:
            raise NotImplementedError("no such cache")
        return forward(**inputs)

    monkeypatch.setattr(model.model, "forward", without_cache)
    for ours, plain in zip(model.score(prepared(model, 2, 3)), expected, strict=True):
        assert_same(ours or [], plain or [])
    assert not model.shares
    assert "NotImplementedError: no such cache" in caplog.text


def test_scores_that_differ_with_a_shared_prefix_are_not_believed(
    checkpoints: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(checkpoints("llava"))
    expected = model.score(prepared(model, 1, 3))
    model = load(checkpoints("llava"))
    forward = model.model.forward

    def elsewhere(**inputs: Any) -> Any:
        if "past_key_values" in inputs:
            inputs["position_ids"] = inputs["position_ids"] + 40
        return forward(**inputs)

    monkeypatch.setattr(model.model, "forward", elsewhere)
    single = model.score(prepared(model, 1))
    assert model.shares, "with one prompt there is nothing to share, and nothing to compare"
    assert single != expected[:1]
    for ours, plain in zip(model.score(prepared(model, 1, 3)), expected, strict=True):
        assert_same(ours or [], plain or [])
    assert not model.shares
    assert "logits differ by" in caplog.text


def test_a_model_is_compared_once(checkpoints: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    model = load(checkpoints("internvl"))
    for _ in range(2):
        model.score(prepared(model, 2))
    assert caplog.text.count("prompts share the prefix") == 1


# Loading


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_computed_in_float32_whatever_the_weights_are(family: str, checkpoints: Any) -> None:
    model = load(checkpoints(family), dtype="bfloat16")
    assert model.model.dtype == torch.bfloat16
    scores = model.score(prepared(model, 3, 3))
    assert model.shares
    logits = torch.tensor([score[:2] for of_image in scores for score in of_image or []])
    assert not torch.equal(logits, logits.bfloat16().float())
    exact = load(checkpoints(family)).score(prepared(model, 3, 3))
    for ours, other in zip(scores, exact, strict=True):
        assert [score.p_yes for score in ours or []] == pytest.approx([score.p_yes for score in other or []], abs=0.1)


def changed(folder: Path, copy: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """A copy of a checkpoint, and its weights' file taken away."""
    shutil.copytree(folder, copy)
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    return copy, weights


def test_pickled_weights_are_refused(checkpoints: Any, tmp_path: Path) -> None:
    folder, weights = changed(checkpoints("internvl"), tmp_path / "pickled")
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="weights in safetensors"):
        load(folder)


def test_a_checkpoint_that_lacks_weights_is_refused(checkpoints: Any, tmp_path: Path) -> None:
    folder, weights = changed(checkpoints("internvl"), tmp_path / "torn")
    lost = next(name for name in sorted(weights) if "layers.1" in name)
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lacks 1 of its weights, such as \S*layers\.1"):
        load(folder)


def test_a_folder_without_a_model_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"endpoint tiny .* cannot be loaded"):
        load(tmp_path)


def test_a_gpu_that_is_not_there_is_told(checkpoints: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"endpoints\.tiny\.device: is cuda, but this job sees no GPU"):
        load(checkpoints("internvl"), device="cuda")


# Small things


def test_a_vote_is_the_greater_logit_and_a_tie_is_none() -> None:
    assert [Score(0.0, one, 1.0).vote for one in (-1.0, 0.0, 0.1)] == [0, 0, 1]
    assert [Score(0.0, one, 1.0).p_yes for one in (-2000.0, 0.0, 2000.0)] == [0.0, 0.5, 1.0]
    assert Score(1.0, 2.0, 1.0).p_yes == pytest.approx(0.7310586)
    assert Score(1.0, 2.0, 1.0).finite
    assert not Score(1.0, float("nan"), 1.0).finite


def test_digits_are_found_with_the_space_before_them() -> None:
    assert vote_tokens({"0": 5, "1": 6, "a": 7}) == ([5], [6])
    assert vote_tokens({"▁0": 1, "▁1": 2, "0": 3, "1": 4, "01": 9}) == ([3, 1], [4, 2])
    with pytest.raises(UserError, match="no token that says 0"):
        vote_tokens({"0": 5, "10": 6})


def test_rows_are_filled_up_on_the_left() -> None:
    values, mask = left_padded([[1, 2, 3], [4]], 9)
    assert values.tolist() == [[1, 2, 3], [9, 9, 4]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
