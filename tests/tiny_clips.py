"""Small random models of open_clip, saved as real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from taskgalaxy.open_clip_import import import_open_clip

open_clip = import_open_clip()

VIT: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
RESNET = VIT | {"vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 8}}


def weights(config: dict[str, Any], seed: int = 1) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {name: tensor.contiguous() for name, tensor in open_clip.CLIP(**config).state_dict().items()}


def save_clip(folder: Path, config: dict[str, Any] = VIT, *, seed: int = 1, resize_mode: str = "shortest") -> str:
    """Save a model; returns its name for the configuration's ``match.model``."""
    folder.mkdir(exist_ok=True)
    size = config["vision_cfg"]["image_size"]
    preprocess = {"size": size, "mode": "RGB", "interpolation": "bicubic", "resize_mode": resize_mode}
    preprocess |= {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    description = json.dumps({"model_cfg": config, "preprocess_cfg": preprocess})
    (folder / "open_clip_config.json").write_text(description, encoding="utf-8")
    save_file(weights(config, seed), folder / "open_clip_model.safetensors")
    return f"local-dir:{folder}"
