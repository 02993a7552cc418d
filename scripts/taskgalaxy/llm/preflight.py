"""One look at every endpoint before anything is paid for: is the key there, the model known, a request answered?"""

from __future__ import annotations

import asyncio
import difflib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import openai

from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_json, write_json
from taskgalaxy.llm.json_replies import object_schema
from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
from taskgalaxy.llm.openai_provider import OpenAIProvider
from taskgalaxy.llm.request import Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.locks import locked, sign

log = logging.getLogger(__name__)

_QUESTION = Request(
    "preflight",
    "This is a test of the connection. Reply with the digit 1 and nothing else.",
    schema=object_schema(vote={"type": "integer", "enum": [0, 1]}),
)
_MAX_RETRIES = 3
_HOLDS_S = 900.0
_WAIT_S = 1800.0
"""Another job's look at servers that time out, again and again, takes less."""
_SHUTDOWN_FIELDS = ("shutdown_date", "deprecation", "deprecation_date", "expiration_date", "retirement_date")
"""Where servers announce the end of a model in their lists of models; each has its own name for it."""


@dataclass(frozen=True)
class Preflight:
    """The look at all endpoints of a run, by whichever job first has something to ask.

    What it found lies in a small file beside the ledger and holds for a quarter of an hour for all jobs; a
    job that waited while another looked believes what that one found, good or bad.
    """

    endpoints: Sequence[EndpointSettings]
    ledger: Ledger
    budget_usd: float | None = None

    def ensure(self) -> None:
        """Return if every endpoint answers.

        The answers to the tiny requests are recorded in the ledger, as they may have cost something, and
        are never looked up there. What the answers in the ledger have cost is counted anew.

        Raises:
            UserError: if one cannot be asked, naming the endpoint, the cause and the remedy.
        """
        if self.budget_usd is not None and self.ledger.spent.usd() >= self.budget_usd:
            return  # Whoever has something to send is told so; not even a tiny question is sent.
        asked_at = time.time()
        self.ledger.state.mkdir(parents=True, exist_ok=True)
        with locked(self.ledger.state / "preflight.lock", _WAIT_S) as lock:
            sign(lock)
            found = self._found()
            if found.get("error") and found["at"] >= asked_at:
                raise UserError(*found["error"])
            if found and not found["error"] and asked_at - found["at"] < _HOLDS_S:
                return
            error = self._look()
            result = {
                "endpoints": self._identity(),
                "at": time.time(),
                "error": error and [error.where, error.what, error.fix],
            }
            write_json(self.ledger.state / "preflight.json", result)
        if error:
            raise error

    def _look(self) -> UserError | None:
        self.ledger.spent.recount()
        self.ledger.pending.recount()
        try:
            for settings in self.endpoints:
                log.info("looking at %s", settings.where)
                asyncio.run(check_endpoint(settings, self.ledger))
        except UserError as error:
            return error
        return None

    def _found(self) -> dict[str, Any]:
        """What an earlier look at the same endpoints found; nothing if there was none."""
        try:
            found = json.loads((self.ledger.state / "preflight.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.get("endpoints") == self._identity() else {}

    def _identity(self) -> str:
        """Of the endpoints as they are configured; no key is in it."""
        return sha256_json([asdict(settings) for settings in self.endpoints])


async def check_endpoint(settings: EndpointSettings, ledger: Ledger) -> None:
    """Ask a server what models it has, and one tiny question.

    Warns of a model whose end the server announces, or that it does not list.

    Raises:
        UserError: if no request can succeed, naming the endpoint, the cause and the remedy.
    """
    # At least one more try: some servers drop the connection after the list of models.
    patience = max(1, min(settings.max_retries, _MAX_RETRIES))
    provider = OpenAIProvider(replace(settings, max_retries=patience), ledger.state)
    try:
        listed = await _listed_models(provider)
        await _ask(provider, ledger, listed)
    finally:
        await provider.close()
    shutdown = _announced_shutdown(listed.get(settings.model, {}))
    if shutdown:
        log.warning("%s: the model %s is to be shut down: %s", settings.where, settings.model, shutdown)
    if listed and settings.model not in listed:
        log.warning("%s: answers, but does not list the model %s", settings.where, settings.model)


async def _listed_models(provider: OpenAIProvider) -> Mapping[str, Mapping[str, Any]]:
    """The server's list of models, by name; empty where it has none. Not all servers do."""
    try:
        models = await provider.client.models.list()
        return {model.id: model.model_dump() for model in models.data if isinstance(model.id, str)}
    except (openai.APIError, OSError, ValueError, TypeError, AttributeError) as error:
        log.info("%s lists no models (%s)", provider.settings.where, type(error).__name__)
        return {}


def _announced_shutdown(model: Mapping[str, Any]) -> str | None:
    """What a server says about the end of a model, in its own words."""
    for name in _SHUTDOWN_FIELDS:
        if model.get(name):
            return f"{name} {model[name]}"
    return None


async def _ask(provider: OpenAIProvider, ledger: Ledger, listed: Mapping[str, Any]) -> None:
    """Ask one tiny question, with all the parameters that later ones have."""
    settings = provider.settings
    try:
        reply = await provider.answer(_QUESTION)
    except UserError as error:
        raise UserError(error.where, error.what, f"{error.fix}{_known_models(settings.model, list(listed))}") from error
    if reply.finish_reason == "unaskable":
        raise UserError(
            settings.where,
            f"the server refuses a tiny request ({reply.detail})",
            f"check model and parameters of this endpoint{_known_models(settings.model, list(listed))}",
        )
    if not reply.answered:
        raise UserError(
            settings.where,
            f"the server does not answer ({reply.detail})",
            "check that it runs at base_url; to work with recorded answers alone, set provider: replay",
        )
    key = _QUESTION.key(provider.model, provider.parameters)
    question = question_record(_QUESTION, key, provider.model, provider.parameters)
    with ledger.writer("preflight", settings.name) as file:
        file.append([answer_record(question, reply)])


def _known_models(model: str, listed: Sequence[str]) -> str:
    if not listed or model in listed:
        return ""
    close = difflib.get_close_matches(model, listed, 3, cutoff=0.4) or sorted(listed)[:5]
    return f"; the server lists {', '.join(close)}{' and others' if len(listed) > len(close) else ''}"
