"""The models that write question-answer pairs, each about its own images."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from taskgalaxy.division import generator_of
from taskgalaxy.llm.model import Check, Model, open_model
from taskgalaxy.llm.request import Answer, Request
from taskgalaxy.llm.settings import endpoints_of

log = logging.getLogger(__name__)


class Generators:
    """Stands where one :class:`taskgalaxy.llm.model.Model` might: every request goes to its image's generator."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        """``models`` by the names of their endpoints; each with a writer of its own, since they are asked at once."""
        self._models = models

    def ask(self, requests: Sequence[Request], check: Check) -> list[Answer]:
        """The answers in the order of the requests, each of which is about an image.

        The generators are asked at once: otherwise the batches of one would wait a day for those of another. If one
        cannot go on, the others finish, so that the next run finds their answers in the ledger.

        Raises:
            UserError: as :meth:`taskgalaxy.llm.model.Model.ask_async` does, of the first that could not go on.
        """
        return asyncio.run(self._ask(requests, check))

    async def _ask(self, requests: Sequence[Request], check: Check) -> list[Answer]:
        places: dict[str, list[int]] = {name: [] for name in self._models}
        for place, request in enumerate(requests):
            places[self._owner(request)].append(place)
        asked = [
            model.closing(model.ask_async([requests[place] for place in places[name]], check))
            for name, model in self._models.items()
        ]
        answers: dict[int, Answer] = {}
        errors = []
        for some, found in zip(places.values(), await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(found, BaseException):
                errors.append(found)
            else:
                answers |= zip(some, found, strict=True)
        for error in errors[1:]:
            log.error("%s", error)
        if errors:
            raise errors[0]
        return [answers[place] for place in range(len(requests))]

    def _owner(self, request: Request) -> str:
        if request.image is None:
            raise ValueError(f"a request of stage {request.stage} came without an image")
        return generator_of(request.image.image_id, list(self._models))


def open_generators(config: Mapping[str, Any], shard: str) -> Generators:
    """The models of ``roles.qa`` for the questions about ``shard``.

    Their ledger files and journals of batches are named after them as well. So it is still known what was submitted
    to one when another joins it.
    """
    return Generators({name: open_model(config, name, f"{name}.{shard}") for name in endpoints_of(config, "qa")})
