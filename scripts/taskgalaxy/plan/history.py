"""What the ledger has to say about requests of a kind: how long they were in truth, how long they took."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.prices import image_tokens, text_tokens
from taskgalaxy.plan.needs import Sizes

_READ_PER_FILE = 200
_TAIL_BYTES = 1_000_000
_MOST_FILES = 64


@dataclass(frozen=True)
class Experience:
    """Averages over recorded answers of one stage and model.

    Attributes:
        answers: how many were looked at.
        prompt_factor: counted prompt tokens, as a multiple of what ``llm.prices`` expects of the prompt.
        completion_tokens: of a reply.
        seconds: from sending to the answer.
    """

    answers: int
    prompt_factor: float
    completion_tokens: float
    seconds: float | None


def experience(ledger: Ledger, stage: str, model: str, sizes: Sizes) -> Experience | None:
    """What the latest answers in some files of the ledger show; ``None`` if none of them was counted."""
    answers = prompt = expected = completion = 0
    seconds: list[float] = []
    files = ledger.files(stage)
    for path in files[:: max(1, math.ceil(len(files) / _MOST_FILES))]:
        for record in _latest(path):
            usage = record["reply"].get("usage") or {}
            if record.get("model") != model or not usage.get("prompt_tokens"):
                continue
            answers += 1
            prompt += usage["prompt_tokens"]
            expected += _expected(record, sizes)
            completion += usage.get("completion_tokens", 0)
            if record["reply"].get("seconds"):
                seconds.append(record["reply"]["seconds"])
    if not answers:
        return None
    mean_s = sum(seconds) / len(seconds) if seconds else None
    return Experience(answers, prompt / expected, completion / answers, mean_s)


def _expected(record: Mapping[str, Any], sizes: Sizes) -> int:
    """Prompt tokens by the rules that the plan goes by."""
    tokens = text_tokens(record["text"])
    if record.get("image"):
        width, height, _ = sizes.get(record["image"], (1024, 768, 0))
        parameters = record["parameters"]
        tokens += image_tokens(width, height, parameters.get("image_max_side"), parameters.get("detail"))
    return max(1, tokens)


def _latest(path: Path) -> list[dict[str, Any]]:
    """The last records of a ledger file; lines that are none are left to the ledger's own check."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().splitlines()
    records = []
    # Where the file is longer, the first line is the rest of one.
    for line in lines[-_READ_PER_FILE:] if size <= _TAIL_BYTES else lines[1:][-_READ_PER_FILE:]:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("reply"), dict) and "text" in record:
            records.append(record)
    return records
