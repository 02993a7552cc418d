"""Images as data URIs, encoded once per image."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict
from typing import Any

from PIL import Image

from taskgalaxy.images import FORMATS, decode_rgb, scaled_down
from taskgalaxy.llm.request import ImageContent

_SENT_UNTOUCHED = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
"""MIME types of the formats that servers take, by Pillow's names (an MPO file is a JPEG with more behind it)."""

_KEPT = 16


def data_uri(image: ImageContent, max_side: int | None, jpeg_quality: int) -> str:
    """The image as a data URI whose MIME type is that of its bytes.

    JPEG, PNG, WebP and GIF are sent as they are, other formats as PNG; an image whose longer side
    exceeds ``max_side`` pixels is scaled down to it and sent as JPEG.

    Raises:
        OSError: if the image cannot be read or decoded.
    """
    data = image.read()
    try:
        return _uri(data, max_side, jpeg_quality)
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # What Pillow raises for damage of one kind or another.
        raise OSError(str(error)) from error


def _uri(data: bytes, max_side: int | None, jpeg_quality: int) -> str:
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        mime = _SENT_UNTOUCHED.get(opened.format or "")
        longer_side = max(opened.size)
    if max_side is not None and longer_side > max_side:
        smaller = scaled_down(decode_rgb(data), max_side)
        data, mime = _encoded(smaller, "JPEG", quality=jpeg_quality), "image/jpeg"
    elif mime is None:
        data, mime = _encoded(decode_rgb(data), "PNG"), "image/png"
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


class ImageURIs:
    """The data URIs of the images that are asked about, each encoded once for the questions that follow
    one another about it."""

    def __init__(self, max_side: int | None, jpeg_quality: int) -> None:
        self._max_side = max_side
        self._jpeg_quality = jpeg_quality
        self._tasks: OrderedDict[str, asyncio.Task[str]] = OrderedDict()

    async def get(self, image: ImageContent) -> str:
        """Raises ``OSError`` or ``ValueError`` if the image cannot be read or decoded."""
        task = self._tasks.get(image.image_id)
        if task is None:
            work = asyncio.to_thread(data_uri, image, self._max_side, self._jpeg_quality)
            task = self._tasks[image.image_id] = asyncio.create_task(work)
            while len(self._tasks) > _KEPT:
                self._tasks.popitem(last=False)
        return await task

    def clear(self) -> None:
        self._tasks.clear()
