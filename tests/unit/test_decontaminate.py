"""What benchmarks give away is left out by name, and of images that look alike one keeps its samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import rows
from taskgalaxy.benchmark_lists import Question
from taskgalaxy.decontaminate import benchmark_images, cleaned, contamination, near_duplicates, published
from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_file
from taskgalaxy.rejects import REASONS
from taskgalaxy.report.contamination import format_contamination, format_near_duplicates
from taskgalaxy.schemas import BENCHMARK_IMAGES, CLEAN, CONTAMINATION, IMAGE_HASHES, NEAR_DUPLICATES, REJECTS
from taskgalaxy.tables import to_arrow, to_frame


def hashes(**given: int | None) -> pl.DataFrame:
    return to_frame(
        [{"image_id": name, "phash": found, "readable": True} for name, found in given.items()], IMAGE_HASHES
    )


def benchmark(*entries: tuple[str, str | None, int | None]) -> pl.DataFrame:
    return to_frame(
        [dict(zip(BENCHMARK_IMAGES.schema.names, entry, strict=True)) for entry in entries], BENCHMARK_IMAGES
    )


def samples(*given: tuple[str, str], accepted: bool = True) -> pl.DataFrame:
    """``schemas.CLEAN`` of (sample_id, image_id)."""
    return to_frame(
        [{"sample_id": name, "image_id": image, "task_type": "OCR", "accepted": accepted} for name, image in given],
        CLEAN,
    )


def index(*images: str, **columns: Any) -> pl.DataFrame:
    return rows.index(*(rows.image(name, **columns) for name in images))


def asked(table: pl.DataFrame, question: str = "What is it?") -> pl.DataFrame:
    return table.with_columns(question=pl.lit(question))


def hits(
    table: pl.DataFrame,
    images: Mapping[str, pl.DataFrame] | None = None,
    questions: Mapping[str, list[Question]] | None = None,
    own: pl.DataFrame | None = None,
    distance: int | None = 6,
) -> pl.DataFrame:
    return contamination(table, hashes() if own is None else own, images or {}, questions or {}, distance, 13)


def test_an_image_is_found_by_its_bytes_or_by_what_it_looks_like() -> None:
    table = asked(samples(("1", "same"), ("2", "alike"), ("3", "other"), ("4", "alike"), ("5", "plain")))
    own = hashes(same=0, alike=0xFF00, other=0x7FFFFFFF, plain=None)
    entries = benchmark(("a.jpg", "same", 0), ("b.jpg", None, 0xFF03), ("list.txt:3", "nobody", None))
    found = hits(table, {"exam": entries}, own=own)
    assert found.select("sample_id", "reason", "entry", "distance").rows() == [
        ("1", "benchmark_image", "a.jpg", None),
        ("2", "benchmark_image_near", "b.jpg", 2),
        ("4", "benchmark_image_near", "b.jpg", 2),
    ]


def test_without_a_distance_only_the_same_bytes_count() -> None:
    table = asked(samples(("1", "same"), ("2", "alike")))
    entries = benchmark(("a.jpg", "same", 0), ("b.jpg", None, 0))
    found = hits(table, {"exam": entries}, own=hashes(same=0, alike=0), distance=None)
    assert found["sample_id"].to_list() == ["1"]


def test_a_question_is_found_and_the_shared_words_are_told() -> None:
    table = pl.concat([asked(samples(("1", "i")), "Which is it?"), asked(samples(("2", "j")), "WHAT is it")])
    found = hits(table, questions={"exam": [Question("q.txt:7", "What is it?")]})
    assert found.select("sample_id", "reason", "benchmark", "entry", "words").rows() == [
        ("2", "benchmark_question", "exam", "q.txt:7", "what is it")
    ]


def test_a_hit_per_benchmark_and_reason_images_first() -> None:
    table = asked(samples(("2", "i"), ("1", "i")))
    entries = benchmark(("a.jpg", "i", 5), ("again.jpg", "i", 5))
    questions = [Question("q.txt:1", "What is it?")]
    found = hits(table, {"one": entries, "two": entries}, {"one": questions}, own=hashes(i=5))
    assert found.select("sample_id", "benchmark", "reason", "entry").rows() == [
        (sample, name, reason, entry)
        for sample in ("2", "1")
        for name, reason, entry in [
            ("one", "benchmark_image", "a.jpg"),
            ("two", "benchmark_image", "a.jpg"),
            ("one", "benchmark_question", "q.txt:1"),
        ]
    ]
    to_arrow(published(found, samples(("2", "i"), ("1", "i")), index("i")), CONTAMINATION)


def test_rows_in_are_rows_left_and_named_rejects() -> None:
    table = pl.concat(
        [samples(("1", "same"), ("2", "alike"), ("3", "twin"), ("4", "other")), samples(("5", "same"), accepted=False)]
    )
    own = hashes(same=0, alike=0xFF00, other=0x7FFFFFFF00000000, twin=0x7FFFFFFF00000001)
    found = hits(asked(table), {"exam": benchmark(("a.jpg", "same", 0), ("b.jpg", None, 0xFF03))}, own=own)
    alike = near_duplicates(table.filter(pl.col("sample_id").is_in(["3", "4"])), index("other", "twin"), own, 4)
    left, rejects = cleaned(table, found, alike)
    to_arrow(left, CLEAN)
    to_arrow(rejects, REJECTS)
    assert left["sample_id"].to_list() == ["4"]
    # The referees had rejected the fifth.
    assert [(row["item"], row["reason"], row["detail"]) for row in rejects] == [
        ("1", "benchmark_image", "exam, a.jpg"),
        ("2", "benchmark_image_near", "exam, b.jpg, distance 2"),
        ("3", "near_duplicate", "one/other.png, distance 1"),
    ]
    assert {row["reason"] for row in rejects} <= set(REASONS["decontaminate"])


def test_where_nothing_is_compared_every_sample_passes() -> None:
    table = samples(("1", "i"), ("2", "j"))
    nothing = near_duplicates(table, index("i", "j"), hashes(i=0, j=0), None)
    left, rejects = cleaned(table, hits(asked(table)), nothing)
    assert left.equals(table)
    assert rejects == []


def test_the_first_in_the_order_of_the_images_stands_for_those_alike() -> None:
    table = samples(("1", "c"), ("2", "b"), ("3", "b"), ("4", "far"), ("5", "plain"))
    own = hashes(a=0b111, b=0b11, c=0, far=0xFFFF, plain=None)
    # No sample of the first was accepted: it can stand for nobody.
    alike = near_duplicates(table, index("a", "b", "c", "far", "plain"), own, 2)
    to_arrow(alike, NEAR_DUPLICATES)
    assert alike.select("image_id", "first_image_id", "distance", "samples").rows() == [("c", "b", 2, 1)]


def test_an_image_that_is_gone_stands_for_nobody() -> None:
    table = samples(("1", "a"), ("2", "b"))
    there = pl.concat([index("a", present=False), index("b")])
    assert near_duplicates(table, there, hashes(a=0, b=0), 4).is_empty()


@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.integers(0, 4))
def test_thinning_keeps_the_first_of_every_group_and_no_two_that_are_alike(found: list[int], distance: int) -> None:
    names = [f"i{number}" for number in range(len(found))]
    own = hashes(**dict(zip(names, found, strict=True)))
    table = samples(*((f"s{name}", name) for name in names))
    alike = near_duplicates(table, index(*names), own, distance)
    left, rejects = cleaned(table, hits(asked(table)).clear(), alike)
    kept = left["image_id"].to_list()
    groups = {name: name for name in names} | dict(alike.select("image_id", "first_image_id").iter_rows())
    assert kept == [name for name in names if groups[name] == name]
    assert len(kept) + len(rejects) == len(names)
    place = {name: number for number, name in enumerate(names)}
    for name, first in groups.items():
        assert first in kept
        assert place[first] <= place[name]
        assert (found[place[first]] ^ found[place[name]]).bit_count() <= distance
    for number, name in enumerate(kept):
        for other in kept[:number]:
            assert (found[place[name]] ^ found[place[other]]).bit_count() > distance


def test_a_benchmark_is_folders_and_lists(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    Image.linear_gradient("L").save(tmp_path / "exam" / "a.png")
    (tmp_path / "list.txt").write_text("00000000000000ff\n", encoding="utf-8")
    found = benchmark_images([str(tmp_path / "exam"), str(tmp_path / "list.txt")])
    to_arrow(found, BENCHMARK_IMAGES)
    assert (found[0]["entry"], found[0]["sha256"]) == ("exam/a.png", sha256_file(tmp_path / "exam" / "a.png"))
    assert found[0]["phash"] is not None
    assert found[1] == {"entry": "list.txt:1", "sha256": None, "phash": 255}


def test_an_image_of_a_benchmark_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(UserError, match=r"broken\.png: cannot be decoded"):
        benchmark_images([str(tmp_path)])


def test_the_report_counts_what_was_left_out_and_says_when_nothing_was_compared() -> None:
    table = samples(("1", "i"), ("2", "j"))
    found = published(hits(asked(table), {"exam": benchmark(("a.jpg", "i", None))}), table, index("i", "j"))
    text = format_contamination(found, {"exam": (1200, 0)}, 6, 13)
    assert "left out: 1\n" in text
    assert "exam           1,200          0            1            0            0\n" in text
    assert "at most 6 of 64 bits" in text
    assert format_contamination(found.clear(), {}, 6, 13).startswith("Nothing was compared")


def test_the_report_names_the_largest_groups() -> None:
    names = [f"i{number}" for number in range(9)]
    table = samples(*((f"s{name}", name) for name in names))
    own = hashes(**dict.fromkeys(names[:7], 0), **dict.fromkeys(names[7:], 0xFFFFFF))
    alike = near_duplicates(table, index(*names), own, 4)
    text = format_near_duplicates(alike, own, 4, thin=False)
    assert "9 images with accepted samples; 7 look like an earlier one" in text
    assert "in 2 groups" in text
    assert text.index("one/i0.png") < text.index("one/i7.png")
    assert "and 1 more\n" in text
    assert "null" in format_near_duplicates(alike.clear(), own, None, False)
