"""The sample page in a real browser: nothing loaded, nothing cut off, and everything within reach of the keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import report_data
from browser.chromium import EXECUTABLE, Page, browser
from taskgalaxy.report.sample_page import write_sample_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(EXECUTABLE is None and "CI" not in os.environ, reason="no Chromium is installed"),
]

CARDS = "[...document.querySelectorAll('.card')].map(each => each.dataset.sample)"
TYPES = [f"Level one {n % 5}~Level two {n % 7}~Level three {n % 3}" for n in range(3000)]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "samples.html"
    rejects = report_data.rejects(300)
    truth = [{"measure": "filter: precision", "value": 0.5, "n": 10, "explanation": "Share that fits."}]
    write_sample_page(
        path,
        path.with_suffix(""),
        report_data.samples(TYPES),
        rejects,
        report_data.funnel(rejects),
        report_data.picture,
        images=report_data.image_index(),
        truth=truth,
        referees=report_data.statistics(task_types=[f"Level one {n}~Level two" for n in range(5)]),
    )
    return path


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("tab", ["samples", "rejected", "funnel", "referees"])
@pytest.mark.parametrize("width", [1440, 768, 390, 320])
def test_every_view_fits_the_width_loads_nothing_and_reports_no_error(
    page: Page, page_file: Path, width: int, tab: str
) -> None:
    page.open(page_file, width=width, height=844, tab=f"#{tab}")
    page.ask("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.settle()
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask(f"document.getElementById('panel-{tab}').offsetHeight") > 200
    assert page.complaints() == []
    assert len(page.requests()) == 1


def test_a_table_of_many_referees_scrolls_by_itself_and_by_keyboard(page: Page, tmp_path: Path) -> None:
    rejects = report_data.rejects()
    write_sample_page(
        tmp_path / "page.html",
        tmp_path / "page",
        report_data.samples(TYPES[:3]),
        rejects,
        report_data.funnel(rejects),
        report_data.picture,
        images=report_data.image_index(),
        referees=report_data.statistics([f"referee-number-{n}" for n in range(7)]),
    )
    page.open(tmp_path / "page.html", width=768, tab="#referees")
    page.ask("[...document.querySelectorAll('.wide')].at(-1).focus()")
    assert page.ask("document.activeElement.scrollWidth > document.activeElement.clientWidth")
    assert page.ask("document.documentElement.scrollWidth") <= 768


def test_cards_come_in_pages(page: Page, page_file: Path) -> None:
    page.open(page_file)
    first = page.ask(CARDS)
    assert len(first) == 24
    page.ask("document.getElementById('next').click()")
    page.settle()
    second = page.ask(CARDS)
    assert len(second) == 24
    assert not set(first) & set(second)
    page.ask("document.getElementById('last').click()")
    page.settle()
    assert page.ask("[document.getElementById('page').value, document.getElementById('next').disabled]") == [
        "125",
        True,
    ]


def test_filters_and_the_tree_choose_the_samples(page: Page, page_file: Path) -> None:
    page.open(page_file)
    assert page.ask("document.getElementById('found').textContent").startswith("3,000 samples")
    page.ask("document.querySelectorAll('#tree .row')[1].click()")
    assert page.ask("document.getElementById('found').textContent").startswith("600 samples")
    page.ask("{ const votes = document.getElementById('votes'); votes.value = 'split';"
             " votes.dispatchEvent(new Event('change')); }")  # fmt: skip
    assert page.ask("document.getElementById('found').textContent").startswith("200 samples")
    assert page.ask("[...document.querySelectorAll('.votes .total')].every(each => each.textContent === '2 of 3 yes')")
    page.ask("document.getElementById('clear').click()")
    assert page.ask("document.getElementById('found').textContent").startswith("3,000 samples")
    page.ask("{ const text = document.getElementById('text'); text.value = 'which? 2999';"
             " text.dispatchEvent(new Event('input')); }")  # fmt: skip
    page.ask("new Promise(done => setTimeout(done, 300))")
    assert page.ask("document.getElementById('found').textContent") == "1 sample of 1 task type"


def test_the_tree_is_driven_by_the_keyboard(page: Page, page_file: Path) -> None:
    page.open(page_file)
    page.ask("document.querySelector('#tree [tabindex=\"0\"]').focus()")
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "Enter"):
        page.press(key)
    assert page.ask("document.activeElement.getAttribute('aria-level')") == "2"
    assert page.ask("document.activeElement.getAttribute('aria-selected')") == "true"
    assert " / " in page.ask("document.getElementById('chosen').textContent")
    page.press("ArrowLeft")
    page.press("ArrowLeft")
    assert page.ask("document.activeElement.getAttribute('aria-level')") == "1"


def test_on_a_phone_the_tree_is_a_drawer_that_escape_closes(page: Page, page_file: Path) -> None:
    page.open(page_file, width=390, height=844)
    shown = "getComputedStyle(document.getElementById('drawer')).visibility"
    assert page.ask(shown) == "hidden"
    page.ask("document.getElementById('open-drawer').click()")
    page.ask("new Promise(done => setTimeout(done, 300))")
    assert page.ask(shown) == "visible"
    page.press("Escape")
    page.ask("new Promise(done => setTimeout(done, 300))")
    assert page.ask(shown) == "hidden"
    assert page.ask("document.activeElement.id") == "open-drawer"


def test_on_a_phone_what_is_tapped_is_large_enough(page: Page, page_file: Path) -> None:
    page.open(page_file, width=390, height=844)
    page.ask("document.getElementById('open-drawer').click()")
    small = page.ask(
        "[...document.querySelectorAll('button, select, input, summary, .row')]"
        ".filter(each => each.offsetParent).map(each => [each.className || each.id, each.offsetHeight])"
        ".filter(([, height]) => height < 44)"
    )
    assert small == []


def test_a_thumbnail_enlarges_and_provenance_opens(page: Page, page_file: Path) -> None:
    page.open(page_file)
    page.ask("document.querySelector('.card .thumb').click()")
    assert page.ask("document.getElementById('viewer').open") is True
    page.press("Escape")
    assert page.ask("document.getElementById('viewer').open") is False
    page.ask("document.querySelector('.card summary').click()")
    page.settle()
    assert "qa-model" in page.ask("document.querySelector('.provenance').textContent")


def test_text_reaches_its_contrast_in_both_schemes(page: Page, page_file: Path) -> None:
    for dark in (False, True):
        page.open(page_file, dark=dark)
        tokens = page.ask(
            "['page', 'surface', 'sunken', 'text', 'muted', 'accent'].map(name => {"
            " const probe = document.createElement('i'); document.body.append(probe);"
            " probe.className = 'probe'; probe.style.color = `var(--${name})`;"
            " const found = getComputedStyle(probe).color.match(/\\d+/g).map(Number); probe.remove(); return found; })"
        )
        ground, surface, sunken, *inks = [_luminance(token) for token in tokens]
        for back in (ground, surface, sunken):
            for ink in inks:
                high, low = max(back, ink), min(back, ink)
                assert (high + 0.05) / (low + 0.05) >= 4.5


def _luminance(rgb: list[int]) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    linear = [value / 3294.6 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
