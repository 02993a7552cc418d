"""A CLIP model of open_clip: embeddings of task types and of images (paper section 2.2, "Match and Filter")."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import torch

from taskgalaxy.embeddings import Vectors
from taskgalaxy.errors import UserError
from taskgalaxy.labels import split_levels
from taskgalaxy.open_clip_import import import_open_clip
from taskgalaxy.preprocessing import Preprocessing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipSettings:
    """What the configuration's section ``match`` says of the model; every key is explained there."""

    model: str
    pretrained: str | None = None
    device: str = "cpu"
    precision: str = "fp32"
    preprocess: str = "exact"
    batch_size: int = 64
    threads: int = 1
    compile: bool = False

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> ClipSettings:
        """The settings in a validated section; its other keys are not the model's."""
        return cls(**{field.name: section[field.name] for field in fields(cls)})


def task_text(task_type: str, text: str) -> str:
    """What stands for a task type: its whole ``path`` (as the published code does) or its ``leaf``."""
    return task_type if text == "path" else split_levels(task_type)[-1]


class Clip:
    """An open_clip model with its own preprocessing.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        batch_size: images or texts per forward pass.
        cut: what makes the pixels for :meth:`encode` of an image's bytes.
        identity: what decides an embedding's value, for the metadata of the files that hold them.
    """

    def __init__(self, settings: ClipSettings) -> None:
        """Load the model; this process then computes on as many CPU threads as the settings say.

        Raises:
            UserError: if the model cannot be loaded.
        """
        torch.set_num_threads(settings.threads)
        self.device = settings.device
        if settings.device == "auto":
            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = settings.batch_size
        open_clip = import_open_clip(settings.model)
        self._model, transform = _load(open_clip, settings, self.device)
        visual = self._model.visual
        self._preprocessing = Preprocessing(transform, max(_sides(visual.image_size)), settings.preprocess == "fast")
        self.cut = self._preprocessing.cut
        self._get_tokenizer = cache(lambda: open_clip.get_tokenizer(settings.model))
        self._dtype = open_clip.get_input_dtype(settings.precision) or torch.float32
        self._layout = torch.channels_last if self.device == "cuda" else torch.contiguous_format
        self.identity = {
            "model": settings.model,
            "pretrained": settings.pretrained or "",
            "precision": settings.precision,
            "weights_sha256": _weights_digest(self._model),
            "activation": "QuickGELU" if _quick_gelu(self._model) else "GELU",
            "preprocess": " ".join(str(transform).split()),
            "decode": settings.preprocess,
        }
        visual.to(memory_format=self._layout)
        self._encode_image: Callable[[torch.Tensor], torch.Tensor] = self._model.encode_image
        self._padded = settings.compile
        if settings.compile:
            self._encode_image = torch.compile(self._encode_image)
        log.info("loaded %s on %s, weights %s", settings.model, self.device, self.identity["weights_sha256"][:12])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of ``texts``: float32, shape (len(texts), dimension), normalised per row."""
        parts = []
        tokenizer = self._get_tokenizer()
        for start in range(0, len(texts), self.batch_size):
            tokens = tokenizer(list(texts[start : start + self.batch_size])).to(self.device)
            with torch.inference_mode():
                parts.append(_normalised(self._model.encode_text(tokens)))
        vectors: Vectors = torch.cat(parts).cpu().numpy()
        return vectors

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Embeddings of images: float32, shape (batch, dimension), on the model's device, normalised per row.

        Returns while a GPU still computes them. What does not fit into its memory is done in halves.

        Args:
            pixels: what :attr:`cut` gives, one or more: uint8, shape (batch, height, width, 3).
        """
        if not len(pixels):
            return torch.empty((0, 1))
        try:
            with torch.inference_mode():
                return self._forward(pixels)
        except torch.OutOfMemoryError:
            if len(pixels) == 1:
                raise
        self._padded = False
        half = len(pixels) // 2
        log.warning("%d images do not fit into the memory of the device: they are done in halves", len(pixels))
        return torch.cat([self.encode(pixels[:half]), self.encode(pixels[half:])])

    def _forward(self, pixels: torch.Tensor) -> torch.Tensor:
        values = self._preprocessing.numbers(pixels.to(self.device, non_blocking=True))
        if self._padded and len(values) < self.batch_size:
            # One shape, or the model would be compiled once more for the last batch.
            values = torch.cat([values, values.new_zeros((self.batch_size - len(values), *values.shape[1:]))])
        values = values.to(self._dtype).contiguous(memory_format=self._layout)
        return _normalised(self._encode_image(values))[: len(pixels)]


def _load(open_clip: Any, settings: ClipSettings, device: str) -> tuple[Any, Any]:
    """The model, ready for inference, and its transform of images."""
    model, pretrained = settings.model, settings.pretrained
    try:
        # open_clip itself only warns if a tag's weights were trained with QuickGELU and the named model
        # has GELU, as ViT-L-14 with openai; every embedding would be off.
        tag = open_clip.get_pretrained_cfg(model, pretrained) if pretrained else {}
        loaded, _, transform = open_clip.create_model_and_transforms(
            model,
            pretrained=pretrained,
            device=device,
            precision=settings.precision,
            force_quick_gelu=bool(tag.get("quick_gelu")),
            require_pretrained=True,
        )
    except (RuntimeError, FileNotFoundError, ValueError, OSError) as error:
        raise UserError(
            "match.model",
            f"{model} with weights {pretrained or 'of its own'} cannot be loaded ({error})",
            "name a model of open_clip.list_pretrained(), or local-dir: and a folder that holds one",
        ) from error
    loaded.eval()
    return loaded, transform


def _sides(size: int | Sequence[int]) -> Sequence[int]:
    return (size,) if isinstance(size, int) else size


def _quick_gelu(model: Any) -> bool:
    return any(type(module).__name__ == "QuickGELU" for module in model.modules())


def _weights_digest(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.ndim else b"")
    return digest.hexdigest()


def _normalised(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features.float(), dim=1)
