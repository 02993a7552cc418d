"""Prompt templates: read, checked before any work, and filled.

Templates are jinja2 text files in one folder, one per role. What a user puts in their place may only
use the variables of its role and runs in jinja2's sandbox. The filter ``quoted`` turns a text into a
JSON string on one line, so that no label or question can end its quotation.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from taskgalaxy.errors import UserError

SUFFIX = ".txt"


@dataclass(frozen=True)
class Role:
    """The variables of one kind of prompt, each with a value to try a template with."""

    required: Mapping[str, Any]
    optional: Mapping[str, Any] = field(default_factory=dict)


_PARENT = "OCR~chart OCR"
_CHILDREN = ["bar chart OCR", "line chart OCR"]

ROLES: Mapping[str, Role] = {
    "expand_level_1": Role({"children": ["OCR", "Detection"]}),
    "expand_with_children": Role({"parent": _PARENT, "children": _CHILDREN}, {"level": 3}),
    "expand_without_children": Role({"parent": _PARENT}, {"level": 3}),
    "filter": Role({"candidates": [f"{_PARENT}~{child}" for child in _CHILDREN]}),
    "qa": Role({"task_types": [f"{_PARENT}~{child}" for child in _CHILDREN]}),
    "cot": Role({"question": "What is the title of the chart?"}),
    "referee": Role(
        {"task_type": f"{_PARENT}~bar chart OCR", "question": "What is the title of the chart?"},
        {"answer": "Rainfall by month"},
    ),
}
"""What each prompt is filled with: paper, Tables A-2 and A-3."""


def used_roles(config: Mapping[str, Any]) -> list[str]:
    """The prompts that a validated configuration asks."""
    return [role for role in ROLES if role != "cot" or config["roles"]["cot"] is not None]


@dataclass(frozen=True)
class Template:
    """A checked template.

    Attributes:
        role: a key of ``ROLES``.
        variables: those that the text uses.
        digest: SHA-256 of the file's bytes, in hexadecimal.
    """

    role: str
    variables: frozenset[str]
    digest: str
    _compiled: jinja2.Template = field(repr=False)

    def render(self, **variables: Any) -> str:
        """The prompt. Raises ``TypeError`` for a variable that is missing or not one of the role's."""
        role = ROLES[self.role]
        wrong = (role.required.keys() - variables.keys()) | (
            variables.keys() - role.required.keys() - role.optional.keys()
        )
        if wrong:
            raise TypeError(f"template {self.role}: variables {sorted(wrong)} are missing or unknown")
        return self._compiled.render(**variables)


@dataclass(frozen=True)
class Templates:
    """The templates of a folder, by role."""

    by_role: Mapping[str, Template]

    def __getitem__(self, role: str) -> Template:
        return self.by_role[role]


def load_templates(folder: Path | str, roles: Iterable[str] = tuple(ROLES), *, sees_answer: bool = False) -> Templates:
    """The templates ``{role}.txt`` of ``folder``.

    Raises:
        UserError: naming file and line, if one is missing, is not a template, uses a variable that
            its role does not have, leaves out one that it needs (for the referee also ``answer``, if
            ``sees_answer``), or cannot be filled.
    """
    loaded = {}
    for role in roles:
        given = {**ROLES[role].required, **ROLES[role].optional}
        needed = set(ROLES[role].required)
        if role == "referee" and sees_answer:
            needed.add("answer")
        elif role == "referee":
            del given["answer"]
        loaded[role] = _load(Path(folder) / f"{role}{SUFFIX}", role, needed, given)
    return Templates(loaded)


def quoted(value: Any) -> str:
    """``value`` as a JSON string on one line, with every control and line-breaking character escaped."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(str(value), ensure_ascii=False))


_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.filters["quoted"] = quoted
    return environment


def _load(path: Path, role: str, needed: set[str], given: Mapping[str, Any]) -> Template:
    """The template at ``path``, which must use ``needed`` and is tried with ``given``."""
    try:
        source = path.read_bytes()
        text = source.decode("utf-8-sig")
    except OSError as error:
        fix = f"Put the template of the {role} prompt there, or name another folder of prompts"
        raise UserError(str(path), f"cannot be read ({error.strerror})", fix) from error
    except UnicodeDecodeError as error:
        raise UserError(str(path), f"is not UTF-8 (byte {error.start})", "Save it as UTF-8") from error
    environment = _environment()
    known = ROLES[role].required.keys() | ROLES[role].optional.keys()
    choices = "this prompt has " + ", ".join(sorted(known))
    try:
        tree = environment.parse(text, filename=str(path))
        used = meta.find_undeclared_variables(tree)
        for name in tree.find_all(nodes.Name):
            if name.name in used - known:
                raise UserError(f"{path}, line {name.lineno}", f"uses the unknown variable {name.name!r}", choices)
        if missing := sorted(needed - used):
            fix = "Write " + " and ".join("{{ " + name + " }}" for name in missing) + " where the model is to read it"
            raise UserError(str(path), f"does not use {', '.join(missing)}", fix)
        code = environment.compile(tree, filename=str(path))
    except jinja2.TemplateSyntaxError as error:
        fix = "Correct it; a brace that is meant as text is written {{ '{{' }}"
        raise UserError(f"{path}, line {error.lineno}", f"is not a template ({error.message})", fix) from error
    compiled = jinja2.Template.from_code(environment, code, {})
    try:
        compiled.render(**given)
    # A template is a program of the user's: whatever it raises is theirs to correct.
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise UserError(where, f"cannot be filled ({error})", f"Correct the expression; {choices}") from error
    return Template(role, frozenset(used), hashlib.sha256(source).hexdigest(), compiled)
