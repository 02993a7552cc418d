"""One folder in which every export finds its images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def link_sources(folder: Path | str, roots: Mapping[str, str]) -> None:
    """Make ``folder`` with one link per source to that source's folder; nothing is copied."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, root in roots.items():
        (folder / name).symlink_to(Path(root).resolve(), target_is_directory=True)
