"""The ledger: every paid answer, written down before anything else is done with it.

``{folder}/{stage}/{writer}.jsonl`` holds one JSON record per answer and is only ever appended to; it is
the truth. Beside it ``.index`` holds, per record, the key, the offset and the length, so that a job with
a thousand questions reads a thousand records and not gigabytes. An index that lags behind its records,
or contradicts them, is made anew from them.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic, cut_torn_line, json_line, sha256_json, sync_folder
from taskgalaxy.llm.batch_journal import read_parts
from taskgalaxy.llm.request import QUESTION_FIELDS, Reply, Request
from taskgalaxy.llm.spent import Spent
from taskgalaxy.locks import lock, locked, sign

log = logging.getLogger(__name__)

ENTRY = np.dtype([("key", "<u8", 4), ("offset", "<u8"), ("length", "<u4"), ("nano_usd", "<u8")])
"""One index entry, 52 bytes: the key's 32 bytes, where its line starts, its length with newline, and what
the answer cost in billionths of a US dollar."""

Entries = npt.NDArray[np.void]

_REPLY_FIELDS = tuple(field.name for field in dataclasses.fields(Reply) if field.name != "raw")


def question_record(request: Request, key: str, model: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that is known before the answer: the question and where it comes from."""
    return {"key": key, "stage": request.stage, **request.question(model, parameters), "prompt": request.prompt}


def answer_record(question: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """The ledger's record of one answer: all that decided it, and the answer as it came."""
    fields = {name: getattr(reply, name) for name in _REPLY_FIELDS}
    return {**question, "reply": fields, "raw": reply.raw, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}


def reply_of(record: Mapping[str, Any]) -> Reply:
    """The reply in a record, without the raw answer; what later versions added to replies is left out."""
    return Reply(**{name: value for name, value in record["reply"].items() if name in _REPLY_FIELDS})


def key_of(record: Mapping[str, Any]) -> str:
    """The key that the question in a record has."""
    return sha256_json({name: record[name] for name in QUESTION_FIELDS if name in record})


class Ledger:
    """Reads the answers under ``folder``, and opens writers that add to them."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.state = self.folder / ".state"
        """Where the jobs of a run share what is worth nothing after it."""
        self.spent = Spent(self.state / "spent", self._count_spent)
        self.pending = Spent(self.state / "pending", self._count_pending)
        """What the batches that are under way are expected to cost."""

    def find(self, stage: str, keys: Iterable[str]) -> dict[str, Reply]:
        """The recorded replies among ``keys``, whichever writer of ``stage`` recorded them.

        If a question was answered more than once, the earliest answer counts, wherever it stands.
        """
        wanted = sorted(set(keys))
        found: dict[str, dict[str, Any]] = {}
        if not wanted:
            return {}
        digests = np.frombuffer(bytes.fromhex("".join(wanted)), dtype="<u8").reshape(-1, 4)
        for path in self.files(stage):
            for record in _records(path, wanted, digests):
                known = found.setdefault(record["key"], record)
                if record.get("at", "") < known.get("at", ""):
                    found[record["key"]] = record
        return {key: reply_of(record) for key, record in found.items()}

    def records(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Every record of the questions ``keys``, of any stage and writer; in memory are those of one file at a time.

        A question that was answered more than once has as many records.
        """
        wanted = bytes.fromhex("".join(sorted(set(keys))))
        digests = np.frombuffer(wanted, dtype="<u8").reshape(-1, 4)
        for path in self.files() if wanted else []:
            there = digests[_among(np.frombuffer(wanted, dtype="S32"), _entries(path)[0])]
            if len(there):
                yield from _records(path, [digest.tobytes().hex() for digest in there], there)

    def known(self, stage: str, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` whose answer is recorded; no record is read for it."""
        wanted = set(keys)
        found: set[str] = set()
        for path in self.files(stage):
            found |= wanted.intersection(_hexadecimal(_entries(path)[0]))
        return found

    def files(self, stage: str = "*") -> list[Path]:
        """The ledger files of a stage, or of all."""
        return sorted(self.folder.glob(f"{stage}/*.jsonl"))

    def records_path(self, stage: str, name: str) -> Path:
        """``{stage}/{name}``: a writer's files in the ledger, without their suffix."""
        return self.folder / stage / quote(name, safe=" ")

    def writer(self, stage: str, name: str, *, wait_s: float = 30.0) -> LedgerWriter:
        """Open ``{stage}/{name}.jsonl`` for this process alone; a context manager.

        Raises:
            UserError: if another process still holds it after ``wait_s`` seconds.
        """
        path = self.records_path(stage, name)
        return LedgerWriter(path.with_name(f"{path.name}.jsonl"), wait_s=wait_s, spent=self.spent)

    def _count_spent(self) -> int:
        """Billionths of a US dollar that all recorded answers have cost."""
        return sum(int(_entries(path)[0]["nano_usd"].sum()) for path in self.files())

    def _count_pending(self) -> int:
        journals = self.folder.glob("*/*.batches")
        return sum(part.nano_usd for path in journals for part in read_parts(path).values())


class LedgerWriter:
    """The only writer of one ledger file, from construction to :meth:`close`.

    Attributes:
        cut: how many bytes of a torn last record were cut when the file was opened.
    """

    def __init__(self, path: Path, *, wait_s: float, spent: Spent) -> None:
        self.path = path
        self._spent = spent
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _hold(path, wait_s)
        try:
            self.cut = cut_torn_line(path)
            if self.cut:
                log.warning("%s: cut the torn last record (%d bytes); its question is asked again", path, self.cut)
            created = not path.exists()
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            if created:
                sync_folder(path.parent)
            entries, on_disk = _entries(path)
            if not on_disk:
                _write_index(path, entries)
            self._size = os.fstat(self._file).st_size
            self._index = os.open(_index_path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except BaseException:
            os.close(self._lock)
            raise

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add ``records`` and return once they are on the disk.

        Raises:
            UserError: if they cannot be written; the file then ends as it did before.
        """
        lines = [_line(record) for record in records]
        entries = np.zeros(len(lines), dtype=ENTRY)
        for entry, record, line in zip(entries, records, lines, strict=True):
            entry["key"] = np.frombuffer(bytes.fromhex(record["key"]), dtype="<u8")
            entry["length"] = len(line)
            entry["nano_usd"] = nano_usd(record)
        ends = self._size + np.cumsum(entries["length"], dtype="<u8")
        entries["offset"] = ends - entries["length"]
        try:
            with self._spent.adding():
                self._write(b"".join(lines))
                self._size = int(ends[-1])
                self._spent.add(int(entries["nano_usd"].sum()))
            # The index is not synced: whatever a crash takes from it is read from the records again.
            os.write(self._index, entries.tobytes())
        except OSError as error:
            raise UserError(
                str(self.path),
                f"an answer was recorded, but what belongs to it could not be written ({error})",
                "make room on the disk and run again",
            ) from error

    def _write(self, data: bytes) -> None:
        """Add ``data`` and sync. Raises ``UserError``; the file then ends as it did before."""
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("only a part of it could be written")
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, self._size)
            raise UserError(
                str(self.path), f"an answer could not be recorded ({error})", "make room on the disk and run again"
            ) from error

    def close(self) -> None:
        os.close(self._file)
        os.close(self._index)
        os.close(self._lock)

    def __enter__(self) -> LedgerWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _line(record: Mapping[str, Any]) -> bytes:
    try:
        return json_line(dict(record)).encode()
    except UnicodeEncodeError:
        # A server's raw answer may hold halves of surrogate pairs: written as escapes they are kept.
        return (json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n").encode()


def nano_usd(record: Mapping[str, Any]) -> int:
    """What a record's answer cost, in billionths of a US dollar; 0 without prices."""
    return round(1e9 * (record["reply"].get("usd") or 0.0))


def _hold(path: Path, wait_s: float) -> int:
    """The handle of the lock on a ledger file's records.

    It is a file of its own, never removed: locking the records themselves would let any reader's
    ``close`` or a rename undo it on some file systems.
    """
    handle = lock(path.with_suffix(".lock"), wait_s)
    sign(handle)
    return handle


def _index_path(path: Path) -> Path:
    return path.with_suffix(".index")


def _write_index(path: Path, entries: Entries) -> None:
    with atomic(_index_path(path), "wb") as file:
        file.write(entries.tobytes())


def _entries(path: Path) -> tuple[Entries, bool]:
    """The index entries of a ledger file, and whether its index file holds exactly these.

    An index that continues one record at the end of the other is believed as far as it goes, records
    beyond it are read; any other index is ignored.
    """
    entries: Entries = np.empty(0, dtype=ENTRY)
    whole = False
    with suppress(FileNotFoundError):
        data = _index_path(path).read_bytes()
        whole = len(data) % ENTRY.itemsize == 0
        entries = np.frombuffer(data, dtype=ENTRY, count=len(data) // ENTRY.itemsize)
    size = path.stat().st_size
    ends = entries["offset"] + entries["length"]
    starts = np.concatenate([np.zeros(1, dtype="<u8"), ends[:-1]])[: len(entries)]
    continuous = np.array_equal(starts, entries["offset"]) and bool(entries["length"].all())
    if not continuous or (len(ends) and int(ends[-1]) > size):
        entries, ends, whole = entries[:0], ends[:0], False
    indexed = int(ends[-1]) if len(ends) else 0
    if indexed == size:
        return entries, whole
    return np.concatenate([entries, _scan(path, indexed)]), False


def _hexadecimal(entries: Entries) -> Iterator[str]:
    """The keys of index entries."""
    return (entry.tobytes().hex() for entry in entries["key"])


def _among(keys: npt.NDArray[np.bytes_], entries: Entries) -> npt.NDArray[np.intp]:
    """Where in ``keys``, which ascend, those of ``entries`` stand; each place once.

    A file has few keys and a set many: each of the file's is searched for, and nothing of the set's size is made.
    """
    found = np.frombuffer(entries["key"].tobytes(), dtype="S32")
    places = np.unique(np.minimum(np.searchsorted(keys, found), len(keys) - 1))
    return places[np.isin(keys[places], found)]


def _scan(path: Path, offset: int) -> Entries:
    """Index entries read from the records that start at byte ``offset``; a torn last one is left out.

    A line that is no record gets the key 0, which no question has.
    """
    found: list[tuple[Any, int, int, int]] = []
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            cost = 0
            try:
                record = json.loads(line)
                digest = np.frombuffer(bytes.fromhex(record["key"]), dtype="<u8").reshape(4)
                cost = nano_usd(record)
            except (ValueError, KeyError, TypeError, AttributeError):
                log.warning("%s: the line at byte %d is not a record and is passed over", path, offset)
                digest = np.zeros(4, dtype="<u8")
            found.append((digest, offset, len(line), cost))
            offset += len(line)
    entries = np.zeros(len(found), dtype=ENTRY)
    for entry, (digest, start, length, cost) in zip(entries, found, strict=True):
        entry["key"], entry["offset"], entry["length"], entry["nano_usd"] = digest, start, length, cost
    return entries


def _records(path: Path, wanted: Sequence[str], digests: npt.NDArray[np.uint64]) -> list[dict[str, Any]]:
    """The records of ``path`` whose key is among ``wanted``, whose ``digests`` are (len(wanted), 4)."""
    entries, on_disk = _entries(path)
    if not on_disk:
        _repair(path, entries)
    try:
        return _read(path, entries, wanted, digests)
    except ValueError as error:
        log.warning("%s: its index is wrong (%s) and is made anew", path, error)
        entries = _scan(path, 0)
        _repair(path, entries)
        return _read(path, entries, wanted, digests)


def _read(path: Path, entries: Entries, wanted: Sequence[str], digests: npt.NDArray[np.uint64]) -> list[dict[str, Any]]:
    """Raises ``ValueError`` if an entry does not lead to a record of its key."""
    firsts = np.sort(digests[:, 0])
    column = entries["key"][:, 0]
    position = np.minimum(np.searchsorted(firsts, column), len(firsts) - 1)
    known = set(wanted)
    records = []
    with path.open("rb") as file:
        for entry in entries[firsts[position] == column]:
            key = entry["key"].tobytes().hex()
            if key not in known:
                continue
            file.seek(int(entry["offset"]))
            record = json.loads(file.read(int(entry["length"])))
            if not isinstance(record, dict) or record.get("key") != key:
                raise ValueError(f"no record of {key} at byte {entry['offset']}")
            records.append(record)
    return records


def _repair(path: Path, entries: Entries) -> None:
    """Store a better index, unless the file has a writer (who keeps it) or may not be written to."""
    try:
        with locked(path.with_suffix(".lock"), 0.0):
            _write_index(path, entries)
    except (OSError, UserError) as error:
        log.debug("%s: the index stays as it is (%s)", path, error)
