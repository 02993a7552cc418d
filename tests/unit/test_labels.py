"""Labels: one form for whatever people and models write."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskgalaxy.labels import clean_label, label_key, split_path

# Decorations and separators far more often than blind chance would bring them.
pieces = st.sampled_from(
    [*"~∼～〜˜⁓\ue000→»>-*•`\"'“”‘’[]().:,;#_ 1aé\u200b\u00ad\t\n\ud800", "->", " > ", "1. ", "a) ", "OCR", "\u0301"]
)
texts = st.one_of(st.text(), st.lists(pieces, max_size=12).map("".join))


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("1. chart OCR", "chart OCR"),
        ("12) chart OCR", "chart OCR"),
        ("(3) chart OCR", "chart OCR"),
        ("- chart OCR", "chart OCR"),
        ("* chart OCR", "chart OCR"),
        ("• chart OCR", "chart OCR"),
        ("a) chart OCR", "chart OCR"),
        ("- 2. **chart OCR**.", "chart OCR"),
        ("`chart OCR`", "chart OCR"),
        ('"chart OCR",', "chart OCR"),
        ("“chart OCR”", "chart OCR"),
        ("'chart OCR'", "chart OCR"),
        ("### chart  \t OCR:", "chart OCR"),
        ("chart\u200b OCR\ufeff\x07", "chart OCR"),
        ("ｃｈａｒｔ ＯＣＲ", "chart OCR"),
        ("e\u0301tude", "étude"),
        ("2.5D rendering", "2.5D rendering"),
        ("3D object placement", "3D object placement"),
        ("text-to-table", "text-to-table"),
        ("children's books", "children's books"),
        ("C++", "C++"),
        ("---", ""),
        ("```", ""),
    ],
)
def test_a_decorated_label_is_stripped_to_its_words(written: str, cleaned: str) -> None:
    assert clean_label(written) == cleaned


@pytest.mark.parametrize(
    "sign", ["~", "∼", "～", "〜", "˜", "⁓", "\ue000", "->", "-->", "→", "»", " > ", " ~ ", " ＞ "]
)
def test_every_level_separator_splits_a_line(sign: str) -> None:
    assert split_path(f"1. **OCR{sign}chart OCR**") == ["OCR", "chart OCR"]


def test_quotes_around_a_path_and_around_its_levels_are_removed() -> None:
    assert split_path("'OCR~chart OCR'") == ["OCR", "chart OCR"]
    assert split_path("- 'OCR' ~ 'chart OCR'") == ["OCR", "chart OCR"]
    assert split_path("**OCR** → `chart OCR`.") == ["OCR", "chart OCR"]


def test_a_level_that_is_missing_stays_visible() -> None:
    assert split_path("OCR~") == ["OCR", ""]
    assert split_path("OCR~~chart OCR") == ["OCR", "", "chart OCR"]


def test_labels_that_differ_in_case_share_a_key() -> None:
    assert label_key("Chart OCR.") == label_key("chart ocr")
    assert label_key("STRASSE") == label_key("straße")
    assert label_key("chart OCR") != label_key("charts OCR")


@given(texts)
@example("- * 1. ' \u0301")
@example("\u1100\u200b\u1161")
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_label(clean_label(text)) == clean_label(text)


@given(texts)
def test_a_cleaned_label_is_one_line_of_visible_text(text: str) -> None:
    label = clean_label(text)
    assert label == " ".join(label.split())
    assert unicodedata.is_normalized("NFKC", label)
    assert not {unicodedata.category(character) for character in label} & {"Cc", "Cf", "Cs", "Co"}


@given(texts)
def test_levels_hold_no_separator_and_survive_another_split(text: str) -> None:
    levels = split_path(text)
    assert not any("~" in level for level in levels)
    assert all(split_path(level) == [level] for level in levels)


@given(texts)
def test_keys_do_not_depend_on_case_or_cleaning(text: str) -> None:
    assert label_key(clean_label(text)) == label_key(text)
    assert label_key(label_key(text)) == label_key(text)
