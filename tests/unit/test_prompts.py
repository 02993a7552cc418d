"""Prompt templates: checked before any work, filled so that no text can end its quotation."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.prompts import ROLES, load_templates, quoted

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"


def with_template(folder: Path, role: str, text: str | bytes) -> Path:
    """A folder of the project's templates with one of them replaced."""
    prompts = folder / "prompts"
    shutil.copytree(PROMPTS, prompts)
    (prompts / f"{role}.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return prompts


@pytest.mark.parametrize("role", ROLES)
def test_the_templates_of_the_project_use_all_their_variables(role: str) -> None:
    template = load_templates(PROMPTS)[role]
    assert template.variables == ROLES[role].required.keys() | ROLES[role].optional.keys()
    assert template.digest == hashlib.sha256((PROMPTS / f"{role}.txt").read_bytes()).hexdigest()
    text = template.render(**ROLES[role].required, **ROLES[role].optional)
    for value in ROLES[role].required.values():
        for item in value if isinstance(value, list) else [value]:
            assert json.dumps(item) in text


def test_the_readme_lists_every_template_and_its_variables() -> None:
    rows = {
        line.split(" | ")[0].removeprefix("| "): line
        for line in (PROMPTS / "README.md").read_text().splitlines()
        if ".txt" in line
    }
    assert rows.keys() == {f"{role}.txt" for role in ROLES} == {path.name for path in PROMPTS.glob("*.txt")}
    for role, variables in ROLES.items():
        required, _, optional = rows[f"{role}.txt"].partition("optional")
        assert all(f"`{name}`" in required for name in variables.required)
        assert all(f"`{name}`" in optional for name in variables.optional)


def test_the_referee_reads_the_answer_only_if_it_is_given() -> None:
    referee = load_templates(PROMPTS, ["referee"])["referee"]
    blind = referee.render(task_type="OCR", question="What is written?")
    seeing = referee.render(task_type="OCR", question="What is written?", answer="EXIT")
    assert "nswer:" not in blind
    assert 'Answer: "EXIT"' in seeing


def test_a_missing_variable_is_an_error_and_not_an_empty_place() -> None:
    template = load_templates(PROMPTS)["expand_with_children"]
    with pytest.raises(TypeError, match="children"):
        template.render(parent="OCR", level=2)
    with pytest.raises(TypeError, match="image"):
        template.render(parent="OCR", children=[], level=2, image="x")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("Choose:\n{{ task_types }}{{ candidates }}\n", 2, "unknown variable 'task_types'"),
        ("{{ candidates }}\n{% for x in candidates %}\n{{ y }}{% endfor %}", 3, "unknown variable 'y'"),
        ("{{ candidates }}\n{% for x in range(3) %}{% endfor %}", 2, "unknown variable 'range'"),
        ("Choose what fits.\n", None, "does not use candidates"),
        ("{# {{ candidates }} #}\n", None, "does not use candidates"),
        ("Choose:\n{{ candidates }\n", 2, "is not a template"),
        ("{{ candidates }}\n\n{% for x in candidates %}\n", 3, "is not a template"),
        ("{{ candidates | unknown }}\n", 1, "is not a template"),
        ("\n{{ candidates.first.second }}\n", 2, "cannot be filled"),
        ("\n{{ candidates.__class__.__mro__ }}\n", 2, "cannot be filled"),
        ("\n{{ candidates + 1 }}\n", 2, "cannot be filled"),
        ("{{ candidates }}\n{% include 'other.txt' %}\n", 2, "cannot be filled"),
        (b"\xff{{ candidates }}", None, "is not UTF-8"),
    ],
)
def test_a_faulty_template_is_named_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, what: str
) -> None:
    prompts = with_template(tmp_path, "filter", text)
    with pytest.raises(UserError) as caught:
        load_templates(prompts)
    assert caught.value.where == str(prompts / "filter.txt") + (f", line {line}" if line else "")
    assert what in caught.value.what


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    prompts = with_template(tmp_path, "qa", "")
    (prompts / "qa.txt").unlink()
    with pytest.raises(UserError, match=r"qa\.txt: cannot be read"):
        load_templates(prompts)
    assert load_templates(prompts, ["filter"])["filter"].role == "filter"


def test_the_answer_must_be_used_if_referees_see_it_and_guarded_if_not(tmp_path: Path) -> None:
    load_templates(PROMPTS, sees_answer=True)
    blind = with_template(tmp_path / "blind", "referee", "{{ task_type }} {{ question }}")
    load_templates(blind)
    with pytest.raises(UserError, match="does not use answer"):
        load_templates(blind, sees_answer=True)
    seeing = with_template(tmp_path / "seeing", "referee", "{{ task_type }} {{ question }} {{ answer }}")
    load_templates(seeing, sees_answer=True)
    with pytest.raises(UserError, match="'answer' is undefined"):
        load_templates(seeing)


def test_another_wording_has_another_digest(tmp_path: Path) -> None:
    changed = with_template(tmp_path, "filter", "Pick from {{ candidates }}")
    assert load_templates(changed)["filter"].digest != load_templates(PROMPTS)["filter"].digest
    assert load_templates(changed)["qa"].digest == load_templates(PROMPTS)["qa"].digest


def test_a_template_is_text_and_not_html(tmp_path: Path) -> None:
    prompts = with_template(tmp_path, "filter", "<b>{{ candidates | first }}</b>")
    assert load_templates(prompts)["filter"].render(candidates=["R&D <x>"]) == "<b>R&D <x></b>"


@given(st.text())
def test_a_quoted_text_is_one_line_of_json_that_reads_back(text: str) -> None:
    line = quoted(text)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == text
    line.encode()


@given(st.text(), st.text())
def test_no_question_can_leave_its_line(task_type: str, question: str) -> None:
    template = load_templates(PROMPTS, ["referee"])["referee"]
    text = template.render(task_type=task_type, question=question)
    usual = template.render(task_type="OCR", question="What is written?")
    assert len(text.splitlines()) == len(usual.splitlines())
    assert f"Question: {quoted(question)}" in text.splitlines()
