"""New task types for one level of the taxonomy, asked for in rounds (paper, section 3.1 and Table A-2).

Level 1 is supplemented as a whole; for every further level each node above it is asked for children,
with one prompt if it has some and with another if it has none.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskgalaxy.labels import clean_label, join_levels, label_key, path_key, split_levels, split_path
from taskgalaxy.llm.json_replies import object_schema, only_value
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.prompts import Templates
from taskgalaxy.rejects import reject
from taskgalaxy.taxonomy import Taxonomy, nodes_at

Reject = dict[str, str | None]
Ask = Callable[[Sequence[Request]], Awaitable[Sequence[Reply]]]
"""Answers requests; the replies come in the order of the requests."""

_SCHEMA = object_schema(task_types={"type": "array", "items": {"type": "string"}})
_EXCERPT_LENGTH = 200
_NOTHING = frozenset({"", "none", "n/a", "nothing", "nothing to add", "no additions"})


@dataclass(frozen=True)
class LevelSettings:
    """How far one level is expanded.

    Attributes:
        target: how many nodes the level is to have, seeds included; ``None`` sets no bound.
        rounds: how often each node is asked at most.
        max_per_parent: how many children a node may have, seeds included; ``None`` sets no bound.
        max_characters: the longest label.
    """

    target: int | None = None
    rounds: int = 1
    max_per_parent: int | None = None
    max_characters: int = 100


@dataclass(frozen=True)
class Parsed:
    """The lines of one reply: ``lines = len(labels) + len(rejects)``."""

    labels: list[str]
    rejects: list[Reject]
    lines: int


@dataclass(frozen=True)
class Expansion:
    """One expanded level.

    Attributes:
        taxonomy: the whole tree, deeper seeds included.
        rejects: rows of the ``REJECTS`` table.
        rounds: how many rounds were asked.
        requests: how many requests they were.
        lines: reply lines, where a reply that failed counts as one: ``accepted + len(rejects)``.
        accepted: how many labels are new.
        nodes: how many nodes the level now has.
    """

    taxonomy: Taxonomy
    rejects: list[Reject]
    rounds: int
    requests: int
    lines: int
    accepted: int
    nodes: int

    @property
    def counts(self) -> dict[str, int]:
        """The figures, for the log and the funnel."""
        return {
            "rounds": self.rounds,
            "requests": self.requests,
            "lines": self.lines,
            "accepted": self.accepted,
            "rejected": len(self.rejects),
            "nodes": self.nodes,
        }


def render_requests(
    parents: Sequence[tuple[tuple[str, ...], Collection[str]]], level: int, round_number: int, templates: Templates
) -> list[Request]:
    """One request per (levels, labels of the children) in ``parents``, whose children are on ``level``."""
    requests = []
    for levels, labels in parents:
        parent, children = join_levels(levels), list(labels)
        if level == 1:
            template = templates["expand_level_1"]
            text = template.render(children=children)
        elif children:
            template = templates["expand_with_children"]
            text = template.render(parent=parent, children=children, level=level)
        else:
            template = templates["expand_without_children"]
            text = template.render(parent=parent, level=level)
        variables = {"parent": parent, "children": children, "level": level, "round": round_number}
        requests.append(Request("expand", text, variables=variables, prompt=template.digest, schema=_SCHEMA))
    return requests


def parse_reply(parent: str, text: str, known: Collection[str], max_characters: int = 100) -> Parsed:
    """The new labels in a reply that holds one path per line, each one level below ``parent``.

    ``parent`` is a task type, or ``""`` for the root, whose children may stand without a path;
    ``known`` are the labels that it already has. A reply that says there is nothing to add has no lines.
    """
    listed = _strings(only_value(text, "task_types"))
    if listed is None and text.lstrip().startswith(("{", "```")):
        return Parsed([], [_reject(text[:_EXCERPT_LENGTH], parent, "reply_unparsable", None)], 1)
    lines = [line for line in listed or text.splitlines() if line.strip()]
    if all(_says_nothing(clean_label(line)) for line in lines):
        return Parsed([], [], 0)
    above = path_key(split_levels(parent)) if parent else ()
    keys = {label_key(label) for label in known}
    labels: list[str] = []
    rejects: list[Reject] = []
    for line in lines:
        levels = split_path(line)
        reason, detail = _fault(levels, above, keys, max_characters)
        if reason is None:
            labels.append(levels[-1])
            keys.add(label_key(levels[-1]))
        else:
            rejects.append(_reject(line.strip(), parent, reason, detail))
    return Parsed(labels, rejects, len(lines))


def _strings(values: Any) -> list[str] | None:
    """The strings of a list, ``None`` if it is no such list; an empty one says "None"."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    return values or ["None"]


def _says_nothing(label: str) -> bool:
    return label.strip("[]").casefold() in _NOTHING


def _fault(
    levels: Sequence[str], above: tuple[str, ...], keys: Collection[str], max_characters: int
) -> tuple[str | None, str | None]:
    """Why a line is no new label, as (reason, detail); (None, None) if it is one."""
    depth = len(above)
    if levels[-1] == "" and len(levels) == 1:
        return "empty_label", None
    if len(levels) <= depth or path_key(levels[:depth]) != above:
        return "not_under_parent", None
    if len(levels) > depth + 1:
        return "too_deep", f"{len(levels)} levels instead of {depth + 1}"
    label = levels[-1]
    if _says_nothing(label):
        return "empty_label", None
    if len(label) > max_characters:
        return "too_long", f"{len(label)} characters, {max_characters} allowed"
    if label_key(label) in keys:
        return "known_label", None
    return None, None


def _reject(item: str, parent: str, reason: str, detail: str | None) -> Reject:
    # A reply may hold halves of surrogate pairs, which no table can.
    readable = item.encode("utf-8", "replace").decode("utf-8")
    return reject("expand", readable, reason, task_type=parent or None, detail=detail)


@dataclass
class _Level:
    """The level while it grows: its parents (levels, children), in the tree's order."""

    parents: list[tuple[tuple[str, ...], Taxonomy]]
    settings: LevelSettings
    rejects: list[Reject] = field(default_factory=list)
    requests: int = 0
    lines: int = 0
    accepted: int = 0

    @property
    def nodes(self) -> int:
        return sum(len(children) for _, children in self.parents)

    def is_full(self) -> bool:
        return self.settings.target is not None and self.nodes >= self.settings.target

    def has_room(self, children: Mapping[str, Taxonomy]) -> bool:
        return self.settings.max_per_parent is None or len(children) < self.settings.max_per_parent

    def accept(self, found: Sequence[tuple[tuple[str, ...], Taxonomy, list[str]]]) -> None:
        """Take the first new label of each parent, then the second of each, while there is room."""
        nodes = self.nodes
        for turn in range(max((len(labels) for _, _, labels in found), default=0)):
            for levels, children, labels in found:
                if turn >= len(labels):
                    continue
                if self.settings.target is not None and nodes >= self.settings.target:
                    bound = f"the level has its {self.settings.target} task types"
                elif not self.has_room(children):
                    bound = f"the parent has its {self.settings.max_per_parent} children"
                else:
                    children[labels[turn]] = {}
                    nodes += 1
                    self.accepted += 1
                    continue
                item = join_levels((*levels, labels[turn]))
                self.rejects.append(_reject(item, join_levels(levels), "over_target", bound))


async def expand_level(
    taxonomy: Taxonomy, level: int, settings: LevelSettings, templates: Templates, ask: Ask
) -> Expansion:
    """Expand ``level`` of a copy of ``taxonomy`` until its target, or until a round brings nothing new.

    A node is asked again only if its children have changed, or if no answer was obtained: otherwise
    the request, and with it the answer, would be the same. The result depends on the replies alone and
    not on when they arrive.

    Raises:
        ValueError: if ``ask`` does not give one reply per request.
    """
    tree = copy.deepcopy(taxonomy)
    state = _Level(nodes_at(tree, level - 1), settings)
    waiting = state.parents
    rounds = 0
    while rounds < settings.rounds and not state.is_full():
        asked = [(levels, children) for levels, children in waiting if state.has_room(children)]
        if not asked:
            break
        rounds += 1
        requests = render_requests(asked, level, rounds, templates)
        replies = await ask(requests)
        if len(replies) != len(requests):
            raise ValueError(f"{len(requests)} requests were answered by {len(replies)} replies")
        before = state.accepted
        waiting = _take(state, asked, replies, rounds)
        state.requests += len(requests)
        if state.accepted == before:
            break
    return Expansion(tree, state.rejects, rounds, state.requests, state.lines, state.accepted, state.nodes)


def _take(
    state: _Level,
    asked: Sequence[tuple[tuple[str, ...], Taxonomy]],
    replies: Sequence[Reply],
    round_number: int,
) -> list[tuple[tuple[str, ...], Taxonomy]]:
    """Put one round's replies into the tree; the parents that are worth asking again come back."""
    found = []
    sizes = [len(children) for _, children in asked]
    for (levels, children), reply in zip(asked, replies, strict=True):
        parent = join_levels(levels)
        if failure := reply.failure():
            why = f": {reply.detail}" if reply.detail else ""
            state.lines += 1
            detail = f"round {round_number}, the whole reply{why}"
            state.rejects.append(_reject(parent or "level 1", parent, failure, detail))
            continue
        parsed = parse_reply(parent, reply.text, children, state.settings.max_characters)
        state.lines += parsed.lines
        state.rejects += parsed.rejects
        found.append((levels, children, parsed.labels))
    state.accept(found)
    return [
        (levels, children)
        for (levels, children), size, reply in zip(asked, sizes, replies, strict=True)
        if len(children) > size or reply.failure() == "request_failed"
    ]
