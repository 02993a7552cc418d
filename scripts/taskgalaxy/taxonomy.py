"""The tree of task types: read from YAML, grown level by level, written back, and made into a pool.

A taxonomy maps each label to its children (an empty map for a leaf) in the order in which they were
written or accepted; a task type is the path to a node, joined by ``~`` (paper section 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic
from taskgalaxy.labels import SEPARATOR, clean_label, join_levels, label_key, path_key

Taxonomy: TypeAlias = "dict[str, Taxonomy]"

POOLS = ("leaves", "all")
"""Which nodes become task types that images are matched with."""

_TAG = "tag:yaml.org,2002:"
_NOT_LABELS = {
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "null": "nothing",
    "value": "a default key",
    "binary": "binary data",
}
_SHAPE = "Write one label per line, ending in a colon, with its children two blanks further in on the lines below"
_EMPTY_LABEL = ("a label is empty", "Write the label before the colon, or remove the line")
_INDENTED_BY_TAB = re.compile(r"^ *\t", re.MULTILINE)


def load_seeds(path: Path | str) -> Taxonomy:
    """The taxonomy in a YAML file of nested maps, its labels cleaned.

    Raises:
        UserError: naming file and line, for the first thing that is not a label with a map, or
            nothing, under it; for labels that repeat a sibling (case does not count) or hold ``~`` or
            another sign that separates levels; and for a file that is missing or empty.
    """
    return _SeedReader(str(path)).read()


def dump_level(path: Path | str, taxonomy: Taxonomy, depth: int | None = None) -> None:
    """Write the tree down to level ``depth`` (all of it for ``None``) so that it loads back equal."""
    with atomic(path) as file:
        yaml.dump(
            _cut(taxonomy, depth),
            file,
            Dumper=_Dumper,
            allow_unicode=True,
            default_flow_style=False,
            sort_keys=False,
            width=1 << 20,
        )


def walk(taxonomy: Taxonomy, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Taxonomy]]:
    """Every node as (levels, children), parents before their children, in the tree's order."""
    for label, children in taxonomy.items():
        levels = (*above, label)
        yield levels, children
        yield from walk(children, levels)


def nodes_at(taxonomy: Taxonomy, level: int) -> list[tuple[tuple[str, ...], Taxonomy]]:
    """The nodes of one level as (levels, children); level 0 is the root alone."""
    if level == 0:
        return [((), taxonomy)]
    return [node for node in walk(taxonomy) if len(node[0]) == level]


def merge(taxonomy: Taxonomy, seeds: Taxonomy) -> Taxonomy:
    """A new tree with the nodes of both, those of ``taxonomy`` first; case does not tell labels apart.

    A level's file holds the tree down to that level only: this puts the deeper seeds back.
    """
    under = {label_key(label): children for label, children in seeds.items()}
    both = {label: merge(children, under.pop(label_key(label), {})) for label, children in taxonomy.items()}
    both.update({label: merge(children, {}) for label, children in seeds.items() if label_key(label) in under})
    return both


def task_type_rows(taxonomy: Taxonomy, seeds: Taxonomy, pool: str = "leaves") -> list[dict[str, Any]]:
    """The rows of the ``TASK_TYPES`` table, sorted by task type.

    A node's origin is ``"seed"`` if it stands in ``seeds``, else ``"expanded"``. ``pool`` is one of
    ``POOLS``: the leaves only, or every node.
    """
    if pool not in POOLS:
        raise ValueError(f"pool {pool!r} is not one of {POOLS}")
    seeded = {path_key(levels) for levels, _ in walk(seeds)}
    rows = [
        {
            "task_type": join_levels(levels),
            "level_1": levels[0],
            "levels": list(levels),
            "depth": len(levels),
            "is_leaf": not children,
            "origin": "seed" if path_key(levels) in seeded else "expanded",
            "parent": join_levels(levels[:-1]) or None,
        }
        for levels, children in walk(taxonomy)
        if pool == "all" or not children
    ]
    return sorted(rows, key=lambda row: str(row["task_type"]))


def check_k(k: int, count: int) -> None:
    """Raise ``UserError`` if a pool of ``count`` task types cannot give each image ``k`` candidates."""
    if k > count:
        raise UserError(
            "config, match.k",
            f"is {k}, but the pool holds {count} task types",
            f"Lower match.k to {count} or less, or add seeds or raise the targets of the levels",
        )


class _Dumper(yaml.SafeDumper):
    """Writes a leaf as ``label:`` with nothing after the colon."""


_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar(f"{_TAG}null", ""))


def _cut(taxonomy: Taxonomy, depth: int | None) -> dict[str, Any]:
    if depth == 1:
        return dict.fromkeys(taxonomy)
    below = None if depth is None else depth - 1
    return {label: _cut(children, below) if children else None for label, children in taxonomy.items()}


@dataclass
class _SeedReader:
    """Walks the YAML nodes of one file, which still know their lines."""

    path: str
    seen: set[int] = field(default_factory=set)

    def read(self) -> Taxonomy:
        text = self._text()
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            if text.split("\n")[line - 1].lstrip().startswith(":"):
                raise self._error(line, *_EMPTY_LABEL) from error
            raise self._error(line, f"is not valid YAML ({error.problem})", _SHAPE) from error
        if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == f"{_TAG}null"):
            raise UserError(self.path, "holds no task types", _SHAPE)
        if not isinstance(root, yaml.MappingNode):
            raise self._wrong_value(root, "the file")
        if not root.value:
            raise UserError(self.path, "holds no task types", _SHAPE)
        return self._children(root, ())

    def _text(self) -> str:
        try:
            text = Path(self.path).read_bytes().decode("utf-8-sig")
        except OSError as error:
            fix = "Create it, or name another file in the configuration"
            raise UserError(self.path, f"cannot be read ({error.strerror})", fix) from error
        except UnicodeDecodeError as error:
            raise UserError(self.path, f"is not UTF-8 (byte {error.start})", "Save it as UTF-8") from error
        if match := _INDENTED_BY_TAB.search(text):
            raise self._error_at(text, match.start(), "is indented with a tab", "Write two blanks per level instead")
        if match := yaml.reader.Reader.NON_PRINTABLE.search(text):
            raise self._error_at(text, match.start(), f"holds the control character U+{ord(match[0]):04X}", "Remove it")
        return text

    def _children(self, node: yaml.MappingNode, above: tuple[str, ...]) -> Taxonomy:
        children: Taxonomy = {}
        lines: dict[str, tuple[str, int]] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            label = self._label(key, line)
            if label_key(label) in lines:
                first, first_line = lines[label_key(label)]
                under = f" under {join_levels(above)!r}" if above else ""
                raise self._error(
                    line,
                    f"{key.value!r} repeats {first!r} of line {first_line}{under} (case and decoration do not count)",
                    f"Remove one of the two, or write all of their children under {first!r}",
                )
            lines[label_key(label)] = (label, line)
            self._refuse_alias(value, line)
            if isinstance(value, yaml.MappingNode):
                children[label] = self._children(value, (*above, label))
            elif isinstance(value, yaml.ScalarNode) and value.tag == f"{_TAG}null":
                children[label] = {}
            else:
                raise self._wrong_value(value, repr(label))
        return children

    def _label(self, key: yaml.Node, line: int) -> str:
        if not isinstance(key, yaml.ScalarNode):
            raise self._error(line, "a list or a map stands where a label belongs", _SHAPE)
        self._refuse_alias(key, line)
        kind = key.tag.removeprefix(_TAG)
        if not key.value.strip() or (kind == "null" and key.value == SEPARATOR):
            raise self._error(line, *_EMPTY_LABEL)
        if kind == "merge":
            raise self._error(line, "a merge key (<<) is used", "Write the labels out in full")
        if kind != "str":
            what = f"YAML reads {key.value!r} as {_NOT_LABELS.get(kind, f'a value of type {key.tag!r}')}"
            raise self._error(line, f"{what} and not as a label", f'Write it in quotes: "{key.value}":')
        label = clean_label(str(key.value))
        if SEPARATOR in label:
            parent, child = label.split(SEPARATOR, 1)
            raise self._error(
                line,
                f"the label {key.value!r} holds {SEPARATOR!r} or another sign that separates levels",
                f"Write one level per line: {child + ':'!r} on a line of its own, two blanks further in than "
                f"{parent + ':'!r}"
                if parent and child
                else "Remove the sign",
            )
        if not label:
            raise self._error(line, f"the label {key.value!r} holds no letter or digit", "Write a label in words")
        return label

    def _wrong_value(self, value: yaml.Node, owner: str) -> UserError:
        line = value.start_mark.line + 1
        if isinstance(value, yaml.SequenceNode):
            return self._error(
                line,
                f"a list stands under {owner} where a map belongs",
                "Write each item without its dash and with a colon at its end: 'label:' instead of '- label'",
            )
        text = str(value.value)
        return self._error(
            line,
            f"the value {text!r} stands under {owner} where a map or nothing belongs",
            f"If it is a child, write {text + ':'!r} on a line of its own, two blanks further in than its parent",
        )

    def _refuse_alias(self, node: yaml.Node, line: int) -> None:
        """YAML hands out one node for an anchor and all of its aliases."""
        if id(node) in self.seen:
            raise self._error(line, "an anchor (&) or alias (*) is used", "Write the labels out in full")
        self.seen.add(id(node))

    def _error_at(self, text: str, position: int, what: str, fix: str) -> UserError:
        return self._error(text.count("\n", 0, position) + 1, what, fix)

    def _error(self, line: int, what: str, fix: str) -> UserError:
        return UserError(f"{self.path}, line {line}", what, fix)
