"""Measurements on pictures whose truth is known, by both ways of measuring."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from taskgalaxy.embedded.colours import NAMES, shares_by_clusters, shares_by_rules
from taskgalaxy.embedded.features import features
from taskgalaxy.embedded.first import FirstMeasures
from taskgalaxy.embedded.measures import Measures
from taskgalaxy.embedded.pixels import Picture, lab_of
from taskgalaxy.embedded.relevance import SKILLS
from taskgalaxy.embedded.second import SecondMeasures
from taskgalaxy.images import decode_rgb

WAYS = [FirstMeasures, SecondMeasures]
Way = Callable[[Picture], Measures]

both_ways = pytest.mark.parametrize("way", WAYS, ids=["first", "second"])


def plain(colour: str, size: tuple[int, int] = (400, 400)) -> Image.Image:
    return Image.new("RGB", size, colour)


def discs(count: int) -> Image.Image:
    image = plain("white")
    draw = ImageDraw.Draw(image)
    for index in range(count):
        x, y = 70 + 120 * (index % 3), 70 + 120 * (index // 3)
        draw.ellipse((x - 40, y - 40, x + 40, y + 40), fill="navy")
    return image


def halves(first: str, second: str, upright: bool) -> Image.Image:
    image = plain(first)
    box = (200, 0, 400, 400) if upright else (0, 200, 400, 400)
    image.paste(second, box)
    return image


def text_page(lines: int) -> Image.Image:
    image = plain("white", (500, 500))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(16)
    for line in range(lines):
        draw.text((30, 30 + 30 * line), "The quick brown fox jumps over the lazy dog again.", "black", font)
    return image


@both_ways
@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#d01818", "red"), ("#2050d0", "blue"), ("#20a030", "green"), ("#f0d820", "yellow"), ("#ff8c14", "orange"),
        ("#8030a0", "purple"), ("#ffffff", "white"), ("#000000", "black"), ("#808080", "grey"), ("#70421c", "brown"),
        ("#20c0c0", "turquoise"), ("#f078b4", "pink"), ("#f0dcb8", "beige"),
    ],
)  # fmt: skip
def test_a_plain_field_has_its_colour(way: Way, colour: str, name: str) -> None:
    measures = way(Picture(plain(colour)))
    assert measures.colours == {name: pytest.approx(1)}
    assert measures.background == (name, pytest.approx(1))
    assert measures.detail == 0
    assert measures.empty == 1
    assert measures.symmetry is None


@both_ways
def test_shares_are_areas(way: Way) -> None:
    image = plain("white")
    image.paste("#2050d0", (0, 0, 400, 100))
    shares = way(Picture(image)).colours
    assert shares["white"] == pytest.approx(0.75, abs=0.02)
    assert shares["blue"] == pytest.approx(0.25, abs=0.02)


@both_ways
def test_black_and_white_halves_are_in_balance(way: Way) -> None:
    measures = way(Picture(halves("black", "white", upright=True)))
    left, right, upper, lower = measures.halves
    assert right - left > 90
    assert abs(upper - lower) < 1
    assert 45 < measures.lightness < 55
    assert measures.contrast > 45
    assert measures.colourfulness < 1
    assert measures.grid[:, 0].max() < 5 < 95 < measures.grid[:, 2].min()


@both_ways
def test_the_colours_of_the_halves(way: Way) -> None:
    upper, lower = way(Picture(halves("#2050d0", "#20a030", upright=False))).half_colours
    assert next(iter(upper)) == "blue"
    assert next(iter(lower)) == "green"


@both_ways
@pytest.mark.parametrize("count", range(1, 10))
def test_discs_are_counted(way: Way, count: int) -> None:
    measures = way(Picture(discs(count)))
    assert measures.regions is not None
    assert measures.regions.number == count
    assert measures.regions.largest == pytest.approx(np.pi * 40**2 / 400**2, rel=0.1)
    assert measures.background.colour == "white"
    assert measures.foreground_colours is not None
    assert next(iter(measures.foreground_colours)) == "blue"


@both_ways
def test_the_largest_region_is_where_it_is(way: Way) -> None:
    image = plain("white")
    ImageDraw.Draw(image).rectangle((280, 20, 380, 120), fill="red")
    regions = way(Picture(image)).regions
    assert regions is not None
    assert (regions.x, regions.y) == (pytest.approx(330 / 400, abs=0.02), pytest.approx(70 / 400, abs=0.02))


@both_ways
def test_a_mirrored_picture_is_symmetric_and_noise_is_not(way: Way) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (8, 16, 3), np.uint8)
    mirrored = np.concatenate([noise, noise[:, ::-1]], axis=1)
    symmetric = way(Picture(Image.fromarray(mirrored).resize((512, 256), Image.Resampling.NEAREST))).symmetry
    uneven = way(Picture(Image.fromarray(noise).resize((512, 256), Image.Resampling.NEAREST))).symmetry
    assert symmetric is not None
    assert uneven is not None
    assert symmetric[0] > 0.97
    assert max(*uneven, symmetric[1]) < 0.4


@both_ways
@pytest.mark.parametrize(
    ("direction", "index"), [((0, 1), 0), ((1, 0), 1), ((1, 1), 2), ((1, -1), 3)], ids=lambda value: str(value)
)
def test_edges_run_along_the_stripes(way: Way, direction: tuple[int, int], index: int) -> None:
    y, x = np.mgrid[:256, :256]
    wave = np.sin((direction[0] * x + direction[1] * y) / 4)
    shares = way(Picture(Image.fromarray((127 + 120 * wave).astype(np.uint8)).convert("RGB"))).directions
    assert shares is not None
    assert int(shares.argmax()) == index
    assert shares[index] > 0.8


@both_ways
def test_blur_softens(way: Way) -> None:
    sharp, soft = (way(Picture(image)).sharpness for image in (discs(5), discs(5).filter(ImageFilter.GaussianBlur(6))))
    assert sharp is not None
    assert soft is not None
    assert sharp > 0.6
    assert soft < 0.35


@both_ways
@pytest.mark.parametrize("lines", [5, 10, 14])
def test_lines_of_text_are_counted(way: Way, lines: int) -> None:
    assert way(Picture(text_page(lines))).text_lines == pytest.approx(lines, abs=1)


@both_ways
def test_no_lines_of_text_on_discs(way: Way) -> None:
    assert way(Picture(discs(6))).text_lines == 0


@both_ways
def test_a_checkerboard_repeats_and_a_ramp_does_not(way: Way) -> None:
    board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((50, 50))) * 255
    ramp = np.tile(np.linspace(0, 255, 400), (400, 1))
    repeated, smooth = (
        way(Picture(Image.fromarray(values.astype(np.uint8)).convert("RGB"))).repetition for values in (board, ramp)
    )
    assert repeated > 0.8
    assert smooth < 0.3


@both_ways
def test_warm_and_cool(way: Way) -> None:
    warm, cool = way(Picture(halves("#d06020", "#2050d0", upright=True))).warm_and_cool
    assert (warm, cool) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02))


@both_ways
def test_the_middle_and_the_rim(way: Way) -> None:
    image = plain("black")
    image.paste("white", (100, 100, 300, 300))
    middle, rim = way(Picture(image)).middle_and_rim
    assert middle > 95
    assert rim < 5


@both_ways
def test_detail_lies_where_it_was_drawn(way: Way) -> None:
    image = plain("white")
    noise = np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)
    image.paste(Image.fromarray(noise).resize((180, 180), Image.Resampling.NEAREST).convert("RGB"), (10, 210))
    measures = way(Picture(image))
    assert measures.quadrant_detail[1, 0] > 0.9
    assert measures.quadrant_detail.sum() == pytest.approx(1)
    assert 0.1 < measures.detail < 0.4
    assert 0.6 < measures.empty < 0.85


def test_lab_of_known_colours() -> None:
    lab = lab_of(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.uint8))
    assert lab[0] == pytest.approx([100, 0, 0], abs=0.05)
    assert lab[1] == pytest.approx([0, 0, 0], abs=0.05)
    assert lab[2] == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_shares_sum_to_one_and_are_ranked(seed: int, colours: int) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (colours, 3), np.uint8)[chance.integers(0, colours, (30, 20))]
    for shares in (shares_by_rules(pixels), shares_by_clusters(lab_of(pixels).reshape(-1, 3))):
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert set(shares) <= set(NAMES)


MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """A file with any mode, size, rotation and content."""
    width, height = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    mode = draw(st.sampled_from(MODES))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = chance.integers(0, 256, (height, width, 4), np.uint8) // draw(st.sampled_from([1, 7, 255]))
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(pixels, "RGBA").convert(mode)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = draw(st.integers(1, 8))
    if mode == "CMYK":
        image.save(file, "TIFF")
    elif draw(st.booleans()) and mode in ("P", "L", "RGB"):
        image.save(file, "GIF", save_all=True, append_images=[image, image])
    else:
        image.save(file, "PNG", exif=exif)
    return file.getvalue()


@settings(deadline=None, max_examples=60)
@given(pictures())
def test_any_picture_can_be_measured(data: bytes) -> None:
    picture = Picture(decode_rgb(data))
    for way in WAYS:
        measures = way(picture)
        for skill in SKILLS:
            values = skill.claim(measures)
            if values is not None:
                assert 0 <= skill.check(values, measures) <= 1
        assert measures.repetition >= 0
    assert np.isfinite(features(picture)).all()


def test_a_rotated_photograph_is_measured_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    halves("white", "black", upright=True).crop((0, 0, 400, 200)).save(file, "PNG", exif=exif)
    measures = FirstMeasures(Picture(decode_rgb(file.getvalue())))
    assert (measures.width, measures.height) == (200, 400)
    _, _, upper, lower = measures.halves
    assert upper > lower + 90
