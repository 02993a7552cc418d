# The validated configuration, the shard plan, and the get_* functions that all stages use.
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from taskgalaxy.config import (
    deciding,
    endpoint_identity,
    in_process,
    load_schema,
    secret_names,
    used_endpoints,
    validated,
)
from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_file
from taskgalaxy.llm.weights import pin_weights
from taskgalaxy.shards import ShardFiles, plan_shards, source_of
from taskgalaxy.versions import VERSIONS


def get_validated_config():
    """The configuration with its defaults, or one message that names the key and the fix."""
    schema = load_schema(Path(workflow.basedir) / "config" / "schemas" / "config.schema.json")
    try:
        complete = validated(config, schema)
        pin_weights(complete, remember=not workflow.output_settings.dryrun)
        if workflow.is_main_process:
            from taskgalaxy.inputs import check_inputs

            check_inputs(complete)
        return complete
    except UserError as error:
        raise WorkflowError(str(error)) from None


def get_plan():
    """The shards. Only the main process looks at the image folders and reads manifests; jobs need the names."""
    try:
        return plan_shards(
            Path(f"{RESULTS}/images/shards"),
            config["sources"],
            config["images"]["shard_size"],
            scanning=workflow.is_main_process,
        )
    except UserError as error:
        raise WorkflowError(str(error)) from None


config.update(get_validated_config())
RESULTS = config["results"]
PROMPTS = config["prompts"]
LEVELS = range(1, len(config["taxonomy"]["levels"]) + 1)
REFEREES = config["roles"]["referees"]
# Those whose model the job itself loads, and those that it asks.
LOADED_REFEREES = [name for name in REFEREES if in_process(config, name)]
ASKED_REFEREES = [name for name in REFEREES if not in_process(config, name)]
PLAN = get_plan()
SHARDS = PLAN.shards

# Remote jobs get the keys by the names of their variables. A dry-run and the plan need none.
KEYS = secret_names(config)
workflow.register_envvars(*(name for name in KEYS if name in os.environ))


onstart:
    handle_sigterm_in_a_thread()
    from taskgalaxy.inputs import check_writable

    try:
        check_writable(Path(RESULTS))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    missing = [name for name in KEYS if name not in os.environ]
    if missing and set(workflow.dag_settings.targets) != {"plan"}:
        raise WorkflowError(
            f"These environment variables must be set, by the endpoints' api_key_env: {', '.join(missing)}"
        )


wildcard_constraints:
    level=r"[1-9]\d*",
    shard=r"[A-Za-z0-9][A-Za-z0-9_.-]*-\d\d\d\d\d+",
    referee="|".join(map(re.escape, REFEREES)),


def get_taxonomy_before(wildcards):
    """What a level is expanded from: the level above it, or the seeds."""
    level = int(wildcards.level)
    return config["taxonomy"]["seeds"] if level == 1 else f"{RESULTS}/taxonomy/level{level - 1}.yaml"


def get_expand_templates(wildcards):
    if int(wildcards.level) == 1:
        return [f"{PROMPTS}/expand_level_1.txt"]
    return [f"{PROMPTS}/expand_with_children.txt", f"{PROMPTS}/expand_without_children.txt"]


def get_level_settings(wildcards):
    return config["taxonomy"]["levels"][int(wildcards.level) - 1]


def get_source(wildcards):
    return config["sources"][source_of(wildcards.shard)]


def get_files(wildcards):
    """The files of a shard, for its manifest."""
    return ShardFiles(PLAN, wildcards.shard)


def get_sources_before(wildcards):
    """Sources whose images come first: theirs are the first occurrences of duplicates."""
    names = list(config["sources"])
    return names[: names.index(source_of(wildcards.shard))]


def get_clip_files(wildcards=None):
    """The files of a model that lies in a folder, and weights that are named by their path."""
    model, weights = config["match"]["model"], config["match"]["pretrained"] or ""
    folder = model.removeprefix("local-dir:")
    files = [weights] if weights.endswith(".safetensors") else []
    if folder != model:
        files += [path for path in Path(folder).iterdir() if path.suffix in (".json", ".safetensors")]
    return sorted(map(str, files))


# Snakemake would go by the times of what a person provides: it misses another file that is older, and
# takes a large one that a checkout made newer for another. So times do not count (ancient), content does.
@cache
def get_digest(path):
    return sha256_file(path)


@cache
def get_clip_settings():
    """What decides an embedding's value: other weights are another model. Weights are read if a job asks for it."""
    settings = {key: config["match"][key] for key in ("model", "pretrained", "precision", "preprocess")}
    return settings | {"files": [get_digest(path) for path in get_clip_files()]}


def get_model(role):
    """What decides the answers of the endpoint in a role."""
    return endpoint_identity(config["endpoints"][config["roles"][role]])


def get_referee_model(wildcards):
    return endpoint_identity(config["endpoints"][wildcards.referee])


def get_names_pattern(names):
    """A regular expression that matches these and, where there is none, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def get_votes(wildcards):
    return expand(f"{RESULTS}/votes/{{referee}}/{{shard}}.parquet", referee=REFEREES, shard=SHARDS)


def get_exports(wildcards):
    return expand(f"{RESULTS}/export/{{name}}.json", name=config["exports"])


def get_truth_report():
    """The table that measures the pipeline against ground truth, where there is any."""
    return [f"{RESULTS}/report/truth.txt"] if config["report"]["truth"] else []


def get_patterns(wildcards):
    """The paths of all that rules write, with their wildcards."""
    return sorted(
        {
            str(path)
            for rule in workflow.rules
            for path in (*rule.output, *rule.log, *([rule.benchmark] if rule.benchmark else []))
        }
    )


def get_wanted(wildcards):
    """The values of the wildcards that this configuration needs."""
    return {"shard": SHARDS, "referee": REFEREES, "level": [str(level) for level in LEVELS]}
