"""The sample page carries what it says, no more than it may, and nothing that could act as markup."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import report_data
from taskgalaxy.report.html_page import script_json
from taskgalaxy.report.sample_index import choose_samples
from taskgalaxy.report.sample_page import EMBEDDED_NOTE, write_sample_page
from taskgalaxy.report.thumbnails import thumbnail

TYPES = ["Chart~Bar~Reading", "Chart~Bar~Comparing", "Chart~Pie~Reading", "Colour~Dominant", "Scene~Light"] * 2


def write(path: Path, **changes: Any) -> str:
    """A page over the small tables, with some arguments changed."""
    rejects = changes.pop("rejects", report_data.rejects())
    arguments: dict[str, Any] = {"images": report_data.image_index(), **changes}
    write_sample_page(
        path,
        path.with_suffix(""),
        arguments.pop("samples", report_data.samples(TYPES)),
        rejects,
        report_data.funnel(rejects),
        arguments.pop("read_image", report_data.picture),
        **arguments,
    )
    return path.read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    """The index of all samples, and what the page carries."""
    data: dict[str, Any] = {}
    for name in ("index", "inside"):
        found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
        assert found
        data |= json.loads(found[1])
    return data


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a.html")
    rows = report_data.samples(TYPES)
    assert write(tmp_path / "b.html", samples=rows.reverse()) == first


def test_every_sample_is_there_and_each_image_once(tmp_path: Path) -> None:
    data = data_of(write(tmp_path / "page.html"))
    assert len(data["samples"]) == len(TYPES)
    assert len({image["id"] for image in data["images"]}) == len(data["images"]) == 4
    assert all(image["uri"].startswith("data:image/webp;base64,") for image in data["images"])
    assert data["types"][0] == "Chart~Bar~Comparing"
    assert data["positions"] == list(range(len(TYPES)))
    sample = data["samples"][0]
    assert [referee for referee, _ in data["panels"][sample["panel"]]] == list(report_data.REFEREES)
    assert len(sample["votes"]) == len(report_data.REFEREES)
    assert list((tmp_path / "page").iterdir()) == []


def test_the_page_asks_for_nothing_from_elsewhere_and_its_policy_allows_its_own_parts(tmp_path: Path) -> None:
    page = write(tmp_path / "page.html")
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    for tag in ("style", "script"):
        part = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert part
        digest = base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_text_of_the_data_cannot_act_as_markup(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>\u2028"
    page = write(tmp_path / "page.html", samples=report_data.samples(TYPES, question=evil), title="<b>A & B</b>")
    assert "<img src=x" not in page
    assert "<b>A & B</b>" not in page
    assert data_of(page)["samples"][0]["question"].startswith(evil)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_text_survives_the_script_element(value: Any) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_embedded_provider_brings_its_note_and_others_do_not(tmp_path: Path) -> None:
    assert EMBEDDED_NOTE in write(tmp_path / "a.html")
    remote = report_data.samples(TYPES, provider="openai")
    assert EMBEDDED_NOTE not in write(tmp_path / "b.html", samples=remote)
    assert "A word first." in write(tmp_path / "c.html", samples=remote, provider_note="A word first.")


def test_rejects_are_bounded_per_reason_and_the_page_says_so(tmp_path: Path) -> None:
    page = write(tmp_path / "page.html", rejects=report_data.rejects(1234), rejects_per_reason=50)
    shown = data_of(page)["rejects"]
    assert len(shown["filter/not_selected"]) == 50
    assert "Showing 50 of 1,234." in page
    assert len(shown["inspect/truncated"]) == 1
    assert shown["inspect/truncated"][0] == {
        "item": "broken.png", "type": None, "detail": "12 bytes are missing", "image": None
    }  # fmt: skip
    assert shown["balance/over_cap"][0]["image"] is not None


def test_an_image_that_cannot_be_read_is_counted_and_the_page_stands(tmp_path: Path) -> None:
    def read(source: str, path: str) -> bytes:
        if path == report_data.NAMES[0]:
            raise FileNotFoundError(path)
        return b"not an image" if path == report_data.NAMES[1] else report_data.picture(source, path)

    page = write(tmp_path / "page.html", read_image=read)
    assert sum(image["uri"] is None for image in data_of(page)["images"]) == 2
    assert "2 images could not be read" in page


def test_a_run_without_samples_rejects_or_truth_still_has_a_page(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.html", samples=report_data.samples([]), rejects=report_data.rejects(0).clear(), truth=[]
    )
    assert "Nothing was rejected." in page
    assert "ground truth" not in page


def test_the_accuracy_table_is_on_the_page_when_there_is_one(tmp_path: Path) -> None:
    truth = [
        {"measure": "filter: precision", "value": 0.8125, "n": 1010, "explanation": "Share that fits."},
        {"measure": "filter: recall", "value": None, "n": 0, "explanation": "Share kept."},
    ]
    page = write(tmp_path / "page.html", truth=truth)
    assert "81.2 %" in page
    assert "1,010" in page
    assert "Share kept." in page


def test_the_referees_have_a_tab_when_there_are_statistics_and_count_the_votes(tmp_path: Path) -> None:
    assert "panel-referees" not in write(tmp_path / "without.html")
    referees = report_data.statistics(["<pixels>", "clip"], ["Chart & Co~Bar"])
    page = write(tmp_path / "with.html", referees=referees)
    text = " ".join(re.sub(r"<[^>]*>", " ", page.partition('id="panel-referees"')[2]).split())
    for each in referees["referees"]:
        share = f"{100 * each['yes_rate']:.1f} %"
        assert f"{html.escape(each['referee'])} p(yes): mean 0.750, median 0.750 {share} {each['votes']}" in text
        assert f"{each['alone']['samples']} {each['alone']['task_types']} task types" in text
    assert "Chart &amp; Co 120" in text
    (pair,) = referees["pairs"]
    kappa = f"{pair['cohen_kappa']:.3f}".replace("-", "−")
    assert f"&lt;pixels&gt; and clip {100 * pair['agreement']:.1f} % {kappa}" in text
    assert "<dt>votes</dt><dd>240</dd>" in page


def test_what_is_not_defined_of_the_referees_is_a_dash(tmp_path: Path) -> None:
    page = write(tmp_path / "page.html", referees=report_data.statistics(["pixels"]))
    assert "<dt>Fleiss’ kappa</dt><dd>–</dd>" in page
    assert "How far they agree" not in page


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(1, 80))
def test_thinning_keeps_every_task_type_it_can_and_never_exceeds_the_limit(sizes: list[int], limit: int) -> None:
    rows = [(f"t{number:02}", f"{number}-{n:02}") for number, size in enumerate(sizes) for n in range(size)]
    chosen = choose_samples(pl.DataFrame(rows, ["task_type", "sample_id"], orient="row"), limit)
    assert chosen.height <= limit
    assert chosen.height == len(rows) or len(rows) > limit
    assert chosen["task_type"].n_unique() == min(len(sizes), limit)
    assert chosen.rows() == sorted(chosen.rows())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F"])
def test_thumbnails_of_every_pixel_format_are_bounded_and_repeatable(mode: str) -> None:
    buffer = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "TIFF"
    Image.linear_gradient("L").resize((600, 200)).convert("I" if mode == "I;16" else mode).convert(mode).save(
        buffer, kind
    )
    first = thumbnail(buffer.getvalue(), 128)
    assert (first.width, first.height) == (128, 43)
    assert first == thumbnail(buffer.getvalue(), 128)
    with Image.open(io.BytesIO(base64.b64decode(first.uri.partition(",")[2]))) as image:
        values = image.convert("L").getextrema()
    assert isinstance(values[0], int | float)
    assert values[1] - values[0] > 200


def test_a_thumbnail_is_upright_and_never_larger_than_its_image() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    Image.new("RGB", (60, 20)).save(buffer, "JPEG", exif=exif)
    small = thumbnail(buffer.getvalue(), 128)
    assert (small.width, small.height) == (20, 60)
