"""One folder in which every export that names its images finds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.sources.source import Source

Sample = Mapping[str, Any]


def gather_images(folder: Path | str, samples: Iterable[Sample], sources: Mapping[str, Source]) -> None:
    """Make ``folder`` with the images of the samples, at ``SOURCE/PATH``.

    Sources whose images are files are linked, and each image is opened, as a trainer will. From archives just these
    images are written down as files.

    Args:
        samples: source, image, image_id, width and height of every image, each once.

    Raises:
        UserError: if an image is not what it was when it was inspected.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    link_folders(folder, {name: source.folder for name, source in sources.items() if source.folder})
    archived: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        if sources[sample["source"]].folder is None:
            archived.setdefault(sample["source"], {})[sample["image"]] = sample
        else:
            _check_image(sample, folder)
    for name, images in archived.items():
        for path in sources[name].in_order(images):
            _write_image(folder / name / path, image_bytes(images[path], sources))


def link_folders(folder: Path | str, roots: Mapping[str, Path]) -> None:
    """Put a link per name, a source's or ``MIX_FOLDER``, to its folder into ``folder``; nothing is copied."""
    for name, root in roots.items():
        (Path(folder) / name).symlink_to(root.resolve(), target_is_directory=True)


def image_bytes(sample: Sample, sources: Mapping[str, Source]) -> bytes:
    """The bytes of the sample's image.

    Raises:
        UserError: if it is gone, or is another one than the models saw.
    """
    try:
        content = sources[sample["source"]].read(sample["image"])
    except OSError as error:
        raise _unusable(sample, f"cannot be read ({error})") from error
    if hashlib.sha256(content).hexdigest() != sample["image_id"]:
        raise _unusable(sample, "is another image than when it was inspected")
    return content


def _check_image(sample: Sample, folder: Path) -> None:
    """Open the image; only its header is read."""
    try:
        with Image.open(folder / sample["source"] / sample["image"]) as image:
            # The inspected size is that after EXIF rotation.
            same = sorted(image.size) == sorted((sample["width"], sample["height"]))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unusable(sample, f"does not open ({error})") from error
    if not same:
        raise _unusable(sample, "is another image than when it was inspected")


def _write_image(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(
            str(path),
            "is the name of an image, and of a folder that holds another",
            "leave one of the two out of the source by exclude",
        ) from error


def _unusable(sample: Sample, problem: str) -> UserError:
    return UserError(
        f"{sample['source']}/{sample['image']}",
        problem,
        "run snakemake again, which finds out what became of the images, or put it back",
    )
