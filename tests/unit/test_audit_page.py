"""The page of the audit carries what is judged and nothing that could load, act as markup, or be seen too early."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import audits
from taskgalaxy.audit.draw import Draw
from taskgalaxy.audit.page import write_audit_page
from taskgalaxy.report.html_page import script_json, source_hash

TABLE = audits.scores()


def written(folder: Path, draw: Draw | None = None, size: tuple[int, int] = (640, 480)) -> str:
    arguments = audits.page_arguments(folder, TABLE, draw or audits.draw_of(TABLE), size)
    write_audit_page(folder / "audit.html", **arguments)
    return (folder / "audit.html").read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_carries_the_draw_in_its_order_with_the_sizes_of_the_strata(tmp_path: Path) -> None:
    draw, data = audits.draw_of(TABLE), data_of(written(tmp_path))
    assert (data["draw"], data["strata"]) == (draw["draw"], draw["strata"])
    assert [pair["sample_id"] for pair in data["pairs"]] == [pair["sample_id"] for pair in draw["pairs"]]
    for pair, drawn in zip(data["pairs"], draw["pairs"], strict=True):
        assert pair["told_later"]["stratum"] == drawn["stratum"]
        assert {vote["referee"]: vote["vote"] for vote in pair["told_later"]["votes"]} == drawn["votes"]


def test_the_same_draw_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path) == written(tmp_path)


@pytest.mark.parametrize(("size", "shown"), [((640, 480), (640, 480)), ((2400, 1200), (1000, 500))])
def test_images_are_shown_as_they_are_or_reduced(size: tuple[int, int], shown: tuple[int, int], tmp_path: Path) -> None:
    data = data_of(written(tmp_path, size=size))
    ((image_id, uri),) = data["images"].items()
    assert {pair["image"] for pair in data["pairs"]} == {image_id}
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        assert image.size == shown


def test_an_image_that_has_vanished_is_counted_and_said_to_be_missing(tmp_path: Path) -> None:
    arguments = audits.page_arguments(tmp_path, TABLE, audits.draw_of(TABLE))
    (tmp_path / "image.png").unlink()
    write_audit_page(tmp_path / "audit.html", **arguments)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "1 image could not be read" in page
    assert list(data_of(page)["images"].values()) == [None]


def test_only_the_page_s_own_style_and_script_are_allowed_and_texts_cannot_end_them(tmp_path: Path) -> None:
    draw = audits.draw_of(TABLE)
    for pair in draw["pairs"]:
        pair["question"] = "</script><script>alert(1)</script>\u2028"
    page = written(tmp_path, draw)
    assert page.count("</script>") == 2
    assert data_of(page)["pairs"][0]["question"] == "</script><script>alert(1)</script>\u2028"
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    style, script = page.partition("<style>")[2].partition("</style>")[0], page.rpartition("<script>")[2]
    assert "default-src 'none'" in policy
    assert f"style-src '{source_hash(style)}'" in policy
    assert f"script-src '{source_hash(script.partition('</script>')[0])}'" in policy
    assert "http" not in policy


def test_script_json_holds_no_character_that_ends_a_script() -> None:
    value = {"text": "</script> & <!-- \u2028 \u2029"}
    assert not set("<>&\u2028\u2029") & set(script_json(value))
    assert json.loads(script_json(value)) == value
