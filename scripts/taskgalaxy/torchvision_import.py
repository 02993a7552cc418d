"""Imports torchvision, also beside a CPU build of torch.

open_clip and the image processors of transformers import torchvision. The torchvision on PyPI is compiled against
a CUDA torch; beside a CPU torch its operator library does not load, and the import then ends with "operator
torchvision::nms does not exist". Only the operators' schemas are missing, and no transform uses them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

_OPERATORS = ("nms", "qnms")
"""Operators for which torchvision registers shape functions while it is imported."""


@cache
def prepare_torchvision() -> Any:
    """Import torchvision, if there is one, after declaring the operators that it cannot load.

    Call it before anything else imports torchvision: after an import that failed it is too late. Returned are the
    declarations, if any were needed: they last as long as the object, which stays in this function's cache.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    library = None
    if not _operators_load(Path(spec.origin).parent):
        new_library: Any = torch.library.Library
        library = new_library("torchvision", "DEF")
        for name in _OPERATORS:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    with _without_compiler():
        importlib.import_module("torchvision")
    return library


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Stands in for torch's compiler, which takes as long to import as torch itself.

    torchvision imports it to ask which devices it supports, for an operator that no transform uses, and is told: none.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    compiler, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    compiler.utils = utils  # type: ignore[attr-defined]
    utils.is_compile_supported = lambda device: False  # type: ignore[attr-defined]
    sys.modules |= {module.__name__: module for module in (compiler, utils)}
    try:
        yield
    finally:
        del sys.modules[compiler.__name__], sys.modules[utils.__name__]


def _operators_load(package: Path) -> bool:
    load_library: Any = torch.ops.load_library
    try:
        for path in package.glob("_C*.so"):
            load_library(str(path))
    except (OSError, RuntimeError):
        return False
    return hasattr(torch.ops.torchvision, "nms")
