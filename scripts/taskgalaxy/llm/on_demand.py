"""A provider that is made when the first question comes that the ledger cannot answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.llm.request import Gate, Provider, Request, Take
from taskgalaxy.llm.settings import EndpointSettings


class OnDemand:
    """Stands for the provider of a server, whose libraries take every process a second to import.

    Most jobs of a rebuild find all answers in the ledger. See :class:`taskgalaxy.llm.request.Provider`.
    """

    recorded = True
    asks = True

    def __init__(self, settings: EndpointSettings, make: Callable[[], Provider]) -> None:
        self.name = settings.provider
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters
        self._make = make
        self._made: Provider | None = None

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """As of the provider, which is made here; so is what making it raises."""
        self._made = self._made or self._make()
        await self._made.answer_all(questions, take, gate, records)

    async def close(self) -> None:
        if self._made:
            await self._made.close()
