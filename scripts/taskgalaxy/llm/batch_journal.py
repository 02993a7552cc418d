"""What was submitted as batches, written down before anything is done with it.

``{stage}/{writer}.batches`` lies beside the writer's answers and is under the same lock. It is a JSON
Lines file of events, each synced before the next step: a part (one file of requests) is *prepared*, its
file *uploaded*, its batch *submitted*, and in the end *closed*. A kill at any moment leaves a part of
which it is known what to do next; none is ever submitted twice. The file is empty when no part is open.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.files import cut_torn_line, json_line, sync_folder

log = logging.getLogger(__name__)


@dataclass
class Part:
    """One file of requests.

    Attributes:
        name: its own, random; it is in the batch's metadata, too.
        questions: per ledger key, the part of the record that is known before the answer.
        nano_usd: what the answers are expected to cost, in billionths of a US dollar.
        at: when it was prepared, in seconds since 1970; its batch was created later.
        file_id: as the server calls the file; without it there is no batch.
        batch_id: as the server calls the batch; with a file and without this there may be one.
    """

    name: str
    questions: dict[str, dict[str, Any]]
    nano_usd: int = 0
    at: float = 0.0
    file_id: str | None = None
    batch_id: str | None = None


def journal_path(records: Path) -> Path:
    """The journal of a writer, whose files in the ledger are ``records`` without their suffix."""
    return records.with_name(f"{records.name}.batches")


def read_parts(path: Path) -> dict[str, Part]:
    """The open parts in a journal, by name; a torn last event, of which nothing has come yet, is left out.

    Raises:
        UserError: if the file is not such a journal.
    """
    parts: dict[str, Part] = {}
    # At once: another process may be writing it.
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    try:
        for line in lines:
            _apply(json.loads(line), parts)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            str(path),
            f"is no journal of batches ({type(error).__name__}: {error})",
            "restore it from a backup; without it the answers to what was submitted are not collected",
        ) from error
    return parts


def _apply(event: Mapping[str, Any], parts: dict[str, Part]) -> None:
    name = event["part"]
    if event["event"] == "prepared":
        questions = {question["key"]: question for question in event["questions"]}
        parts[name] = Part(name, questions, event["nano_usd"], event["at"])
    elif event["event"] == "uploaded":
        parts[name].file_id = event["file"]
    elif event["event"] == "submitted":
        parts[name].batch_id = event["batch"]
    else:
        del parts[name]


@dataclass
class Journal:
    """The open parts of one writer; a context manager, for the process that holds the writer's lock.

    Every method returns once its event is on the disk, and raises ``UserError`` if it cannot be written;
    the file then ends as it did before.
    """

    path: Path
    parts: dict[str, Part] = field(default_factory=dict)

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_line(self.path)
        self.parts = read_parts(self.path)
        created = not self.path.exists()
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        if created:
            sync_folder(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    @property
    def asked(self) -> set[str]:
        """The keys of the questions in open parts."""
        return {key for part in self.parts.values() for key in part.questions}

    def prepared(self, name: str, questions: Sequence[Mapping[str, Any]], nano_usd: int) -> Part:
        """Note a part that is about to be uploaded."""
        event = {"event": "prepared", "part": name, "at": time.time(), "nano_usd": nano_usd}
        self._note({**event, "questions": list(questions)})
        return self.parts[name]

    def uploaded(self, part: Part, file_id: str) -> None:
        """Note that the part's file is at the server."""
        self._note({"event": "uploaded", "part": part.name, "file": file_id})

    def submitted(self, part: Part, batch_id: str) -> None:
        """Note that the part's batch exists."""
        self._note({"event": "submitted", "part": part.name, "batch": batch_id})
        log.info("%d requests are submitted as batch %s", len(part.questions), batch_id)

    def closed(self, part: Part, status: str) -> None:
        """Note that nothing more comes of the part; the journal ends with its last one."""
        self._note({"event": "closed", "part": part.name, "status": status})
        if not self.parts:
            os.ftruncate(self._file, 0)

    def _note(self, event: dict[str, Any]) -> None:
        line = json_line(event).encode()
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError("only a part of it could be written")
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, size)
            raise UserError(
                str(self.path),
                f"what was submitted could not be noted ({error})",
                "make room on the disk and run again: nothing is submitted twice",
            ) from error
        _apply(event, self.parts)
