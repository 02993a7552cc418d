"""The one place where open_clip is imported, also beside a CPU build of torch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from taskgalaxy.absent import absent
from taskgalaxy.torchvision_import import prepare_torchvision

_TOWERS = {"timm": "timm_model_name", "transformers": "hf_model_name"}
"""Libraries that open_clip imports if it finds them, and what a model's configuration says if it is made of theirs."""
_left_out: set[str] = set()
"""Those that open_clip was imported without."""


def import_open_clip(model: str | None = None) -> Any:
    """The module ``open_clip``, imported after torchvision was made ready for it.

    With ``model``, for what this model needs: timm and transformers take longer to import than all else.
    """
    prepare_torchvision()
    unneeded = {library for library, key in _TOWERS.items() if model and not _may_say(model, key)}
    if not _left_out <= unneeded:
        for name in [name for name in sys.modules if name.partition(".")[0] == "open_clip"]:
            del sys.modules[name]
        _left_out.clear()
    if "open_clip" not in sys.modules:
        _left_out.update(unneeded)
    with absent(unneeded):
        return importlib.import_module("open_clip")


def _may_say(model: str, key: str) -> bool:
    """Whether ``key`` may be in the configuration of ``model``, which is in a folder or one of open_clip's own."""
    if model.startswith("local-dir:"):
        path = Path(model.removeprefix("local-dir:")) / "open_clip_config.json"
    else:
        package = importlib.util.find_spec("open_clip")
        assert package is not None
        assert package.origin is not None
        path = Path(package.origin).parent / "model_configs" / f"{model.replace('/', '-')}.json"
    return not path.is_file() or key in path.read_text(encoding="utf-8")
