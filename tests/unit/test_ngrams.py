"""Two texts overlap if they share enough words in a row, or are the same short text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.ngrams import Overlap, words

LONG = "How many red cars stand behind the tall tree on the left side of the street?"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What's shown,  HERE?", ["what", "s", "shown", "here"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁne １２ ½", ["fine", "12", "1", "2"]),
        ("snake_case", ["snake", "case"]),
        ("图中有3只猫？", ["图", "中", "有", "3", "只", "猫"]),
        ("— … !", []),
    ],
)
def test_case_form_and_punctuation_do_not_count(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_words_in_a_row_are_found_wherever_they_stand() -> None:
    overlap = Overlap(["Nothing of the kind.", LONG], 8)
    inside = "Look closely: how many RED cars stand behind the tall -- hedge?"
    assert overlap.first(inside) == (1, "how many red cars stand behind the tall")
    assert overlap.first("How many red cars stand behind the hedge?") is None


def test_the_first_text_that_has_the_words_is_named() -> None:
    assert Overlap([LONG, LONG], 13).first(LONG) == (0, "how many red cars stand behind the tall tree on the left side")


def test_a_short_text_is_compared_as_a_whole() -> None:
    overlap = Overlap(["What color is the car?"], 13)
    assert overlap.first("what COLOR is the car") == (0, "what color is the car")
    assert overlap.first("What color is the car, and what color is the tree?") is None
    assert overlap.first("The car is what color?") is None
    assert overlap.first(f"What color is the car? {LONG}") is None


def test_a_text_without_words_overlaps_with_nothing() -> None:
    assert Overlap(["?!", ""], 3).first("...") is None


texts = st.lists(st.sampled_from(["a", "b", "c"]), max_size=9).map(" ".join)


@given(st.lists(texts, max_size=4), texts, st.integers(1, 5))
def test_an_overlap_is_what_comparing_all_runs_of_words_finds(known: list[str], text: str, length: int) -> None:
    def runs(words: list[str]) -> list[list[str]]:
        if len(words) < length:
            return [words] if words else []
        return [words[start : start + length] for start in range(len(words) - length + 1)]

    expected = [
        (number, " ".join(run))
        for run in runs(text.split())
        for number, other in enumerate(known)
        if run in runs(other.split())
    ]
    assert Overlap(known, length).first(text) == (expected[0] if expected else None)
