"""Images in files of their own."""

from __future__ import annotations

from pathlib import Path

from taskgalaxy.files import sha256_file
from taskgalaxy.images import ImageFile
from taskgalaxy.sources.folder import FolderSource
from taskgalaxy.sources.names import Patterns


def folder_source(root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> FolderSource:
    return FolderSource("one", root, Patterns(include, exclude))


def image_file(path: Path) -> ImageFile:
    """The image that a file holds now."""
    return ImageFile(sha256_file(path), folder_source(path.parent), path.name)
