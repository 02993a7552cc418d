"""JSON objects come out of whatever stands around them, and damaged ones come out as damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from taskgalaxy.llm.json_replies import object_schema, only_value, read_objects

A, B = {"a": 1}, {"b": "two"}

PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
OBJECTS = st.lists(st.dictionaries(PLAIN_TEXT, PLAIN_TEXT | st.integers() | st.none()), min_size=1, max_size=4)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"b": "two"}',
        '[{"a": 1}, {"b": "two"}]',
        '```json\n{"a": 1}\n{"b": "two"}\n```',
        '```\n[\n  {\n    "a": 1\n  },\n  {"b": "two"}\n]\n```\nI hope this helps!',
        'Here they are:\n{"a": 1}, {"b": "two"}.',
        "{“a”: 1}\n{“b”: “two”}",
        '{"a": 1}{"b": "two"}',
        '1. {"a": 1}\r\n2. {"b": "two"}\r\n',
        "\ufeff" + '{"a": 1}\n\n\n{"b": "two"}',
    ],
)
def test_objects_are_read_in_every_usual_wrapping(text: str) -> None:
    assert read_objects(text) == ([A, B], [])


def test_a_string_may_hold_braces_quotes_and_line_breaks() -> None:
    text = '{"a": "a } and { and \\" in “it”,\nand more"}\n{"b": "two"}'
    assert read_objects(text) == ([{"a": 'a } and { and " in “it”,\nand more'}, B], [])


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"c": 1, "c": 2}', "repeats a key"),
        ('{"c": {"d": 1, "d": 1}}', "repeats a key"),
        ('{"c": NaN}', "NaN is not a finite number"),
        ('{"c": -Infinity}', "-Infinity is not a finite number"),
        ('{"c": 1e999}', "1e999 is not a finite number"),
        ('{"c": "\\ud800"}', "half of a surrogate pair"),
        ('{"c": 1,}', "not JSON"),
        ('{"c": "say "hi" to me"}', "not JSON"),
        ('{"c": "not closed}', "not JSON"),
        ("{c: 1}", "not JSON"),
        ('{"c": ' + "9" * 5000 + "}", "digits"),
    ],
)
def test_damage_is_named_and_does_not_take_the_neighbours_along(broken: str, reason: str) -> None:
    objects, damaged = read_objects(f'{{"a": 1}}\n{broken}\n{{"b": "two"}}')
    assert objects == [A, B]
    assert len(damaged) == 1
    assert reason in damaged[0].reason


@pytest.mark.parametrize("text", ['{"a": 1}\n{"c": "tru', '[{"a": 1}, {"c": ', '[{"a": 1}, {"c"'])
def test_a_truncated_object_is_refused_and_the_ones_before_it_are_kept(text: str) -> None:
    objects, damaged = read_objects(text)
    assert objects == [A]
    assert [part.reason for part in damaged] == ["truncated"]


def test_deep_nesting_is_refused() -> None:
    objects, damaged = read_objects('{"a": ' * 100_000)
    assert not objects
    assert damaged


@given(st.text())
def test_no_text_raises(text: str) -> None:
    objects, damaged = read_objects(text)
    assert all(isinstance(value, dict) for value in objects)
    assert all(part.reason for part in damaged)


@given(st.text(st.sampled_from('{}[]",:\\“”\n a1')))
def test_no_json_like_text_raises(text: str) -> None:
    objects, _ = read_objects(text)
    for value in objects:
        json.dumps(value, allow_nan=False).encode()


@given(OBJECTS, st.sampled_from(["lines", "array", "indented", "fenced"]), st.booleans())
def test_whatever_is_written_is_read_back(objects: list[dict[str, Any]], form: str, ascii_only: bool) -> None:
    lines = "\n".join(json.dumps(value, ensure_ascii=ascii_only) for value in objects)
    text = {
        "lines": lines,
        "array": json.dumps(objects, ensure_ascii=ascii_only),
        "indented": json.dumps(objects, ensure_ascii=ascii_only, indent=2),
        "fenced": f"```json\n{lines}\n```",
    }[form]
    assert read_objects(text) == (objects, [])


@given(OBJECTS, st.integers(min_value=0, max_value=200))
def test_a_cut_reply_never_invents_an_object(objects: list[dict[str, Any]], length: int) -> None:
    text = "\n".join(json.dumps(value) for value in objects)[:length]
    read, _ = read_objects(text)
    assert read == objects[: len(read)]


@pytest.mark.parametrize("value", [1, "one", [1, {"b": 2}], {"b": {}}, False, 0])
@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```", "\n {}\n"])
def test_the_only_value_is_that_of_one_object_with_one_key(value: Any, form: str) -> None:
    text = json.dumps({"a": value})
    assert only_value(form.replace("{}", text), "a") == value
    assert only_value(form.replace("{}", text), "b") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "no object",
        '["a"]',
        "{}",
        '{"a": 1, "b": 2}',
        '{"a": 1} {"a": 1}',
        '{"a": 1} {"a": ',
        '{"a": 1, "a": 1}',
        '{"a": 1',
        '{"a": "\\ud800"}',
    ],
)
def test_there_is_no_only_value_in_any_other_reply(text: str) -> None:
    assert only_value(text, "a") is None


@given(OBJECTS, st.text())
def test_an_only_value_is_never_one_of_several(objects: list[dict[str, Any]], name: str) -> None:
    text = "\n".join(json.dumps(value) for value in objects)
    alone = len(objects) == 1 and objects[0].keys() == {name}
    assert only_value(text, name) == (objects[0][name] if alone else None)


def test_the_schema_of_an_object_asks_for_its_properties_and_allows_no_other() -> None:
    schema = object_schema(a={"type": "integer"}, b={"type": "string"})
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"a": 1, "b": ""})
    for value in ({"a": 1}, {"a": 1, "b": "", "c": 1}, {"a": "1", "b": ""}, [], {}):
        assert not validator.is_valid(value)
