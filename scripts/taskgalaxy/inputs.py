"""What the configuration points at is looked at before any job starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.benchmark_lists import check_benchmarks
from taskgalaxy.errors import UserError
from taskgalaxy.llm.settings import used_endpoints
from taskgalaxy.prompts import load_templates, used_roles
from taskgalaxy.taxonomy import check_k, load_seeds, task_type_rows

_PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def check_inputs(config: Mapping[str, Any]) -> None:
    """Read what the configuration points at: seeds, prompt templates, model folder, benchmarks and so on.

    Raises:
        UserError: naming the key or the file and line, and the fix.
    """
    if not Path(config["taxonomy"]["seeds"]).is_file():
        raise UserError(
            "config, taxonomy.seeds", f"there is no file {config['taxonomy']['seeds']}", "name the YAML of your seeds"
        )
    seeds = load_seeds(config["taxonomy"]["seeds"])
    if not any(level["rounds"] for level in config["taxonomy"]["levels"]):
        check_k(config["match"]["k"], len(task_type_rows(seeds, seeds, config["taxonomy"]["pool"])))
    load_templates(config["prompts"], used_roles(config), sees_answer=config["referee"]["sees_answer"])
    truth = config["report"]["truth"]
    if truth is not None and not Path(truth).is_file():
        raise UserError("config, report.truth", f"there is no file {truth}", "remove the key, or name the file")
    mix = config["llava_mix"]
    if mix is not None and not Path(mix["path"]).is_file():
        raise UserError("config, llava_mix.path", f"there is no file {mix['path']}", "name the JSON of the mix")
    if mix is not None and not Path(mix["images"]).is_dir():
        raise UserError("config, llava_mix.images", f"there is no folder {mix['images']}", "name its image folder")
    check_benchmarks(config["decontaminate"]["benchmarks"])
    _check_clip(config["match"]["model"], config["match"]["pretrained"])
    _check_replayed_ledger(config)


def check_writable(folder: Path) -> None:
    """Refuse a folder for results that cannot be written, or made: a run would end at its first job, with a traceback.

    Raises:
        UserError: naming the folder.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            "config, results", f"nothing can be written in {there}", "make it writable, or name another folder"
        )


def _check_clip(model: str, pretrained: str | None) -> None:
    folder = model.removeprefix("local-dir:")
    if folder != model and not (
        (Path(folder) / "open_clip_config.json").is_file() and any(Path(folder).glob("*.safetensors"))
    ):
        raise UserError(
            "config, match.model",
            f"there is no open_clip_config.json, or no .safetensors, in {folder}",
            "name a folder with that file and weights, or an open_clip model",
        )
    if ":" not in model and pretrained is None:
        raise UserError(
            "config, match.pretrained", f"is missing for the model {model}", "name its weights, such as openai"
        )
    if pretrained is None:
        return
    suffix = Path(pretrained).suffix
    if suffix in _PICKLES:
        raise UserError(
            "config, match.pretrained",
            f"{pretrained} is a pickle, which can run any code when it is loaded",
            "convert the weights to .safetensors",
        )
    if suffix == ".safetensors" and not Path(pretrained).is_file():
        raise UserError("config, match.pretrained", f"there is no file {pretrained}", "name a file of weights")


def _check_replayed_ledger(config: Mapping[str, Any]) -> None:
    replayed = [name for name in used_endpoints(config) if config["endpoints"][name]["provider"] == "replay"]
    if replayed and not any(Path(config["ledger"]).glob("*/*.jsonl")):
        raise UserError(
            "config, ledger",
            f"{config['ledger']} holds no recorded answer, and endpoint {replayed[0]} replays them",
            "name the folder of a ledger that was filled before, or another provider",
        )
