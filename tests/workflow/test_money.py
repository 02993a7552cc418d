"""The plan says what a run will ask, and the budget is a hard stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from endpoint import TOKEN_COUNT, Endpoint
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import read_table
from workflow.project import Project

pytestmark = pytest.mark.workflow

PRICES = {"input": 1000, "output": 1000, "date": "2026-11-01"}
ANSWER_USD = 2 * TOKEN_COUNT * 1000 / 1e6


def plan_of(project: Project, *arguments: str) -> dict[str, Any]:
    output = project.run("plan", *arguments)
    table = project.path("report/plan.txt").read_text(encoding="utf-8")
    assert table in output
    plan: dict[str, Any] = json.loads(project.path("report/plan.json").read_text(encoding="utf-8"))
    return plan


def requests_of(plan: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Per endpoint and stage, how many requests are planned, and how many of them exactly."""
    return {f"{row['stage']} {row['endpoint']}": (row["requests"], row["exact"]) for row in plan["stages"]}


def test_the_plan_is_made_before_anything_has_run_and_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANTED_KEY", raising=False)
    with Endpoint() as server:
        project = Project(tmp_path / "run", server.url)
        project.use_server(server.url, api_key_env="PLANTED_KEY", prices=PRICES)
        project.add_images("one", range(4))
        plan = plan_of(project)
        assert requests_of(plan)["filter generator"] == (4, 0)
        assert plan["usd"] > 0
        assert server.state.requests == 0
    assert not (project.folder / "ledger").exists() or not list((project.folder / "ledger").rglob("*.jsonl"))


def test_what_the_plan_calls_exact_is_what_is_then_asked(matched: Project) -> None:
    with Endpoint() as server:
        # Two that divide the images among them, so that each has a line of its own.
        matched.config["endpoints"]["other"] = {**matched.config["endpoints"]["generator"], "model": "test-other"}
        matched.config["roles"]["qa"] = ["generator", "other"]
        matched.use_server(server.url, prices=PRICES)
        assert requests_of(plan_of(matched))["filter generator"] == (4, 4)
        for rule, lines, stage in (
            ("filter_matches", ["filter generator"], "filter"),
            ("generate_qa", ["qa generator", "qa other"], "qa"),
        ):
            plans = requests_of(plan_of(matched))
            assert all(planned == exact > 0 for planned, exact in (plans[line] for line in lines))
            matched.run("--until", rule)
            assert server.state.stages[stage] == sum(plans[line][0] for line in lines)
        planned, exact = requests_of(plan_of(matched))["referee first"]
        matched.run("dataset", "results/subsets/generator-other.parquet")
        assert set(read_table(matched.path("subsets/generator-other.parquet"), DATASET)["qa_model"]) <= {"test-other"}
        assert set(matched.dataset()["qa_model"]) == {"test-generator", "test-other"}
        assert 3 * planned == 3 * exact == server.state.stages["referee"] > 0
        after = plan_of(matched)
        assert all(row["requests"] == 0 for row in after["stages"])
        assert after["spent_usd"] == pytest.approx(server.answered.total() * ANSWER_USD)
        # Other answers are wanted now: they are counted, though results of the old ones are there.
        matched.use_server(server.url, seed=5)
        assert requests_of(plan_of(matched))["filter generator"] == (4, 4)


def test_the_budget_stops_all_jobs_with_at_most_the_requests_in_flight_above_it(
    matched: Project, undisturbed: Project
) -> None:
    with Endpoint(latency_s=0.05) as server:
        # Three referees vote on one shard, two of them at once, four requests each.
        matched.use_server(server.url, prices=PRICES, concurrency=4)
        matched.config["budget_usd"] = 100.0
        matched.run("--until", "generate_qa")
        budget_usd = (server.answered.total() + 10) * ANSWER_USD
        matched.config["budget_usd"] = budget_usd
        stopped = matched.snakemake("dataset", "--keep-going")
        assert stopped.returncode != 0
        assert "raise budget_usd and run again".casefold() in stopped.stdout.casefold()
        spent_usd = server.answered.total() * ANSWER_USD
        assert budget_usd <= spent_usd + 1e-9
        assert spent_usd <= budget_usd + 2 * 4 * ANSWER_USD + 1e-9
        assert f"{spent_usd:.4f}" in stopped.stdout or "have cost" in stopped.stdout
        matched.config["budget_usd"] = 100.0
        matched.run("dataset")
        repeated = server.answered.total() - len(server.answered)
        assert repeated <= 4, "only the tiny questions before a run may come again"
    assert matched.samples_digest() == undisturbed.samples_digest()


def test_a_budget_without_prices_is_refused_before_anything_runs(matched: Project) -> None:
    matched.config["budget_usd"] = 1
    refused = matched.snakemake()
    assert refused.returncode != 0
    assert "endpoints.generator.prices" in refused.stdout
