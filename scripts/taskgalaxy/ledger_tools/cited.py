"""The recorded answers that a set was made of: how many, when, and a digest of them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

import numpy as np

from taskgalaxy.llm.ledger import Ledger

_RECORD = np.dtype([("key", "S32"), ("at", "S32"), ("digest", "S32")])
"""What is kept of a record: 96 bytes, where the record itself may have kilobytes."""


def cited_answers(ledger: Ledger, keys: Collection[str]) -> dict[str, Any]:
    """What the ledger holds of the questions ``keys``; the same for the same questions, whatever else it holds.

    Of a question that was answered more than once the earliest answer counts, as in :meth:`Ledger.find`. So neither
    later answers nor how the records are divided among files change anything, and a copy of the ledger, replayed,
    gives the same.

    Returns:
        ``named``, the number of questions; ``recorded``, how many of them the ledger holds; ``sha256``, the digest of
        their keys and records' digests (canonical JSON), in the order of the keys; ``first`` and ``last``, when the
        earliest and the latest answer came (UTC). The last three are ``None`` where nothing is recorded.
    """
    rows = bytearray()
    for record in ledger.records(keys):
        # Escaped, since a server's raw answer may hold halves of surrogate pairs.
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
        at = str(record.get("at", "")).encode()[:32].ljust(32, b"\0")
        rows += bytes.fromhex(record["key"]) + at + hashlib.sha256(canonical).digest()
    found = np.frombuffer(bytes(rows), dtype=_RECORD)
    found = found[np.lexsort((found["digest"], found["at"], found["key"]))]
    earliest = np.ones(len(found), dtype=bool)
    earliest[1:] = found["key"][1:] != found["key"][:-1]
    found = found[earliest]
    if not len(found):
        return {"named": len(keys), "recorded": 0, "sha256": None, "first": None, "last": None}
    pairs = np.ascontiguousarray(found[["key", "digest"]].astype([("key", "S32"), ("digest", "S32")]))
    times = np.sort(found["at"])
    return {
        "named": len(keys),
        "recorded": len(found),
        "sha256": hashlib.sha256(pairs.tobytes()).hexdigest(),
        "first": times[0].decode(),
        "last": times[-1].decode(),
    }
