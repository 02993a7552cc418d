"""The model's files: configuration, tokenizer and weights, in the layout that open_clip loads from a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from taskgalaxy.files import atomic, write_json
from taskgalaxy.open_clip_import import import_open_clip
from tiny_clip.data import IMAGE_SIZE

open_clip = import_open_clip()

CONTEXT = 32
"""Tokens of a text; what is longer is cut."""

VOCABULARY_SIZE = 2000
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

WEIGHTS = "open_clip_model.safetensors"
CONFIGURATION = "open_clip_config.json"


def write_tokenizer(folder: Path, corpus: Iterable[str]) -> int:
    """Train a byte-level BPE tokenizer on ``corpus`` and save it; returns the number of its pieces."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    # The sign between levels becomes a word of its own, so that a label has the same pieces on every level.
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace("~", " ~ ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - 1,
        special_tokens=["[PAD]", "[UNK]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    # The text tower pools at the highest token id, which therefore has to be the end of the text.
    tokenizer.add_special_tokens(["[EOS]"])
    pieces = tokenizer.get_vocab_size()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [EOS]", special_tokens=[("[EOS]", pieces - 1)])
    wrapper: Any = PreTrainedTokenizerFast
    wrapper(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        eos_token="[EOS]",
        model_max_length=CONTEXT,
    ).save_pretrained(folder)
    return pieces


def write_configuration(folder: Path, pieces: int, width: int) -> None:
    """Save the towers' shapes and the preprocessing; ``width`` is that of the image tower."""
    model = {
        "embed_dim": 128,
        "vision_cfg": {"image_size": IMAGE_SIZE, "layers": [1, 1, 1, 1], "width": width, "head_width": 32},
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": pieces,
            "width": 128,
            "heads": 4,
            "layers": 2,
            "hf_tokenizer_name": "local",
        },
    }
    preprocess = {
        "mean": MEAN,
        "std": STD,
        "size": IMAGE_SIZE,
        "mode": "RGB",
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }
    write_json(folder / CONFIGURATION, {"model_cfg": model, "preprocess_cfg": preprocess})


def new_model(folder: Path) -> tuple[Any, Any]:
    """An untrained model with the configuration in ``folder``, and its tokenizer."""
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    return model, open_clip.get_tokenizer(f"local-dir:{folder}")


def save_weights(model: torch.nn.Module, folder: Path) -> Path:
    """Save the weights in half precision; returns the file's path."""
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous().clone()
        for name, value in model.state_dict().items()
    }
    path = folder / WEIGHTS
    with atomic(path, "wb") as file:
        file.write(save(half))
    return path


def size_of(folder: Path) -> int:
    """Bytes of all files of the model."""
    return sum(path.stat().st_size for path in folder.iterdir())


def load(folder: Path) -> tuple[Any, Any, Any]:
    """The trained model in evaluation mode, its preprocessing and its tokenizer, all by open_clip."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return model.eval(), preprocess, open_clip.get_tokenizer(f"local-dir:{folder}")
