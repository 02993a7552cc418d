"""One lock: every environment holds the versions of requirements.txt, and what its rules' scripts import."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
# Rules that make something; the others only name what is to be made.
RULES = {
    match[1]: match[0]
    for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    for match in re.finditer(r"^rule (\w+):.*?(?=^\S|\Z)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if "    output:" in match[0]
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
    dependencies = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    assert [item for item in dependencies if isinstance(item, str)] == ["python=3.11", "pip"]
    (nested,) = [item for item in dependencies if isinstance(item, dict)]
    return pins(nested["pip"])


def settings_of(rule: str) -> dict[str, str]:
    found = dict(re.findall(r'^ {4}(conda|script):\n\s+"([^"]+)"', RULES[rule], re.MULTILINE))
    return {key: value.removeprefix("../") for key, value in found.items()}


def test_every_requirement_is_exact() -> None:
    assert len(requirements()) > 20


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_the_versions_of_the_lock(path: Path) -> None:
    lock = requirements()
    held = environment(path)
    assert held == {name: lock.get(name) for name in held}
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_names_a_script_and_an_environment_that_exist(rule: str) -> None:
    named = settings_of(rule)
    assert set(named) == {"conda", "script"}
    assert (ROOT / named["conda"]) in ENVS
    assert (ROOT / named["script"]).is_file()


def test_every_environment_is_used() -> None:
    assert {ROOT / settings_of(rule)["conda"] for rule in RULES} == set(ENVS)


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports when it is imported itself."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        pending += ast.iter_child_nodes(node)


def needed(script: Path) -> set[str]:
    """The top-level modules, neither ours nor Python's, that a script imports through whatever it imports."""
    others, seen, pending = set(), {script}, [script]
    while pending:
        for module in imported(pending.pop()):
            top = module.partition(".")[0]
            if not (SCRIPTS / top).is_dir():
                others.add(top)
                continue
            place = SCRIPTS.joinpath(*module.split("."))
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.is_file() and file not in seen:
                    seen.add(file)
                    pending.append(file)
    return others - set(sys.stdlib_module_names)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_environment_holds_what_its_scripts_import(rule: str) -> None:
    named = settings_of(rule)
    held = environment(ROOT / named["conda"])
    distributions = packages_distributions()
    for module in sorted(needed(ROOT / named["script"])):
        names = {canonical(name) for name in distributions[module]}
        assert names & set(held), f"{named['script']} imports {module}, which {named['conda']} lacks"
