"""What the configuration points at is looked at before any job starts."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.config import load_schema, secret_names, validated
from taskgalaxy.errors import UserError
from taskgalaxy.inputs import check_inputs, check_writable

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "config" / "schemas" / "config.schema.json")
MINIMAL: dict[str, Any] = {
    "sources": {"own": {"path": "images", "license": "CC0-1.0"}},
    "endpoints": {"small": {"provider": "openai", "model": "m"}, "replayed": {"provider": "replay", "model": "l"}},
    "roles": {"expand": "small", "filter": "small", "qa": "small", "referees": ["small"]},
    "referee": {"accept_at": 1},
}


def readable(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """A validated configuration all of whose files exist."""
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text("OCR:\n  signs:\n  pages:\nCounting:\n", encoding="utf-8")
    (tmp_path / "clip").mkdir(exist_ok=True)
    (tmp_path / "clip" / "open_clip_config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "clip" / "open_clip_model.safetensors").touch()
    config: dict[str, Any] = {
        **copy.deepcopy(MINIMAL),
        "taxonomy": {"seeds": str(seeds), "levels": [{"rounds": 0}]},
        "prompts": str(ROOT / "config" / "prompts"),
        "match": {"model": f"local-dir:{tmp_path / 'clip'}", "k": 3},
    }
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = config
        for part in folders:
            place = place.setdefault(part, {})
        place[last] = value
    return validated(config, SCHEMA)


def test_sound_inputs_pass(tmp_path: Path) -> None:
    check_inputs(readable(tmp_path))


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("taxonomy__seeds", "nowhere.yaml", r"taxonomy\.seeds.*nowhere\.yaml"),
        ("llava_mix", {"path": "nowhere.json", "images": "."}, r"llava_mix\.path.*nowhere\.json"),
        ("llava_mix", {"path": __file__, "images": "nowhere"}, r"llava_mix\.images.*nowhere"),
        ("match__k", 4, r"match\.k.*3 task types"),
        ("match__model", "local-dir:nowhere", r"match\.model.*nowhere"),
        ("match__model", "ViT-L-14", r"match\.pretrained.*ViT-L-14"),
        ("match__pretrained", "weights/ViT-L-14.pt", r"match\.pretrained.*pickle.*safetensors"),
        ("match__pretrained", "nowhere.safetensors", r"match\.pretrained.*nowhere"),
        ("report__truth", "nowhere.jsonl", r"report\.truth.*nowhere\.jsonl"),
        ("decontaminate__benchmarks", {"exam": {"images": ["nowhere"]}}, r"benchmarks\.exam\.images.*nowhere"),
        ("prompts", "nowhere", r"nowhere.*expand_level_1\.txt"),
    ],
)
def test_what_the_configuration_points_at_must_be_there(tmp_path: Path, key: str, value: Any, names: str) -> None:
    with pytest.raises(UserError, match=names):
        check_inputs(readable(tmp_path, **{key: value}))


def test_a_folder_that_holds_only_a_pickle_is_no_model(tmp_path: Path) -> None:
    config = readable(tmp_path)
    weights = tmp_path / "clip" / "open_clip_model.safetensors"
    weights.rename(weights.with_name("open_clip_pytorch_model.bin"))
    with pytest.raises(UserError, match=r"match\.model.*no \.safetensors"):
        check_inputs(config)


def test_k_may_exceed_the_seeds_where_more_are_to_come(tmp_path: Path) -> None:
    check_inputs(readable(tmp_path, match__k=50, taxonomy__levels=[{"rounds": 0}, {"rounds": 1}]))


def test_the_pool_of_all_nodes_is_larger(tmp_path: Path) -> None:
    check_inputs(readable(tmp_path, match__k=4, taxonomy__pool="all"))


@pytest.mark.parametrize("role", ["expand_with_children", "filter", "qa", "referee"])
def test_a_missing_prompt_is_named(tmp_path: Path, role: str) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    for path in (ROOT / "config" / "prompts").glob("*.txt"):
        if path.stem != role:
            (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=rf"{role}\.txt"):
        check_inputs(readable(tmp_path, prompts=str(folder)))


def test_broken_seeds_are_named_with_their_line(tmp_path: Path) -> None:
    config = readable(tmp_path)
    Path(config["taxonomy"]["seeds"]).write_text("OCR:\n  - signs\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"seeds\.yaml, line 2"):
        check_inputs(config)


def test_no_key_is_looked_up_to_check_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    config = readable(tmp_path, endpoints__small__api_key_env="SOME_KEY")
    check_inputs(config)
    assert "SOME_KEY" not in os.environ
    assert secret_names(config) == ["SOME_KEY"]


def test_a_ledger_that_is_to_be_replayed_must_hold_something(tmp_path: Path) -> None:
    config = readable(tmp_path, roles__qa="replayed", ledger=str(tmp_path / "ledger"))
    with pytest.raises(UserError, match=r"ledger.*no recorded answer.*replayed"):
        check_inputs(config)
    (tmp_path / "ledger" / "qa").mkdir(parents=True)
    (tmp_path / "ledger" / "qa" / "one-00000.jsonl").touch()
    check_inputs(config)


def test_results_on_a_disk_that_cannot_be_written_are_refused_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "new" / "results")
    # Permissions do not stop root.
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(UserError, match=r"config, results: nothing can be written in .*Make it writable"):
        check_writable(tmp_path / "new" / "results")
