"""Notes the code that decides what each stage writes, in stage_code.json beside this file: ``python -m stage_code``.

A stage's number in scripts/taskgalaxy/versions.py is to be raised when its results may differ. The
record tells whoever changed code of a stage that this is to be decided.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rule_code import ROOT, RULES, SCRIPTS, imports, settings_of
from taskgalaxy.files import write_json

RECORD = Path(__file__).with_suffix(".json")
# What the embedded provider knows; no rule names these files as its input.
EMBEDDED = [ROOT / "resources" / "embedded", ROOT / "resources" / "tiny-clip"]


def stages_of(rules: Mapping[str, str] = RULES) -> dict[str, list[str]]:
    """Stage -> the rules that its number stands in."""
    found: dict[str, list[str]] = {}
    for rule, text in rules.items():
        for stage in re.findall(r'VERSIONS\["(\w+)"\]', text):
            found.setdefault(stage, []).append(rule)
    return found


def files_of(stage: str) -> set[Path]:
    """The code, and the data of the code, that decides what a stage writes."""
    scripts = [ROOT / settings_of(rule)["script"] for rule in stages_of()[stage]]
    files = set().union(*(imports(script, functions=True)[0] for script in scripts))
    if any(path.is_relative_to(SCRIPTS / "taskgalaxy" / "embedded") for path in files):
        files |= {path for folder in EMBEDDED for path in folder.iterdir() if path.suffix != ".md"}
    return files


def digest(path: Path) -> str:
    """Identifies the meaning of a Python file, or the bytes of any other."""
    content = path.read_bytes()
    if path.suffix == ".py":
        content = json.dumps(_meaning(ast.parse(content))).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _meaning(node: Any) -> Any:
    """A syntax tree without positions, comments and docstrings, and the same in every version of Python."""
    if isinstance(node, list):
        return [_meaning(item) for item in node if not _is_text(item)]
    if isinstance(node, ast.AST):
        fields = ((name, _meaning(value)) for name, value in ast.iter_fields(node))
        return [type(node).__name__, *([name, value] for name, value in fields if value not in (None, []))]
    return repr(node) if isinstance(node, bytes | complex | type(...)) else node


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def current() -> dict[str, str]:
    """The digest of every file that decides what some stage writes, by its path in the repository."""
    files = set().union(*map(files_of, stages_of()))
    return {str(path.relative_to(ROOT)): digest(path) for path in sorted(files)}


def recorded() -> dict[str, str]:
    digests: dict[str, str] = json.loads(RECORD.read_text(encoding="utf-8"))
    return digests


if __name__ == "__main__":
    write_json(RECORD, current())
