"""What the plan makes of what is missing, of what the ledger has seen, and of what nobody knows yet."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rows
from taskgalaxy.division import generator_of
from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
from taskgalaxy.llm.prices import image_tokens, text_tokens
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings, Prices
from taskgalaxy.plan.estimate import (
    KEPT_PRIOR,
    LOADED_SECONDS_PRIOR,
    PAIRS_PRIOR,
    PRIORS,
    SECONDS_PRIOR,
    WITH_KEPT_PRIOR,
    RunPlan,
    StagePlan,
    estimate,
)
from taskgalaxy.plan.history import experience
from taskgalaxy.plan.needs import CotNeeds, ExpandNeeds, Needs, ShardNeeds, batch_files, sent_bytes, shard_needs
from taskgalaxy.prompts import load_templates
from taskgalaxy.qa import render
from taskgalaxy.schemas import FILTER, IMAGE_INDEX, TOPK
from taskgalaxy.tables import write_samples, write_table

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
PRICES = {"input": 10.0, "output": 20.0, "date": "2026-11-01"}
IMAGE = (1024, 1024, 90_000)


def config(**settings: Any) -> dict[str, Any]:
    """One paid endpoint that filters and asks, and referees that cost nothing."""
    paid = {"provider": "openai", "model": "m", "prices": PRICES, "concurrency": 10, **settings}
    return {
        "endpoints": {"paid": paid, "free": {"provider": "embedded", "model": "embedded-semantic"}},
        "roles": {"expand": "free", "filter": "paid", "qa": "paid", "cot": None, "referees": ["free"]},
    }


def plans(tmp_path: Path, *shards: ShardNeeds, jobs: int = 1, **settings: Any) -> dict[str, StagePlan]:
    found = estimate(config(**settings), Ledger(tmp_path), None, shards, None, {}, [IMAGE], jobs)
    return {plan.stage: plan for plan in found}


def record(tmp_path: Path, *replies: Reply) -> None:
    with Ledger(tmp_path).writer("filter", "shard") as writer:
        for number, reply in enumerate(replies):
            request = Request("filter", f"{number:0400d}")
            writer.append([answer_record(question_record(request, request.key("m", {}), "m", {}), reply)])


def test_what_nobody_knows_yet_is_estimated_from_stated_priors(tmp_path: Path) -> None:
    found = plans(tmp_path, ShardNeeds(unfiltered=100, unsettled=100))
    assert set(found) == {"filter", "qa"}, "the embedded provider costs nothing"
    prior = PRIORS["filter"]
    assert found["filter"].requests == 100
    assert found["filter"].exact == 0
    assert found["filter"].prompt_tokens == 100 * (prior["text_tokens"] + image_tokens(1024, 1024))
    assert found["filter"].completion_tokens == 100 * prior["completion_tokens"]
    assert found["qa"].requests == 100 * WITH_KEPT_PRIOR
    assert found["filter"].hours == pytest.approx(100 * SECONDS_PRIOR / 10 / 3600)
    tokens = found["filter"].prompt_tokens, found["filter"].completion_tokens
    assert found["filter"].usd == pytest.approx((tokens[0] * 10 + tokens[1] * 20) / 1e6)
    assert found["filter"].basis == "priors"


def test_what_this_run_has_shown_counts_instead_of_the_priors(tmp_path: Path) -> None:
    shown = ShardNeeds(settled=100, with_kept=50, kept=50, offered=50, pairs=50)
    found = plans(tmp_path, shown, ShardNeeds(unfiltered=100, unsettled=100))
    assert found["qa"].requests == 50


def test_generators_share_what_is_to_come_and_each_has_what_is_exactly_its_own(tmp_path: Path) -> None:
    settings = config()
    settings["endpoints"]["other"] = {**settings["endpoints"]["paid"], "model": "o", "mode": "batch"}
    settings["roles"]["qa"] = ["free", "other", "paid"]
    missing = {"qa other": Needs(6, 600, 0, 1000), "qa paid": Needs(4, 400, 0, 1000)}
    shard = ShardNeeds(missing=missing, batch_files={"qa other": 1}, unsettled=100)
    found = estimate(settings, Ledger(tmp_path), None, [shard], None, {}, [IMAGE], 1)
    later = 100 * WITH_KEPT_PRIOR / 3
    assert [(plan.endpoint, plan.requests, plan.exact, plan.batch_files) for plan in found if plan.stage == "qa"] == [
        ("other", 6 + later, 6, 2),
        ("paid", 4 + later, 4, None),
    ]


def test_of_a_shard_every_generator_is_still_asked_about_its_own_images(tmp_path: Path) -> None:
    generators, images = ["free", "other", "paid"], [f"image {number}" for number in range(12)]
    owned = {name: [image for image in images if generator_of(image, generators) == name] for name in generators}
    settings = config()
    settings["endpoints"]["other"] = {"provider": "openai", "model": "o"}
    settings["roles"] |= {"filter": "free", "qa": generators}
    settings |= {"results": str(tmp_path), "ledger": str(tmp_path / "ledger"), "prompts": str(PROMPTS)}
    source = {"path": "i", "located": "i", "kind": None, "include": [], "exclude": [], "root": None, "column": None}
    settings |= {"referee": {"sees_answer": False}, "sources": {"one": source}}
    kept = [rows.candidate(image, rank, f"a~{rank}") for image in images for rank in (1, 2)]
    write_table(tmp_path / "images.parquet", rows.index(*map(rows.image, images)), IMAGE_INDEX)
    write_table(tmp_path / "filter" / "one-00000.parquet", rows.candidates(*kept), FILTER)
    columns = ("image_id", "rank", "task_type", "score")
    write_table(
        tmp_path / "match" / "topk" / "one-00000.parquet", [{key: row[key] for key in columns} for row in kept], TOPK
    )

    def needs() -> ShardNeeds:
        return shard_needs("one-00000", settings)

    nothing_known = needs()
    assert {name: found.requests for name, found in nothing_known.missing.items()} == {
        f"qa {name}": len(owned[name]) for name in ("other", "paid")
    }
    assert (nothing_known.pending, nothing_known.offered, nothing_known.pairs) == (24, 0, 0)
    # One answers about one image, and the embedded one has written; what else stands in its file is of another time.
    template, image = load_templates(PROMPTS, ["qa"])["qa"], owned["paid"][0]
    question = render(template, SimpleNamespace(image_id=image, read=lambda: b""), ["a~1", "a~2"])
    endpoint = EndpointSettings.of("paid", settings["endpoints"]["paid"])
    key = question.key(endpoint.model, endpoint.parameters)
    reply = Reply('{"task_type": "a~1", "question": "What?", "answer": "That."}', "stop", "m")
    with Ledger(settings["ledger"]).writer("qa", "another") as writer:
        writer.append([answer_record(question_record(question, key, endpoint.model, endpoint.parameters), reply)])
    write_samples(tmp_path / "qa" / "one-00000.jsonl", rows.samples(*(rows.sample(each, each) for each in images)))
    found = needs()
    assert found.missing["qa paid"].requests == len(owned["paid"]) - 1
    assert found.missing["qa other"].requests == len(owned["other"])
    assert found.pending == 2 * (len(owned["paid"]) - 1 + len(owned["other"]))
    assert found.offered == 24 - found.pending
    assert found.pairs == 1 + len(owned["free"])


def test_referees_are_asked_about_the_pairs_that_are_to_come(tmp_path: Path) -> None:
    settings = config()
    settings["roles"]["referees"] = ["paid"]
    shards = [ShardNeeds(unsettled=100, pending=10)]
    found = {plan.stage: plan for plan in estimate(settings, Ledger(tmp_path), None, shards, None, {}, [], 1)}
    assert found["referee"].requests == round((100 * WITH_KEPT_PRIOR * KEPT_PRIOR + 10) * PAIRS_PRIOR + 0.499)


def test_a_model_that_the_job_loads_takes_as_long_as_its_forward_passes(tmp_path: Path) -> None:
    settings = config()
    loaded = {"provider": "transformers", "model": "m", "revision": "0" * 40, "concurrency": 10}
    settings["endpoints"]["loaded"] = loaded
    settings["roles"]["referees"] = ["loaded"]
    shard = ShardNeeds(missing={"referee loaded": Needs(requests=7200, text_tokens=1)})
    found = {plan.stage: plan for plan in estimate(settings, Ledger(tmp_path), None, [shard], None, {}, [IMAGE], 2)}
    assert found["referee"].hours == pytest.approx(7200 * LOADED_SECONDS_PRIOR / 2 / 3600)
    assert found["referee"].usd is None


def test_the_limits_decide_the_hours_where_they_are_lower(tmp_path: Path) -> None:
    shard = ShardNeeds(missing={"filter": Needs(600, 60_000, 0, 1000)})
    assert plans(tmp_path, shard, requests_per_minute=1)["filter"].hours == 10
    tokens = 60_000 + 600 * PRIORS["filter"]["completion_tokens"]
    assert plans(tmp_path, shard, tokens_per_minute=100)["filter"].hours == pytest.approx(tokens / 100 / 60)
    alone, many = plans(tmp_path, shard)["filter"].hours, plans(tmp_path, shard, jobs=4)["filter"].hours
    assert alone == 4 * many


def test_batches_cost_half_and_take_a_day(tmp_path: Path) -> None:
    shard = ShardNeeds(missing={"filter": Needs(600, 60_000, 0, 1000)}, batch_files={"filter": 1})
    online, batch = plans(tmp_path, shard)["filter"], plans(tmp_path, shard, mode="batch")["filter"]
    assert online.usd is not None
    assert (batch.usd, batch.batch_files, batch.hours) == (pytest.approx(online.usd / 2), 1, 24.0)
    assert online.batch_files is None
    assert [batch_files(*needs) for needs in ((1, 1), (50_001, 1), (10, 450_000_000))] == [1, 2, 3]


def test_the_ledger_s_answers_correct_the_token_counts(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 250, "completion_tokens": 8}
    record(tmp_path, *[Reply("a", "stop", "m", usage=usage, seconds=2.0)] * 4, Reply("a", "stop", "m"))
    seen = experience(Ledger(tmp_path), "filter", "m", {})
    assert seen is not None
    assert (seen.answers, seen.completion_tokens, seen.seconds) == (4, 8, 2.0)
    assert seen.prompt_factor == 250 / text_tokens("x" * 400)
    assert experience(Ledger(tmp_path), "filter", "another", {}) is None
    shard = ShardNeeds(missing={"filter": Needs(10, 1000, 0, 1000)})
    plan = plans(tmp_path, shard)["filter"]
    assert (plan.prompt_tokens, plan.completion_tokens) == (2500, 80)
    assert plan.basis == "4 recorded answers"


def test_step_by_step_answers_are_at_most_so_many_per_task_type(tmp_path: Path) -> None:
    settings = config()
    settings["roles"]["cot"] = "paid"
    shards = [ShardNeeds(unfiltered=100, unsettled=100)]

    def requests(cot: CotNeeds) -> tuple[int, int]:
        plans = {plan.stage: plan for plan in estimate(settings, Ledger(tmp_path), None, shards, cot, {}, [IMAGE], 1)}
        return plans["cot"].requests, plans["cot"].exact

    pairs = 100 * WITH_KEPT_PRIOR * KEPT_PRIOR * PAIRS_PRIOR
    assert requests(CotNeeds()) == (math.ceil(pairs), 0)
    assert requests(CotNeeds(most=50)) == (50, 0)
    assert requests(CotNeeds(Needs(3), chosen=30, most=50)) == (23, 3)
    shards = [ShardNeeds(settled=100, with_kept=90, kept=200, offered=200, pairs=200)]
    assert requests(CotNeeds(Needs(3), chosen=30, most=50)) == (3, 3)


def test_a_scaled_image_is_shorter_and_no_image_grows() -> None:
    assert sent_bytes(2000, 1000, 300_000, None) == 400_000
    assert sent_bytes(2000, 1000, 300_000, 1000) == 100_000
    assert sent_bytes(200, 100, 3_000, 1000) == 4_000


def test_the_table_says_what_is_left_of_the_budget_and_what_has_no_price(tmp_path: Path) -> None:
    expand = ExpandNeeds(Needs(2, 100, 0, 100), later=5)
    settings = config()
    settings["endpoints"]["own"] = {"provider": "openai", "model": "o"}
    settings["roles"]["expand"] = "own"
    shards = [ShardNeeds(missing={"filter": Needs(1000, 1_000_000, 0, 1000)})]
    found = estimate(settings, Ledger(tmp_path), expand, shards, None, {}, [], 1)
    table = RunPlan(found, 2, 1.0, 5.0).table()
    assert "Without prices, and not in the sum: own." in table
    assert "$4.00 left, NOT enough" in table
    assert "$400.00 left" not in table
    assert "enough." in RunPlan(found, 2, 1.0, 500.0).table()
    as_json = RunPlan(found, 2, 1.0, 5.0).as_json()
    assert as_json["unpriced"] == ["own"]
    assert as_json["usd"] == sum(plan.usd or 0 for plan in found)
    assert RunPlan([], 1, 0.0, None).table().startswith("Nothing to pay for")


def test_prices_without_a_cached_price_are_complete() -> None:
    assert EndpointSettings.of("a", {"provider": "openai", "model": "m", "prices": PRICES}).prices == Prices(
        10.0, 20.0, "2026-11-01"
    )
