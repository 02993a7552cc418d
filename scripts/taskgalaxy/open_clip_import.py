"""The one place where open_clip is imported, also beside a CPU build of torch."""

from __future__ import annotations

import importlib
from typing import Any

from taskgalaxy.torchvision_import import prepare_torchvision


def import_open_clip() -> Any:
    """The module ``open_clip``, imported after torchvision was made ready for it."""
    prepare_torchvision()
    return importlib.import_module("open_clip")
