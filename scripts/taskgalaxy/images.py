"""Reading images: one way to decode them, and the inspection that decides which ones are used.

Nothing here trusts a file's name: the format is read from the bytes, truncation is found by decoding
every pixel, and the identity of an image is the SHA-256 of its bytes.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import polars as pl
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from taskgalaxy.rejects import reject
from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.shards import FileEntry
from taskgalaxy.sources.source import Source

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Formats that are opened, by Pillow's names: raster formats with decoders that bound their memory."""


_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on damaged bytes, found by damaging some."""


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__


class ImageRejectedError(Exception):
    """An image cannot be used: ``reason`` is a reject reason of stage inspect, ``detail`` says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class ImageFile:
    """An image identified by its content, and the place where it lies: a path in a source."""

    image_id: str
    source: Source
    path: str

    def read(self) -> bytes:
        """The image's bytes. Raises ``OSError`` if the place no longer holds it."""
        data = self.source.read(self.path)
        if hashlib.sha256(data).hexdigest() != self.image_id:
            raise OSError(f"{self.path} no longer holds the image that was inspected")
        return data


def image_files(index: pl.DataFrame, sources: Mapping[str, Source]) -> dict[str, ImageFile]:
    """The images of ``index`` (``schemas.IMAGE_INDEX``) by id."""
    return {
        image_id: ImageFile(image_id, sources[source], path)
        for image_id, source, path in index.select("image_id", "source", "path").iter_rows()
    }


@dataclass(frozen=True)
class Limits:
    """What is accepted: sides and area in pixels, and bytes; ``animated`` is ``"reject"`` or ``"first_frame"``."""

    min_side: int
    max_pixels: int
    max_bytes: int
    animated: str


def upright_rgb(image: Image.Image) -> Image.Image:
    """The image as a person sees it: EXIF rotation applied, transparency over white, 8-bit RGB."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # 16 bits; Pillow opens some formats of that depth in its mode of 32.
        image = image.point(lambda value: value / 257).convert("L")
        image.info.pop("transparency", None)  # a grey level of 16 bits
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    return image.convert("RGB")


def decode_rgb(data: bytes, shorter_side: int | None = None) -> Image.Image:
    """Decode an inspected image; the first frame of an animated one.

    With ``shorter_side``, a JPEG is decoded to a half, a quarter or an eighth of its size, which takes less
    time, as long as its shorter side keeps that many pixels.

    Raises:
        OSError: if the bytes are no image, or damaged.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if shorter_side is not None:
                factor = shorter_side / min(image.size)
                image.draft(None, (math.ceil(image.width * factor), math.ceil(image.height * factor)))
            return upright_rgb(image)
    except _DAMAGED as error:
        raise OSError(_told(error)) from error


def scaled_down(image: Image.Image, max_side: int | None) -> Image.Image:
    """``image`` itself, made smaller if its longer side exceeds ``max_side`` pixels."""
    if max_side is not None:
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


@dataclass(frozen=True)
class Inspected:
    """What full decoding told: ``width`` and ``height`` in pixels after EXIF rotation."""

    image_id: str
    width: int
    height: int
    format: str
    bytes: int


def inspect(data: bytes, limits: Limits) -> Inspected:
    """Decode every pixel of ``data`` and measure it.

    Raises:
        ImageRejectedError: with the reason, if it is not to be used.
    """
    if not data:
        raise ImageRejectedError("empty_file", "the file has no bytes")
    if len(data) > limits.max_bytes:
        raise ImageRejectedError("too_many_bytes", f"{len(data):,} bytes, the limit is {limits.max_bytes:,}")
    try:
        with warnings.catch_warnings():
            # Size is judged below, before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageRejectedError("too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageRejectedError("not_an_image", f"none of {', '.join(FORMATS)}") from error
    except _DAMAGED as error:
        raise ImageRejectedError("not_an_image", _told(error)) from error
    with image:
        width, height = image.size
        if width * height > limits.max_pixels:
            raise ImageRejectedError("too_many_pixels", f"{width}x{height}, the limit is {limits.max_pixels} pixels")
        if min(width, height) < limits.min_side:
            raise ImageRejectedError("too_small", f"{width}x{height}, the shorter side must be {limits.min_side}")
        image_format = image.format or "unknown"
        try:
            if limits.animated == "reject" and getattr(image, "is_animated", False) and image_format != "MPO":
                raise ImageRejectedError("animated", f"{getattr(image, 'n_frames', 2)} frames")
            # A JPEG is read to its end for its brightness alone too, in less time than for colours that nobody sees.
            image.draft("L", None)
            image.load()
            width, height = _upright_size(image)
        except _DAMAGED as error:
            raise ImageRejectedError("truncated", _told(error)) from error
        return Inspected(hashlib.sha256(data).hexdigest(), width, height, image_format, len(data))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height after EXIF rotation, of an image that can be made RGB."""
    if image.mode not in ("RGB", "L") or "transparency" in image.info:
        return upright_rgb(image).size
    # What most images are needs no copy to be sure of.
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else image.size


def licence_of(path: str, default: str, overrides: Mapping[str, str]) -> str:
    """The licence of a file: the first pattern in ``overrides`` that its path matches, else ``default``."""
    for pattern, licence in overrides.items():
        if fnmatchcase(path, pattern):
            return licence
    return default


def inspect_shard(
    source: Source,
    name: str,
    shard: str,
    files: Sequence[FileEntry],
    limits: Limits,
    licence: str,
    licences: Mapping[str, str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Inspect the files of a shard of the source ``name``; the rows of ``schemas.IMAGES`` and of ``schemas.REJECTS``.

    Every file ends in exactly one of the two. They are read in the source's order; the rows are in that of ``files``.
    """
    images: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    verdicts = {path: _verdict(source, path, limits) for path in source.in_order(file.path for file in files)}
    for file in files:
        found = verdicts[file.path]
        if isinstance(found, ImageRejectedError):
            rejects.append(reject("inspect", f"{name}/{file.path}", found.reason, detail=found.detail))
            continue
        images.append(
            {
                "image_id": found.image_id,
                "source": name,
                "shard": shard,
                "path": file.path,
                "width": found.width,
                "height": found.height,
                "format": found.format,
                "bytes": found.bytes,
                "license": licence_of(file.path, licence, licences),
            }
        )
    return images, rejects


def _verdict(source: Source, path: str, limits: Limits) -> Inspected | ImageRejectedError:
    try:
        return inspect(source.read(path), limits)
    except ImageRejectedError as error:
        return error
    except FileNotFoundError:
        return ImageRejectedError("vanished", "the file was there when the shard was planned")
    except OSError as error:
        return ImageRejectedError("unreadable", str(error))


def find_duplicates(images: pl.DataFrame) -> pl.DataFrame:
    """Every occurrence of an image after its first, in the order of ``images``; of ``schemas.DUPLICATES``."""
    first = images.unique("image_id", keep="first", maintain_order=True)
    return (
        images.join(first, on=["shard", "path"], how="anti", maintain_order="left")
        .join(first.select("image_id", first_shard="shard", first_path="path"), on="image_id", maintain_order="left")
        .select("image_id", "shard", "path", "first_shard", "first_path")
    )


def index_images(images: pl.DataFrame, removed: pl.DataFrame) -> pl.DataFrame:
    """Every image once, in the order of ``images`` (``schemas.IMAGES``); of ``schemas.IMAGE_INDEX``.

    ``removed`` is of ``schemas.REMOVED``. An image that was moved is found at its new place, and still
    belongs to the shard that asked about it.
    """
    first = images.unique("image_id", keep="first", maintain_order=True).with_columns(present=pl.lit(False))
    there = (
        images.join(removed, on=["shard", "path"], how="anti", maintain_order="left")
        .unique("image_id", keep="first", maintain_order=True)
        .with_columns(present=pl.lit(True))
        .drop("shard")
    )
    return first.update(there, on="image_id", how="left").select(IMAGE_INDEX.schema.names)
