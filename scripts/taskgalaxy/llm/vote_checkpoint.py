"""Loads a checkpoint of transformers for votes."""

from __future__ import annotations

import logging
import sys
from typing import Any

import torch
from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.llm.vote_inputs import VoteInputs
from taskgalaxy.llm.vote_model import VoteModel
from taskgalaxy.torchvision_import import prepare_torchvision

log = logging.getLogger(__name__)

_TRIAL_SIDE = 448


def load_vote_model(settings: EndpointSettings) -> VoteModel:
    """The model of an endpoint whose provider is transformers, on its device.

    Weights are read from safetensors alone. A checkpoint that lacks some is refused: transformers would fill
    in random ones.

    Raises:
        UserError: if it cannot be loaded, does not fit, or cannot be asked in this way.
    """
    device = _device(settings)
    transformers = _import_transformers()
    processor = _loaded(settings, transformers.AutoProcessor)
    inputs = VoteInputs(processor, settings.processor_options, settings.template_options, settings.reply_prefix)
    _try_out(inputs, settings)
    model, found = _loaded(
        settings,
        transformers.AutoModelForImageTextToText,
        dtype=getattr(torch, settings.dtype),
        use_safetensors=True,
        output_loading_info=True,
    )
    if missing := found["missing_keys"]:
        raise UserError(
            _where(settings), f"lacks {len(missing)} of its weights, such as {min(missing)}", "download it again"
        )
    try:
        model.to(device)
    except torch.OutOfMemoryError as error:
        raise UserError(
            _where(settings), f"its weights do not fit into the GPU's memory ({error})", "take a smaller model"
        ) from error
    log.info("loaded %s, %s, as %s on %s", settings.model, settings.revision, settings.dtype, device)
    return VoteModel(model, inputs, settings.batch_size)


def _where(settings: EndpointSettings) -> str:
    return f"endpoint {settings.name} ({settings.folder or settings.model})"


def _device(settings: EndpointSettings) -> torch.device:
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise UserError(
            f"endpoints.{settings.name}.device",
            "is cuda, but this job sees no GPU",
            "give it one, or set device to cpu",
        )
    return torch.device("cuda" if available and settings.device != "cpu" else "cpu")


def _import_transformers() -> Any:
    prepare_torchvision()
    import transformers

    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    return transformers


def _loaded(settings: EndpointSettings, kind: Any, **options: Any) -> Any:
    """What ``kind``, one of transformers' Auto classes, makes of the checkpoint."""
    if settings.folder is None:
        options["revision"] = settings.revision
    try:
        return kind.from_pretrained(
            settings.folder or settings.model, trust_remote_code=settings.trust_remote_code, **options
        )
    # A checkpoint's configuration, files and code are the user's, and can be wrong in any way.
    except Exception as error:
        raise UserError(
            _where(settings),
            f"cannot be loaded ({type(error).__name__}: {error})",
            "it must be a model of AutoModelForImageTextToText with weights in safetensors; "
            "where jobs have no network, download it before: hf download MODEL --revision REVISION",
        ) from error


def _try_out(inputs: VoteInputs, settings: EndpointSettings) -> None:
    """Prepare a grey image, to learn of options that processor or template do not take before any work."""
    try:
        inputs.prepare(Image.new("RGB", (_TRIAL_SIDE, _TRIAL_SIDE), "grey"), ["Is it grey?"])
    except Exception as error:
        raise UserError(
            _where(settings),
            f"cannot take an image and a question ({type(error).__name__}: {error})",
            f"look at processor_options and template_options of endpoints.{settings.name}",
        ) from error
