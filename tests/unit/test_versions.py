"""Nobody changes what a stage writes and forgets its number in scripts/taskgalaxy/versions.py."""

from __future__ import annotations

from pathlib import Path

import pytest

import stage_code
from rule_code import ROOT, RULES
from taskgalaxy.versions import VERSIONS

# The manifests of shards are written once and stay; the others write no result that a later rule reads.
UNVERSIONED = {"write_shard", "plan", "leftovers", "push", "check_sources", "download"}


def test_every_rule_depends_on_the_number_of_its_stage() -> None:
    stages = stage_code.stages_of()
    assert stages.keys() == VERSIONS.keys()
    assert {rule for rules in stages.values() for rule in rules} == RULES.keys() - UNVERSIONED


def test_whether_changed_code_makes_other_results_was_decided() -> None:
    now, then = stage_code.current(), stage_code.recorded()
    changed = sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))
    parts = {
        path: [f"{stage} ({VERSIONS[stage]})" for stage in VERSIONS if ROOT / path in stage_code.files_of(stage)]
        for path in changed
    }
    assert not changed, (
        "Code of stages changed. Where results may differ, raise the stage's number in scripts/taskgalaxy/versions.py; "
        "then run `make stage-code` and commit both.\n"
        + "\n".join(f"{path} is part of: {', '.join(stages) or 'none any more'}" for path, stages in parts.items())
    )


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('"""Other words."""\n\nLIMIT = 3  # a comment\n\n\ndef f(x):\n    """More words."""\n    return (x)\n', True),
        ("LIMIT = 4\ndef f(x):\n    return x\n", False),
        ("LIMIT = 3\ndef f(x):\n    return -x\n", False),
        ("LIMIT = '3'\ndef f(x):\n    return x\n", False),
    ],
)
def test_comments_docstrings_and_layout_are_no_change(text: str, same: bool, tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text('"""Words."""\nLIMIT = 3\ndef f(x):\n    "Words."\n    return x\n', encoding="utf-8")
    second.write_text(text, encoding="utf-8")
    assert (stage_code.digest(first) == stage_code.digest(second)) is same


def test_what_a_function_imports_and_what_the_embedded_provider_knows_are_code_of_the_stages_that_ask() -> None:
    for stage in ("filter", "qa", "referee", "expand"):
        names = {str(path.relative_to(ROOT)) for path in stage_code.files_of(stage)}
        assert {"scripts/taskgalaxy/embedded/provider.py", "resources/embedded/vocabulary.yaml"} <= names
    assert ROOT / "resources/embedded/vocabulary.yaml" not in stage_code.files_of("balance")
