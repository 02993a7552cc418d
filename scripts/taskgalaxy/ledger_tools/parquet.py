"""From one ledger into another, at once or by way of a Parquet file."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic
from taskgalaxy.ledger_tools.records import Line, Tell, ledger_files, parse_line, read_lines, readable, writer_of
from taskgalaxy.llm.ledger import Ledger, nano_usd

GROUP = 1000
"""Records that are written, and synced, together."""
ROW_GROUP = 10_000
ROW_GROUP_BYTES = 64 << 20
"""Rows, and bytes of records, in memory at once while a ledger is exported."""

_REMEMBERED = 1 << 18
_SUFFIX = ".imported"
_DIGEST = "S16"

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("writer", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("image", pa.string()),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("reply_text", pa.string(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64()),
        pa.field("usd", pa.float64()),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("record", pa.string(), nullable=False),
    ]
)
"""``record`` is the ledger's line as it stands there, without newline; with ``writer`` it is all that an
import reads. The other columns are for people: in them a lone surrogate is written as an escape."""

_REPEATING = ["stage", "writer", "model", "image", "prompt", "finish_reason"]


class Exported(NamedTuple):
    """Records that were written, and damaged lines that were left out."""

    records: int
    damaged: int


def export_ledger(ledger: Ledger, path: Path, tell: Tell, *, force: bool = False) -> Exported:
    """Write all sound records into a Parquet file, file by file in their order; ``tell`` what is left out.

    Raises:
        UserError: if there is no ledger, or ``path`` exists and not ``force``.
    """
    files = ledger_files(ledger)
    if path.is_dir():
        raise UserError(str(path), "is a folder", "name a file")
    if path.exists() and not force:
        raise UserError(str(path), "exists already", "name another file, or add --force to replace it")
    records = damaged = size = 0
    rows: list[dict[str, Any]] = []
    with (
        atomic(path, "wb") as file,
        pq.ParquetWriter(
            file, SCHEMA, compression="zstd", use_dictionary=_REPEATING, write_page_checksum=True
        ) as parquet,
    ):
        for ledger_file in files:
            writer = writer_of(ledger_file)
            for line in read_lines(ledger_file):
                if line.problem:
                    damaged += not line.torn
                    tell(f"{ledger_file}: byte {line.offset}: left out: {line.problem}")
                    continue
                rows.append(_row(line, writer))
                records += 1
                size += len(line.data)
                if len(rows) >= ROW_GROUP or size >= ROW_GROUP_BYTES:
                    parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
                    rows, size = [], 0
        if rows:
            parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
    return Exported(records, damaged)


def _row(line: Line, writer: str) -> dict[str, Any]:
    record, reply = line.record, line.record["reply"]
    usage = reply.get("usage", {})
    return {
        "key": record["key"],
        "stage": record["stage"],
        "writer": writer,
        "model": record["model"],
        "image": record["image"],
        "prompt": readable(record["prompt"]),
        "text": record["text"],
        "reply_text": readable(reply["text"]),
        "finish_reason": readable(reply["finish_reason"]),
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "usd": reply.get("usd"),
        "at": datetime.fromisoformat(record["at"]).astimezone(UTC),
        "record": line.data[:-1].decode(),
    }


class Incoming(NamedTuple):
    """A record on its way into a ledger; ``record`` is of no use if there is a ``problem``."""

    where: str
    writer: str
    record: dict[str, Any]
    problem: str | None


@dataclass
class Added:
    """What came of the records that were to be added, in numbers; ``nano_usd`` is what the added ones cost."""

    added: int = 0
    held: int = 0
    refused: int = 0
    nano_usd: int = 0

    def __str__(self) -> str:
        return (
            f"{self.added:,} answers added, which cost ${self.nano_usd / 1e9:,.4f}; {self.held:,} were there already; "
            f"{self.refused:,} refused"
        )


def import_parquet(ledger: Ledger, path: Path, tell: Tell) -> Added:
    """Add what an exported file holds. Raises as :func:`add`, and ``UserError`` for a file that is none."""
    return add(ledger, _exported(path), tell)


def merge(ledger: Ledger, other: Ledger, tell: Tell) -> Added:
    """Add what another ledger holds. Raises as :func:`add`, and ``UserError`` if ``other`` is none."""
    if other.folder.resolve() == ledger.folder.resolve():
        raise UserError(str(other.folder), "is the ledger itself", "name another ledger")
    return add(ledger, _recorded(ledger_files(other)), tell)


def add(ledger: Ledger, incoming: Iterable[Incoming], tell: Tell) -> Added:
    """Add the sound records that a ledger does not hold, and ``tell`` which are refused.

    A record is held if there is one with the same key, time and reply. What is added goes into files of
    its own, named after the writers, and is synced group by group; after a kill it can be repeated.

    Raises:
        UserError: if another import is under way, or the disk is full.
    """
    result = Added()
    known: dict[str, _Identities] = {}
    records = iter(incoming)
    with _only_import(ledger), ExitStack() as stack:
        opened = None
        while group := list(islice(records, GROUP)):
            for place, some in _by_file(group, result, tell).items():
                stage, name = place
                if stage not in known:
                    known[stage] = _held(ledger, stage)
                is_new = known[stage].add([_identity(record) for record in some])
                new = [record for record, is_so in zip(some, is_new, strict=True) if is_so]
                result.held += len(some) - len(new)
                if not new:
                    continue
                if opened != place:
                    stack.close()
                    writer = stack.enter_context(ledger.writer(stage, name))
                    opened = place
                writer.append(new)
                result.added += len(new)
                result.nano_usd += sum(map(nano_usd, new))
    return result


def _by_file(group: Sequence[Incoming], result: Added, tell: Tell) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The sound records, by the stage and name of the file that they go to; the others are counted."""
    files: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in group:
        if item.problem:
            result.refused += 1
            tell(f"{item.where}: refused: {item.problem}")
        else:
            name = item.writer.removesuffix(_SUFFIX) + _SUFFIX
            files.setdefault((item.record["stage"], name), []).append(item.record)
    return files


def _exported(path: Path) -> Iterator[Incoming]:
    """The records of a Parquet file, which is read piece by piece."""
    if not path.is_file():
        raise UserError(str(path), "is not a file", "name a file that ledger.py export made")
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not {"writer", "record"} <= set(file.schema_arrow.names):
                raise UserError(str(path), "holds no ledger", "name a file that ledger.py export made")
            for batch in file.iter_batches(GROUP, columns=["writer", "record"]):
                for row in batch.to_pylist():
                    number += 1
                    yield _incoming(row, f"{path}: row {number}")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(str(path), f"cannot be read ({error})", "export it again, then import it again") from error


def _incoming(row: Mapping[str, Any], where: str) -> Incoming:
    writer, text = row["writer"], row["record"]
    if not isinstance(writer, str) or not isinstance(text, str):
        return Incoming(where, "", {}, "it holds no record")
    return Incoming(where, writer, *parse_line(text.encode()))


def _recorded(paths: Iterable[Path]) -> Iterator[Incoming]:
    for path in paths:
        writer = writer_of(path)
        for line in read_lines(path):
            if not line.torn:
                yield Incoming(f"{path}: byte {line.offset}", writer, line.record, line.problem)


def _identity(record: Mapping[str, Any]) -> bytes:
    """A digest of what makes a record this one: key, time and reply."""
    identity = json.dumps([record["key"], record["at"], record["reply"]], sort_keys=True)
    return hashlib.blake2b(identity.encode(), digest_size=16).digest()


def _held(ledger: Ledger, stage: str) -> _Identities:
    """The sound records of a stage."""
    held = _Identities()
    for path in ledger.files(stage):
        digests = (_identity(line.record) for line in read_lines(path) if not line.problem)
        while some := list(islice(digests, GROUP)):
            held.add(some)
    return held


class _Identities:
    """A set of digests that takes 16 bytes for each of the many and a few more for the latest."""

    def __init__(self) -> None:
        self._many = np.empty(0, dtype=_DIGEST)
        self._latest: set[bytes] = set()

    def add(self, digests: Sequence[bytes]) -> list[bool]:
        """Add ``digests``; of each whether it is new."""
        is_new = []
        for digest, is_known in zip(digests, self._among_many(np.array(digests, dtype=_DIGEST)), strict=True):
            is_new.append(not is_known and digest not in self._latest)
            if is_new[-1]:
                self._latest.add(digest)
        if len(self._latest) >= _REMEMBERED:
            self._many = np.sort(np.concatenate([self._many, np.array(list(self._latest), dtype=_DIGEST)]))
            self._latest.clear()
        return is_new

    def _among_many(self, digests: np.ndarray[Any, np.dtype[np.bytes_]]) -> list[bool]:
        if not len(self._many):
            return [False] * len(digests)
        position = np.minimum(np.searchsorted(self._many, digests), len(self._many) - 1)
        found: list[bool] = (self._many[position] == digests).tolist()
        return found


@contextmanager
def _only_import(ledger: Ledger) -> Iterator[None]:
    """Keep other imports away: two at once would not know what the other adds."""
    ledger.state.mkdir(parents=True, exist_ok=True)
    lock = os.open(ledger.state / "import.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = "another import or merge into it is under way"
            raise UserError(str(ledger.folder), what, "wait until it has ended") from None
        yield
    finally:
        os.close(lock)
