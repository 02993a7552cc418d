"""What rules consist of: their declaration, their script, and what it imports."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
_RULE = re.compile(r"^(?:rule (\w+)|use rule (\w+) as (\w+) with):.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def _rules() -> dict[str, str]:
    """The text of every rule that does something; the others only name what is to be made.

    A rule made of another is that one's text and what it changes. It counts if it has an environment of its own.
    """
    found: dict[str, str] = {}
    for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]:
        for match in _RULE.finditer(path.read_text(encoding="utf-8")):
            name, base, derived = match.groups()
            if name and re.search(r"^ {4}(output|script|shell|run|notebook|wrapper):", match[0], re.MULTILINE):
                found[name] = match[0]
            elif base and "\n    conda:" in match[0]:
                found[derived] = found[base] + match[0]
    return found


RULES = _rules()


def settings_of(rule: str) -> dict[str, str]:
    """The files that a rule names as its environment and its script, relative to the repository."""
    found = dict(re.findall(r'^ {4}(conda|script):\n\s+"([^"]+)"', RULES[rule], re.MULTILINE))
    return {key: value.removeprefix("../") for key, value in found.items()}


@cache
def imported(path: Path, functions: bool) -> list[str]:
    """The modules that a file imports when it is imported itself, and in ``functions``."""
    found = []
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not functions:
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        pending += ast.iter_child_nodes(node)
    return found


def imports(script: Path, functions: bool = False) -> tuple[set[Path], set[str]]:
    """The files of ours that a script consists of, itself included, and the top-level modules that are not ours.

    With ``functions``, also those that a function may import once it is called.
    """
    others, seen, pending = set(), {script}, [script]
    while pending:
        for module in imported(pending.pop(), functions):
            top = module.partition(".")[0]
            if not (SCRIPTS / top).is_dir():
                others.add(top)
                continue
            place = SCRIPTS.joinpath(*module.split("."))
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.is_file() and file not in seen:
                    seen.add(file)
                    pending.append(file)
    return seen, others
