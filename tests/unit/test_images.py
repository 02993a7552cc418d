"""What an image is, is decided by its bytes: every file is accepted as it truly is, or rejected with a reason."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import rows
from image_files import folder_source
from taskgalaxy.images import (
    FORMATS,
    ImageFile,
    ImageRejectedError,
    Limits,
    decode_rgb,
    find_duplicates,
    image_files,
    index_images,
    inspect,
    inspect_shard,
    licence_of,
)
from taskgalaxy.rejects import REASONS
from taskgalaxy.schemas import DUPLICATES, IMAGE_INDEX, IMAGES, REJECTS
from taskgalaxy.shards import FileEntry
from taskgalaxy.tables import to_arrow

LIMITS = Limits(min_side=8, max_pixels=10_000, max_bytes=1_000_000, animated="reject")
FIRST_FRAME = Limits(min_side=8, max_pixels=10_000, max_bytes=1_000_000, animated="first_frame")
SIZE = (40, 30)
ORIENTATION = 0x0112


def noise(mode: str = "RGB", size: tuple[int, int] = SIZE, seed: int = 1) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def animated(image_format: str) -> bytes:
    return encoded(noise(), image_format, save_all=True, append_images=[noise(seed=2), noise(seed=3)])


def reason(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(ImageRejectedError) as caught:
        inspect(data, limits)
    assert caught.value.reason in REASONS["inspect"]
    assert caught.value.detail
    return caught.value.reason


def png(width: int, height: int, depth: int, colour: int, data: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG put together by hand; ``data`` are the scan lines, filter bytes included."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_is_measured_and_decoded(image_format: str) -> None:
    data = encoded(noise(), image_format)
    found = inspect(data, LIMITS)
    assert (found.width, found.height, found.format, found.bytes) == (*SIZE, image_format, len(data))
    assert found.image_id == hashlib.sha256(data).hexdigest()
    assert decode_rgb(data).size == SIZE


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_after_rotation(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.new("RGB", SIZE, "black")
    image.paste("white", (0, 0, 20, 15))
    data = encoded(image, image_format, exif=exif)
    found = inspect(data, LIMITS)
    size = SIZE if orientation < 5 else SIZE[::-1]
    assert (found.width, found.height) == size
    upright = decode_rgb(data)
    assert upright.size == size
    corners = [(2, 2), (size[0] - 3, 2), (size[0] - 3, size[1] - 3), (2, size[1] - 3)]
    white = [corner for corner in corners if upright.getpixel(corner)[0] > 128]
    assert white == [corners[{1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3}[orientation]]]


def test_damaged_exif_does_not_hide_a_sound_image() -> None:
    data = encoded(noise(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert inspect(data, LIMITS).width == SIZE[0]
    assert decode_rgb(data).size == SIZE


@pytest.mark.parametrize("image_format", [name for name in FORMATS if name != "GIF"])
def test_a_truncated_image_is_rejected(image_format: str) -> None:
    data = encoded(noise(), image_format)
    for share in (0.5, 0.9):
        # A TIFF has its directory at one end of the file; without it nothing tells that it is one.
        assert reason(data[: int(len(data) * share)]) in ("truncated", "not_an_image")
    if image_format in ("JPEG", "PNG"):
        assert reason(data[: len(data) // 2]) == "truncated"


def test_what_is_no_image_is_rejected() -> None:
    assert reason(b"") == "empty_file"
    assert reason(b"\0") == "not_an_image"
    assert reason("Grüße, this is text, whatever it is called".encode()) == "not_an_image"
    assert reason(b"%PDF-1.7\n" + b"x" * 500) == "not_an_image"
    assert reason(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "not_an_image"
    assert reason(encoded(noise(), "PDF")) == "not_an_image"
    assert reason(encoded(noise(), "ICO")) == "not_an_image"


def test_sides_and_area_are_bounded() -> None:
    assert inspect(encoded(noise(size=(8, 1250)), "PNG"), LIMITS).height == 1250
    assert reason(encoded(noise(size=(7, 100)), "PNG")) == "too_small"
    assert reason(encoded(noise(size=(100, 7)), "PNG")) == "too_small"
    assert reason(encoded(noise(size=(101, 100)), "PNG")) == "too_many_pixels"


@pytest.mark.parametrize("side", [10_000, 20_000, 2**31 - 1])
def test_a_bomb_is_judged_before_it_is_decoded(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda image: pytest.fail("it was decoded"))
    assert reason(png(side, side, 8, 0, b"\0" * 1000)) == "too_many_pixels"


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animated_images_are_rejected_or_seen_as_their_first_frame(image_format: str) -> None:
    data = animated(image_format)
    assert reason(data) == "animated"
    found = inspect(data, FIRST_FRAME)
    assert (found.width, found.height, found.format) == (*SIZE, image_format)
    seen = np.asarray(decode_rgb(data), np.int16)
    alone = np.asarray(decode_rgb(encoded(noise(), image_format)), np.int16)
    assert np.abs(seen - alone).mean() < 20


def test_a_gif_or_webp_of_one_frame_is_not_animated() -> None:
    for image_format in ("GIF", "WEBP"):
        assert inspect(encoded(noise(), image_format, save_all=True), LIMITS).format == image_format


def test_a_photograph_with_a_preview_is_not_animated() -> None:
    data = encoded(noise(), "MPO", save_all=True, append_images=[noise(size=(20, 15))])
    assert inspect(data, LIMITS).width == SIZE[0]
    assert decode_rgb(data).size == SIZE


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_grey_keep_their_brightness(kind: str) -> None:
    grey = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 54
    portable = b"P5\n40 30\n65535\n" + grey.astype(">u2").tobytes()
    data = portable if kind == "PPM" else encoded(Image.fromarray(grey), kind)
    seen = np.asarray(decode_rgb(data), np.float64)
    assert inspect(data, LIMITS).format == kind
    assert np.abs(seen - (grey / 257)[..., None]).max() <= 1


def test_a_transparent_level_of_sixteen_bits_makes_no_other_level_white() -> None:
    grey = np.full((10, 10), 80 * 257, np.uint16)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in grey)
    data = png(10, 10, 16, 0, lines, (b"tRNS", struct.pack(">H", 80)))
    assert set(np.asarray(decode_rgb(data)).ravel().tolist()) == {80}


@pytest.mark.parametrize(
    ("image_format", "modes"),
    {
        "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
        "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"],
        "JPEG": ["L", "RGB", "CMYK", "YCbCr"],
        "WEBP": ["RGB", "RGBA"],
        "BMP": ["1", "L", "P", "RGB", "RGBA"],
        "PPM": ["1", "L", "I", "RGB"],
    }.items(),
)
def test_every_mode_becomes_rgb(image_format: str, modes: list[str]) -> None:
    for mode in modes:
        data = encoded(Image.new(mode, SIZE), image_format)
        assert inspect(data, LIMITS).format == image_format
        assert (decode_rgb(data).mode, decode_rgb(data).size) == ("RGB", SIZE)


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", SIZE, (255, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 10, 10))
    clear.paste((255, 0, 0, 128), (20, 0, 30, 10))
    palette = clear.quantize(8)
    for data in (encoded(clear, "PNG"), encoded(clear, "WEBP", lossless=True), encoded(palette, "PNG")):
        seen = decode_rgb(data)
        assert seen.getpixel((35, 25)) == (255, 255, 255)
        assert seen.getpixel((5, 5)) == (255, 0, 0)
        assert np.abs(np.array(seen.getpixel((25, 5))) - (255, 127, 127)).max() <= 2
    keyed = encoded(Image.new("RGB", SIZE, (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert decode_rgb(keyed).getpixel((0, 0)) == (255, 255, 255)
    indexed = encoded(noise().quantize(4), "GIF", transparency=0)
    assert (255, 255, 255) in {colour for _, colour in decode_rgb(indexed).getcolors()}


def test_cmyk_keeps_its_colours() -> None:
    red = Image.new("RGB", SIZE, (250, 10, 10)).convert("CMYK")
    for image_format in ("JPEG", "TIFF"):
        colour = decode_rgb(encoded(red, image_format)).getpixel((5, 5))
        assert np.abs(np.array(colour) - (250, 10, 10)).max() < 12


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_bytes_are_rejected_or_decoded_and_never_crash() -> None:
    """What is accepted must decode later: nobody looks at it again before it is paid for."""
    dice = random.Random(1)
    sources = [encoded(noise(), image_format) for image_format in FORMATS]
    sources += [encoded(noise("L").convert("I"), "PPM"), encoded(noise().quantize(9), "PNG", transparency=3)]
    sources += [animated(image_format) for image_format in ("GIF", "PNG", "WEBP", "TIFF")]
    outcomes = set()
    for data in sources:
        for turn in range(90):
            damaged = bytearray(data)
            if turn % 3 == 0:
                del damaged[dice.randrange(len(data)) :]
            else:
                end = len(data) if turn % 3 == 1 else min(len(data), 120)
                for _ in range(dice.choice([1, 2, 8])):
                    damaged[dice.randrange(end)] = dice.randrange(256)
            for limits in (LIMITS, FIRST_FRAME):
                try:
                    inspect(bytes(damaged), limits)
                except ImageRejectedError as error:
                    outcomes.add(error.reason)
                else:
                    outcomes.add("accepted")
                    assert decode_rgb(bytes(damaged)).mode == "RGB"
    assert outcomes >= {"accepted", "truncated", "not_an_image", "animated", "too_many_pixels"}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_a_jpeg_is_accepted_if_and_only_if_its_colours_can_be_decoded(progressive: bool, subsampling: str) -> None:
    sound = encoded(noise(), "JPEG", progressive=progressive, subsampling=subsampling, quality=80)
    dice = random.Random(1)
    outcomes = set()
    for turn in range(300):
        damaged = bytearray(sound)
        for _ in range(dice.randrange(4)):
            damaged[dice.randrange(len(sound))] = dice.randrange(256)
        if turn % 2:
            del damaged[dice.randrange(len(sound)) :]
        try:
            inspect(bytes(damaged), LIMITS)
        except ImageRejectedError as error:
            outcomes.add(error.reason)
            if error.reason in ("truncated", "not_an_image"):
                with pytest.raises(OSError, match=r"."):
                    decode_rgb(bytes(damaged))
        else:
            outcomes.add("accepted")
            assert decode_rgb(bytes(damaged)).mode == "RGB"
    assert outcomes >= {"accepted", "truncated"}


def test_every_file_of_a_shard_ends_in_exactly_one_table(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    contents = {
        "sub dir/good one.png": encoded(noise(), "PNG"),
        "-line\nbreak größe.png": encoded(noise(seed=2), "PNG"),
        "really a.jpg": encoded(noise(), "PNG"),
        "empty.png": b"",
        "text.png": b"not an image",
        "cut.jpg": encoded(noise(), "JPEG")[:-300],
        "small.png": encoded(noise(size=(3, 3)), "PNG"),
        "moving.gif": animated("GIF"),
    }
    for name, data in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    files = [FileEntry(name, 1, 1) for name in (*contents, "gone.png", "x.png")]
    source = folder_source(tmp_path)
    accepted, rejects = inspect_shard(source, "one", "one-00000", files, LIMITS, "MIT", {"sub dir/*": "CC0-1.0"})
    assert [row["path"] for row in accepted] == list(contents)[:3]
    assert [row["format"] for row in accepted] == ["PNG"] * 3
    assert [row["license"] for row in accepted] == ["CC0-1.0", "MIT", "MIT"]
    assert {row["item"]: row["reason"] for row in rejects} == {
        "one/empty.png": "empty_file",
        "one/text.png": "not_an_image",
        "one/cut.jpg": "truncated",
        "one/small.png": "too_small",
        "one/moving.gif": "animated",
        "one/gone.png": "vanished",
        "one/x.png": "unreadable",
    }
    assert len(accepted) + len(rejects) == len(files)
    to_arrow(accepted, IMAGES)
    to_arrow(rejects, REJECTS)


def test_the_first_pattern_that_matches_gives_the_licence() -> None:
    overrides = {"a/*.png": "MIT", "a/*": "CC0-1.0", "[x].png": "never"}
    assert licence_of("a/1.png", "own", overrides) == "MIT"
    assert licence_of("a/1.jpg", "own", overrides) == "CC0-1.0"
    assert licence_of("b/a/1.png", "own", overrides) == "own"
    assert licence_of("A/1.png", "own", overrides) == "own"


IMAGES_SEEN = rows.images(
    rows.image("a", "one-00000", "1.png"),
    rows.image("b", "one-00000", "2.png"),
    rows.image("a", "one-00001", "3.png"),
    rows.image("c", "two-00000", "1.png"),
    rows.image("b", "two-00000", "2.png", license="MIT"),
    rows.image("a", "two-00000", "3.png"),
)


def test_duplicates_point_to_the_first_in_order() -> None:
    duplicates = find_duplicates(IMAGES_SEEN)
    to_arrow(duplicates, DUPLICATES)
    assert duplicates.rows() == [
        ("a", "one-00001", "3.png", "one-00000", "1.png"),
        ("b", "two-00000", "2.png", "one-00000", "2.png"),
        ("a", "two-00000", "3.png", "one-00000", "1.png"),
    ]
    assert find_duplicates(IMAGES_SEEN[:0]).height == 0
    assert find_duplicates(IMAGES_SEEN[:2]).height == 0


def placed(*removed: tuple[str, str]) -> dict[str, tuple[str, bool, str, str, str]]:
    index = index_images(IMAGES_SEEN, rows.removed(*removed))
    to_arrow(index, IMAGE_INDEX)
    assert index["image_id"].to_list() == ["a", "b", "c"]
    columns = index.select("image_id", "shard", "present", "source", "path", "license")
    return {image_id: tuple(place) for image_id, *place in columns.iter_rows()}


def test_an_image_belongs_to_its_first_shard_and_lies_where_it_still_is() -> None:
    assert placed() == {
        "a": ("one-00000", True, "one", "1.png", "CC0-1.0"),
        "b": ("one-00000", True, "one", "2.png", "CC0-1.0"),
        "c": ("two-00000", True, "two", "1.png", "CC0-1.0"),
    }
    first_gone = placed(("one-00000", "1.png"), ("one-00000", "2.png"))
    assert first_gone["a"] == ("one-00000", True, "one", "3.png", "CC0-1.0")
    assert first_gone["b"] == ("one-00000", True, "two", "2.png", "MIT")
    all_gone = placed(("one-00000", "1.png"), ("one-00001", "3.png"), ("two-00000", "3.png"), ("two-00000", "1.png"))
    assert all_gone["a"] == ("one-00000", False, "one", "1.png", "CC0-1.0")
    assert all_gone["c"] == ("two-00000", False, "two", "1.png", "CC0-1.0")
    assert all_gone["b"][1]


def test_no_image_makes_an_empty_index() -> None:
    assert index_images(IMAGES_SEEN[:0], rows.removed()).columns == IMAGE_INDEX.schema.names


def test_content_that_changed_is_refused(tmp_path: Path) -> None:
    data = encoded(noise(), "PNG")
    image_id = hashlib.sha256(data).hexdigest()
    (tmp_path / "a.png").write_bytes(data)
    files = image_files(rows.index(rows.image(image_id, path="a.png")), {"one": folder_source(tmp_path)})
    assert files[image_id].read() == data
    (tmp_path / "a.png").write_bytes(data[:-1] + b"!")
    with pytest.raises(OSError, match="no longer holds"):
        files[image_id].read()
    (tmp_path / "a.png").unlink()
    with pytest.raises(OSError, match=r"a\.png"):
        ImageFile(image_id, folder_source(tmp_path), "a.png").read()


def test_the_images_of_an_index_come_in_its_order() -> None:
    names = [f"{number:03d}" for number in range(200)]
    random.Random(2).shuffle(names)
    index = rows.index(*(rows.image(name, path=f"sub/{name}.png") for name in names))
    files = image_files(index, {"one": folder_source(Path("root")), "unused": folder_source(Path("x"))})
    assert list(files) == names
    assert files[names[0]].path == f"sub/{names[0]}.png"
    assert isinstance(index, pl.DataFrame)
