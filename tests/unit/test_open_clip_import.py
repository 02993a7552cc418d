"""open_clip brings along no library that the model has no use for, and all of it for a model that has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tiny_clips import VIT, save_clip
from workflow.project import ROOT

TIMM = {**VIT, "vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "avg", "image_size": 160}}


def imported(*statements: str) -> set[str]:
    """Which of the large libraries a process has imported after these statements."""
    large = {"timm", "transformers", "torch._dynamo"}
    program = "; ".join(["import sys", *statements, f"print(*({large} & set(sys.modules)))"])
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, check=True).stdout.split())


CLIP = "from taskgalaxy.clip import Clip, ClipSettings"
OPEN_CLIP = "from taskgalaxy.open_clip_import import import_open_clip"


def test_a_model_without_their_towers_is_loaded_without_timm_and_transformers(tmp_path: Path) -> None:
    load = f"Clip(ClipSettings({save_clip(tmp_path / 'clip')!r}))"
    assert imported(CLIP, load) == set()
    assert imported(CLIP, load, "import torch; torch.compile(torch.nn.Linear(1, 1))") == {"torch._dynamo"}


@pytest.mark.parametrize(
    ("model", "libraries"),
    [
        ("ViT-L-14", set()),
        ("ViT-B-16-SigLIP", {"timm"}),
        ("xlm-roberta-base-ViT-B-32", {"transformers"}),
        ("of a later version", {"timm", "transformers"}),
    ],
)
def test_open_clip_s_own_models_come_with_what_their_configuration_names(model: str, libraries: set[str]) -> None:
    assert imported(OPEN_CLIP, f"import_open_clip({model!r})") >= libraries
    assert libraries or not imported(OPEN_CLIP, f"import_open_clip({model!r})")


def test_a_model_of_timm_is_made_after_one_that_has_nothing_of_it(tmp_path: Path) -> None:
    save_clip(tmp_path / "plain")
    (tmp_path / "timm").mkdir()
    description = json.dumps({"model_cfg": TIMM, "preprocess_cfg": {}})
    (tmp_path / "timm" / "open_clip_config.json").write_text(description, encoding="utf-8")
    plain, of_timm = (f"local-dir:{tmp_path / name}" for name in ("plain", "timm"))
    make = f"import_open_clip({of_timm!r}).create_model({of_timm!r}, load_weights=False)"
    assert imported(CLIP, OPEN_CLIP, f"Clip(ClipSettings({plain!r}))", make) >= {"timm"}
