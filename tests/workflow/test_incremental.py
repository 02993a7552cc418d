"""What a change of images, seeds or settings runs again, asks again and changes in the final set."""

from __future__ import annotations

import os
from collections import Counter

import polars as pl
import pytest

from endpoint import Endpoint
from workflow.project import Project, write_image

pytestmark = pytest.mark.workflow

AGGREGATES = Counter(["tally_votes", "balance", "funnel", "sample_page", "seal_dataset", "export_llava", "link_images"])
"""What runs whenever the samples change."""

PER_SHARD = Counter(
    ["write_shard", "inspect_images", "embed_images", "match", "filter_matches", "generate_qa"] + ["cast_votes"] * 3
)
"""The jobs of one new shard, with three referees."""


def test_nothing_is_to_be_done_after_a_run(finished: Project, endpoint: Endpoint) -> None:
    assert finished.planned() == Counter()
    assert "Nothing to be done" in finished.run()
    assert not endpoint.answered


def test_a_dry_run_writes_nothing(finished: Project) -> None:
    finished.add_images("one", [20])
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")}
    finished.run("--dry-run")
    assert {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")} == before


def test_adding_images_runs_only_the_new_shards_and_the_aggregates(finished: Project, endpoint: Endpoint) -> None:
    before = finished.dataset()
    candidates = set(before["sample_id"])
    old_answers = set(finished.path("qa/one-00000.jsonl").read_text().splitlines())
    finished.config["balance"]["max"] = 50
    finished.run()
    everything = set(finished.dataset()["sample_id"])
    finished.add_images("one", [20, 21, 22])
    planned = finished.planned()
    assert planned == PER_SHARD + AGGREGATES + Counter(["find_duplicates"])
    assert finished.jobs(finished.run()) == planned
    after = finished.dataset()
    assert candidates <= everything <= set(after["sample_id"])
    assert set(finished.path("qa/one-00000.jsonl").read_text().splitlines()) == old_answers
    new_images = set(after["image_id"]) - set(before["image_id"])
    of_new_files = after.filter(after["image"].is_in(["0020.png", "0021.png", "0022.png"]))
    assert set(of_new_files["image_id"]) <= new_images
    # Three filter questions, at most three for pairs, and the referees on those: nothing about older images.
    assert max(endpoint.answered.values()) == 1
    assert endpoint.answered.total() <= 3 + 3 + 3 * 9


def test_removing_an_image_drops_its_samples_and_asks_nothing(finished: Project, endpoint: Endpoint) -> None:
    before = finished.dataset()
    victim = before.filter((before["source"] == "one") & (before["image"] != "0003.png"))["image"][0]
    (finished.folder / "images" / "one" / victim).unlink()
    planned = finished.planned()
    assert set(planned) == {"list_removed", "find_duplicates"} | (set(AGGREGATES) - {"tally_votes"})
    assert finished.jobs(finished.run()) == planned
    after = finished.dataset()
    gone = before.filter((before["source"] == "one") & (before["image"] == victim))["image_id"][0]
    assert gone not in after["image_id"].to_list()
    assert not endpoint.answered
    rejects = finished.rejects()
    assert "image_removed" in rejects.filter(rejects["image_id"] == gone)["reason"].to_list()


def test_removing_one_of_two_copies_keeps_the_samples(finished: Project, endpoint: Endpoint) -> None:
    before = finished.dataset()
    (finished.folder / "images" / "one" / "0003.png").unlink()
    finished.run()
    after = finished.dataset()
    assert after["sample_id"].to_list() == before["sample_id"].to_list()
    assert set(after.filter(after["image"] == "0003.png")["source"]) <= {"two"}
    assert not endpoint.answered


@pytest.mark.parametrize("change", ["touch", "move", "copy"])
def test_a_touched_moved_or_copied_image_is_the_same_image(finished: Project, endpoint: Endpoint, change: str) -> None:
    before = finished.dataset()
    folder = finished.folder / "images" / "one"
    if change == "touch":
        os.utime(folder / "0001.png")
    elif change == "move":
        (folder / "moved").mkdir()
        (folder / "0001.png").rename(folder / "moved" / "elsewhere.png")
    else:
        (folder / "copy.png").write_bytes((folder / "0001.png").read_bytes())
    finished.run()
    after = finished.dataset()
    assert after["sample_id"].to_list() == before["sample_id"].to_list()
    assert not endpoint.answered
    if change == "move":
        moved = set(before.filter(before["image"] == "0001.png")["sample_id"])
        assert set(after.filter(after["image"] == "moved/elsewhere.png")["sample_id"]) == moved
    else:
        assert after.equals(before)


def test_a_moved_image_is_still_found_when_its_shard_is_asked_anew(finished: Project, endpoint: Endpoint) -> None:
    folder = finished.folder / "images" / "one"
    (folder / "0001.png").rename(folder / "renamed.png")
    finished.run()
    finished.config["endpoints"]["generator"]["model"] = "another-generator"
    finished.run()
    assert "request_failed" not in finished.rejects()["reason"].to_list()
    assert endpoint.answered.total() > 0


def test_replaced_content_is_a_new_image(finished: Project, endpoint: Endpoint) -> None:
    before = finished.dataset()
    write_image(finished.folder / "images" / "one" / "0001.png", 30)
    finished.run()
    after = finished.dataset()
    old = set(before.filter((before["source"] == "one") & (before["image"] == "0001.png"))["image_id"])
    assert not old & set(after["image_id"])
    assert endpoint.answered.total() > 0


def test_a_new_seed_asks_only_about_images_whose_candidates_changed(finished: Project, endpoint: Endpoint) -> None:
    before = {shard: finished.path(f"match/topk/{shard}.parquet").read_bytes() for shard in ("one-00000", "two-00000")}
    candidates = {shard: _candidates(finished, shard) for shard in before}
    finished.seeds["Detection"]["object detection"]["coin counting"] = None
    finished.run()
    changed = {
        image
        for shard in before
        for image, names in _candidates(finished, shard).items()
        if candidates[shard][image] != names
    }
    assert endpoint.state.stages["filter"] == len(changed) < 7
    assert max(endpoint.answered.values(), default=1) == 1


def _candidates(project: Project, shard: str) -> dict[str, list[str]]:
    topk = pl.read_parquet(project.path(f"match/topk/{shard}.parquet")).sort("image_id", "rank")
    return dict(topk.group_by("image_id", maintain_order=True).agg("task_type").iter_rows())


def test_a_changed_cap_redraws_and_asks_nothing(finished: Project, endpoint: Endpoint) -> None:
    before = finished.dataset()
    finished.config["balance"]["max"] = 1
    planned = finished.planned()
    assert "cast_votes" not in planned
    assert "tally_votes" not in planned
    finished.run()
    after = finished.dataset()
    assert after["task_type"].is_unique().all()
    assert set(after["sample_id"]) <= set(before["sample_id"])
    assert not endpoint.answered


def test_a_changed_threshold_counts_again_and_asks_nothing(finished: Project, endpoint: Endpoint) -> None:
    finished.config["referee"] = {"accept_at": 3}
    assert set(finished.planned()) == set(AGGREGATES)
    finished.run()
    assert (finished.dataset()["vote_score"] == 3).all()
    assert not endpoint.answered


def test_settings_of_how_to_ask_run_nothing(finished: Project) -> None:
    for settings in finished.config["endpoints"].values():
        settings.update(concurrency=3, timeout_s=33, max_retries=1)
    finished.config["ledger"] = "ledger"
    assert set(finished.planned()) <= {"seal_dataset"}
