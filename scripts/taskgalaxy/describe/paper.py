"""What the paper says of its own set and of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PAPER = Path(__file__).parents[3] / "resources" / "paper.yaml"


def read_paper() -> dict[str, Any]:
    """resources/paper.yaml, which says where in the paper each figure stands."""
    facts: dict[str, Any] = yaml.safe_load(PAPER.read_text(encoding="utf-8"))
    return facts
