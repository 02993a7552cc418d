"""The records of a ledger, read one by one and looked at closely.

Everything here only reads, also while a run is writing: no index is repaired and no torn line cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ledger import Ledger, key_of, reply_of

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


def count(number: int, what: str) -> str:
    """``3 files``, ``1 file``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
