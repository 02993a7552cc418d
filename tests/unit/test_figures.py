"""The figures carry titles, labels and words, need no colour, and are the same bytes each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

import sheets
from taskgalaxy.describe.candidates import none_rate_by_shard
from taskgalaxy.describe.sheets import SCHEMAS
from taskgalaxy.figures import style
from taskgalaxy.figures.images import MOST_POINTS, pooled
from taskgalaxy.figures.plates import PLATES, Material, Plate
from taskgalaxy.figures.samples import quantile
from taskgalaxy.figures.task_types import band_counts
from taskgalaxy.labels import SEPARATOR
from taskgalaxy.report.hierarchy import hierarchy
from taskgalaxy.report.html_page import script_json, source_hash
from taskgalaxy.report.report_page import ROWS_SHOWN, cell, table, write_report_page
from taskgalaxy.report_names import FIGURES

SVG = "{http://www.w3.org/2000/svg}"
MATERIAL = sheets.material()
MANY = sheets.material([f"Level $ {n % 60} <&> {'long ' * 20}~日本 {n % 7}~three {n}" for n in range(120)])
EMPTY = Material({name: pl.DataFrame(schema=dict(schema)) for name, schema in SCHEMAS.items()}, MATERIAL.numbers)
DRAWN = [(plate, plate.svg(MATERIAL)) for plate in PLATES]
SVGS = {plate.name: svg for plate, svg in DRAWN}
EACH_PLATE = pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate.name)


def test_the_figures_are_those_that_the_rule_declares() -> None:
    assert tuple(plate.name for plate in PLATES) == FIGURES


@EACH_PLATE
def test_a_figure_is_the_same_bytes_each_time(plate: Plate) -> None:
    assert plate.svg(MATERIAL) == SVGS[plate.name]


@EACH_PLATE
def test_a_figure_has_labels_on_its_axes_and_words_for_those_who_do_not_see_it(plate: Plate) -> None:
    axes = plate.draw(MATERIAL).axes
    assert all(each.get_xlabel() or each.get_title(loc="left") for each in axes)
    root = ET.fromstring(SVGS[plate.name])
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text == plate.title
    assert re.search(r"\d", description.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


@EACH_PLATE
def test_a_figure_fits_a_strict_policy_and_a_page_with_others(plate: Plate) -> None:
    root = ET.fromstring(SVGS[plate.name])
    elements = list(root.iter())
    assert not {f"{SVG}style", f"{SVG}script", f"{SVG}image"} & {element.tag for element in elements}
    assert not any("style" in element.attrib for element in elements)
    ids = [element.attrib["id"] for element in elements if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert all(each.startswith(f"{plate.name}-") for each in ids)
    values = [(key, value) for element in elements for key, value in element.attrib.items()]
    used = {value[1:] for key, value in values if key.endswith("href")}
    used |= {found for _, value in values for found in re.findall(r"url\(#([^)]+)\)", value)}
    assert used <= set(ids)


@EACH_PLATE
def test_a_figure_of_nothing_is_drawn_too(plate: Plate) -> None:
    assert plate.svg(EMPTY)


@EACH_PLATE
def test_a_figure_bears_many_long_and_odd_names(plate: Plate) -> None:
    assert len(plate.svg(MANY)) < 1_000_000


def test_fills_stay_apart_in_black_and_white() -> None:
    def grey(fill: style.Row) -> tuple[float, bool]:
        red, green, blue = to_rgb(fill["facecolor"])
        return round(0.3 * red + 0.59 * green + 0.11 * blue, 1), "hatch" in fill

    assert len({grey(fill) for fill in style.FILLS}) == len(style.FILLS)


def test_settings_of_the_process_change_nothing() -> None:
    import matplotlib as mpl

    plate = PLATES[0]
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "none", "axes.grid": True}):
        assert plate.svg(MATERIAL) == SVGS[plate.name]
        assert mpl.rcParams["font.size"] == 30


# --- what figures count ---------------------------------------------------------------------------------------------


def test_coarse_buckets_are_the_finer_ones_added_up() -> None:
    frame = MATERIAL.sheets["samples_per_task_type"]
    some = frame.filter(pl.col("least") > 0)["accepted_task_types"].sum()
    assert sum(band_counts(frame, "accepted_task_types")) == some > 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=300))
def test_pooled_shards_lose_no_image(counts: list[tuple[int, int]]) -> None:
    shards = none_rate_by_shard(
        pl.DataFrame([{"images": images + without, "without": without} for images, without in counts])
    )
    found = pooled(shards)
    assert found.height <= MOST_POINTS
    assert found["images"].sum() == shards["images"].sum()
    assert found["without"].sum() == shards["without"].sum()
    assert found["shards"].sum() == len(counts)
    assert found["middle"].is_sorted()
    assert 1 <= found["middle"].min() <= found["middle"].max() <= len(counts)


def test_a_quantile_is_the_least_length_that_covers_the_share() -> None:
    counts = pl.DataFrame({"words": [3, 5, 9], "samples": [2, 1, 1]})
    assert [quantile(counts, share) for share in (0.5, 0.75, 0.76)] == [3, 5, 9]


def test_long_names_are_cut_in_their_middle() -> None:
    assert style.shortened("short", 10) == "short"
    cut = style.shortened("a beginning that is long and its end", 20)
    assert len(cut) <= 20
    assert cut.startswith("a begin")
    assert cut.endswith("its end")


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_hierarchy_counts_at_every_node_what_lies_below() -> None:
    root = hierarchy(MATERIAL.sheets["task_types"])
    types = MATERIAL.sheets["task_types"]
    assert root[1:4] == [types.height, types["accepted"].sum(), types["final"].sum()]

    def walk(node: list, above: tuple[str, ...]) -> None:
        for child in node[4]:
            walk(child, (*above, child[0]))
        if above:
            path = SEPARATOR.join(above)
            below = types.filter((pl.col("task_type") == path) | pl.col("task_type").str.starts_with(f"{path}~"))
            assert node[1:4] == [below.height, below["accepted"].sum(), below["final"].sum()]

    walk(root, ())


def page(path: Path, material: Material = MATERIAL) -> str:
    write_report_page(path, material, DRAWN)
    return path.read_text(encoding="utf-8")


def test_the_page_is_the_same_each_time_and_loads_nothing(tmp_path: Path) -> None:
    text = page(tmp_path / "one.html")
    assert text == page(tmp_path / "two.html")
    assert not re.search(r"""(src|href)=["'](?!#)""", text)
    for kind in ("style", "script"):
        (source,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert f"{kind}-src '{source_hash(source)}'" in text


def test_identifiers_on_the_page_are_distinct_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    text = page(tmp_path / "page.html")
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<a [^>]*href="#([^"]+)"', text)) <= set(ids)


def test_every_figure_stands_on_the_page_with_title_caption_and_tables(tmp_path: Path) -> None:
    text = page(tmp_path / "page.html")
    for plate in PLATES:
        assert f'id="figure-{plate.name}"' in text
        assert plate.caption.split(".")[0] in text.replace("&#39;", "'")
        for name in plate.sheets:
            assert f"Table <code>{name}</code>" in text


def test_labels_cannot_end_the_script_that_holds_them(tmp_path: Path) -> None:
    text = page(tmp_path / "page.html", sheets.material(["</script><script>alert(1)</script>~x", "Scene", "last"]))
    assert "<script>alert" not in text
    assert script_json({"a": "</script>\u2028"}) == '{"a":"\\u003c/script\\u003e\\u2028"}'


def test_a_long_table_is_cut_and_says_so() -> None:
    frame = pl.DataFrame({"level_1": [f"l{n}" for n in range(100)], "share": [0.25] * 100})
    shown = table("anything", frame)
    assert (shown["total"], len(shown["rows"])) == (100, ROWS_SHOWN)
    assert shown["rows"][0] == ["l0", "25.0 %"]
    assert shown["numbers"] == [False, True]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("share", None, "–"),
        ("cohen_kappa", -0.0346, "−0.035"),
        ("images", 1234567, "1,234,567"),
        ("same_parent", True, "yes"),
        ("task_type", "OCR~signs", "OCR › signs"),
    ],
)
def test_cells_are_written_for_readers(column: str, value: object, text: str) -> None:
    assert cell(column, value) == text
