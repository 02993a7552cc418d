"""The committed tiny CLIP: that open_clip loads it, that its card is true, and what its training is made of."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from renderer.families import FAMILIES, render
from renderer.vocabulary import read_vocabulary
from taskgalaxy.files import sha256_file
from taskgalaxy.torchvision_import import prepare_torchvision
from tiny_clip.captions import MERELY_POSSIBLE, CaptionSource, tokenizer_corpus
from tiny_clip.data import IMAGE_SIZE, augmented, fresh_images
from tiny_clip.evaluate import Pool, embed_images, embed_texts, measure, pools
from tiny_clip.labels import HELD_OUT, salient_families
from tiny_clip.model import (
    CONTEXT,
    WEIGHTS,
    load,
    new_model,
    save_weights,
    size_of,
    write_configuration,
    write_tokenizer,
)
from tiny_clip.train import contrastive_loss, prepared

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "resources" / "tiny-clip"
VOCABULARY = read_vocabulary(ROOT / "resources" / "embedded" / "vocabulary.yaml")
NAMES = list(FAMILIES)


def test_the_model_is_small_and_in_half_precision() -> None:
    assert size_of(MODEL) <= 8_000_000
    assert (MODEL / WEIGHTS).stat().st_size > 1_000_000


def test_the_card_names_the_weights_by_their_content() -> None:
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\b[0-9a-f]{64}\b", card) == [sha256_file(MODEL / WEIGHTS)]


def test_open_clip_loads_it_and_it_ranks_labels_of_images_it_has_not_seen() -> None:
    model, preprocess, tokenizer = load(MODEL)
    images, families = fresh_images(NAMES, 1, seed=77)
    vectors = embed_images(model, preprocess, images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-4)
    for pool in pools(VOCABULARY, NAMES):
        figures = measure(vectors, families, embed_texts(model, tokenizer, pool.texts), pool)
        assert figures.top_5 >= 0.8, figures
        assert figures.top_5 > 5 * figures.chance_5, figures


def test_a_text_too_long_is_cut_and_keeps_its_end() -> None:
    _, _, tokenizer = load(MODEL)
    short, long = tokenizer(["chart", "chart " * 100])
    assert short.shape == long.shape == (CONTEXT,)
    assert int(short.max()) == int(long.max()) == int(long[-1])


def test_a_label_has_the_same_pieces_on_every_level() -> None:
    _, _, tokenizer = load(MODEL)
    alone, below = (row[row > 0].tolist() for row in tokenizer(["Bar chart", "OCR~bar chart"]))
    assert below[-len(alone) :] == alone


def test_captions_fit_the_families_that_the_vocabulary_names() -> None:
    source = CaptionSource(VOCABULARY, NAMES)
    drawn = source.draw(np.random.default_rng(3), general=12, unknown=4)
    assert len(drawn.texts) == len(NAMES) + 12 + 4
    assert drawn.fit.shape == (len(NAMES), len(drawn.texts))
    assert (drawn.fit[range(len(NAMES)), range(len(NAMES))] == 1).all()
    assert (drawn.fit[:, len(NAMES) : -4] >= np.float32(MERELY_POSSIBLE)).all()
    assert (drawn.fit[:, -4:] == 0).all()


def test_no_caption_is_a_held_out_label() -> None:
    source = CaptionSource(VOCABULARY, NAMES)
    rng = np.random.default_rng(1)
    drawn = {text for _ in range(100) for text in source.draw(rng, 12, 4).texts} | set(tokenizer_corpus(VOCABULARY))
    assert drawn.isdisjoint(HELD_OUT.values())


def test_a_task_type_about_pixels_is_salient_for_the_families_its_words_name() -> None:
    assert "mandala" in salient_families("Analysis~design analysis~symmetry analysis")
    assert "mandala" not in salient_families("Analysis~exposure analysis~brightness analysis")


def test_the_loss_is_least_where_every_fitting_text_is_alike_and_above_the_others() -> None:
    fit = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    good, bad = 10 * fit, 10 * (1 - fit)
    assert contrastive_loss(good, fit, smoothing=0) < contrastive_loss(bad, fit, smoothing=0)
    one_sided = torch.tensor([[20.0, 0.0, 0.0], [0.0, 0.0, 20.0]])
    assert contrastive_loss(good, fit, smoothing=0) < contrastive_loss(one_sided, fit, smoothing=0)


def test_a_text_that_fits_nothing_counts_as_a_wrong_answer_and_leaves_the_loss_finite() -> None:
    fit = torch.tensor([[1.0, 0.0]])
    low, high = torch.tensor([[5.0, -5.0]]), torch.tensor([[5.0, 5.0]])
    assert torch.isfinite(contrastive_loss(high, fit))
    assert contrastive_loss(low, fit) < contrastive_loss(high, fit)


def test_measured_shares_and_chance() -> None:
    pool = Pool("example", list("abcdefgh"), np.eye(8, dtype=bool))
    vectors = np.eye(8, dtype=np.float32)
    figures = measure(vectors, np.array([0, 1, 2, 3, 4, 5, 6, 6]), vectors, pool)
    assert figures.top_1 == pytest.approx(7 / 8)
    assert figures.chance_1 == pytest.approx(1 / 8)
    assert figures.chance_5 == pytest.approx(5 / 8)


def test_views_have_the_size_of_the_model_and_the_same_generator_gives_the_same_views() -> None:
    image = render("letter", 1)
    views = [augmented(image, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert all(view.size == (IMAGE_SIZE, IMAGE_SIZE) and view.mode == "RGB" for view in views)
    assert views[0].tobytes() == views[1].tobytes() != views[2].tobytes()


def test_batches_are_in_the_range_that_the_preprocessing_gives() -> None:
    _, preprocess, _ = load(MODEL)
    batch = torch.full((2, IMAGE_SIZE, IMAGE_SIZE, 3), 255, dtype=torch.uint8)
    ready = prepared(batch, torch.Generator().manual_seed(0))
    white = preprocess(render("letter", 1).point(lambda value: 255))
    assert ready.shape == (2, *white.shape)
    assert abs(float(ready.mean()) - float(white.mean())) < 0.5


def test_weights_are_saved_in_half_precision_and_load_again(tmp_path: Path) -> None:
    pieces = write_tokenizer(tmp_path, tokenizer_corpus(VOCABULARY))
    write_configuration(tmp_path, pieces, width=8)
    model, _ = new_model(tmp_path)
    save_weights(model, tmp_path)
    again, _, tokenizer = load(tmp_path)
    assert all(torch.isfinite(value).all() for value in again.state_dict().values())
    text = tokenizer(["OCR~document ocr"])
    with torch.inference_mode():
        torch.testing.assert_close(again.encode_text(text), model.eval().encode_text(text), rtol=2e-2, atol=2e-2)


def test_torchvision_is_prepared_once_and_its_operators_are_declared() -> None:
    assert prepare_torchvision() is prepare_torchvision()
    assert hasattr(torch.ops.torchvision, "nms")
