"""CLIP models of open_clip: loaded by every way of naming them, and computing what open_clip itself computes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from taskgalaxy.clip import Clip, ClipSettings, task_text
from taskgalaxy.errors import UserError
from tiny_clips import RESNET, VIT, open_clip, save_clip, weights


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth picture, as photographs are, with some noise."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray(np.clip(smooth + generator.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, image_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, quality=90)
    return file.getvalue()


def model_input(clip: Clip, data: bytes) -> torch.Tensor:
    return clip._preprocessing.numbers(torch.from_numpy(clip.cut(data))[None])[0]


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_preprocessing_is_open_clips_own_bit_for_bit(tmp_path: Path, resize_mode: str) -> None:
    name = save_clip(tmp_path / "clip", resize_mode=resize_mode)
    clip = Clip(ClipSettings(name))
    _, _, transform = open_clip.create_model_and_transforms(name)
    for width, height in [(32, 32), (20, 70), (333, 47), (640, 480)]:
        data = encoded(picture(width, height))
        assert torch.equal(model_input(clip, data), transform(Image.open(io.BytesIO(data))))


def test_fast_preprocessing_changes_large_jpegs_a_little_and_nothing_else(tmp_path: Path) -> None:
    config = VIT | {"vision_cfg": VIT["vision_cfg"] | {"image_size": 224, "patch_size": 56}}
    name = save_clip(tmp_path / "clip", config)
    exact, fast = Clip(ClipSettings(name)), Clip(ClipSettings(name, preprocess="fast"))
    large, small = picture(1400, 950), picture(800, 600)
    for data in (encoded(large), encoded(small), encoded(small, "JPEG")):
        assert (exact.cut(data) == fast.cut(data)).all()
    data = encoded(large, "JPEG")
    difference = np.abs(exact.cut(data).astype(np.int16) - fast.cut(data))
    assert 0 < difference.mean() < 1
    assert exact.identity["decode"] != fast.identity["decode"]


@pytest.mark.parametrize("config", [VIT, RESNET])
def test_embeddings_are_open_clips_normalised_per_row(tmp_path: Path, config: dict[str, Any]) -> None:
    name = save_clip(tmp_path / "clip", config)
    model, _, transform = open_clip.create_model_and_transforms(name)
    model.eval()
    images = [picture(50, 40, seed) for seed in range(5)]
    clip = Clip(ClipSettings(name, batch_size=2))
    pixels = torch.from_numpy(np.stack([clip.cut(encoded(image)) for image in images]))
    texts = ["a", "OCR~signs", "a long text " * 20]
    with torch.inference_mode():
        one_by_one = torch.cat([model.encode_image(transform(image)[None], normalize=True) for image in images])
        of_texts = model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
    assert clip.encode(pixels).numpy() == pytest.approx(one_by_one.numpy(), abs=1e-5)
    assert clip.embed_texts(texts) == pytest.approx(of_texts.numpy(), abs=1e-5)


def test_low_precision_is_near_and_is_another_identity(tmp_path: Path) -> None:
    name = save_clip(tmp_path / "clip")
    exact = Clip(ClipSettings(name))
    pixels = torch.from_numpy(exact.cut(encoded(picture(40, 40))))[None]
    for precision in ("bf16", "pure_bf16"):
        low = Clip(ClipSettings(name, precision=precision))
        vectors = low.encode(pixels)
        assert vectors.dtype == torch.float32
        assert float((vectors * exact.encode(pixels)).sum()) > 0.99
        assert low.identity != exact.identity


def test_a_batch_that_does_not_fit_is_done_in_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip(ClipSettings(save_clip(tmp_path / "clip")))
    pixels = torch.from_numpy(np.stack([clip.cut(encoded(picture(40, 40, seed))) for seed in range(7)]))
    expected = clip.encode(pixels)
    encode, sizes = clip._encode_image, []

    def small_memory(values: torch.Tensor) -> torch.Tensor:
        if len(values) > 2:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(values))
        return encode(values)

    monkeypatch.setattr(clip, "_encode_image", small_memory)
    assert clip.encode(pixels).numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert sizes == [1, 2, 2, 2]
    monkeypatch.setattr(clip, "_encode_image", lambda values: small_memory(values.repeat(9, 1, 1, 1)))
    with pytest.raises(torch.OutOfMemoryError):
        clip.encode(pixels)


def test_a_compiled_model_sees_one_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = save_clip(tmp_path / "clip")
    plain = Clip(ClipSettings(name, batch_size=4))
    pixels = torch.from_numpy(np.stack([plain.cut(encoded(picture(40, 40, seed))) for seed in range(4)]))
    shapes = set()

    def compiled(function: Any) -> Any:
        def call(values: torch.Tensor) -> Any:
            shapes.add(values.shape)
            return function(values)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    clip = Clip(ClipSettings(name, batch_size=4, compile=True))
    for count in (4, 1, 3):
        assert clip.encode(pixels[:count]).numpy() == pytest.approx(plain.encode(pixels[:count]).numpy(), abs=1e-6)
    assert len(shapes) == 1


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A model that open_clip knows by the name ``tiny``, and the file of its weights."""
    path = tmp_path / "tiny.safetensors"
    save_file(weights(VIT), path)
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", VIT)
    monkeypatch.setitem(
        open_clip.pretrained._PRETRAINED, "tiny", {"quick": {"quick_gelu": True}, "plain": {"mean": (0.5,) * 3}}
    )
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: str(path))
    return path


def test_weights_by_tag_or_path_are_those_of_the_folder(named: Path) -> None:
    in_folder = Clip(ClipSettings(save_clip(named.parent / "clip")))
    by_path = Clip(ClipSettings("tiny", str(named)))
    by_tag = Clip(ClipSettings("tiny", "plain"))
    digests = {clip.identity["weights_sha256"] for clip in (in_folder, by_path, by_tag)}
    assert len(digests) == 1
    other = Clip(ClipSettings(save_clip(named.parent / "clip", seed=2)))
    assert other.identity["weights_sha256"] not in digests


def test_weights_trained_with_quick_gelu_get_it(named: Path) -> None:
    """open_clip only warns, as with ViT-L-14 and openai, and the embeddings would be off."""
    quick, plain = Clip(ClipSettings("tiny", "quick")), Clip(ClipSettings("tiny", "plain"))
    assert (quick.identity["activation"], plain.identity["activation"]) == ("QuickGELU", "GELU")
    assert not np.allclose(quick.embed_texts(["a"]), plain.embed_texts(["a"]))
    assert open_clip.pretrained.get_pretrained_cfg("ViT-B-32", "openai")["quick_gelu"]


@pytest.mark.parametrize("name", ["no-such-model", "local-dir:/nowhere", "tiny"])
def test_a_model_that_cannot_be_loaded_is_named(named: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"match\.model: {name}.*cannot be loaded"):
        Clip(ClipSettings(name, "no-such-weights" if name == "tiny" else None))


def test_the_settings_are_those_of_the_configuration() -> None:
    schema = json.loads((Path(__file__).parents[2] / "config/schemas/config.schema.json").read_text(encoding="utf-8"))
    options = schema["properties"]["match"]["properties"]
    section = {key: option["default"] for key, option in options.items()}
    assert ClipSettings.of(section) == ClipSettings("local-dir:resources/tiny-clip", device="auto", threads=2)


def test_a_task_types_text_is_its_path_or_its_last_level() -> None:
    assert task_text("OCR~signs~street signs", "path") == "OCR~signs~street signs"
    assert task_text("OCR~signs~street signs", "leaf") == "street signs"
