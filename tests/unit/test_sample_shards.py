"""Of a set that is too large for the sample page, the files beside it hold every sample once and nothing else."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import report_data
from taskgalaxy.report.sample_index import in_order, sample_index
from taskgalaxy.report.sample_page import write_sample_page

# Level one as a task type of its own, one that begins with the same word, and one that sorts before "~".
TYPES = ["Chart", "Chart pie~Size", "Chart~Bar", "Chart~Bar~Reading", "Chart's ~Odd", "Écran~É", "Scene~Light\\'s"]
SAMPLES = report_data.samples([TYPES[n * n % len(TYPES)] for n in range(100)], provider="openai")
CARRIED, SHARD = 10, 16


def write(folder: Path, samples: pl.DataFrame = SAMPLES, max_samples: int = CARRIED) -> tuple[dict[str, Any], Path]:
    """The page's index and what it carries, and the folder with the shards."""
    rejects = report_data.rejects()
    shards = folder / "samples"
    write_sample_page(
        folder / "samples.html",
        shards,
        samples,
        rejects,
        report_data.funnel(rejects),
        report_data.picture,
        images=report_data.image_index(),
        max_samples=max_samples,
        shard_size=SHARD,
    )
    page = (folder / "samples.html").read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/json" id="\w+">(.*?)</script>', page, re.DOTALL)
    return {**json.loads(found[0]), **json.loads(found[1]), "page": page}, shards


def read(path: Path, edition: str) -> Any:
    """What a shard hands over, as a browser reads its one call."""
    call = re.fullmatch(rf"taskgalaxy\('{path.stem}','{edition}','(.*)'\);\n", path.read_text(encoding="utf-8"))
    assert call
    assert not re.search(r"(?<!\\)(?:\\\\)*'", call[1])
    return json.loads(re.sub(r"\\(['\\])", r"\1", call[1]))


def shards_of(folder: Path, edition: str) -> list[dict[str, Any]]:
    return [read(path, edition) for path in sorted(folder.glob("[0-9]*.js"))]


def test_every_sample_is_in_exactly_one_shard_at_its_position(tmp_path: Path) -> None:
    data, folder = write(tmp_path)
    shards = shards_of(folder, data["edition"])
    assert [len(shard["samples"]) for shard in shards] == [SHARD] * 6 + [4]
    written = [sample["id"] for shard in shards for sample in shard["samples"]]
    assert written == in_order(SAMPLES)["sample_id"].to_list()
    assert sorted(written) == sorted(SAMPLES["sample_id"])


def test_a_shard_says_what_the_table_says(tmp_path: Path) -> None:
    data, folder = write(tmp_path)
    rows = {row["sample_id"]: row for row in SAMPLES.iter_rows(named=True)}
    for shard in shards_of(folder, data["edition"]):
        assert len(shard["images"]) <= len(report_data.NAMES)
        for sample in shard["samples"]:
            row = rows[sample["id"]]
            image = shard["images"][sample["image"]]
            assert [sample[name] for name in ("question", "answer", "rank", "qa_request", "filter_request")] == [
                row[name] for name in ("question", "answer", "rank", "qa_request", "filter_request")
            ]
            assert (image["id"], image["source"], image["path"]) == (row["image_id"], row["source"], row["image"])
            assert "uri" not in image
            assert shard["made"][sample["made"]] == [
                row[name] for name in ("filter_provider", "filter_model", "qa_provider", "qa_model", "qa_prompt")
            ]
            assert shard["panels"][sample["panel"]] == [[vote["referee"], vote["model"]] for vote in row["votes"]]
            assert sample["votes"] == [[vote["vote"], vote["p_yes"], vote["request"]] for vote in row["votes"]]


def test_the_index_counts_what_the_table_holds(tmp_path: Path) -> None:
    data, _ = write(tmp_path)
    assert dict(zip(data["types"], data["counts"], strict=True)) == Counter(SAMPLES["task_type"])
    assert data["total"] == sum(data["counts"]) == SAMPLES.height
    of_samples = base64.b64decode(data["kind_of"])
    assert data["width"] == 1
    found = [data["kinds"][kind] for kind in of_samples]
    expected = [
        [row["source"], row["vote_score"], 3 - row["vote_score"], 0, row["qa_provider"], row["qa_model"]]
        for row in in_order(SAMPLES).iter_rows(named=True)
    ]
    assert found == expected


def test_a_missing_vote_is_neither_yes_nor_no() -> None:
    samples = report_data.samples(["Chart"])
    votes = [{**vote, "vote": None if n == 0 else vote["vote"]} for n, vote in enumerate(samples["votes"][0].to_list())]
    changed = samples.with_columns(votes=pl.Series([votes], dtype=samples.schema["votes"]))
    assert sample_index(changed)["kinds"] == [("photos", 2, 0, 1, "embedded", "qa-model")]


@pytest.mark.parametrize(("kinds", "width"), [(256, 1), (257, 2), (65_537, 4)])
def test_any_number_of_kinds_fits(kinds: int, width: int) -> None:
    one = report_data.samples(["Chart"])
    samples = one[[0] * kinds].with_columns(source=pl.format("s{}", pl.int_range(pl.len())))
    index = sample_index(samples)
    assert index["width"] == width
    raw = base64.b64decode(index["kind_of"])
    found = [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]
    assert [index["kinds"][kind][0] for kind in found] == samples["source"].to_list()


@given(st.lists(st.lists(st.sampled_from(["A", "A b", "B", "é", "!"]), min_size=1, max_size=4), min_size=1))
def test_what_lies_under_a_node_lies_side_by_side(paths: list[list[str]]) -> None:
    types = ["~".join(path) for path in paths]
    index = sample_index(in_order(report_data.samples(types)))
    for path in paths:
        for depth in range(1, len(path) + 1):
            under = [each.split("~")[:depth] == path[:depth] for each in index["types"]]
            first = under.index(True)
            assert all(under[first : first + sum(under)])


def test_ids_are_listed_by_position(tmp_path: Path) -> None:
    data, folder = write(tmp_path)
    ids = read(folder / "ids.js", data["edition"])
    letters = data["id_letters"]
    assert [ids[at : at + letters] for at in range(0, len(ids), letters)] == [
        each[:letters] for each in in_order(SAMPLES)["sample_id"]
    ]


def test_the_page_carries_a_selection_with_its_images(tmp_path: Path) -> None:
    data, _ = write(tmp_path)
    ordered = in_order(SAMPLES)
    assert len(data["positions"]) == 8  # two of each, as three would be too many
    assert [sample["id"] for sample in data["samples"]] == [ordered["sample_id"][at] for at in data["positions"]]
    assert {ordered["task_type"][at] for at in data["positions"]} == set(TYPES) & set(SAMPLES["task_type"])
    assert all(image["uri"].startswith("data:image/webp") for image in data["images"])


def test_only_a_page_with_a_folder_may_load_scripts_and_only_by_its_own(tmp_path: Path) -> None:
    large, _ = write(tmp_path)
    assert re.search(r"script-src 'sha256-[^']*' 'strict-dynamic';", large["page"])
    assert "img-src data: 'self' file:;" in large["page"]
    small, folder = write(tmp_path / "small", max_samples=SAMPLES.height)
    assert "strict-dynamic" not in small["page"]
    assert "img-src data:;" in small["page"]
    assert small["folder"] is None
    assert list(folder.iterdir()) == []


def test_the_same_samples_in_any_order_give_the_same_files(tmp_path: Path) -> None:
    one, first = write(tmp_path / "one")
    two, second = write(tmp_path / "two", SAMPLES.sample(fraction=1, shuffle=True, seed=1))
    assert one == two
    assert sorted(path.name for path in first.iterdir()) == sorted(path.name for path in second.iterdir())
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_a_changed_set_has_another_edition(tmp_path: Path) -> None:
    changed = SAMPLES.with_columns(sample_id=pl.col("sample_id").str.reverse())
    assert write(tmp_path / "one")[0]["edition"] != write(tmp_path / "two", changed)[0]["edition"]
