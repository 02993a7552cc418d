"""What was submitted as batches, written down before anything is done with it.

``{stage}/{writer}.batches`` lies beside the writer's answers and is under the same lock. It is a JSON
Lines file of events, each synced before the next step: a part (one file of requests) is *prepared*, its
file *uploaded*, its batch *submitted*, and in the end *closed*. A kill at any moment leaves a part of
which it is known what to do next; none is ever submitted twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from taskgalaxy.files import cut_torn_line, json_line


@dataclass
class Part:
    """One file of requests.

    Attributes:
        name: its own, random; it is in the batch's metadata, by which a batch is found again.
        questions: per ledger key, the part of the record that is known before the answer.
        nano_usd: what the answers are expected to cost, in billionths of a US dollar.
        file_id, batch_id: as the server calls them, once it does.
    """

    name: str
    questions: dict[str, dict[str, Any]]
    nano_usd: int = 0
    file_id: str | None = None
    batch_id: str | None = None


def read_parts(path: Path) -> dict[str, Part]:
    """The open parts in a journal, by name; a torn last event, of which nothing has come yet, is left out."""
    parts: dict[str, Part] = {}
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    _apply(json.loads(line), parts)
    return parts


def _apply(event: Mapping[str, Any], parts: dict[str, Part]) -> None:
    name = event["part"]
    if event["event"] == "prepared":
        questions = {question["key"]: question for question in event["questions"]}
        parts[name] = Part(name, questions, event["nano_usd"])
    elif event["event"] == "uploaded":
        parts[name].file_id = event["file"]
    elif event["event"] == "submitted":
        parts[name].batch_id = event["batch"]
    else:
        del parts[name]


@dataclass
class Journal:
    """The open parts of one writer; a context manager, for the process that holds the writer's lock."""

    path: Path
    parts: dict[str, Part] = field(default_factory=dict)

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_line(self.path)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        self.parts = read_parts(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def prepared(self, name: str, questions: Sequence[Mapping[str, Any]], nano_usd: int) -> Part:
        """Note a part that is about to be uploaded."""
        self._note({"event": "prepared", "part": name, "questions": list(questions), "nano_usd": nano_usd})
        return self.parts[name]

    def uploaded(self, part: Part, file_id: str) -> None:
        """Note that the part's file is at the server."""
        self._note({"event": "uploaded", "part": part.name, "file": file_id})

    def submitted(self, part: Part, batch_id: str) -> None:
        """Note that the part's batch exists."""
        self._note({"event": "submitted", "part": part.name, "batch": batch_id})

    def closed(self, part: Part, status: str) -> None:
        """Note that nothing more comes of the part; the journal ends with its last one."""
        self._note({"event": "closed", "part": part.name, "status": status})
        if not self.parts:
            os.ftruncate(self._file, 0)

    def _note(self, event: dict[str, Any]) -> None:
        os.write(self._file, json_line(event).encode())
        os.fsync(self._file)
        _apply(event, self.parts)
