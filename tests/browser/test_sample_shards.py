"""A set that is too large for the sample page, browsed as a person would: from files, by clicks and keys."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import report_data
from browser.chromium import EXECUTABLE, Page, browser
from taskgalaxy.export.image_folder import link_folders
from taskgalaxy.report.sample_index import in_order
from taskgalaxy.report.sample_page import write_sample_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(EXECUTABLE is None and "CI" not in os.environ, reason="no Chromium is installed"),
]

# More branches than are drawn at once, and task types on three levels.
TYPES = [f"Level one {n % 400:03}~Level two {n % 7}~Level three {n % 3}" for n in range(3000)]
MADE = report_data.samples(TYPES, provider="openai")
# An image of its own for every sample, so that the page carries few of them.
SAMPLES = in_order(
    MADE.with_columns(
        image_id=pl.concat_str("image_id", "sample_id"),
        qa_model=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("other")).otherwise("qa_model"),
    )
)
CARRIED, SHARD = 40, 100
CARDS = "[...document.querySelectorAll('.card')].map(each => each.dataset.sample)"
FOUND = "document.getElementById('found').textContent"
READY = "!document.getElementById('cards').hasAttribute('aria-busy') && document.querySelector('.card')"
WIDTHS = [1440, 390]


def write(folder: Path) -> Path:
    """The results of a run, as far as the page is concerned."""
    page = folder / "report" / "samples.html"
    rejects = report_data.rejects()
    write_sample_page(
        page,
        page.with_suffix(""),
        SAMPLES,
        rejects,
        report_data.funnel(rejects),
        report_data.picture,
        images=report_data.image_index(),
        max_samples=CARRIED,
        shard_size=SHARD,
    )
    sources = {}
    for source in ("photos", "rendered"):
        sources[source] = folder / source
        for name in report_data.NAMES:
            (folder / source / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / source / name).write_bytes(report_data.picture(source, name))
    (folder / "export" / "images").mkdir(parents=True)
    link_folders(folder / "export" / "images", sources)
    return page


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def show(page: Page, path: Path, address: str = "", width: int = 1440) -> None:
    page.open(path, width=width, height=900, tab=address)
    page.until(READY)


def ids(rows: pl.DataFrame) -> list[str]:
    return rows["sample_id"].to_list()


@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_by_one_shard_without_a_complaint_or_a_network(page: Page, page_file: Path, width: int) -> None:
    show(page, page_file, width=width)
    assert page.ask(FOUND).startswith("3,000 samples of 3,000 task types")
    assert page.ask(CARDS) == ids(SAMPLES.head(24))
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.complaints() == []
    assert all(address.startswith("file:") for address in page.requests())
    assert sum(address.endswith(".js") for address in page.requests()) == 1
    assert page.ask("document.querySelectorAll('#tree [role=treeitem]').length") < 310


def test_originals_are_shown_where_the_page_carries_no_thumbnail(page: Page, tmp_path: Path) -> None:
    file = write(tmp_path)
    originals = "[...document.querySelectorAll('.card img')].filter(each => !each.src.startsWith('data:'))"
    names = set()
    for number in (2, 1):
        show(page, file, f"#samples?page={number}")
        page.ask("document.querySelectorAll('.card img').forEach(each => { each.loading = 'eager'; })")
        page.until(f"{originals}.every(each => each.naturalWidth === 400)")
        names.update(page.ask(f"{originals}.map(each => each.alt)"))
    assert names == {*report_data.NAMES}
    page.click(".card + .card .thumb")
    viewer = "document.getElementById('viewer-caption').textContent"
    assert "400 × 300 pixels" in page.ask(viewer)
    assert "reduced" not in page.ask(viewer)
    page.press("Escape")
    page.click(".card .thumb")
    assert page.ask(viewer).endswith("shown reduced")
    assert page.complaints() == []
    shutil.rmtree(tmp_path / "export")
    show(page, file)
    page.until("[...document.querySelectorAll('.card > div.thumb')].some(each => each.textContent)")


def go_to_the_field(page: Page, width: int) -> None:
    """The field that finds task types, on a phone by way of its drawer."""
    if width < 700:
        drawer = "getComputedStyle(document.getElementById('drawer'))"
        page.until(f"{drawer}.visibility === 'hidden'")  # one that is still closing takes the click
        page.click("#open-drawer")
        page.until(f"{drawer}.transform === 'none'")
    page.click("#find-type")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_task_type_is_found_and_chosen_by_keys(page: Page, page_file: Path, width: int) -> None:
    show(page, page_file, width=width)
    go_to_the_field(page, width)
    page.type("one 399~level TWO")
    page.until("document.getElementById('types-found').textContent")
    of = SAMPLES.filter(pl.col("task_type").str.starts_with("Level one 399~"))
    assert page.ask("document.getElementById('types-found').textContent") == f"{of['task_type'].n_unique()} task types"
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert page.ask("document.activeElement.dataset.path") == "Level one 399"
    page.press("Enter")
    page.until(READY)
    assert page.ask("document.getElementById('chosen').textContent") == "Level one 399"
    assert page.ask(CARDS) == ids(of.head(24))
    # The first task type at once, from the field.
    go_to_the_field(page, width)
    page.press("Enter")
    page.until(READY)
    assert page.ask("document.getElementById('chosen').textContent") == of["task_type"][0].replace("~", " / ")


def test_a_long_list_of_branches_is_drawn_bit_by_bit(page: Page, page_file: Path) -> None:
    show(page, page_file)
    assert page.ask("document.querySelector('[data-more]').textContent") == "100 more"
    page.click("[data-more]")
    assert page.ask("document.querySelector('[data-more]')") is None
    assert page.ask("document.activeElement.dataset.path") == "Level one 300"
    assert page.ask("document.querySelectorAll('#tree > li').length") == 401


def test_filters_combine_and_stand_in_the_address(page: Page, page_file: Path) -> None:
    show(page, page_file)
    split = pl.col("vote_score") == 2
    expected = SAMPLES.filter(split, pl.col("source") == "photos", pl.col("qa_model") == "other")
    for name, value in (("votes", "split"), ("source", "photos"), ("model", "openai, other")):
        page.ask(f"{{ const at = document.getElementById('{name}'); at.value = '{value}';"
                 " at.dispatchEvent(new Event('change')); }")  # fmt: skip
    page.until(READY)
    types = expected["task_type"].n_unique()
    assert page.ask(FOUND) == f"{expected.height} samples of {types} task types"
    assert page.ask(CARDS) == ids(expected.head(24))
    assert page.ask("Number(document.querySelector('#tree .count').textContent)") == expected.height
    address = page.ask("location.hash")
    page.click("#next")
    page.until(READY)
    second = page.ask("location.hash")
    assert second == address + "&page=2"
    show(page, page_file, second)
    assert page.ask(CARDS) == ids(expected.slice(24, 24))
    assert page.ask("[...document.querySelectorAll('select')].map(each => each.value)") == [
        "photos", "split", "openai, other",
    ]  # fmt: skip
    page.ask("document.getElementById('clear').click()")
    page.until(f"{FOUND}.startsWith('3,000')")
    page.ask("history.back()")
    page.until(f"{FOUND}.startsWith('{expected.height} ')")


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_turned_by_buttons_by_number_and_by_keys(page: Page, page_file: Path, width: int) -> None:
    show(page, page_file, width=width)
    page.click("#next")
    page.until(READY)
    assert page.ask(CARDS) == ids(SAMPLES.slice(24, 24))
    page.click("#page")
    page.ask("document.getElementById('page').select()")
    page.type("125")
    page.press("Enter")
    page.until(f"{READY} && document.getElementById('next').disabled")
    assert page.ask(CARDS) == ids(SAMPLES.tail(24))
    page.ask("document.querySelector('.card').focus()")
    page.press("PageUp")
    page.until(f"{READY} && document.getElementById('page').value === '124'")
    assert page.ask(CARDS) == ids(SAMPLES.slice(123 * 24, 24))
    assert page.ask("document.activeElement.dataset.sample") == SAMPLES["sample_id"][123 * 24]
    page.press("ArrowRight")
    assert page.ask("document.activeElement.dataset.sample") == SAMPLES["sample_id"][123 * 24 + 1]
    page.press("ArrowLeft")
    page.press("ArrowDown")
    columns = 1 if width < 700 else 2
    assert page.ask("document.activeElement.dataset.sample") == SAMPLES["sample_id"][123 * 24 + columns]
    page.press("End")
    assert page.ask("document.activeElement.dataset.sample") == SAMPLES["sample_id"][123 * 24 + 23]
    page.press("PageDown")
    page.until(f"{READY} && document.getElementById('page').value === '125'")
    assert page.complaints() == []


def test_a_link_leads_to_a_sample_among_those_of_its_task_type(page: Page, page_file: Path) -> None:
    for row in (SAMPLES.row(1234, named=True), SAMPLES.row(2999, named=True), SAMPLES.row(0, named=True)):
        show(page, page_file, f"#samples?sample={row['sample_id']}")
        assert page.ask("document.activeElement.dataset.sample") == row["sample_id"]
        assert page.ask("document.querySelectorAll('.card.marked').length") == 1
        assert page.ask("document.getElementById('chosen').textContent") == row["task_type"].replace("~", " / ")
        assert (
            page.ask("document.querySelector('[aria-selected=\"true\"][role=treeitem]').dataset.path")
            == row["task_type"]
        )
    page.click(".card.marked summary")
    page.until("document.querySelector('.marked dl a')")
    assert page.ask("document.querySelector('.marked dl a').hash").endswith(SAMPLES["sample_id"][0])
    show(page, page_file, "#samples?sample=nobody")
    assert "nobody" in page.ask("document.getElementById('unknown').textContent")
    assert page.ask(FOUND).startswith("3,000")


@pytest.mark.parametrize("width", WIDTHS)
def test_words_are_found_in_all_shards_and_ids_at_once(page: Page, page_file: Path, width: int) -> None:
    show(page, page_file, width=width)
    page.click("#text")
    page.type("Which? 299")
    page.until(f"{FOUND} === '11 samples of 11 task types'")
    page.until(READY)
    wanted = SAMPLES.filter(pl.col("question").str.contains("Which? 299", literal=True))
    assert page.ask(CARDS) == ids(wanted)
    page.ask("document.getElementById('text').select()")
    page.type("no such words")
    page.until("!document.getElementById('empty').hidden")
    page.ask("document.getElementById('text').select()")
    page.type(SAMPLES["sample_id"][2500])
    page.until("document.querySelector('.card.marked')")
    assert page.ask("document.activeElement.dataset.sample") == SAMPLES["sample_id"][2500]
    assert page.complaints() == []


@pytest.mark.parametrize("trouble", ["missing", "of another run"])
def test_without_its_folder_the_page_shows_what_it_carries(page: Page, tmp_path: Path, trouble: str) -> None:
    file = write(tmp_path)
    if trouble == "missing":
        shutil.rmtree(tmp_path / "report" / "samples")
    else:
        for shard in (tmp_path / "report" / "samples").iterdir():
            shard.write_text(re.sub(r",'[0-9a-f]{16}',", ",'0123456789abcdef',", shard.read_text(encoding="utf-8")))
    show(page, file)
    assert page.ask("document.getElementById('alone').hidden") is False
    assert page.ask(FOUND) == "40 samples of 40 task types"
    assert page.ask("[...document.querySelectorAll('.card img')].every(each => each.src.startsWith('data:'))")
    page.click("#text")
    page.type("Which?")
    page.until(f"{FOUND} === '40 samples of 40 task types' && {READY}")
    carried = SAMPLES["sample_id"][75 * 30]
    show(page, file, f"#samples?sample={carried}")
    assert page.ask("document.activeElement.dataset.sample") == carried
