"""What a change of images, seeds, settings or code runs again, asks again and changes in the final set."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from endpoint import Endpoint
from workflow import changes
from workflow.project import ROOT, Project
from workflow.rebuild_table import STAGES, TOGETHER, table

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize("name", TOGETHER)
def test_a_change_runs_asks_and_leaves_what_the_table_says(
    name: str, finished: Project, endpoint: Endpoint, tmp_path: Path
) -> None:
    rows = TOGETHER[name]
    before, questions, recorded = finished.dataset(), _questions(finished), finished.recorded_keys()
    for number, row in enumerate(rows):
        alone = finished.copy_to(tmp_path / str(number)) if len(rows) > 1 else finished
        row.make(alone)
        planned = alone.planned()
        assert planned == row.jobs, row.name
    if len(rows) > 1:
        for row in rows:
            row.make(finished)
        planned = finished.planned()
        assert planned.keys() == {rule for row in rows for rule in row.jobs}
    start = time.time_ns()
    finished.run()
    assert _ran(finished, start) == planned
    # Nothing is asked that was answered, and all that is asked is a question only now.
    asked = {stage: endpoint.state.stages[stage] for stage in STAGES if endpoint.state.stages[stage]}
    assert max(endpoint.answered.values(), default=1) == 1
    keys = finished.recorded_keys()
    assert len(keys) == len(set(keys)) == len(recorded) + sum(asked.values())
    may_ask = {stage for row in rows for stage in row.stages}
    assert asked.keys() <= may_ask
    assert bool(asked) == bool(may_ask)
    anew = {stage for row in rows for stage in row.anew}
    for stage, now in _questions(finished).items():
        assert asked.get(stage, 0) == len(now - (set() if stage in anew else questions[stage])), stage
    for row in rows:
        assert row.effect(before, finished), row.name
    assert finished.planned() == Counter()


def _ran(project: Project, start_ns: int) -> Counter[str]:
    """How many jobs of each rule have written a log since then."""
    logs = project.path("logs")
    written = [path.relative_to(logs) for path in logs.rglob("*.log") if path.stat().st_mtime_ns > start_ns]
    return Counter(path.parts[0].removesuffix(".log") for path in written)


def _questions(project: Project) -> dict[str, set[tuple[str, ...]]]:
    """What there is to ask of each stage, by what the question is about."""
    candidates = pl.read_parquet(project.path("match/topk/*.parquet"))
    kept = pl.read_parquet(project.path("filter/*.parquet")).filter("kept")
    votes = pl.read_parquet(project.path("votes/*/*.parquet")).select("referee", "sample_id")
    return {"filter": _by_image(candidates), "qa": _by_image(kept), "referee": set(votes.iter_rows())}


def _by_image(rows: pl.DataFrame) -> set[tuple[str, ...]]:
    """An image and its task types, in their order."""
    grouped = rows.sort("image_id", "rank").group_by("image_id").agg("task_type")
    return {(image_id, *task_types) for image_id, task_types in grouped.iter_rows()}


def test_the_table_in_the_documentation_is_the_one_that_is_tested() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## Incremental rebuilds\n")[2].partition("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("|")] == table()


def test_nothing_is_to_be_done_after_a_run(finished: Project, endpoint: Endpoint) -> None:
    assert "Nothing to be done" in finished.run()
    assert not endpoint.answered


def test_a_dry_run_writes_nothing(finished: Project) -> None:
    finished.add_images("one", [20])
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")}
    finished.run("--dry-run")
    assert {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")} == before


def test_a_moved_image_is_found_when_its_old_shard_is_asked_anew(finished: Project, endpoint: Endpoint) -> None:
    folder = finished.folder / "images" / "one"
    (folder / "0001.png").rename(folder / "renamed.png")
    finished.run("--until", "find_duplicates")
    finished.config["endpoints"]["generator"]["model"] = "another-generator"
    finished.run("results/filter/one-00000.parquet")
    assert endpoint.state.stages["filter"] == 4
    assert pl.read_parquet(finished.path("rejects/filter/one-00000.parquet")).is_empty()


def test_the_set_is_the_same_bytes_whatever_its_images_lie_in(finished: Project, endpoint: Endpoint) -> None:
    digest, pixels = finished.samples_digest(), _gathered(finished)
    assert pixels
    for kind in ("zip", "parquet", "csv"):
        changes.pack(finished, kind)
        finished.run("dataset", "results/export/images")
        assert finished.samples_digest() == digest, kind
        assert _gathered(finished).items() >= pixels.items(), kind
    assert not endpoint.answered


def _gathered(project: Project) -> dict[str, bytes]:
    """The images of the set in the folder of the exports."""
    folder = project.path("export/images")
    names = {f"{source}/{image}" for source, image in project.dataset().select("source", "image").iter_rows()}
    return {name: (folder / name).read_bytes() for name in names}


def test_a_change_of_the_images_hides_no_other_change(finished: Project) -> None:
    (finished.folder / "images" / "one" / "0000.png").unlink()
    alone = finished.planned()
    assert alone["find_duplicates"] == 1
    assert not {"filter_matches", "cast_votes", "tally_votes"} & alone.keys()
    finished.config["referee"] = {"accept_at": 3}
    assert finished.planned()["tally_votes"] == 1
    finished.config["endpoints"]["generator"]["model"] = "another"
    assert finished.planned()["filter_matches"] == 2
