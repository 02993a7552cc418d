"""What a ledger holds, added up by stage and model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskgalaxy.ledger_tools.records import count, distinct, ledger_files, read_lines
from taskgalaxy.llm.ledger import Ledger, nano_usd


@dataclass
class Group:
    """What the answers of one stage and model add up to.

    Attributes:
        finish_reasons: answers that ended otherwise than with ``"stop"``, by how they did.
        priced: answers whose price was known; :attr:`nano_usd` is what these cost.
        timed: answers of which it is known how long they took; :attr:`seconds` is the sum.
        first, last: when the earliest and the latest answer came.
    """

    stage: str
    model: str
    answers: int = 0
    questions: int = 0
    finish_reasons: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    priced: int = 0
    nano_usd: int = 0
    timed: int = 0
    seconds: float = 0.0
    first: str = ""
    last: str = ""

    def note(self, record: Mapping[str, Any]) -> None:
        """Add a record, except to :attr:`questions`."""
        reply = record["reply"]
        usage = reply.get("usage", {})
        self.answers += 1
        if reply["finish_reason"] != "stop":
            self.finish_reasons[reply["finish_reason"]] += 1
        self.prompt_tokens += usage.get("prompt_tokens", 0)
        self.completion_tokens += usage.get("completion_tokens", 0)
        if reply.get("usd") is not None:
            self.priced += 1
            self.nano_usd += nano_usd(record)
        if reply.get("seconds") is not None:
            self.timed += 1
            self.seconds += reply["seconds"]
        self.first = min(self.first or record["at"], record["at"])
        self.last = max(self.last, record["at"])

    def add(self, other: Group) -> None:
        """Add another group, which has no question in common with this one."""
        for name in ("answers", "questions", "prompt_tokens", "completion_tokens", "priced", "nano_usd", "timed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds += other.seconds
        self.finish_reasons += other.finish_reasons
        self.first = min(self.first or other.first, other.first)
        self.last = max(self.last, other.last)

    @property
    def usd(self) -> float | None:
        """``None`` where no price was known."""
        return self.nano_usd / 1e9 if self.priced else None

    @property
    def mean_seconds(self) -> float | None:
        return self.seconds / self.timed if self.timed else None

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "model": self.model,
            "answers": self.answers,
            "questions": self.questions,
            "finish_reasons": dict(sorted(self.finish_reasons.items())),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "usd": self.usd,
            "answers_with_price": self.priced,
            "mean_seconds": self.mean_seconds,
            "first": self.first or None,
            "last": self.last or None,
        }


@dataclass
class Stats:
    """What a ledger holds, by stage and model, and the number of lines that could not be counted."""

    groups: list[Group]
    total: Group
    damaged: int

    def to_json(self) -> dict[str, Any]:
        groups = [group.to_json() for group in self.groups]
        return {"groups": groups, "total": self.total.to_json(), "damaged_lines": self.damaged}


def stats(ledger: Ledger) -> Stats:
    """Add up a ledger.

    Raises:
        UserError: if there is no ledger.
    """
    groups: dict[tuple[str, str], Group] = {}
    keys: dict[tuple[str, str], bytearray] = {}
    damaged = 0
    for path in ledger_files(ledger):
        for line in read_lines(path):
            if line.problem:
                damaged += not line.torn
                continue
            place = line.record["stage"], line.record["model"]
            groups.setdefault(place, Group(*place)).note(line.record)
            keys.setdefault(place, bytearray()).extend(bytes.fromhex(line.record["key"]))
    total = Group("all", "")
    for place in sorted(groups):
        groups[place].questions = distinct(keys.pop(place))
        total.add(groups[place])
    return Stats([groups[place] for place in sorted(groups)], total, damaged)


_MOST_MODEL = 25


def stats_table(found: Stats) -> str:
    """Plain text, at most 100 characters wide."""
    groups = [*found.groups, found.total]
    counts = [("stage", "model", "answers", "questions", "not stop", "tokens in", "tokens out")]
    counts += [
        (
            group.stage,
            _shortened(group.model),
            f"{group.answers:,}",
            f"{group.questions:,}",
            f"{group.finish_reasons.total():,}",
            f"{group.prompt_tokens:,}",
            f"{group.completion_tokens:,}",
        )
        for group in groups
    ]
    times = [("stage", "model", "USD", "mean s", "first answer", "last answer (UTC)")]
    times += [
        (
            group.stage,
            _shortened(group.model),
            _number(group.usd, 4),
            _number(group.mean_seconds, 2),
            _minute(group.first),
            _minute(group.last),
        )
        for group in groups
    ]
    others = [
        (group.stage, _shortened(group.model), reason, f"{answers:,}")
        for group in found.groups
        for reason, answers in sorted(group.finish_reasons.items())
    ]
    blocks = [_table(counts), _table(times)]
    if others:
        blocks.append("\n".join(_lines([("stage", "model", "not stop but", "answers"), *others])))
    unpriced = found.total.answers - found.total.priced
    if found.total.priced and unpriced:
        blocks.append(f"Not in the USD: {count(unpriced, 'answer')} that came without a price.")
    if found.damaged:
        blocks.append(f"Not counted: {count(found.damaged, 'damaged line')}, which verify names.")
    return "\n\n".join(blocks) + "\n"


def _shortened(model: str) -> str:
    """A name that fits into the table; its end tells it from others more often than its middle."""
    return model if len(model) <= _MOST_MODEL else f"{model[:8]}…{model[9 - _MOST_MODEL :]}"


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"


def _minute(at: str) -> str:
    return at[:16].replace("T", " ") or "-"


def _table(cells: Sequence[Sequence[str]]) -> str:
    """Rows under a head, with the total as the last."""
    lines = _lines(cells)
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _lines(cells: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns: the first two are names, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number < 2 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
