"""The report in a real browser: nothing loaded, nothing cut off, and the hierarchy answers clicks and keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sheets
from browser.chromium import EXECUTABLE, Page, browser
from taskgalaxy.figures.plates import PLATES
from taskgalaxy.report.report_page import write_report_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(EXECUTABLE is None and "CI" not in os.environ, reason="no Chromium is installed"),
]

WIDTHS = pytest.mark.parametrize("width", [1440, 768, 390, 320])
FIELD = "document.querySelector('#sunburst path[tabindex=\"0\"]')"
MIDDLE = "document.querySelector('#sunburst .middle')"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    names = [f"Level one {n % 6}~Level two {n % 30}~Level three {n}" for n in range(90)]
    material = sheets.material([*names, "A task type on the first level", "Another one with no samples"])
    write_report_page(path, material, [(plate, plate.svg(material)) for plate in PLATES])
    return path


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def place(page: Page) -> str:
    """The names of the crumbs, from the root to where one is."""
    return str(page.ask("[...document.querySelectorAll('#crumbs button')].map(each => each.textContent).join(' > ')"))


@WIDTHS
def test_the_page_fits_the_width_loads_nothing_and_reports_no_error(page: Page, page_file: Path, width: int) -> None:
    page.open(page_file, width=width, height=844)
    page.ask("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.settle()
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("[...document.querySelectorAll('figure svg')].every(each => each.clientHeight > 100)")
    assert page.complaints() == []
    assert len(page.requests()) == 1


@WIDTHS
def test_a_click_on_a_field_goes_into_it_and_the_middle_goes_back(page: Page, page_file: Path, width: int) -> None:
    page.open(page_file, width=width, height=844)
    drawn = page.ask("document.querySelectorAll('#sunburst path[tabindex]').length")
    assert drawn > 6
    page.ask(f"{FIELD}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    assert place(page) == "All task types > Level one 0"
    assert "Level one 0: 5 on the next level; 15 task types" in page.ask(
        "document.getElementById('sunburst-words').textContent"
    )
    assert page.ask("document.querySelectorAll('#children li').length") == 5
    page.ask(f"{MIDDLE}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    assert place(page) == "All task types"
    assert page.ask("document.querySelectorAll('#sunburst path[tabindex]').length") == drawn
    assert page.complaints() == []


def test_the_hierarchy_is_within_reach_of_the_keyboard(page: Page, page_file: Path) -> None:
    page.open(page_file)
    page.ask(f"{FIELD}.focus()")
    page.press("Enter")
    assert place(page) == "All task types > Level one 0"
    page.ask("document.querySelector('#children button').click()")
    assert place(page).startswith("All task types > Level one 0 > Level two ")
    page.ask(f"{MIDDLE}.focus()")
    page.press("Enter")
    assert place(page) == "All task types > Level one 0"
    assert page.ask("document.activeElement.textContent") == "Level one 0"


def test_fields_can_be_sized_by_samples(page: Page, page_file: Path) -> None:
    page.open(page_file)
    by_types = page.ask("document.getElementById('sunburst').innerHTML")
    page.ask("(m => { m.value = '3'; m.dispatchEvent(new Event('change')); })(document.getElementById('measure'))")
    assert page.ask("document.getElementById('sunburst').innerHTML") != by_types
    assert "samples in the set" in page.ask("document.querySelector('#sunburst path title').textContent")


def test_a_task_type_without_anything_below_is_no_button(page: Page, page_file: Path) -> None:
    page.open(page_file)
    tags = page.ask("[...document.querySelectorAll('#children li > *')].map(each => each.tagName).join()")
    assert tags.count("BUTTON") == 6
    assert tags.count("DIV") == 2


def test_a_contents_line_leads_to_its_figure(page: Page, page_file: Path) -> None:
    page.open(page_file, tab="#figure-ranks")
    top = page.ask("document.getElementById('figure-ranks').getBoundingClientRect().top")
    assert 0 <= top < 200
