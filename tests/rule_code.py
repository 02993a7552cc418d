"""What rules consist of: their declaration, their script, and what it imports."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
# Rules that do something; the others only name what is to be made.
RULES = {
    match[1]: match[0]
    for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    for match in re.finditer(r"^rule (\w+):.*?(?=^\S|\Z)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if re.search(r"^ {4}(output|script|shell|run|notebook|wrapper):", match[0], re.MULTILINE)
}


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
