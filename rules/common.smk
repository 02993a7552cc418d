# The validated configuration, the shard plan, and the get_* functions that all stages use.
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from taskgalaxy.benchmark_lists import images_digest, names_with
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
from taskgalaxy.export.conversation import MIX_FOLDER
from taskgalaxy.files import sha256_file
from taskgalaxy.fill_shards import fill_shards
from taskgalaxy.llm.settings import endpoints_of
from taskgalaxy.llm.weights import pin_weights
from taskgalaxy.publish.settings import no_repository, no_token
from taskgalaxy.report_names import FIGURES, TABLES
from taskgalaxy.shards import ShardFiles, outline, plan_shards, source_of
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.subset_names import WHOLE, subset_names
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


POOL_TARGETS = {"download", "check_sources"}


def asks_for_the_pool():
    """Whether the pool is to be got or looked at; the workflow has no targets yet when this has to be known."""
    return not POOL_TARGETS.isdisjoint(sys.argv)


def get_plan():
    """The shards. Only the main process looks at the image folders and reads manifests; jobs need the names."""
    manifests = Path(f"{RESULTS}/images/shards")
    # The graph of rules is the same for one shard as for a thousand, and nobody wants to wait for it. And who gets
    # images, or looks which are missing, does not have them all.
    if "--rulegraph" in sys.argv or asks_for_the_pool():
        return outline(manifests, config["sources"])
    try:
        return plan_shards(
            manifests,
            open_sources(config),
            config["images"]["shard_size"],
            config["images"]["max_bytes"],
            scanning=workflow.is_main_process,
        )
    except UserError as error:
        families = " `snakemake check_sources` says what is missing of the families, and `snakemake download` gets it."
        raise WorkflowError(f"{error}{families if config['families'] else ''}") from None


config.update(get_validated_config())
RESULTS = config["results"]
PROMPTS = config["prompts"]
LEVELS = range(1, len(config["taxonomy"]["levels"]) + 1)
GENERATORS = endpoints_of(config, "qa")
REFEREES = config["roles"]["referees"]
# Those whose model the job itself loads, and those that it asks.
LOADED_REFEREES = [name for name in REFEREES if in_process(config, name)]
ASKED_REFEREES = [name for name in REFEREES if not in_process(config, name)]
SUBSETS = subset_names(config)
# Those that the set is compared with, by name.
BENCHMARKS = config["decontaminate"]["benchmarks"]
PLAN = get_plan()
SHARDS = PLAN.shards
FILL_SHARDS = fill_shards(config, len(SHARDS))
# Those that questions are asked about.
ASKED_SHARDS = [*SHARDS, *FILL_SHARDS]

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
    if asks_for_the_pool() and not POOL_TARGETS.issuperset(workflow.dag_settings.targets):
        raise WorkflowError(
            f"{' and '.join(sorted(POOL_TARGETS))} look at no image: ask for other targets after them"
        )
    if "push" in workflow.dag_settings.targets and config["push"]["token_env"] not in os.environ:
        raise WorkflowError(str(no_token(config["push"]["token_env"])))
    missing = [name for name in KEYS if name not in os.environ]
    if missing and not asks_for_the_pool() and set(workflow.dag_settings.targets) != {"plan"}:
        raise WorkflowError(
            f"These environment variables must be set, by the endpoints' api_key_env: {', '.join(missing)}"
        )


def get_names_pattern(names):
    """A regular expression that matches these and, where there is none, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    level=r"[1-9]\d*",
    shard=r"[A-Za-z0-9][A-Za-z0-9_.-]*-\d\d\d\d\d+",
    referee="|".join(map(re.escape, REFEREES)),
    set=get_names_pattern([WHOLE, *SUBSETS]),
    benchmark=get_names_pattern(BENCHMARKS),


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
    """What decides the answers of the endpoint in a role, or those of each that shares it, by name."""
    models = {name: endpoint_identity(config["endpoints"][name]) for name in endpoints_of(config, role)}
    # The name decides nothing where there is one; of several it says which images are whose.
    return models if len(models) > 1 else next(iter(models.values()))


def get_referee_model(wildcards):
    return endpoint_identity(config["endpoints"][wildcards.referee])


def get_votes(shards):
    return expand(f"{RESULTS}/votes/{{referee}}/{{shard}}.parquet", referee=REFEREES, shard=shards)


def get_image_hashes(wildcards):
    """The images' perceptual hashes, where they are compared with a benchmark's or with one another."""
    compared = names_with(BENCHMARKS, "images") and config["decontaminate"]["distance"] is not None
    if not compared and config["near_duplicates"]["distance"] is None:
        return []
    return expand(f"{RESULTS}/images/hashes/{{shard}}.parquet", shard=SHARDS)


@cache
def get_images_digest(benchmark):
    """What a benchmark's images are; only jobs that read them, and the main process, list its folders."""
    return images_digest(BENCHMARKS[benchmark]["images"])


def get_benchmark_questions():
    return [path for benchmark in BENCHMARKS.values() for path in benchmark["questions"]]


def get_exports(wildcards):
    """Everything that the rules of the exports write that the configuration lists."""
    return [
        path
        for name in config["exports"]
        for path in expand(getattr(rules, f"export_{name}").output, set=WHOLE)
    ]


def get_exported(wildcards):
    """What an export holds: the whole set, or a subset."""
    return (
        f"{RESULTS}/dataset/{WHOLE}.parquet"
        if wildcards.set == WHOLE
        else f"{RESULTS}/subsets/{wildcards.set}.parquet"
    )


def get_mix(wildcards):
    """The LLaVA mix that the set is put behind."""
    if not config["llava_mix"]:
        raise WorkflowError(
            "config: llava_mix.json needs llava_mix, which names the existing mix and its images"
        )
    return config["llava_mix"]["path"]


def get_cot():
    """The step-by-step answers, where somebody writes them."""
    return [f"{RESULTS}/cot.parquet"] if config["roles"]["cot"] else []


def get_judgements(wildcards):
    """What people saved from the page of the audit."""
    return sorted(map(str, Path(config["audit"]["judgements"]).glob("*.json")))


def get_deciding_files():
    """The files of the user that decide what is asked, by what the manifest calls them."""
    # Few processes need it, and jinja2 takes its time.
    from taskgalaxy.prompts import used_roles

    prompts = {f"prompt {role}": f"{PROMPTS}/{role}.txt" for role in used_roles(config)}
    return prompts | {"seeds": config["taxonomy"]["seeds"]}


def get_repository(wildcards):
    """Where the set is pushed to: a dry-run too says that there is nowhere."""
    if config["push"]["repository"] is None:
        raise WorkflowError(str(no_repository()))
    return config["push"]["repository"]


def get_truth_report():
    """The table that measures the pipeline against ground truth, where there is any."""
    return [f"{RESULTS}/report/truth.txt"] if config["report"]["truth"] else []


def get_subsets():
    """The tables of the subsets that the configuration asks for."""
    return [f"{RESULTS}/subsets/{name}.parquet" for name in SUBSETS]


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
    return {
        "shard": ASKED_SHARDS,
        "referee": REFEREES,
        "level": [str(level) for level in LEVELS],
        "set": [WHOLE, *SUBSETS],
        "benchmark": list(BENCHMARKS),
    }
