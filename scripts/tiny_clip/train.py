"""Train the tiny CLIP from nothing on rendered images, in minutes on a CPU.

Run as ``python -m tiny_clip.train --out FOLDER`` with ``scripts`` on the Python path. A number of steps is
trained, not a time, so that a seed gives the same weights on the same kind of machine.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from renderer.families import FAMILIES
from renderer.vocabulary import read_vocabulary
from taskgalaxy.files import sha256_file
from tiny_clip.captions import CaptionSource, tokenizer_corpus
from tiny_clip.data import Pixels, training_set
from tiny_clip.model import MEAN, STD, new_model, save_weights, size_of, write_configuration, write_tokenizer

log = logging.getLogger("tiny_clip")

VOCABULARY = Path("resources/embedded/vocabulary.yaml")
GENERAL, UNKNOWN = 12, 6
"""Captions per step about pixels, and captions that fit no family."""

WARM_UP = 100
SHIFT = 3
"""Pixels by which a view is moved at random, round the edge."""


def prepared(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A batch as the image tower takes it, moved and brightened a little at random.

    ``pixels`` is uint8 of shape (batch, height, width, 3); the result float32 (batch, 3, height, width).
    """
    across, down = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
    gain, offset = torch.rand(2, generator=generator).tolist()
    images = torch.roll(pixels, (down, across), (1, 2)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (MEAN, STD))
    ready: torch.Tensor = (images - mean) / std * (0.85 + 0.3 * gain) + 0.3 * (offset - 0.5)
    return ready


def contrastive_loss(logits: torch.Tensor, fit: torch.Tensor, smoothing: float = 0.03) -> torch.Tensor:
    """Cross-entropy with several right answers, from images to texts and back.

    ``logits`` and ``fit`` have the shape (images, texts); ``fit`` says how well a text fits, 0 to 1. An
    image's target is spread over its texts in proportion to ``fit`` (a little of it over all texts), a
    text's over its images; a text that fits no image of the batch counts only as a wrong answer.
    """
    target = fit / fit.sum(1, keepdim=True)
    target = (1 - smoothing) * target + smoothing / fit.shape[1]
    to_text = -(target * logits.log_softmax(1)).sum(1).mean()
    columns = fit.T[fit.sum(0) > 0]
    backward = (columns / columns.sum(1, keepdim=True) * logits.T[fit.sum(0) > 0].log_softmax(1)).sum(1)
    return 0.5 * to_text - 0.5 * backward.mean()


def train(
    model: Any,
    tokenizer: Any,
    captions: CaptionSource,
    pixels: Pixels,
    families: NDArray[np.int64],
    steps: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """Train ``model`` in place for ``steps`` batches, the learning rate falling from ``rate`` as a cosine."""
    rng = np.random.default_rng([seed, 0])
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.from_numpy(pixels), torch.from_numpy(families)
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))),
    )
    order = torch.empty(0, dtype=torch.int64)
    started = time.monotonic()
    model.train()
    model.visual.to(memory_format=torch.channels_last)
    for step in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(images), generator=generator)
        chosen, order = order[:batch], order[batch:]
        drawn = captions.draw(rng, GENERAL, UNKNOWN)
        fit = torch.from_numpy(drawn.fit)[labels[chosen]]
        with torch.autocast("cpu", torch.bfloat16):
            image_vectors = model.encode_image(prepared(images[chosen], generator), normalize=True)
            text_vectors = model.encode_text(tokenizer(drawn.texts), normalize=True)
        logits = model.logit_scale.exp() * image_vectors.float() @ text_vectors.float().T
        loss = contrastive_loss(logits, fit)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        if (step + 1) % 200 == 0:
            log.info("step %d of %d: loss %.3f, %.0f s", step + 1, steps, loss.item(), time.monotonic() - started)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tiny_clip.train", description="Train the tiny CLIP on a CPU.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model's files")
    parser.add_argument("--vocabulary", type=Path, default=VOCABULARY, help="task types and the families they fit")
    parser.add_argument("--per-family", type=int, default=160, help="renderings of each family")
    parser.add_argument("--views", type=int, default=4, help="random views of each rendering")
    parser.add_argument("--steps", type=int, default=1800, help="batches to train on")
    parser.add_argument("--batch", type=int, default=128, help="images of a batch")
    parser.add_argument("--width", type=int, default=24, help="width of the image tower")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="processes that render, threads that train")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)

    vocabulary = read_vocabulary(options.vocabulary)
    families = list(FAMILIES)
    started = time.monotonic()
    pixels, labels = training_set(families, options.per_family, options.views, options.seed, options.threads)
    log.info("%d views of %d families rendered in %.0f s", len(pixels), len(families), time.monotonic() - started)

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    pieces = write_tokenizer(options.out, tokenizer_corpus(vocabulary))
    write_configuration(options.out, pieces, options.width)
    model, tokenizer = new_model(options.out)
    captions = CaptionSource(vocabulary, families)
    train(model, tokenizer, captions, pixels, labels, options.steps, options.batch, options.rate, options.seed)
    weights = save_weights(model, options.out)
    log.info("%s: sha256 %s; all files %d bytes", weights, sha256_file(weights), size_of(options.out))


if __name__ == "__main__":
    main()
