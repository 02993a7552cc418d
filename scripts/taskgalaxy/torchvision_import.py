"""Makes torchvision importable beside a CPU build of torch.

open_clip and the image processors of transformers import torchvision. The torchvision on PyPI is compiled against
a CUDA torch; beside a CPU torch its operator library does not load, and the import then ends with "operator
torchvision::nms does not exist". Only the operators' schemas are missing, and no transform uses them.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import torch

_OPERATORS = ("nms", "qnms")
"""Operators for which torchvision registers shape functions while it is imported."""


@cache
def prepare_torchvision() -> Any:
    """Declare the operators that torchvision cannot load. Call it before the first import of torchvision.

    After an import that failed it is too late. Where torchvision is missing, or its operators load, nothing
    is done and None is returned; else the declarations, which last as long as the returned object (it stays
    in this function's cache).
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _operators_load(Path(spec.origin).parent):
        return None
    new_library: Any = torch.library.Library
    library = new_library("torchvision", "DEF")
    for name in _OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _operators_load(package: Path) -> bool:
    load_library: Any = torch.ops.load_library
    try:
        for path in package.glob("_C*.so"):
            load_library(str(path))
    except (OSError, RuntimeError):
        return False
    return hasattr(torch.ops.torchvision, "nms")
