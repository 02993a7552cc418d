"""Whether a ledger is sound."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from taskgalaxy.ledger_tools.records import Line, Tell, count, distinct, ledger_files, read_lines
from taskgalaxy.llm.ledger import ENTRY, Ledger, nano_usd

_INDEX_ENTRY = struct.Struct("<32sQIQ")
assert _INDEX_ENTRY.size == ENTRY.itemsize


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
    damaged = f"{count(damages, 'place')} DAMAGED" if damages else "nothing is damaged"
    tell(f"{count(len(files), 'file')}, {count(notes, 'note')}: {damaged}")
    return damages


def _answers(keys: bytearray) -> str:
    answers, questions = len(keys) // 32, distinct(keys)
    text = f"{count(answers, 'answer')} to {count(questions, 'question')}"
    if answers == questions:
        return text
    _, times = np.unique(np.frombuffer(bytes(keys), dtype="S32"), return_counts=True)
    return f"{text}, {int((times > 1).sum()):,} of them answered more than once (the earliest counts)"


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
            beyond = count(self._entries - self._lines, "record")
            damage = self._damage(self._lines, f"the index knows {beyond} more than the file holds: answers were lost")
        elif self._data is None:
            note = "has no index yet"
        elif self._entries < self._lines:
            behind = count(self._lines - self._entries, "record")
            note = f"its index lacks the last {behind} and is completed when it is used"
        return damage, note

    def _damage(self, entry: int, what: str) -> Damage:
        return Damage(self._path, entry * _INDEX_ENTRY.size, what)
