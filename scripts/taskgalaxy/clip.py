"""CLIP embeddings of images and task types through open_clip (paper section 2.2, "Match and Filter")."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from taskgalaxy.errors import UserError
from taskgalaxy.images import decode_rgb
from taskgalaxy.labels import split_levels
from taskgalaxy.llm.request import ImageContent
from taskgalaxy.open_clip_import import import_open_clip
from taskgalaxy.rejects import reject

open_clip = import_open_clip()

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]


class Embedded(NamedTuple):
    """Ids and their embeddings, float32 of shape (rows, dimension), each row of Euclidean length 1."""

    ids: list[str]
    vectors: Vectors


def task_text(task_type: str, text: str) -> str:
    """What stands for a task type: its whole ``path`` (as the published code does) or its ``leaf``."""
    return task_type if text == "path" else split_levels(task_type)[-1]


class Clip:
    """An open_clip model with its own preprocessing.

    Attributes:
        identity: what decides an embedding's value, for the metadata of the files that hold them.
    """

    def __init__(self, model: str, pretrained: str | None, device: str, precision: str, batch_size: int) -> None:
        """Load ``model`` (a name open_clip knows, or ``local-dir:FOLDER``) with ``pretrained`` weights.

        ``device`` is ``"cpu"``, ``"cuda"`` or ``"auto"``; ``precision`` one of open_clip's names, such as
        ``"fp32"``.

        Raises:
            UserError: if the model cannot be loaded.
        """
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.batch_size = batch_size
        try:
            self._model, _, self._preprocess = open_clip.create_model_and_transforms(
                model, pretrained=pretrained, device=self.device, precision=precision, require_pretrained=True
            )
            self._tokenizer = open_clip.get_tokenizer(model)
        except (RuntimeError, FileNotFoundError, ValueError, OSError) as error:
            raise UserError(
                "match.model",
                f"{model} with weights {pretrained or 'of its own'} cannot be loaded ({error})",
                "name a model of open_clip.list_pretrained(), or local-dir: and a folder that holds one",
            ) from error
        self._model.eval()
        self._input_type = next(self._model.visual.parameters()).dtype
        self.identity = {
            "model": model,
            "pretrained": pretrained or "",
            "precision": precision,
            "weights_sha256": self._weights_digest(),
            "preprocess": " ".join(str(self._preprocess).split()),
        }
        log.info("loaded %s on %s, weights %s", model, self.device, self.identity["weights_sha256"][:12])

    def _weights_digest(self) -> str:
        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(
                tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.ndim else b""
            )
        return digest.hexdigest()

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of ``texts``: float32, shape (len(texts), dimension), normalised per row."""
        parts = []
        for start in range(0, len(texts), self.batch_size):
            tokens = self._tokenizer(list(texts[start : start + self.batch_size])).to(self.device)
            with torch.inference_mode():
                parts.append(_normalised(self._model.encode_text(tokens)))
        return np.concatenate(parts)

    def embed_images(self, images: Iterable[ImageContent]) -> Iterator[tuple[list[str], Vectors, dict[str, str]]]:
        """Embeddings batch by batch, so that memory is bounded by the batch.

        Yields ``(image_ids, vectors, failed)``: float32 of shape (batch, dimension), normalised per row,
        and for images that could not be read their id and why.
        """
        batch: list[torch.Tensor] = []
        ids: list[str] = []
        failed: dict[str, str] = {}
        for image in images:
            try:
                batch.append(self._preprocess(decode_rgb(image.read())))
            except (OSError, ValueError) as error:
                failed[image.image_id] = str(error)
                continue
            ids.append(image.image_id)
            if len(ids) == self.batch_size:
                yield ids, self._encode(batch), failed
                batch, ids, failed = [], [], {}
        if ids or failed:
            yield ids, self._encode(batch), failed

    def _encode(self, batch: list[torch.Tensor]) -> Vectors:
        if not batch:
            return np.empty((0, 1), np.float32)
        pixels = torch.stack(batch).to(self.device, self._input_type)
        with torch.inference_mode():
            return _normalised(self._model.encode_image(pixels))


def _normalised(features: Any) -> Vectors:
    vectors: Vectors = torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy()
    return vectors


def load_clip(settings: Mapping[str, Any]) -> Clip:
    """The CLIP model of the configuration's ``match`` section, on as many CPU threads as it says."""
    torch.set_num_threads(settings["threads"])
    return Clip(
        settings["model"], settings["pretrained"], settings["device"], settings["precision"], settings["batch_size"]
    )


def embed_shard(clip: Clip, images: Iterable[ImageContent]) -> tuple[Embedded, list[dict[str, Any]]]:
    """Embed a shard's images; what could not be read any more is in the rows of ``tables.REJECTS``."""
    ids: list[str] = []
    parts: list[Vectors] = []
    rejects: list[dict[str, Any]] = []
    for batch_ids, vectors, failed in clip.embed_images(images):
        finite = [bool(row.all()) for row in np.isfinite(vectors)]
        ids += [image_id for image_id, fine in zip(batch_ids, finite, strict=True) if fine]
        parts.append(vectors[finite])
        rejects += [
            reject("match", image_id, "embedding_not_finite", image_id=image_id)
            for image_id, fine in zip(batch_ids, finite, strict=True)
            if not fine
        ]
        rejects += [
            reject("match", image_id, "image_changed", image_id=image_id, detail=why)
            for image_id, why in failed.items()
        ]
    filled = [part for part in parts if part.size]
    return Embedded(ids, np.concatenate(filled) if filled else np.empty((0, 0), np.float32)), rejects
