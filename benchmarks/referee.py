"""Votes a second of a referee whose model the job itself loads, beside its bare forward passes and one by one.

Run as ``python benchmarks/referee.py`` from the repository's root; the model has random weights, made on the
device. Three contenders, by turns, put the same questions about the same JPEG files to it:

- ours: everything that the rule ``cast_votes_by_transformers`` does once its tables are read and its model is
  loaded, from reading the images to recording every vote with fsync;
- the forward passes alone: as many tokens and images, in passes of the same shape, and nothing else. Every input
  lies on the device; no cache is kept and nothing is read;
- one by one, as the published method does it: the image is read and prepared for every question, and one token is
  generated.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

if Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    # Put there for a script; but a file beside this one has the name of a package that others import.
    sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
import torch
from PIL import Image

import rows
import tiny_vlms
from image_files import image_file
from taskgalaxy.images import ImageFile, decode_rgb
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.model import Model
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.llm.transformers_provider import TransformersProvider
from taskgalaxy.llm.vote_inputs import VoteInputs, left_padded
from taskgalaxy.llm.vote_model import VoteModel
from taskgalaxy.prompts import Template, load_templates
from taskgalaxy.stages import vote_shard
from tiny_vlms import Size, transformers

ROOT = Path(__file__).resolve().parents[1]
GOAL = 4.0
"""Our rate, as a multiple of one by one, at five questions an image."""
MOST_TILES, MOST_PIXELS = 12, 28 * 28 * 7500
"""What the processors of InternVL and GLM-4.1V make of an image at most, where they are not told otherwise."""
OURS, BARE, NAIVE = "ours", "the forward passes alone", "one by one"

SIZES = {
    "tiny": {"internvl": Size(), "glm4v": Size()},
    "small": dict.fromkeys(
        ("internvl", "glm4v"),
        Size(
            hidden=512,
            layers=8,
            heads=8,
            kv_heads=2,
            intermediate=1408,
            vision_hidden=256,
            vision_layers=6,
            vision_heads=4,
            vision_intermediate=1024,
            tile_side=448,
            most_tiles=MOST_TILES,
            most_pixels=MOST_PIXELS,
            vocabulary=32000,
            spread=0.02,
        ),
    ),
    # As InternVL3-8B and GLM-4.1V-9B are.
    "8b": {
        "internvl": Size(
            hidden=3584,
            layers=28,
            heads=28,
            kv_heads=4,
            intermediate=18944,
            vision_hidden=1024,
            vision_layers=24,
            vision_heads=16,
            vision_intermediate=4096,
            tile_side=448,
            most_tiles=MOST_TILES,
            vocabulary=151674,
            spread=0.02,
        ),
        "glm4v": Size(
            hidden=4096,
            layers=40,
            heads=32,
            kv_heads=2,
            intermediate=13696,
            vision_hidden=1536,
            vision_layers=24,
            vision_heads=12,
            vision_intermediate=13696,
            tile_side=336,
            most_pixels=MOST_PIXELS,
            vocabulary=151552,
            spread=0.02,
        ),
    },
}


@dataclass(frozen=True)
class Subject:
    """What is measured: a model, and questions about images."""

    model: VoteModel
    processor: Any
    template: Template
    images: Sequence[ImageFile]
    samples: Any
    texts: Sequence[Sequence[str]]
    settings: EndpointSettings

    @property
    def votes(self) -> int:
        return sum(map(len, self.texts))


def make_images(folder: Path, count: int, width: int, height: int) -> list[ImageFile]:
    """JPEG files of smooth noise, about as hard to decode as photographs."""
    images = []
    for seed in range(count):
        coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        path = folder / f"{seed}.jpg"
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)
        images.append(image_file(path))
    return images


def make_subject(options: argparse.Namespace, folder: Path) -> Subject:
    """A model with random weights on the device, and images in ``folder``."""
    size = SIZES[options.size][options.family]
    if options.tiles:
        size = replace(size, most_tiles=options.tiles)
    config, processor = tiny_vlms.FAMILIES[options.family](size)
    torch.manual_seed(0)
    with torch.device(options.device):
        model = transformers.AutoModelForImageTextToText.from_config(config, dtype=getattr(torch, options.dtype))
    vote_model = VoteModel(model.eval(), VoteInputs(processor, {}, {}, ""), options.batch_size)
    images = make_images(folder, options.images, options.width, options.height)
    samples = [
        rows.sample(f"{image.image_id} {number}", image.image_id, question=f"What is the {number}th thing, and why?")
        for image in images
        for number in range(options.questions)
    ]
    template = load_templates(options.prompts, ["referee"])["referee"]
    texts = [template.render(task_type=row["task_type"], question=row["question"]) for row in samples]
    grouped = [texts[start : start + options.questions] for start in range(0, len(texts), options.questions)]
    settings = EndpointSettings("bench", "transformers", "bench", revision="sha256:bench", dtype=options.dtype)
    return Subject(vote_model, processor, template, images, rows.samples(*samples), grouped, settings)


# The contenders


def vote(subject: Subject) -> None:
    """The stage, with an empty ledger."""
    with tempfile.TemporaryDirectory() as folder:
        provider = TransformersProvider(subject.settings, subject.model)
        model = Model(provider, Ledger(folder), "bench")
        images = {image.image_id: image for image in subject.images}
        votes = vote_shard(subject.samples, images, subject.template, model, "bench", False)
    if any(row["vote"] is None for row in votes):
        raise RuntimeError("a vote is missing")


def bare_passes(subject: Subject) -> list[dict[str, torch.Tensor]]:
    """The inputs of the forward passes: for every pack the images with what prompts share, and what follows.

    The images have one size, so that what prompts share has one length.
    """
    images = [
        subject.model.inputs.prepare(decode_rgb(image.read()), texts)
        for image, texts in zip(subject.images, subject.texts, strict=True)
    ]
    device = subject.model.model.device
    passes = []
    for pack in subject.model.packs(images):
        shared = {"input_ids": torch.tensor([image.prompts[0][: image.shared] for image in pack])}
        for name in (*pack[0].token_inputs, *pack[0].image_inputs):
            shared[name] = torch.cat([{**image.token_inputs, **image.image_inputs}[name] for image in pack])
        rests = [prompt[image.shared :] for image in pack for prompt in image.prompts]
        rest = {"input_ids": left_padded(rests, subject.model.inputs.padding)[0]}
        passes += [{name: value.to(device) for name, value in inputs.items()} for inputs in (shared, rest)]
    return passes


def run_passes(subject: Subject, passes: Sequence[dict[str, torch.Tensor]]) -> None:
    with torch.inference_mode():
        for inputs in passes:
            subject.model.model(**inputs, use_cache=False, logits_to_keep=1)
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def generate_each(subject: Subject, count: int) -> None:
    """The published method, on the first ``count`` images."""
    model, processor = subject.model.model, subject.processor
    for image, texts in zip(subject.images[:count], subject.texts, strict=False):
        for text in texts:
            content = [{"type": "image"}, {"type": "text", "text": text}]
            chat = processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
            inputs = processor(images=[decode_rgb(image.read())], text=[chat], return_tensors="pt").to(model.device)
            tokens = model.generate(**inputs, max_new_tokens=1, do_sample=False)
            processor.tokenizer.decode(tokens[0, -1])


# The comparison


@dataclass(frozen=True)
class Figures:
    """One contender: votes a second (the median, the least and the most), and the most memory of the GPU."""

    contender: str
    rate: float
    least: float
    most: float
    gpu_mb: float | None


def compare(subject: Subject, naive_images: int, repeat: int) -> list[Figures]:
    """Measure the contenders by turns, after a round that is not counted."""
    passes = bare_passes(subject)
    questions = subject.votes // len(subject.images)
    contenders: dict[str, tuple[int, Callable[[], None]]] = {
        OURS: (subject.votes, lambda: vote(subject)),
        BARE: (subject.votes, lambda: run_passes(subject, passes)),
        NAIVE: (naive_images * questions, lambda: generate_each(subject, naive_images)),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    memory: dict[str, float | None] = dict.fromkeys(contenders)
    for _ in range(repeat + 1):
        for name, (votes, contender) in contenders.items():
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            contender()
            rates[name].append(votes / (time.perf_counter() - start))
            if torch.cuda.is_available():
                memory[name] = torch.cuda.max_memory_allocated() / 1e6
    counted = {name: found[1:] for name, found in rates.items()}
    return [
        Figures(name, statistics.median(found), min(found), max(found), memory[name]) for name, found in counted.items()
    ]


def title(subject: Subject, options: argparse.Namespace) -> str:
    model = subject.model
    image = model.inputs.prepare(decode_rgb(subject.images[0].read()), subject.texts[0])
    device = torch.cuda.get_device_name() if options.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    parameters = sum(parameter.numel() for parameter in model.model.parameters())
    return (
        f"{type(model.model).__name__}, {parameters / 1e6:,.0f} million random weights, {options.dtype}; {device}; "
        f"torch {torch.__version__}, transformers {transformers.__version__}, Python {platform.python_version()}\n"
        f"{len(subject.images)} images of {options.width} x {options.height} pixels, {options.questions} questions "
        f"about each; {image.shared:,} tokens that the prompts share, "
        f"{len(image.prompts[0]) - image.shared:,} that follow; medians of {options.repeat}, by turns"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare a referee's votes a second with its bare forward passes.")
    parser.add_argument("--family", choices=["internvl", "glm4v"], default="internvl")
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], help="float32 on a CPU, else bfloat16")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--width", type=int, default=640, help="of the images, in pixels")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--questions", type=int, default=5, help="about each image")
    parser.add_argument("--tiles", type=int, help="most tiles that InternVL cuts an image into; its own default: 12")
    parser.add_argument("--prompts", type=Path, default=ROOT / "config" / "prompts", help="folder with referee.txt")
    parser.add_argument("--batch-size", type=int, default=64, help="questions per forward pass")
    parser.add_argument("--naive-images", type=int, default=4, help="images of which questions are put one by one")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each contender")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    options = parser.parse_args(arguments)
    options.dtype = options.dtype or ("float32" if options.device == "cpu" else "bfloat16")
    # Random weights would rather say something else than a vote.
    logging.disable(logging.WARNING)

    with tempfile.TemporaryDirectory() as folder:
        subject = make_subject(options, Path(folder))
        print(title(subject, options), flush=True)
        table = compare(subject, min(options.naive_images, options.images), options.repeat)
    by_name = {row.contender: row for row in table}
    print(f"{'':26}{'votes/s':>10}{'from-to':>18}{'GPU memory':>14}")
    for row in table:
        memory = f"{row.gpu_mb:,.0f} MB" if row.gpu_mb else ""
        print(f"{row.contender:26}{row.rate:10.2f}{f'{row.least:.2f}-{row.most:.2f}':>18}{memory:>14}")
    of_bare, times_naive = (by_name[OURS].rate / by_name[name].rate for name in (BARE, NAIVE))
    print(f"ours is {of_bare:.2f} of the forward passes alone, and {times_naive:.2f} times one by one (goal: {GOAL:g})")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"the process took {peak_mb:,.0f} MB at most")
    if options.json:
        figures = {"rows": [asdict(row) for row in table], "of_bare": of_bare, "times_naive": times_naive}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
