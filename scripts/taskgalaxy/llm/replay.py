"""A model that answers from the ledger alone, long after it can be asked no more."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.files import write_jsonl
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.settings import EndpointSettings

log = logging.getLogger(__name__)


class ReplayProvider:
    """Stands in for the endpoint that answered. See :class:`taskgalaxy.llm.request.Provider`."""

    name = "replay"
    recorded = True
    asks = False

    def __init__(self, settings: EndpointSettings, missing: Path) -> None:
        """``missing`` is the folder for lists of questions that are not in the ledger."""
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters
        self._missing = missing

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """List ``questions``, which the ledger does not hold, and take none as answered.

        Whether that stops the run is for ``max_failed`` to say, as where a server gave no answer.
        """
        path = self._missing / records.parent.name / f"{records.name}.jsonl"
        rows = [
            {
                "key": key,
                "stage": request.stage,
                "image": request.image.image_id if request.image else None,
                "text": request.text,
            }
            for key, request in questions.items()
        ]
        write_jsonl(path, rows)
        detail = f"{len(rows)} questions are not in the ledger; they are listed in {path}"
        log.warning("endpoint %s (replay): %s", self.settings.name, detail)
        for key in questions:
            await take(key, Reply("", "failed", self.model, detail=detail, provider=self.name))

    async def close(self) -> None: ...
