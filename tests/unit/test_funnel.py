"""The funnel adds up, or says where it does not; its plain text fits a terminal."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report_data import frame
from taskgalaxy.rejects import REASONS, reject
from taskgalaxy.report.funnel import UNITS, WIDTH, format_funnel, funnel_rows
from taskgalaxy.report.reasons import REASON_SENTENCES, STAGE_SENTENCES
from taskgalaxy.schemas import FUNNEL, REJECTS

PAIRS = [(stage, reason) for stage, reasons in REASONS.items() for reason in reasons]


def rejected(counts: dict[tuple[str, str], int]) -> pl.DataFrame:
    rows = [reject(stage, str(n), reason) for (stage, reason), count in counts.items() for n in range(count)]
    return frame(rows, REJECTS)


def test_stages_come_in_the_order_of_the_pipeline_with_their_reasons_most_frequent_first() -> None:
    table = rejected({("qa", "no_pair"): 1, ("qa", "abstained"): 3, ("expand", "known_label"): 2})
    rows = funnel_rows({"qa": (10, 6), "expand": (5, 3)}, table)
    assert [row["stage"] for row in rows] == ["expand", "qa"]
    assert [row["position"] for row in rows] == [1, 2]
    assert rows[1]["unit"] == "kept task types"
    assert rows[1]["reasons"] == [{"reason": "abstained", "rows": 3}, {"reason": "no_pair", "rows": 1}]


def test_a_lost_row_is_an_error_that_names_the_stage_and_the_figures() -> None:
    with pytest.raises(ValueError, match=r"filter: 1,800 candidates in, but 1,700 out and 2 rejected"):
        funnel_rows({"filter": (1800, 1700)}, rejected({("filter", "none_fits"): 2}))


def test_rejects_of_an_uncounted_stage_and_unknown_stages_are_errors() -> None:
    with pytest.raises(ValueError, match="without counts: \\['qa'\\]"):
        funnel_rows({}, rejected({("qa", "no_pair"): 1}))
    with pytest.raises(ValueError, match="unknown stages \\['sort'\\]"):
        funnel_rows({"sort": (1, 1)}, rejected({}))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from(PAIRS), st.integers(0, 12)),
    st.lists(st.integers(0, 10**9), min_size=len(UNITS), max_size=len(UNITS)),
)
def test_any_funnel_that_adds_up_is_written_within_eighty_columns(
    rejects: dict[tuple[str, str], int], out: list[int]
) -> None:
    counts = {}
    for stage, passed in zip(UNITS, out, strict=True):
        turned_away = sum(count for (of, _), count in rejects.items() if of == stage)
        counts[stage] = (passed + turned_away, passed)
    funnel = frame(funnel_rows(counts, rejected(rejects)), FUNNEL)
    for row in funnel.iter_rows(named=True):
        assert row["rows_in"] == row["rows_out"] + sum(each["rows"] for each in row["reasons"])
    lines = format_funnel(funnel, task_types=10**6, votes=3 * 10**9).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(line == line.rstrip() and line.isascii() for line in lines)


def test_the_text_names_every_milestone_and_the_top_reasons() -> None:
    away = {("inspect", "truncated"): 4, ("duplicates", "duplicate"): 6, ("filter", "not_selected"): 1200}
    away |= {("filter", "none_fits"): 30, ("filter", "refused"): 2, ("filter", "reply_empty"): 1}
    counts = {"expand": (150, 150), "inspect": (190, 186), "duplicates": (186, 180), "match": (180, 180)}
    counts |= {"filter": (1800, 567), "qa": (567, 567), "referee": (567, 567), "balance": (567, 567)}
    text = format_funnel(frame(funnel_rows(counts, rejected(away)), FUNNEL), task_types=172, votes=1701)
    lines = [line.split() for line in text.splitlines()]
    assert [line[0] for line in lines[2:] if line[0] in {"images", "kept", "votes", "final"}] == [
        "images", "kept", "votes", "final"
    ]  # fmt: skip
    assert "images        180        10  duplicate 6, truncated 4" in text
    assert "kept          567     1,233  not_selected 1,200, none_fits 30, refused 2,\n" in text
    assert "\n" + text.splitlines()[0].index("most") * " " + "other 1\n" in text
    assert "votes       1,701" in text


def test_every_stage_and_reason_is_explained_in_a_sentence() -> None:
    assert set(STAGE_SENTENCES) == set(UNITS) == set(REASONS)
    assert set(REASON_SENTENCES) == {reason for _, reason in PAIRS}
    assert all(text.endswith(".") for text in [*STAGE_SENTENCES.values(), *REASON_SENTENCES.values()])
