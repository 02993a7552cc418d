"""What went in is what came out and what was turned away, for every stage, from the files of a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import rows
from taskgalaxy.dataset import assemble
from taskgalaxy.images import find_duplicates, index_images
from taskgalaxy.rejects import REASONS, reject
from taskgalaxy.report.counts import count_stages, duplicate_rejects, filter_rejects
from taskgalaxy.report.funnel import UNITS, funnel_rows
from taskgalaxy.schemas import CLEAN, COT, DATASET, DUPLICATES, FILTER, FUNNEL, IMAGE_INDEX, REJECTS
from taskgalaxy.tables import to_arrow, write_samples, write_table
from taskgalaxy.votes import tally, tally_rejects, vote_table_schema

EXPANSIONS = [{"lines": 5, "accepted": 4}, {"lines": 2, "accepted": 2}]


@pytest.fixture
def run(tmp_path: Path) -> SimpleNamespace:
    """A small run: 6 files, 5 with a name, 4 that decode, 3 images, 3 candidates of 2, 2 kept, 1 sample, 0 left.

    The filter's replies name two more labels, which were not offered.
    """
    images = rows.images(*(rows.image(name, path=f"{place}.png") for place, name in enumerate("abac")))
    candidates = rows.candidates(
        rows.candidate("a", 1, "OCR"), rows.candidate("a", 2, "Counting"), rows.candidate("b", 1, "OCR", kept=False)
    )
    samples = rows.samples(rows.sample("s", "a", "OCR"))
    votes = tally(samples, rows.votes(rows.vote("s", "one", 0), rows.vote("s", "two", None)), ["one", "two"], 1, "no")
    dataset = assemble(samples.select("sample_id")[:0], samples, index_images(images, rows.removed()), votes)
    files: dict[str, Any] = {}

    def write(name: str, content: Any, table: Any, many: bool = False) -> None:
        path = str(tmp_path / name)
        write_table(path, content, table)
        files[name] = [path] if many else path

    write("expand_rejects", [reject("expand", "line 3", "known_label")], REJECTS, many=True)
    write("refused_rejects", [reject("inspect", "one/b'\\xff.png'", "name_not_utf8")], REJECTS)
    write("inspect_rejects", [reject("inspect", "one/x.png", "truncated")], REJECTS, many=True)
    write("images", index_images(images, rows.removed()), IMAGE_INDEX)
    write("duplicates", find_duplicates(images), DUPLICATES)
    write("match_rejects", [reject("match", "c", "image_changed", image_id="c")], REJECTS, many=True)
    write("filtered", candidates, FILTER, many=True)
    unknown = [reject("filter", f"a: {label}", "label_not_offered", image_id="a") for label in ("Mood", "Weather")]
    write("filter_rejects", unknown, REJECTS, many=True)
    write_samples(tmp_path / "samples", samples.to_dicts())
    files["samples"] = [str(tmp_path / "samples")]
    pairs = [reject("qa", "a: Counting", "no_pair", image_id="a", task_type="Counting")]
    pairs.append(reject("qa", "a: surplus", "second_pair", image_id="a"))
    write("qa_rejects", pairs, REJECTS, many=True)
    write("votes", votes, vote_table_schema(["one", "two"]))
    write("referee_rejects", tally_rejects(votes, ["one", "two"], 1), REJECTS)
    write("clean", votes.select(CLEAN.schema.names), CLEAN)
    write("decontaminate_rejects", [], REJECTS)
    write("dataset", dataset, DATASET)
    write("balance_rejects", [], REJECTS)
    write("cot", [], COT, many=True)
    write("cot_rejects", [], REJECTS, many=True)
    return SimpleNamespace(**files)


def test_every_stage_of_a_run_is_counted_and_adds_up(run: SimpleNamespace) -> None:
    counts, rejects, votes = count_stages(run, EXPANSIONS, 5, ["one", "two"], 5)
    assert counts == {
        "expand": (7, 6),
        "inspect": (6, 4),
        "duplicates": (4, 3),
        "match": (3, 2),
        "filter": (5, 2),
        "qa": (3, 1),
        "referee": (1, 0),
        "decontaminate": (0, 0),
        "balance": (0, 0),
        "cot": (0, 0),
    }
    assert votes == 2
    assert set(counts) == set(UNITS) == set(REASONS)
    to_arrow(rejects, REJECTS)
    to_arrow(funnel_rows(counts, rejects), FUNNEL)
    filter_reasons = rejects.filter(pl.col("stage") == "filter")["reason"].to_list()
    assert filter_reasons == ["not_selected", "label_not_offered", "label_not_offered"]


def test_step_by_step_answers_are_counted_against_the_set_and_only_where_there_are_any(run: SimpleNamespace) -> None:
    drawn = [rows.dataset_row(f"s{number}", task_type=kind) for number, kind in enumerate(["OCR", "OCR", "Counting"])]
    write_table(run.dataset, drawn, DATASET)
    assert count_stages(run, EXPANSIONS, 5, ["one", "two"], 1)[0]["cot"] == (2, 0)
    assert count_stages(run, EXPANSIONS, 5, ["one", "two"], 2)[0]["cot"] == (3, 0)
    run.cot = []
    assert "cot" not in count_stages(run, EXPANSIONS, 5, ["one", "two"], 2)[0]


@pytest.mark.parametrize(
    ("lost", "stage"),
    [
        ("inspect_rejects", "inspect"),
        ("match_rejects", "match"),
        ("qa_rejects", "qa"),
        ("referee_rejects", "referee"),
        ("expand_rejects", "expand"),
    ],
)
def test_a_row_that_vanished_is_found(run: SimpleNamespace, lost: str, stage: str) -> None:
    path = getattr(run, lost)
    write_table(path if isinstance(path, str) else path[0], [], REJECTS)
    counts, rejects, _ = count_stages(run, EXPANSIONS, 5, ["one", "two"], 5)
    with pytest.raises(ValueError, match=f"does not add up; {stage}"):
        funnel_rows(counts, rejects)


def test_candidates_that_were_not_kept_are_rejects_that_name_the_image() -> None:
    candidates = rows.candidates(
        rows.candidate("a", 1, "OCR"),
        rows.candidate("a", 2, "Counting", kept=False),
        rows.candidate("b", 1, "OCR", kept=False, reason="none_fits"),
    )
    rejects = filter_rejects(candidates)
    to_arrow(rejects, REJECTS)
    assert rejects.select("item", "image_id", "task_type", "reason").rows() == [
        ("candidate 2 of a", "a", "Counting", "not_selected"),
        ("candidate 1 of b", "b", "OCR", "none_fits"),
    ]
    assert filter_rejects(candidates[:1]).height == 0


def test_a_duplicate_names_its_first_occurrence() -> None:
    images = rows.images(rows.image("a", path="1.png"), rows.image("a", "two-00000", "2.png"))
    (row,) = duplicate_rejects(find_duplicates(images)).to_dicts()
    assert (row["item"], row["image_id"], row["reason"]) == ("two-00000: 2.png", "a", "duplicate")
    assert row["detail"] == "first seen as one-00000: 1.png"
