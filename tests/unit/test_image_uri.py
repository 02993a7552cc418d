"""Images as data URIs: the bytes that are sent, and how often they are made."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from image_files import image_file
from taskgalaxy.llm.image_uri import ImageURIs, data_uri


class Picture:
    """An image in memory that counts how often it is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    @property
    def image_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def read(self) -> bytes:
        self.reads += 1
        return self.data


def picture(image_format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", colour: int = 0) -> Picture:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, image_format)
    return Picture(buffer.getvalue())


def noise(size: tuple[int, int]) -> Picture:
    buffer = io.BytesIO()
    Image.frombytes("L", size, Random(0).randbytes(size[0] * size[1])).save(buffer, "PNG")
    return Picture(buffer.getvalue())


def sent(uri: str) -> tuple[str, bytes]:
    """MIME type and bytes of a data URI."""
    head, content = uri.split(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return head[len("data:") : -len(";base64")], base64.b64decode(content)


@pytest.mark.parametrize(
    ("image_format", "mime"),
    [
        *(("JPEG", "image/jpeg"), ("MPO", "image/jpeg"), ("PNG", "image/png")),
        *(("WEBP", "image/webp"), ("GIF", "image/gif")),
    ],
)
def test_an_image_is_sent_untouched_with_the_type_of_its_bytes(image_format: str, mime: str) -> None:
    image = picture(image_format)
    assert sent(data_uri(image, None, 90)) == (mime, image.data)
    assert data_uri(image, 64, 90) == data_uri(image, None, 10)


def test_the_name_of_a_file_says_nothing_about_its_type(tmp_path: Path) -> None:
    data = picture("WEBP").data
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    assert sent(data_uri(image_file(path), None, 90)) == ("image/webp", data)


@pytest.mark.parametrize(("image_format", "mode"), [("BMP", "RGB"), ("TIFF", "CMYK"), ("TIFF", "I;16"), ("PPM", "L")])
def test_other_formats_are_sent_as_png(image_format: str, mode: str) -> None:
    mime, content = sent(data_uri(picture(image_format, mode=mode), None, 90))
    assert mime == "image/png"
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (64, 48))


@pytest.mark.parametrize(("image_format", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("TIFF", "L")])
def test_a_larger_image_is_scaled_down_to_the_longest_side(image_format: str, mode: str) -> None:
    mime, content = sent(data_uri(picture(image_format, (200, 100), mode), 50, 90))
    assert mime == "image/jpeg"
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (50, 25))


def test_the_quality_decides_how_many_bytes_a_scaled_image_has() -> None:
    image = noise((200, 100))
    poor, good = (sent(data_uri(image, 100, quality))[1] for quality in (20, 90))
    assert len(poor) < len(good)


@pytest.mark.parametrize("data", [b"", b"no image", picture("JPEG", (512, 512)).data[:300]])
def test_an_image_that_cannot_be_decoded_is_an_error_of_the_system(data: bytes) -> None:
    with pytest.raises(OSError, match=r"(?i)identify|truncated"):
        data_uri(Picture(data), 100, 90)


def test_requests_at_once_about_an_image_share_one_encoding() -> None:
    image = picture("PNG")

    async def run() -> list[str]:
        uris = ImageURIs(None, 90)
        return await asyncio.gather(*(uris.get(image) for _ in range(200)))

    assert set(asyncio.run(run())) == {data_uri(picture("PNG"), None, 90)}
    assert image.reads == 1


def test_every_image_gets_its_own_uri_and_those_in_use_are_encoded_once() -> None:
    images = [picture("PNG", colour=number) for number in range(10)]

    async def run() -> list[str]:
        uris = ImageURIs(None, 90)
        return await asyncio.gather(*(uris.get(image) for _ in range(5) for image in images))

    found = asyncio.run(run())
    assert found == [data_uri(Picture(image.data), None, 90) for image in images] * 5
    assert {image.reads for image in images} == {1}


def test_an_image_that_many_others_followed_is_encoded_again_and_not_kept() -> None:
    images = [picture("PNG", colour=number) for number in range(50)]

    async def run() -> None:
        uris = ImageURIs(None, 90)
        for image in (*images, images[0]):
            await uris.get(image)

    asyncio.run(run())
    assert [image.reads for image in images] == [2] + [1] * 49


def test_an_image_that_cannot_be_read_is_an_error_for_each_request_about_it() -> None:
    class Vanished(Picture):
        def read(self) -> bytes:
            self.reads += 1
            raise FileNotFoundError("photo.jpg")

    async def run() -> list[str | BaseException]:
        uris = ImageURIs(None, 90)
        return await asyncio.gather(*(uris.get(image) for _ in range(5)), return_exceptions=True)

    image = Vanished(b"")
    assert [type(error) for error in asyncio.run(run())] == [FileNotFoundError] * 5


def test_nothing_of_one_event_loop_is_left_in_the_next() -> None:
    uris = ImageURIs(None, 90)
    image = picture("PNG")

    async def run() -> str:
        try:
            return await uris.get(image)
        finally:
            uris.clear()

    assert asyncio.run(run()) == asyncio.run(run())
    assert image.reads == 2
