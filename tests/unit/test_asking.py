"""What a dry-run says that its jobs would ask."""

from __future__ import annotations

from typing import Any

from taskgalaxy.asking import asking_summary

CONFIG: dict[str, Any] = {
    "endpoints": {
        "paid": {"provider": "openai", "model": "large-1"},
        "local": {"provider": "embedded", "model": "embedded-generator"},
        "old": {"provider": "replay", "model": "large-0"},
    },
    "roles": {"expand": "paid", "filter": "paid", "qa": "local", "referees": ["paid", "local", "old"]},
    "fill": {"below": None, "images": 10},
    "match": {"k": 10},
}
COUNTS = {"one-00000": 1000, "one-00001": 500}


def jobs(rule: str, **wildcards: str) -> list[tuple[str, dict[str, str]]]:
    return [(rule, {"shard": shard, **wildcards}) for shard in COUNTS]


def test_every_rule_that_asks_a_server_has_its_line_in_the_order_of_the_stages() -> None:
    told = asking_summary(
        CONFIG,
        [
            *jobs("cast_votes", referee="paid"),
            *jobs("filter_matches"),
            ("expand_level", {"level": "1"}),
            ("tally_votes", {}),
        ],
        COUNTS,
    )
    lines = told.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["expand_level", "filter_matches", "cast_votes"]
    assert "paid (large-1)" in lines[1]
    assert lines[1].endswith("1 level")
    assert "2 shards, 1,500 images, one question each" in lines[2]
    assert "2 shards, 1,500 images, up to 10 questions each" in lines[3]
    assert "snakemake plan" in lines[4]


def test_generators_have_a_line_each_with_about_their_share() -> None:
    several = {**CONFIG, "roles": {**CONFIG["roles"], "qa": ["local", "other", "paid"]}}
    several["endpoints"] = {**CONFIG["endpoints"], "other": {"provider": "openai", "model": "small-1"}}
    lines = asking_summary(several, jobs("generate_qa"), COUNTS).splitlines()[1:-1]
    assert [line.split()[1:3] for line in lines] == [["other", "(small-1)"], ["paid", "(large-1)"]]
    assert all("2 shards, about 500 images of 1,500, one question each" in line for line in lines)


def test_what_costs_nothing_is_not_listed() -> None:
    free = [*jobs("generate_qa"), *jobs("cast_votes", referee="local"), *jobs("cast_votes", referee="old")]
    assert asking_summary(CONFIG, free, COUNTS) == ""
    assert asking_summary(CONFIG, [], COUNTS) == ""


def test_a_fill_asks_about_what_is_not_known_before() -> None:
    config = {**CONFIG, "fill": {"below": 5, "images": 3}}
    told = asking_summary(config, [*jobs("filter_matches"), ("filter_matches", {"shard": "fill-00000"})], COUNTS)
    assert "3 shards, 1,500 images" in told
    assert "up to 3 further images of every thin task type" in told
