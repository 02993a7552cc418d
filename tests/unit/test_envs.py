"""One lock: every environment holds the versions of requirements.txt, and what its rules' scripts import."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from rule_code import ROOT, RULES, imports, settings_of

ENVS = sorted((ROOT / "envs").glob("*.yaml"))
# Imported by packages, or by name: what no import statement of ours shows.
IMPORTED_ELSEWHERE = {
    "aiohttp": "openai's fast client",
    "open-clip-torch": "open_clip_import, by name",
    "torchvision": "open_clip, and image processors of transformers",
    "transformers": "open_clip, for tokenizers",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)", line)
        assert match, f"{line!r} is not an exact pin"
        assert canonical(match[1]) not in found, f"{match[1]} is pinned twice"
        found[canonical(match[1])] = match[2]
    return found


def requirements() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return pins([line for line in (line.partition(" #")[0].strip() for line in lines) if line and line[0] != "#"])


def environment(path: Path) -> dict[str, str]:
    """What pip installs; Python and pip themselves are conda's."""
    *_, nested = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    return pins(nested["pip"])


def test_every_requirement_is_exact() -> None:
    assert len(requirements()) > 20


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_the_versions_of_the_lock(path: Path) -> None:
    lock = requirements()
    held = environment(path)
    assert held == {name: lock.get(name) for name in held}
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["channels"] == ["conda-forge", "nodefaults"]


def test_every_environment_has_the_same_exact_python_and_pip() -> None:
    found = {tuple(yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"][:-1]) for path in ENVS}
    ((python, pip),) = found
    assert re.fullmatch(r"python=3\.11\.\d+", python)
    assert re.fullmatch(r"pip=\d+(\.\d+)+", pip)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_names_a_script_and_an_environment_that_exist(rule: str) -> None:
    named = settings_of(rule)
    assert set(named) == {"conda", "script"}
    assert (ROOT / named["conda"]) in ENVS
    assert (ROOT / named["script"]).is_file()


def test_every_environment_is_used() -> None:
    assert {ROOT / settings_of(rule)["conda"] for rule in RULES} == set(ENVS)


def needed(script: Path, functions: bool = False) -> set[str]:
    """The top-level modules, neither ours nor Python's, that a script imports through whatever it imports."""
    return imports(script, functions)[1] - set(sys.stdlib_module_names)


@cache
def distributions_by_module() -> Mapping[str, list[str]]:
    return packages_distributions()


def distributions(module: str) -> set[str]:
    """The packages that a module may come from."""
    return {canonical(name) for name in distributions_by_module()[module]}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_environment_holds_what_its_scripts_import(rule: str) -> None:
    named = settings_of(rule)
    held = environment(ROOT / named["conda"])
    for module in sorted(needed(ROOT / named["script"])):
        assert distributions(module) & set(held), f"{named['script']} imports {module}, which {named['conda']} lacks"


# What functions import may not be left out either: tests/conda shows that by running them.
@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_nothing_that_its_scripts_never_import(path: Path) -> None:
    scripts = [ROOT / named["script"] for named in map(settings_of, RULES) if ROOT / named["conda"] == path]
    modules = set().union(*(needed(script, functions=True) for script in scripts))
    used = set().union(*map(distributions, modules))
    assert set(environment(path)) - used <= set(IMPORTED_ELSEWHERE)
