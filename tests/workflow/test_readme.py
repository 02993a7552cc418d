"""What the README shows is what the workflow does."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from taskgalaxy.config import load_schema, validated
from workflow.project import ROOT

pytestmark = pytest.mark.workflow


def _edges(text: str) -> set[tuple[str, str]]:
    """The arrows of a Mermaid flowchart by the labels of their ends; a line may chain several."""
    names = dict(re.findall(r"^\s*(\w+)\[(\w+)\]$", text, re.MULTILINE))
    chains = [line.split(" --> ") for line in text.splitlines() if " --> " in line]
    ends = [[names.get(end.strip(), end.strip()) for end in chain] for chain in chains]
    return {arrow for chain in ends for arrow in pairwise(chain)}


def test_the_drawn_graph_is_the_rule_graph(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    del config["fill"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "dataset", "--rulegraph", "mermaid-js"]
    command += ["--configfile", str(tmp_path / "config.yaml")]
    drawn = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition("```mermaid")[2].partition("```")[0]
    assert _edges(shown) == _edges(drawn) - {("balance", "dataset")} != set()


def test_the_configuration_in_the_readme_is_valid() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(readme.partition("```yaml")[2].partition("```")[0])
    complete = validated(example, load_schema(ROOT / "config" / "schemas" / "config.schema.json"))
    assert complete["roles"]["referees"] == ["judge"]


def test_every_file_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([\w./-]+)\)", readme):
        assert (ROOT / path).exists(), path


def test_no_command_names_a_target_where_snakemake_reads_another_configuration_file() -> None:
    """``--configfile my.yaml plan`` names two configuration files: targets stand first."""
    pages = [ROOT / "README.md", ROOT / "config" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    commands = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if "snakemake" in line]
    given = [re.search(r"--configfile ([^#`|]+?)(?: --|\s*(?:[#`|]|$))", line) for line in commands]
    values = [match[1].split() for match in given if match]
    assert len(values) > 5
    assert [value for value in values if len(value) > 1] == []
