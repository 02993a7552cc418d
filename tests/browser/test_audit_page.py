"""The page of the audit in a real browser: judged with keys, mouse and thumb, votes hidden until then, and saved."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import audits
from browser.chromium import EXECUTABLE, Page, browser, contrast
from taskgalaxy.audit.judgements import Judgement, read_judgements
from taskgalaxy.audit.measure import measure_audit
from taskgalaxy.audit.page import write_audit_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(EXECUTABLE is None and "CI" not in os.environ, reason="no Chromium is installed"),
]

TABLE = audits.scores()
DRAW = audits.draw_of(TABLE, 6)
IDS = [pair["sample_id"] for pair in DRAW["pairs"]]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    write_audit_page(folder / "audit.html", **audits.page_arguments(folder, TABLE, DRAW))
    return folder / "audit.html"


@pytest.fixture(scope="module")
def opened_browser() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture
def page(opened_browser: Page, page_file: Path) -> Page:
    """The page as nobody has seen it yet."""
    opened_browser.open(page_file)
    opened_browser.ask("localStorage.clear()")
    opened_browser.open(page_file)
    return opened_browser


def text(page: Page, element: str) -> str:
    found: str = page.ask(f"document.getElementById('{element}').textContent")
    return found


def pressed(page: Page) -> list[str]:
    found: list[str] = page.ask(
        "[...document.querySelectorAll('[aria-pressed=true]')].map(each =>"
        " `${each.closest('fieldset').dataset.verdict} ${each.dataset.value}`)"
    )
    return found


def keys(page: Page, *names: str) -> None:
    for name in names:
        page.press(name)


def save(page: Page, folder: Path) -> dict[str, Any]:
    """What is saved on pressing s; the browser writes it when it likes."""
    folder.mkdir()
    page.save_downloads(folder)
    page.press("s")
    deadline = time.monotonic() + 60
    while not (found := list(folder.glob("*.json"))):
        assert time.monotonic() < deadline, "nothing was saved"
        time.sleep(0.02)
    saved: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
    return saved


@pytest.mark.parametrize("width", [1440, 768, 390, 320])
def test_the_page_fits_the_width_loads_nothing_and_reports_no_error(page: Page, page_file: Path, width: int) -> None:
    page.open(page_file, width=width, height=844)
    keys(page, "1", "1", "v")
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("document.getElementById('picture').naturalWidth") == 640
    assert page.ask("document.getElementById('picture').getBoundingClientRect().width") >= min(width - 60, 500)
    assert page.complaints() == []
    assert len(page.requests()) == 1


def test_a_pair_is_judged_by_keys_in_two_steps(page: Page) -> None:
    assert page.ask("document.getElementById('ask-right').hidden") is True
    page.press("y")
    assert pressed(page) == ["suits yes"]
    assert page.ask("document.getElementById('ask-right').hidden") is False
    assert text(page, "progress") == "0 of 6 judged"
    page.press("0")
    assert pressed(page) == ["suits yes", "right no"]
    assert text(page, "progress") == "1 of 6 judged"
    page.press("1")
    assert pressed(page) == ["suits yes", "right no"]
    assert "is judged" in text(page, "message")
    keys(page, "Backspace", "u")
    assert pressed(page) == ["suits yes", "right unsure"]
    keys(page, "Backspace", "Backspace", "Backspace", "n")
    assert pressed(page) == ["suits no"]
    assert page.ask("document.getElementById('ask-right').hidden") is True


def test_arrows_and_j_go_from_pair_to_pair(page: Page) -> None:
    keys(page, "ArrowLeft", "ArrowRight", "ArrowRight", "0")
    assert text(page, "position") == "Pair 3 of 6, judged"
    keys(page, "ArrowLeft", "0", "j")
    assert text(page, "position") == "Pair 4 of 6"
    keys(page, "0", "j", "0", "j", "0", "j", "0")
    page.press("j")
    assert "All pairs are judged" in text(page, "message")


def test_votes_stratum_and_models_show_only_once_a_pair_is_judged_which_is_then_final(page: Page) -> None:
    hidden = ["first", "second", "third", "model of", "accepted", "rejected", "asking"]
    for _ in IDS:
        shown = page.ask("document.body.innerText").lower()
        assert not [word for word in hidden if word in shown]
        assert page.ask("document.getElementById('told').childElementCount") == 0
        page.press("ArrowRight")
    page.press("v")
    assert "after you have judged" in text(page, "message")
    page.press("1")
    page.press("v")
    assert text(page, "told") == ""
    keys(page, "0", "v")
    told = text(page, "told")
    drawn = DRAW["pairs"][-1]
    assert drawn["stratum"] in told
    assert "question and answer by asking" in told
    for referee, vote in drawn["votes"].items():
        assert f"{referee}: {'yes' if vote else 'no'} model of {referee}" in told
    keys(page, "Backspace", "0")
    assert pressed(page) == ["suits yes", "right no"]
    assert "final" in text(page, "message")
    page.press("ArrowLeft")
    assert text(page, "told") == ""


def test_progress_survives_a_reload_and_goes_on_at_the_first_pair_that_is_left(page: Page, page_file: Path) -> None:
    keys(page, "1", "1", "ArrowRight", "0", "c", "o", "k", "Escape")
    page.click("#name")
    keys(page, "A", "n", "n")
    page.open(page_file)
    assert text(page, "progress") == "2 of 6 judged"
    assert text(page, "position") == "Pair 3 of 6"
    assert page.ask("document.getElementById('name').value") == "Ann"
    page.press("ArrowLeft")
    assert pressed(page) == ["suits no"]
    assert page.ask("document.getElementById('comment').value") == "ok"


def test_letters_that_are_written_judge_nothing(page: Page) -> None:
    page.press("c")
    keys(page, "n", "1", "v", "s")
    assert page.ask("document.getElementById('comment').value") == "n1vs"
    assert pressed(page) == []


def test_without_a_name_nothing_is_saved_and_the_name_is_asked_for(page: Page) -> None:
    page.press("s")
    assert "name first" in text(page, "message")
    assert page.ask("document.activeElement.id") == "name"


@pytest.mark.parametrize("width", [1440, 390])
def test_what_mouse_or_thumb_judges_is_saved_and_the_library_reads_it(
    page: Page, page_file: Path, width: int, tmp_path: Path
) -> None:
    page.open(page_file, width=width, height=844)
    page.click("#ask-suits [data-value=yes]")
    page.click("#ask-right [data-value=yes]")
    page.click("#next")
    page.click("#ask-suits [data-value=yes]")
    page.click("#ask-right [data-value=no]")
    page.click("#comment")
    keys(page, "h", "m", "Escape")
    page.click("#unjudged")
    page.click("#ask-suits [data-value=no]")
    page.click("#reveal")
    page.click("#unjudged")
    page.click("#ask-suits [data-value=unsure]")
    page.click("#name")
    keys(page, *"Zoë / 2", "Escape")
    saved = save(page, tmp_path / "downloads")
    assert saved.keys() == {"kind", "draw", "judge", "strata", "judgements"}
    assert (saved["draw"], saved["judge"], saved["strata"]) == (DRAW["draw"], "Zoë / 2", DRAW["strata"])
    files = list((tmp_path / "downloads").iterdir())
    assert [file.name for file in files] == ["judgements-Zoë-2.json"]
    (judge,) = read_judgements(files, DRAW["draw"], IDS, "downloads")
    assert judge.judgements == {
        IDS[0]: Judgement("yes", "yes", "", False),
        IDS[1]: Judgement("yes", "no", "hm", False),
        IDS[2]: Judgement("no", None, "", True),
        IDS[3]: Judgement("unsure", None, "", False),
    }
    assert measure_audit(DRAW, [judge], sees_answer=False)["suits"]["judged"] == 3


def test_the_help_opens_by_key_and_mouse_and_keys_judge_nothing_meanwhile(page: Page) -> None:
    page.press("?")
    assert page.ask("document.getElementById('help').open") is True
    page.press("0")
    page.press("Escape")
    assert page.ask("document.getElementById('help').open") is False
    assert pressed(page) == []
    page.click("#open-help")
    assert text(page, "draw") == DRAW["draw"]
    page.click("#close-help")
    assert page.ask("document.getElementById('help').open") is False


def test_on_a_phone_what_is_tapped_is_large_enough(page: Page, page_file: Path) -> None:
    page.open(page_file, width=390, height=844)
    page.press("1")
    small = page.ask(
        "[...document.querySelectorAll('button, input, textarea')].filter(each => each.offsetParent)"
        ".map(each => [each.id || each.textContent, each.offsetHeight]).filter(([, height]) => height < 44)"
    )
    assert small == []


def test_everything_that_is_used_has_a_name(page: Page) -> None:
    page.press("1")
    unnamed = page.ask(
        "[...document.querySelectorAll('button, input, textarea, progress, img')].filter(each => !("
        "each.textContent.trim() || each.ariaLabel || each.alt || each.labels?.length"
        " || each.getAttribute('aria-labelledby'))).map(each => each.outerHTML)"
    )
    assert unnamed == []


def test_text_reaches_its_contrast_in_both_schemes(page: Page, page_file: Path) -> None:
    for dark in (False, True):
        page.open(page_file, dark=dark)
        colours = page.ask(
            "Object.fromEntries(['page', 'surface', 'text', 'muted', 'accent', 'accent-soft', 'on-accent', 'edge']"
            ".map(name => { document.body.style.color = `var(--${name})`;"
            " return [name, getComputedStyle(document.body).color.match(/\\d+/g).map(Number)]; }))"
        )
        for ink, grounds in {
            "text": ("page", "surface", "accent-soft"), "muted": ("page", "surface"), "on-accent": ("accent",),
        }.items():  # fmt: skip
            assert all(contrast(colours[ink], colours[ground]) >= 4.5 for ground in grounds), ink
        assert all(contrast(colours["edge"], colours[ground]) >= 3 for ground in ("page", "surface"))
