"""The configuration: defaults from the schema, and everything that can be known to be wrong of it alone."""

from __future__ import annotations

import difflib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, ValidationError

from taskgalaxy.errors import UserError
from taskgalaxy.fill_shards import FILL
from taskgalaxy.licenses import check_licenses
from taskgalaxy.llm.settings import FOLDER_REVISION, endpoints_of, used_endpoints, writing_roles
from taskgalaxy.pool.registry import read_subsets
from taskgalaxy.publish.settings import check_push
from taskgalaxy.sources.kinds import check_kinds
from taskgalaxy.subset_names import check_subsets

Config = dict[str, Any]


def load_schema(path: Path) -> dict[str, Any]:
    """The JSON Schema of the configuration."""
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def validated(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Config:
    """``config`` with the schema's defaults filled in, and where sources lie as ``sources.*.located``.

    Raises:
        UserError: naming the key and the fix, for unknown keys, wrong types and settings that
            contradict each other.
    """
    # YAML reads an unquoted date as one: here it is the text that was written.
    complete: Config = json.loads(json.dumps(config, default=str), parse_float=_number)
    errors = sorted(Draft202012Validator(schema).iter_errors(complete), key=lambda error: list(map(str, error.path)))
    if errors:
        raise _explained(errors[0])
    _fill_defaults(complete, schema)
    _add_families(complete, schema)
    _check_roles(complete)
    _check_weights(complete)
    _settle_generators(complete)
    _check_addresses(complete)
    _check_numbers(complete)
    _check_money(complete)
    _check_exports(complete)
    check_subsets(complete["subsets"])
    _check_fill(complete)
    check_licenses(complete)
    check_push(complete)
    check_kinds(complete["sources"])
    for name, source in complete["sources"].items():
        source["located"] = str(resolve_path(name, source["path"]))
    return complete


def _add_families(config: Config, schema: Mapping[str, Any]) -> None:
    """Put the sub-sets of the families before the sources, as sources of their own."""
    subsets = read_subsets(Path(config["registry"]), config["families"]) if config["families"] else []
    added = {subset.name: subset.source(Path(config["pool"])) for subset in subsets}
    for name in added:
        if name in config["sources"]:
            raise UserError(
                f"config, sources.{name}", "is what a sub-set of the families is called", "give it another name"
            )
    config["sources"] = added | config["sources"]
    _fill_defaults({"sources": config["sources"]}, schema)
    if not config["sources"]:
        raise UserError("config, sources", "names none, and neither does families", "name a folder of images")


def _number(text: str) -> int | float:
    """JSON Schema takes 10.0 for an integer, so here it is one."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _fill_defaults(value: Any, schema: Mapping[str, Any]) -> None:
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, subschema in properties.items():
            if key not in value and "default" in subschema:
                value[key] = json.loads(json.dumps(subschema["default"]))
        for key, child in value.items():
            subschema = properties.get(key, schema.get("additionalProperties"))
            if isinstance(subschema, Mapping):
                _fill_defaults(child, subschema)
    elif isinstance(value, list) and "items" in schema:
        for child in value:
            _fill_defaults(child, schema["items"])


def _explained(error: ValidationError) -> UserError:
    """A validation error as key, what is wrong and what to write instead."""
    key = ".".join(str(part) for part in error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    required: Any = error.validator_value
    if error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = next(name for name in instance if name not in known)
        close = difflib.get_close_matches(unknown, known, 1)
        fix = f"did you mean {close[0]}? " if close else ""
        return UserError(f"config, {_joined(key, unknown)}", "is no known key", f"{fix}Known here: {', '.join(known)}")
    if error.validator == "required":
        missing = next(name for name in required if name not in instance)
        meaning = schema.get("properties", {}).get(missing, {}).get("description", "see config/README.md")
        return UserError(f"config, {_joined(key, missing)}", "is missing", f"add it: {meaning}")
    meaning = schema.get("description", "see config/README.md")
    return UserError(f"config, {key or 'the file'}", error.message, f"it means: {meaning}")


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _check_fill(config: Config) -> None:
    if config["fill"]["below"] is not None and FILL in config["sources"]:
        raise UserError(f"config, sources.{FILL}", "is what the shards of the fill are called", "give it another name")


def _check_roles(config: Config) -> None:
    endpoints = config["endpoints"]
    named = [(f"roles.{role}", name) for role, name in writing_roles(config).items()]
    named += [(f"roles.referees[{index}]", name) for index, name in enumerate(config["roles"]["referees"])]
    for key, name in named:
        if name not in endpoints:
            raise UserError(
                f"config, {key}", f"no endpoint is named {name!r}", f"name one of: {', '.join(endpoints)}, or add it"
            )


def _check_weights(config: Config) -> None:
    """A model that a job loads only scores, and its weights may not change under its name."""
    endpoints = config["endpoints"]
    for role, named in writing_roles(config).items():
        if in_process(config, named):
            raise UserError(
                f"config, roles.{role}",
                f"{named} is an endpoint of provider transformers, which scores 0 against 1 and writes nothing",
                "name another; this one can only be among roles.referees",
            )
    for name, endpoint in endpoints.items():
        revision = endpoint["revision"] or ""
        if revision and endpoint["provider"] not in ("transformers", "replay"):
            raise UserError(
                f"config, endpoints.{name}.revision", f"means nothing to provider {endpoint['provider']}", "remove it"
            )
        on_hub = revision and not revision.startswith(FOLDER_REVISION)
        if in_process(config, name) and not on_hub and not Path(endpoint["model"]).is_dir():
            raise UserError(
                f"config, endpoints.{name}.model",
                f"there is no folder {endpoint['model']}",
                "name one, or a model on the Hugging Face Hub and, as its revision, the full commit",
            )


def _settle_generators(config: Config) -> None:
    """Write ``roles.qa`` in one way: the order of a list decides nothing, and a list of one is that one.

    Raises:
        UserError: if the answers of two are the same, so that there would be nothing to compare.
    """
    names = endpoints_of(config, "qa")
    known: dict[str, str] = {}
    for index, name in enumerate(names):
        identity = json.dumps(endpoint_identity(config["endpoints"][name]), sort_keys=True)
        if identity in known:
            raise UserError(
                f"config, roles.qa[{index}]",
                f"{name} would give the answers of {known[identity]}: model and parameters are the same",
                "remove it, or give it another model or other parameters",
            )
        known[identity] = name
    config["roles"]["qa"] = sorted(names) if len(names) > 1 else names[0]


def _check_addresses(config: Config) -> None:
    for name, endpoint in config["endpoints"].items():
        if "@" in urlsplit(endpoint["base_url"] or "").netloc:
            raise UserError(
                f"config, endpoints.{name}.base_url",
                "holds a user name or a password",
                "remove it: name the environment variable that holds the key as api_key_env",
            )


def _check_numbers(config: Config) -> None:
    referees, accept_at = config["roles"]["referees"], config["referee"]["accept_at"]
    if accept_at > len(referees):
        raise UserError(
            "config, referee.accept_at",
            f"is {accept_at}, but there are only {len(referees)} referees, so nothing could be accepted",
            f"set it to {len(referees)} or less, or add referees to roles.referees",
        )
    low, high = config["balance"]["min"], config["balance"]["max"]
    if low > high:
        raise UserError("config, balance.min", f"is {low}, above balance.max {high}", "set it to at most balance.max")


def _check_money(config: Config) -> None:
    if config["budget_usd"] is None:
        return
    for name in used_endpoints(config):
        endpoint = config["endpoints"][name]
        if endpoint["provider"] == "openai" and endpoint["prices"] is None:
            raise UserError(
                f"config, endpoints.{name}.prices",
                "is missing, so that budget_usd could not hold",
                "add its prices per million tokens, such as {input: 2.5, output: 10, date: 2026-11-01}, "
                "or zeros for a server of your own",
            )


def _check_exports(config: Config) -> None:
    if "llava_mix" in config["exports"] and config["llava_mix"] is None:
        raise UserError(
            "config, llava_mix",
            "is missing, and exports lists it",
            "name the mix: {path: …/mix.json, images: …/images}",
        )
    if "llava_mix" in config["sources"]:
        raise UserError("config, sources.llava_mix", "is what exports call the images of a mix", "give it another name")


def resolve_path(name: str, path: str) -> Path:
    """Where source ``name`` lies; ``package:NAME/FOLDER`` is looked up without importing the package.

    Raises:
        UserError: if the package is not installed.
    """
    if not path.startswith("package:"):
        return Path(path)
    package, _, folder = path.removeprefix("package:").partition("/")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise UserError(
            f"config, sources.{name}.path",
            f"no Python package {package!r} is installed",
            "install it, or name another folder",
        )
    return Path(found.submodule_search_locations[0]) / folder


def uses_gpu(config: Config) -> bool:
    """Whether CLIP's jobs should be given a GPU."""
    return bool(config["match"]["device"] != "cpu")


def in_process(config: Mapping[str, Any], endpoint: str) -> bool:
    """Whether a job that needs ``endpoint`` loads the model itself."""
    return bool(config["endpoints"][endpoint]["provider"] == "transformers")


def asks_a_server(config: Mapping[str, Any], endpoints: Iterable[str]) -> bool:
    """Whether one of ``endpoints`` is asked over the network."""
    return any(config["endpoints"][name]["provider"] == "openai" for name in endpoints)


_BATCH_HOURS = 25
"""A batch is answered within a day or given up by the server; an hour for what comes before and after."""


def batch_minutes(config: Config, endpoints: Iterable[str]) -> int:
    """How long a job may wait for batches of ``endpoints``; 0 if none is asked in batches."""
    entries = [config["endpoints"][name] for name in endpoints]
    waits_s = [
        entry["batch_wait_s"] or _BATCH_HOURS * 3600
        for entry in entries
        if entry["provider"] == "openai" and entry["mode"] == "batch"
    ]
    return int(max(waits_s, default=0) / 60)


# What changes an answer, or what is made of it; the rest of an endpoint's settings decides how it is obtained.
_DECIDES_ANSWERS = (
    "model",
    "temperature",
    "max_tokens",
    "seed",
    "image_max_side",
    "image_jpeg_quality",
    "image_detail",
    "structured_output",
    "logprobs",
    "extra_body",
    "retry_replies",
)
_DECIDES_SCORES = (
    "model",
    "revision",
    "dtype",
    "trust_remote_code",
    "image_max_side",
    "processor_options",
    "template_options",
    "reply_prefix",
)
"""The same for an endpoint that has a revision."""


def endpoint_identity(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What of an endpoint decides its answers, so that changing the rest runs nothing again.

    A recorded answer is the same whoever reads it: ``openai`` (or ``transformers``) and ``replay`` are one.
    """
    source = "embedded" if endpoint["provider"] == "embedded" else "recorded"
    keys = _DECIDES_SCORES if endpoint["revision"] else _DECIDES_ANSWERS
    return {"answers": source} | {key: endpoint[key] for key in keys}


_BESIDE_THE_SET = (
    "results",
    "ledger",
    "pool",
    "registry",
    "families",
    "downloads_at_once",
    "budget_usd",
    "exports",
    "llava_mix",
    "subsets",
    "report",
    "audit",
    "card",
    "push",
)


def deciding(config: Config) -> Config:
    """What of a validated configuration decides the dataset, and not where it is made, who is asked or what else is."""
    kept = {key: value for key, value in config.items() if key not in _BESIDE_THE_SET}
    kept["match"] = {key: value for key, value in config["match"].items() if key not in ("device", "workers")}
    used = used_endpoints(config)
    # Where a source's path leads to is this machine's business.
    kept["sources"] = {
        name: {key: value for key, value in source.items() if key != "located"}
        for name, source in config["sources"].items()
    }
    return kept | {"endpoints": {name: endpoint_identity(config["endpoints"][name]) for name in used}}


def secret_names(config: Config) -> list[str]:
    """Names of the environment variables that the endpoints in use take their keys from."""
    endpoints = [config["endpoints"][name] for name in used_endpoints(config)]
    names = {endpoint["api_key_env"] for endpoint in endpoints if endpoint["provider"] == "openai"}
    return sorted(names - {None})


def option_table(schema: Mapping[str, Any]) -> str:
    """Every key as a Markdown table, for config/README.md."""
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    rows += _option_rows("", schema)
    return "\n".join(rows) + "\n"


def _option_rows(prefix: str, schema: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, option in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        if "description" in option:
            required = name in schema.get("required", ())
            default = "required" if required else f"`{json.dumps(option['default'])}`" if "default" in option else ""
            rows.append(f"| `{key}` | {_type(option)} | {default} | {option['description']} |")
        rows += _option_rows(f"{key}.", option)
        if isinstance(option.get("additionalProperties"), Mapping):
            rows += _option_rows(f"{key}.NAME.", option["additionalProperties"])
        if isinstance(option.get("items"), Mapping):
            rows += _option_rows(f"{key}[].", option["items"])
    return rows


def _type(option: Mapping[str, Any]) -> str:
    if "enum" in option:
        return " or ".join("null" if value is None else f"`{value}`" for value in option["enum"])
    kind = option.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
