"""What a person can ask of a ledger: whether it is sound, and what is in it.

Everything here only reads, also while a run is writing: no index is repaired and no torn line cut.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ledger import ENTRY, Ledger, key_of, reply_of

Tell = Callable[[str], None]

_NONE = type(None)
_RECORD_TYPES: Mapping[str, tuple[type, ...]] = {
    "key": (str,),
    "stage": (str,),
    "model": (str,),
    "parameters": (dict,),
    "text": (str,),
    "image": (str, _NONE),
    "prompt": (str,),
    "reply": (dict,),
    "raw": (dict, _NONE),
    "at": (str,),
}
_REPLY_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "finish_reason": (str,),
    "model": (str,),
    "usage": (dict,),
    "usd": (int, float, _NONE),
    "seconds": (int, float, _NONE),
}
_STAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MOST_USD = 1e9
_MOST_TOKENS = 1 << 62
_INDEX_ENTRY = struct.Struct("<32sQIQ")
assert _INDEX_ENTRY.size == ENTRY.itemsize


def _refuse(number: str) -> float:
    raise ValueError(f"{number} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Line(NamedTuple):
    """A line of a ledger file, newline included.

    Attributes:
        record: empty if the line holds no JSON object.
        problem: what is wrong with the record; ``None`` if nothing is.
    """

    offset: int
    data: bytes
    record: dict[str, Any]
    problem: str | None

    @property
    def torn(self) -> bool:
        """Whether it is the rest of a line whose writer was killed, or the beginning of one being written."""
        return not self.data.endswith(b"\n")


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a ledger file, each looked at as :func:`parse_line` does."""
    offset = 0
    with path.open("rb") as file:
        for data in file:
            if data.endswith(b"\n"):
                yield Line(offset, data, *parse_line(data, path.parent.name))
            else:
                yield Line(offset, data, {}, "it is torn")
            offset += len(data)


def parse_line(data: bytes, stage: str | None = None) -> tuple[dict[str, Any], str | None]:
    """The record in a line and what is wrong with it; ``stage`` is the stage that it must be of."""
    try:
        record = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        return {}, f"it is not JSON ({error})"
    if not isinstance(record, dict):
        return {}, "it is not a JSON object"
    return record, _problem(record, stage)


def _problem(record: Mapping[str, Any], stage: str | None) -> str | None:
    missing = _RECORD_TYPES.keys() - record.keys()
    if missing:
        return f"it lacks {', '.join(sorted(missing))}"
    for name, types in _RECORD_TYPES.items():
        if not isinstance(record[name], types):
            return f"its {name} is of the wrong type"
    if stage is not None and record["stage"] != stage:
        return f"its stage is {record['stage']!a}, not that of its folder"
    if not _STAGE.fullmatch(record["stage"]):
        return f"its stage {record['stage']!a} cannot be the name of a folder"
    try:
        if key_of(record) != record["key"]:
            return "its key is not that of its question"
    except (ValueError, RecursionError) as error:
        return f"its question has no key ({error})"
    try:
        if datetime.fromisoformat(record["at"]).utcoffset() != timedelta(0):
            return "its time is not in UTC"
    except ValueError:
        return f"its time {record['at']!a} cannot be read"
    return _reply_problem(record)


def _reply_problem(record: Mapping[str, Any]) -> str | None:
    try:
        reply = reply_of(record)
    except TypeError as error:
        return f"its reply cannot be read ({error})"
    for name, types in _REPLY_TYPES.items():
        if not isinstance(getattr(reply, name), types):
            return f"its reply cannot be read ({name} is of the wrong type)"
    if not reply.finish_reason.isidentifier():
        return f"its reply cannot be read (it ended with {reply.finish_reason!a})"
    if not 0 <= (reply.usd or 0) < _MOST_USD:
        return f"its reply cannot have cost {reply.usd} US dollars"
    if not all(isinstance(count, int) and 0 <= count < _MOST_TOKENS for count in reply.usage.values()):
        return "its token counts cannot be read"
    return None


def ledger_files(ledger: Ledger) -> list[Path]:
    """The files of a ledger.

    Raises:
        UserError: if there are none.
    """
    files = ledger.files()
    if not files:
        what = "holds no STAGE/WRITER.jsonl" if ledger.folder.is_dir() else "is not a folder"
        raise UserError(str(ledger.folder), f"is no ledger: it {what}", "name the folder of a ledger")
    return files


def writer_of(path: Path) -> str:
    """The name of the writer of a ledger file."""
    return readable(unquote(path.stem))


def readable(text: str) -> str:
    """``text`` as UTF-8 can hold it: lone surrogates are written as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def distinct(digests: bytes | bytearray) -> int:
    """How many different ones there are among digests of 32 bytes that follow each other."""
    return len(np.unique(np.frombuffer(bytes(digests), dtype="S32")))


def nano_usd(record: Mapping[str, Any]) -> int:
    """What a sound record's answer cost, in billionths of a US dollar; 0 without prices."""
    return round(1e9 * (record["reply"].get("usd") or 0.0))


class Damage(NamedTuple):
    """Something that is not as a writer left it."""

    path: Path
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}: byte {self.offset}: DAMAGED: {self.what}"


@dataclass
class FileReport:
    """What :func:`verify_file` finds.

    Attributes:
        keys: the keys of the sound records, 32 bytes each.
        notes: what is no damage and still worth knowing.
    """

    path: Path
    keys: bytearray = field(default_factory=bytearray)
    notes: list[str] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return len(self.keys) // 32


def verify(ledger: Ledger, tell: Tell) -> int:
    """Look at every record and index of a ledger and ``tell`` what is found; how many places are damaged.

    A changed reply is noticed only if it cannot be read any more: the key covers the question.

    Raises:
        UserError: if there is no ledger.
    """
    stages: dict[str, bytearray] = {}
    damages = notes = 0
    files = ledger_files(ledger)
    for path in files:
        report = verify_file(path)
        tell(f"{path}: {_answers(report.keys)}")
        for note in report.notes:
            tell(f"{path}: {note}")
        for damage in report.damages:
            tell(str(damage))
        stages.setdefault(path.parent.name, bytearray()).extend(report.keys)
        damages += len(report.damages)
        notes += len(report.notes)
    tell("")
    for stage, keys in stages.items():
        tell(f"{stage}: {_answers(keys)}")
    damaged = f"{_count(damages, 'place')} DAMAGED" if damages else "nothing is damaged"
    tell(f"{_count(len(files), 'file')}, {_count(notes, 'note')}: {damaged}")
    return damages


def _answers(keys: bytearray) -> str:
    answers, questions = len(keys) // 32, distinct(keys)
    text = f"{_count(answers, 'answer')} to {_count(questions, 'question')}"
    if answers == questions:
        return text
    _, times = np.unique(np.frombuffer(bytes(keys), dtype="S32"), return_counts=True)
    return f"{text}, {int((times > 1).sum()):,} of them answered more than once (the earliest counts)"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def verify_file(path: Path) -> FileReport:
    """Look at every record of a ledger file, and at its index."""
    report = FileReport(path)
    # Before the records: what a run adds meanwhile may be missing in it, which is no damage.
    index = _Index(path.with_suffix(".index"))
    for line in read_lines(path):
        if line.torn:
            report.notes.append(
                f"byte {line.offset}: a torn last line of {len(line.data):,} bytes, which the next writer cuts"
            )
            continue
        index.compare(line)
        if line.problem:
            report.damages.append(Damage(path, line.offset, line.problem))
        else:
            report.keys += bytes.fromhex(line.record["key"])
    damage, note = index.findings()
    report.damages += [damage] if damage else []
    report.notes += [note] if note else []
    return report


class _Index:
    """An index file, which is to say of line after line what the records say."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes() if path.exists() else None
        self._entries = len(self._data or b"") // _INDEX_ENTRY.size
        self._lines = 0
        self._wrong: int | None = None

    def compare(self, line: Line) -> None:
        """Compare the next line; of one that is damaged, only where it lies is known."""
        number = self._lines
        self._lines += 1
        if number >= self._entries or self._wrong is not None:
            return
        assert self._data is not None
        found = _INDEX_ENTRY.unpack_from(self._data, number * _INDEX_ENTRY.size)
        if line.problem:
            expected = (found[0], line.offset, len(line.data), found[3])
        else:
            digest = bytes.fromhex(line.record["key"])
            expected = (digest, line.offset, len(line.data), nano_usd(line.record))
        if found != expected:
            self._wrong = number

    def findings(self) -> tuple[Damage | None, str | None]:
        """The damage and the note, if there is one, after the last line."""
        damage = note = None
        if self._wrong is not None:
            damage = self._damage(self._wrong, "from here on the index contradicts the records: delete it")
        elif self._entries > self._lines:
            beyond = _count(self._entries - self._lines, "record")
            damage = self._damage(self._lines, f"the index knows {beyond} more than the file holds: answers were lost")
        elif self._data is None:
            note = "has no index yet"
        elif self._entries < self._lines:
            behind = _count(self._lines - self._entries, "record")
            note = f"its index lacks the last {behind} and is completed when it is used"
        return damage, note

    def _damage(self, entry: int, what: str) -> Damage:
        return Damage(self._path, entry * _INDEX_ENTRY.size, what)


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
        blocks.append(f"Not in the USD: {_count(unpriced, 'answer')} that came without a price.")
    if found.damaged:
        blocks.append(f"Not counted: {_count(found.damaged, 'damaged line')}, which verify names.")
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
