"""One folder in which every export that names its images finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from taskgalaxy.errors import UserError


def link_folders(folder: Path | str, roots: Mapping[str, str]) -> None:
    """Make ``folder`` with one link per name, a source's or ``MIX_FOLDER``, to its folder; nothing is copied."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, root in roots.items():
        (folder / name).symlink_to(Path(root).resolve(), target_is_directory=True)


def image_file(sample: Mapping[str, Any], roots: Mapping[str, str]) -> Path:
    """Where the sample's image lies; ``roots`` are the folders of the sources."""
    return Path(roots[sample["source"]], sample["image"])


def unusable(path: Path, problem: str) -> UserError:
    """The error for an image that is not what it was when it was inspected."""
    return UserError(
        str(path), problem, "run snakemake again, which finds out what became of the images, or put it back"
    )


def check_images(samples: Iterable[Mapping[str, Any]], roots: Mapping[str, str]) -> None:
    """Open every image of the samples, as a trainer will; only its header is read.

    Raises:
        UserError: if an image does not open, or has another size than when it was inspected.
    """
    for sample in samples:
        path = image_file(sample, roots)
        try:
            with Image.open(path) as image:
                # The inspected size is that after EXIF rotation.
                same = sorted(image.size) == sorted((sample["width"], sample["height"]))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise unusable(path, f"does not open ({error})") from error
        if not same:
            raise unusable(path, "is another image than when it was inspected")
