"""A wrong configuration is one message that names the key and the fix, before anything runs."""

from __future__ import annotations

import copy
import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from taskgalaxy.config import (
    deciding,
    endpoint_identity,
    load_schema,
    option_table,
    resolve_path,
    secret_names,
    used_endpoints,
    uses_gpu,
    validated,
)
from taskgalaxy.errors import UserError
from taskgalaxy.inputs import check_inputs
from taskgalaxy.llm.settings import EndpointSettings, Prices
from taskgalaxy.option_table import option_page
from taskgalaxy.publish.settings import CardSettings, Published, published
from taskgalaxy.rejects import VOTE_REASONS

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "config" / "schemas" / "config.schema.json")


def minimal(**changes: Any) -> dict[str, Any]:
    return {
        "sources": {"own": {"path": "images", "license": "CC0-1.0"}},
        "endpoints": {"small": {"provider": "openai", "model": "m"}, "large": {"provider": "openai", "model": "l"}},
        "roles": {"expand": "small", "filter": "small", "qa": "large", "referees": ["small", "large"]},
        **changes,
    }


def changed(path: str, value: Any, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """A configuration with the key at ``path`` (dots between its parts) set."""
    config = copy.deepcopy(base or minimal())
    *folders, last = path.split(".")
    place = config
    for part in folders:
        place = place.setdefault(part, {})
    place[last] = value
    return config


def without(path: str) -> dict[str, Any]:
    config = minimal()
    *folders, last = path.split(".")
    place = config
    for part in folders:
        place = place[part]
    del place[last]
    return config


def message(config: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        validated(config, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config.yaml", "paper.yaml"])
def test_the_shipped_configurations_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config = validated(yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8")), SCHEMA)
    check_inputs(config)
    assert uses_gpu(config) == (name == "paper.yaml")


def test_the_paper_s_settings_are_the_paper_s() -> None:
    config = validated(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")), SCHEMA)
    assert (config["match"]["model"], config["match"]["pretrained"], config["match"]["k"]) == ("ViT-L-14", "openai", 10)
    assert len(config["roles"]["referees"]) == 3
    assert (config["referee"]["accept_at"], config["referee"]["missing_vote"]) == (2, "no")
    assert (config["balance"]["min"], config["balance"]["max"]) == (1, 55)
    assert sum(level["target"] for level in config["taxonomy"]["levels"]) == 19227


def test_the_option_table_is_that_of_the_schema() -> None:
    assert (ROOT / "config" / "README.md").read_text(encoding="utf-8") == option_page(), "run `make options`"


def test_every_key_is_explained_and_has_a_default_or_is_required() -> None:
    def look(schema: dict[str, Any], path: str) -> None:
        for name, option in schema.get("properties", {}).items():
            key = f"{path}{name}"
            assert "description" in option or "properties" in option, key
            assert "default" in option or name in schema.get("required", ()), key
            look(option, f"{key}.")
        for part in ("additionalProperties", "items"):
            if isinstance(schema.get(part), dict):
                look(schema[part], f"{path}NAME.")

    look(SCHEMA, "")
    assert option_table(SCHEMA).count("\n| `") > 40


def test_defaults_are_filled_in_everywhere() -> None:
    given = minimal()
    before = copy.deepcopy(given)
    config = validated(given, SCHEMA)
    assert given == before
    assert config["results"] == "results"
    assert config["match"]["k"] == 10
    assert config["balance"] == {"min": 1, "max": 55}
    assert [level["rounds"] for level in config["taxonomy"]["levels"]] == [1, 1, 1]
    assert config["endpoints"]["small"]["concurrency"] == 8
    assert config["sources"]["own"] == {
        **{"path": "images", "license": "CC0-1.0", "licenses": {}, "include": [], "exclude": []},
        "located": "images",
        "kind": None,
        "root": None,
        "column": None,
    }
    own = validated(changed("taxonomy.levels", [{"target": 5}]), SCHEMA)
    assert own["taxonomy"]["levels"] == [{"target": 5, "rounds": 1, "max_per_parent": None}]


def test_defaults_are_copies_of_the_schema_s() -> None:
    before = copy.deepcopy(SCHEMA)
    config = validated(minimal(), SCHEMA)
    config["taxonomy"]["levels"].append("mine")
    config["exports"].append("mine")
    assert before == SCHEMA


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("sed", "seed"),
        ("match.kk", "k"),
        ("balance.maximum", "max"),
        ("sources.own.licence", "license"),
        ("endpoints.small.api_key", "api_key_env"),
        ("roles.referee", "referees"),
        ("taxonomy.level", "levels"),
    ],
)
def test_an_unknown_key_is_named_with_what_may_be_meant(path: str, suggestion: str) -> None:
    told = message(changed(path, 1))
    assert path in told
    assert f"Did you mean {suggestion}?" in told


def test_an_unknown_key_without_likeness_lists_the_known_ones() -> None:
    told = message(changed("zzz", 1))
    assert "zzz" in told
    assert "Known here: results, ledger" in told


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", "one"),
        ("match.k", "ten"),
        ("match.k", 0),
        ("match.k", 1.5),
        ("match.k", True),
        ("match.k", None),
        ("match.device", "gpu"),
        ("match", None),
        ("images.shard_size", 5001),
        ("images.animated", "keep"),
        ("balance.max", 0),
        ("exports", "llava"),
        ("exports", ["llava", "other"]),
        ("subsets.caps", [0]),
        ("subsets.images", "all"),
        ("llava_mix", "mix.json"),
        ("card.name", "my pictures"),
        ("card.pretty_name", ""),
        ("card.version", "1.0"),
        ("card.date_published", "30.11.2026"),
        ("card.languages", []),
        ("card.languages", "en"),
        ("card.url", "example.org"),
        ("card.creators", ["A Person"]),
        ("card.citation", "```"),
        ("push.repository", "pictures"),
        ("push.repository", "https://huggingface.co/datasets/me/pictures"),
        ("push.token_env", "hf-123"),
        ("push.export", "llava"),
        ("push.private", "yes"),
        ("sources.own", "images"),
        ("sources.own.path", ""),
        ("sources.own.include", "*.png"),
        ("endpoints.small.provider", "anthropic"),
        ("endpoints.small.revision", "main"),
        ("endpoints.small.revision", "0123abc"),
        ("endpoints.small.dtype", "auto"),
        ("endpoints.small.batch_size", 0),
        ("endpoints.small.api_key_env", "sk-123"),
        ("endpoints.small.timeout_s", 0),
        ("endpoints.small.mode", "offline"),
        ("endpoints.small.concurrency", 0),
        ("endpoints.small.requests_per_minute", 0),
        ("endpoints.small.max_failed", 1.5),
        ("endpoints.small.retry_replies.refused", -1),
        ("endpoints.small.image_jpeg_quality", 101),
        ("endpoints.small.image_detail", "medium"),
        ("endpoints.small.structured_output", "yes"),
        ("budget_usd", -1),
        ("budget_usd", "10 dollars"),
        ("roles.qa", None),
        ("roles.qa", []),
        ("roles.qa", ["small", "small"]),
        ("roles.filter", ["small"]),
        ("roles.referees", []),
        ("roles.referees", ["small", "small"]),
        ("referee.accept_at", "2"),
        ("referee.missing_vote", "maybe"),
        ("taxonomy.levels", []),
        ("taxonomy.pool", "some"),
    ],
)
def test_a_wrong_value_is_an_error_at_its_key(path: str, value: Any) -> None:
    told = message(changed(path, value))
    assert told.startswith(f"config, {path}")
    assert "it means" in told.lower()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("exports", ["llava_mix"], "config, llava_mix: is missing, and exports lists it"),
        ("sources.llava_mix", {"path": "images", "license": "MIT"}, "config, sources.llava_mix: is what exports call"),
        ("subsets.bands", [10, 5], "config, subsets.bands: does not ascend"),
        ("push.repository", "me/pictures", "config, push.export: is huggingface, which exports does not list"),
    ],
)
def test_what_contradicts_itself_is_an_error(path: str, value: Any, said: str) -> None:
    assert message(changed(path, value)).startswith(said)


@pytest.mark.parametrize("language", ["en", "deu", "pt-BR", "zh-Hans-CN"])
def test_languages_are_named_by_their_codes(language: str) -> None:
    assert validated(changed("card.languages", [language]), SCHEMA)["card"]["languages"] == [language]


@pytest.mark.parametrize("language", ["English", "EN", "e", "en_GB", ""])
def test_a_language_that_is_no_code_is_refused(language: str) -> None:
    assert message(changed("card.languages", ["en", language])).startswith("config, card.languages.1: ")


def test_a_day_of_publication_may_be_written_as_yaml_reads_dates() -> None:
    day = datetime.date(2026, 11, 30)
    assert validated(changed("card.date_published", day), SCHEMA)["card"]["date_published"] == "2026-11-30"


def test_card_and_push_have_defaults_and_decide_nothing_of_the_set() -> None:
    config = validated(minimal(), SCHEMA)
    assert CardSettings(**config["card"]).languages == ["en"]
    assert published(config) == Published(None, None, []), "an export that is not made is not published"
    listed = minimal(exports=["huggingface"], push={"repository": "me/pictures"}, subsets={"caps": [5]})
    assert published(validated(listed, SCHEMA)) == Published("me/pictures", "huggingface", ["cap-5"])
    assert config["push"]["private"]
    assert not {"card", "push"} & deciding(config).keys()


@pytest.mark.parametrize(
    "path",
    ["endpoints", "roles", "sources.own.path", "sources.own.license", "endpoints.small.model", "roles.qa"],
)
def test_a_missing_key_is_named(path: str) -> None:
    assert message(without(path)).startswith(f"config, {path}: is missing")


@pytest.mark.parametrize("name", ["my photos", "a/b", "", "-x", "größe"])
def test_a_name_that_cannot_be_a_file_s_is_refused(name: str) -> None:
    assert "sources" in message(minimal(sources={name: {"path": "x", "license": "MIT"}}))


def test_more_votes_than_referees_are_refused() -> None:
    told = message(changed("referee.accept_at", 3))
    assert "referee.accept_at" in told
    assert "2 referees" in told
    assert validated(changed("referee.accept_at", 2), SCHEMA)["referee"]["accept_at"] == 2
    one = changed("roles.referees", ["small"])
    assert "referee.accept_at" in message(one), "the default of 2 counts too"


def test_generators_are_a_list_in_any_order_and_a_list_of_one_is_that_one() -> None:
    def settled(qa: Any) -> Any:
        config = validated(changed("roles.qa", qa), SCHEMA)
        return config["roles"]["qa"], deciding(config)

    assert settled(["small", "large"]) == settled(["large", "small"])
    assert settled(["small", "large"])[0] == ["large", "small"]
    assert settled(["large"]) == settled("large")
    assert used_endpoints(validated(changed("roles.qa", ["small", "large"]), SCHEMA)) == ["small", "large"]


def test_what_is_wrong_with_a_generator_is_said_at_its_place_in_the_list() -> None:
    assert message(changed("roles.qa", ["large", "larg"])).startswith(
        "config, roles.qa[1]: no endpoint is named 'larg'"
    )
    loaded = changed("roles.qa", ["judge", "large"], changed("endpoints.judge", LOADED))
    assert message(loaded).startswith("config, roles.qa[0]: judge is an endpoint of provider transformers")
    recorded = {"provider": "replay", "model": "l", "concurrency": 1}
    same = changed("roles.qa", ["large", "again"], changed("endpoints.again", recorded))
    assert message(same).startswith("config, roles.qa[1]: again would give the answers of large")
    # One model with other parameters is another generator.
    warmer = changed("endpoints.again.temperature", 1.0, same)
    assert validated(warmer, SCHEMA)["roles"]["qa"] == ["again", "large"]


def test_a_minimum_above_the_maximum_is_refused() -> None:
    assert "balance.min" in message(minimal(balance={"min": 5, "max": 4}))
    assert "balance.min" in message(minimal(balance={"min": 56}))
    assert validated(minimal(balance={"min": 4, "max": 4}), SCHEMA)["balance"]["min"] == 4


@pytest.mark.parametrize("role", ["expand", "filter", "qa"])
def test_a_model_that_the_job_loads_can_only_be_a_referee(role: str) -> None:
    told = message(changed(f"roles.{role}", "judge", changed("endpoints.judge", LOADED)))
    assert told.startswith(f"config, roles.{role}: judge is an endpoint of provider transformers")
    assert "roles.referees" in told
    assert validated(changed("roles.referees", ["small", "judge"], changed("endpoints.judge", LOADED)), SCHEMA)


@pytest.mark.parametrize("revision", [None, f"sha256:{'0' * 64}"])
def test_weights_without_a_commit_must_lie_in_a_folder(revision: str | None, tmp_path: Path) -> None:
    judge = {**LOADED, "revision": revision}
    told = message(changed("endpoints.judge", judge))
    assert told.startswith("config, endpoints.judge.model: there is no folder org/judge")
    assert "full commit" in told
    assert validated(changed("endpoints.judge", {**judge, "model": str(tmp_path)}), SCHEMA)
    assert validated(changed("endpoints.judge", {**judge, "provider": "replay"}), SCHEMA)


@pytest.mark.parametrize("provider", ["openai", "embedded"])
def test_a_revision_of_what_the_job_does_not_load_is_refused(provider: str) -> None:
    told = message(changed("endpoints.small", {"provider": provider, "model": "m", "revision": "0" * 40}))
    assert told.startswith(f"config, endpoints.small.revision: means nothing to provider {provider}")


@pytest.mark.parametrize(("path", "value"), [("roles.qa", "nobody"), ("roles.referees", ["small", "nobody"])])
def test_a_role_without_endpoint_is_refused(path: str, value: Any) -> None:
    told = message(changed(path, value))
    assert path in told
    assert "'nobody'" in told
    assert "small, large" in told


def test_whole_numbers_may_have_a_point_and_dates_are_text() -> None:
    config = validated(changed("match.k", 10.0), SCHEMA)
    assert isinstance(config["match"]["k"], int)
    assert validated(changed("endpoints.small.temperature", 0.5), SCHEMA)["endpoints"]["small"]["temperature"] == 0.5
    dated = validated(changed("endpoints.small.model", datetime.date(2024, 1, 2)), SCHEMA)
    assert dated["endpoints"]["small"]["model"] == "2024-01-02"


def test_a_folder_of_a_package_is_found_without_importing_it() -> None:
    root = resolve_path("own", "package:hypothesis/vendor")
    assert root.is_dir()
    assert root.name == "vendor"
    assert resolve_path("own", "images/a b") == Path("images/a b")


@pytest.mark.parametrize(
    "path",
    ["package:no_such_package/x", "package:no_such.package/x", "package:", "package:/x", "package:./x", "package:os"],
)
def test_a_missing_package_is_an_error_that_names_the_key(path: str) -> None:
    told = message(changed("sources.own.path", path))
    assert told.startswith("config, sources.own.path")
    assert "package" in told


def test_only_the_keys_of_endpoints_in_use_are_asked_for() -> None:
    spare = {"provider": "openai", "model": "m", "api_key_env": "SPARE"}
    config = validated(minimal(endpoints={**minimal()["endpoints"], "spare": spare}), SCHEMA)
    assert secret_names(config) == []


def identity(**settings: Any) -> dict[str, Any]:
    config = minimal()
    config["endpoints"]["small"].update(settings)
    return endpoint_identity(validated(config, SCHEMA)["endpoints"]["small"])


PRICES = {"input": 2.5, "output": 10, "date": "2026-11-01"}
HOW = {
    "base_url": "http://localhost:1/v1",
    "api_key_env": "KEY",
    "mode": "batch",
    "concurrency": 1,
    "requests_per_minute": 10,
    "tokens_per_minute": 10,
    "timeout_s": 3,
    "max_retries": 0,
    "max_failed": 0.5,
    "prices": PRICES,
    "batch_poll_s": 1,
    "batch_wait_s": 1,
    "device": "cpu",
    "batch_size": 1,
}
"""How answers are obtained: settings that may be changed without asking anything again."""
WHAT = {
    "model": "x",
    "temperature": 1,
    "max_tokens": 5,
    "seed": 3,
    "image_max_side": 9,
    "image_jpeg_quality": 9,
    "image_detail": "low",
    "structured_output": True,
    "logprobs": True,
    "extra_body": {"top_k": 1},
    "retry_replies": {"refused": 1},
}


LOADED = {"provider": "transformers", "model": "org/judge", "revision": "0" * 40}
WHAT_LOADED = {
    "model": "org/other",
    "revision": "1" * 40,
    "dtype": "float32",
    "trust_remote_code": True,
    "image_max_side": 9,
    "processor_options": {"crop_to_patches": False},
    "template_options": {"enable_thinking": False},
    "reply_prefix": "<answer>",
}
"""The same as ``WHAT`` for a model that the job loads."""


def referee_identity(**settings: Any) -> dict[str, Any]:
    config = changed("endpoints.judge", {**LOADED, **settings}, minimal())
    return endpoint_identity(validated(config, SCHEMA)["endpoints"]["judge"])


def test_the_identity_of_an_endpoint_is_what_decides_its_answers() -> None:
    plain = identity()
    assert identity(**HOW) == plain
    for key, value in WHAT.items():
        assert identity(**{key: value}) != plain, key
    known = set(SCHEMA["properties"]["endpoints"]["additionalProperties"]["properties"])
    assert known == {*HOW, *WHAT, *WHAT_LOADED, "provider"}, "a new setting must be one or the other"


def test_the_identity_of_a_model_that_the_job_loads_is_what_decides_its_votes() -> None:
    plain = referee_identity()
    assert referee_identity(**HOW) == plain
    for key, value in WHAT_LOADED.items():
        assert referee_identity(**{key: value}) != plain, key
    for key in WHAT.keys() - WHAT_LOADED.keys():
        assert referee_identity(**{key: WHAT[key]}) == plain, f"{key} is for servers"
    assert "dtype" not in identity()


def test_a_recorded_answer_is_the_same_whoever_reads_it() -> None:
    assert identity(provider="replay") == identity(provider="openai")
    assert referee_identity(provider="replay") == referee_identity()
    assert identity(provider="embedded") != identity(provider="openai")


def test_only_what_is_sent_or_decides_the_answer_is_in_a_request_s_key() -> None:
    def parameters(**settings: Any) -> dict[str, Any]:
        config = validated(changed("endpoints.small", {"provider": "openai", "model": "m", **settings}), SCHEMA)
        return EndpointSettings.of("small", config["endpoints"]["small"]).parameters

    assert parameters() == parameters(**HOW) == {"temperature": 0, "max_tokens": 1024}
    assert parameters(retry_replies={"refused": 1}) == parameters(), "each try is a question of its own"
    assert parameters(temperature=None, max_tokens=None) == {}
    for key, value in WHAT.items():
        if key not in ("model", "retry_replies", "image_jpeg_quality"):
            assert parameters(**{key: value}) != parameters(), key
    scaled = {"image_max_side": 9}
    assert parameters(image_jpeg_quality=9) == parameters(), "nothing is encoded anew"
    assert parameters(**scaled, image_jpeg_quality=9) != parameters(**scaled)


def test_only_what_decides_a_vote_is_in_the_key_of_a_model_that_the_job_loads() -> None:
    def parameters(**settings: Any) -> dict[str, Any]:
        config = validated(changed("endpoints.judge", {**LOADED, **settings}), SCHEMA)
        return dict(EndpointSettings.of("judge", config["endpoints"]["judge"]).parameters)

    plain = {"revision": "0" * 40, "dtype": "bfloat16"}
    assert parameters() == parameters(**HOW) == parameters(provider="replay") == plain
    for key, value in WHAT_LOADED.items():
        if key != "model":
            assert parameters(**{key: value}) == {**plain, key: value}
    assert parameters(temperature=1, max_tokens=5, logprobs=True) == plain


def test_the_settings_of_an_endpoint_are_all_that_the_schema_knows() -> None:
    config = validated(changed("endpoints.small.prices", PRICES), SCHEMA)
    settings = EndpointSettings.of("small", config["endpoints"]["small"])
    assert settings.prices == Prices(2.5, 10, "2026-11-01", None, 0.5)
    assert EndpointSettings.of("large", config["endpoints"]["large"]).prices is None
    for key, value in config["endpoints"]["small"].items():
        if key != "prices":
            assert getattr(settings, key) == value
    # The defaults of the schema are those of the class.
    plain = EndpointSettings.of("large", config["endpoints"]["large"])
    assert replace(plain, retry_replies={}) == EndpointSettings("large", "openai", "l")


def test_replies_are_asked_again_once_by_default_and_refusals_are_not() -> None:
    config = validated(changed("endpoints.small.retry_replies", {"reply_empty": 3}), SCHEMA)
    once = {"reply_unparsable": 1, "reply_truncated": 1, "reply_empty": 1, "refused": 0, "content_filter": 0}
    assert config["endpoints"]["large"]["retry_replies"] == once
    assert config["endpoints"]["small"]["retry_replies"] == once | {"reply_empty": 3}
    told = message(changed("endpoints.small.retry_replies", {"reply_unparseable": 3}))
    assert "Did you mean reply_unparsable?" in told
    assert set(once) <= set(VOTE_REASONS)


# What decides the dataset


def test_what_decides_the_dataset_holds_neither_address_nor_key_name() -> None:
    config = minimal()
    config["endpoints"]["small"] |= {"base_url": "http://secret.example:1/v1", "api_key_env": "SECRET_KEY"}
    kept = deciding(validated(config, SCHEMA))
    text = json.dumps(kept)
    assert "secret.example" not in text
    assert "SECRET_KEY" not in text
    assert kept["endpoints"].keys() == {"small", "large"}


def test_what_decides_the_dataset_is_the_same_wherever_it_lies_and_whatever_it_may_cost() -> None:
    plain = deciding(validated(minimal(), SCHEMA))
    elsewhere = {"results": "elsewhere", "ledger": "elsewhere", "match.device": "cuda", "match.workers": 9}
    elsewhere |= {"llava_mix": {"path": "/mix.json", "images": "/mix"}, "exports": [], "subsets.caps": [3]}
    for path, value in elsewhere.items():
        assert deciding(validated(changed(path, value), SCHEMA)) == plain
    priced = minimal(budget_usd=5.0)
    for endpoint in priced["endpoints"].values():
        endpoint |= {**HOW, "provider": "replay"}
    assert deciding(validated(priced, SCHEMA)) == plain
    for path, value in {"seed": 7, "match.k": 3, "endpoints.small.temperature": 1, "roles.qa": "small"}.items():
        assert deciding(validated(changed(path, value), SCHEMA)) != plain, path


def test_an_endpoint_without_a_role_decides_nothing() -> None:
    spare = {"provider": "openai", "model": "spare", "api_key_env": "SPARE"}
    config = validated(minimal(endpoints={**minimal()["endpoints"], "spare": spare}), SCHEMA)
    assert used_endpoints(config) == ["small", "large"]
    assert deciding(config) == deciding(validated(minimal(), SCHEMA))
    everything = minimal(roles={"expand": "large", "filter": "small", "qa": "large", "referees": ["spare", "small"]})
    everything["endpoints"]["spare"] = spare
    assert used_endpoints(validated(everything, SCHEMA)) == ["large", "small", "spare"]


def test_no_key_is_needed_to_replay() -> None:
    config = minimal()
    config["endpoints"]["small"] |= {"provider": "replay", "api_key_env": "SMALL_KEY"}
    config["endpoints"]["large"] |= {"api_key_env": "LARGE_KEY"}
    assert secret_names(validated(config, SCHEMA)) == ["LARGE_KEY"]


# The budget


def test_a_budget_without_prices_is_refused_and_the_endpoint_named() -> None:
    budgeted = changed("endpoints.small.prices", PRICES, minimal(budget_usd=10))
    told = message(budgeted)
    assert told.startswith("config, endpoints.large.prices: is missing, so that budget_usd could not hold")
    assert "zeros for a server of your own" in told
    free = {"input": 0, "output": 0, "date": "2026-11-01"}
    sound = changed("endpoints.large.prices", free, budgeted)
    assert validated(sound, SCHEMA)["budget_usd"] == 10
    # A budget of nothing is one, too.
    assert "endpoints.small.prices" in message(minimal(budget_usd=0))


@pytest.mark.parametrize("provider", ["replay", "embedded"])
def test_only_endpoints_that_cost_something_need_prices(provider: str) -> None:
    config = minimal(budget_usd=1)
    for endpoint in config["endpoints"].values():
        endpoint["provider"] = provider
    config["endpoints"]["spare"] = {"provider": "openai", "model": "m"}
    assert validated(config, SCHEMA)["budget_usd"] == 1


def test_without_a_budget_no_prices_are_needed() -> None:
    config = validated(minimal(), SCHEMA)
    assert config["budget_usd"] is None
    assert config["endpoints"]["small"]["prices"] is None


@pytest.mark.parametrize("date", ["2026-11-01", datetime.date(2026, 11, 1)])
def test_a_price_has_a_date_however_it_is_written(date: Any) -> None:
    config = validated(changed("endpoints.small.prices", {**PRICES, "date": date}), SCHEMA)
    assert config["endpoints"]["small"]["prices"]["date"] == "2026-11-01"
    told = message(changed("endpoints.small.prices", {"input": 1, "output": 1}))
    assert told.startswith("config, endpoints.small.prices.date: is missing")


@pytest.mark.parametrize("url", ["http://user:secret@localhost:8000/v1", "https://secret@example.org"])
def test_no_password_is_taken_in_an_address(url: str) -> None:
    told = message(changed("endpoints.small.base_url", url))
    assert "endpoints.small.base_url" in told
    assert "api_key_env" in told
    assert "secret" not in told
