"""The calls to OpenAI's Batch API that a batch consists of, each patient and safe to repeat."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Final, TypeVar

import openai
from openai.types import Batch, FileObject

from taskgalaxy.errors import UserError
from taskgalaxy.llm.batch_journal import Part
from taskgalaxy.llm.failures import TryAgainError
from taskgalaxy.llm.openai_provider import OpenAIProvider, wait_s

log = logging.getLogger(__name__)

URL: Final = "/v1/chat/completions"

_PART = "taskgalaxy_part"
"""The key in a batch's metadata under which its part's name stands."""

_TRANSFER_S = 600.0
"""How long the server may be silent while a file is sent or read."""

_CLOCKS_S = 24 * 3600
"""The most by which the server's clock and ours can differ."""

_SETTLED_S = 30.0
"""How soon a batch is listed whose creation was not confirmed."""

_T = TypeVar("_T")


class BatchService:
    """The Batch API of a server; what may succeed later is tried again ``max_retries`` times.

    Every method raises ``UserError`` if it cannot be done.
    """

    def __init__(self, online: OpenAIProvider) -> None:
        self.online = online
        self.settings = online.settings

    async def upload(self, content: IO[bytes]) -> FileObject:
        def send() -> Awaitable[FileObject]:
            content.seek(0)
            file = ("requests.jsonl", content)
            return self.online.client.files.create(file=file, purpose="batch", timeout=_TRANSFER_S)

        return await self._patiently(send)

    async def create(self, part: Part) -> Batch:
        """The part's batch; if a response is lost, it is looked for before it is created again."""
        tried = False

        async def create_once() -> Batch:
            nonlocal tried
            if tried:
                await asyncio.sleep(_SETTLED_S)
                if batch := await self._look_for(part):
                    return batch
            tried = True
            assert part.file_id is not None
            return await self.online.client.batches.create(
                input_file_id=part.file_id, endpoint=URL, completion_window="24h", metadata={_PART: part.name}
            )

        return await self._patiently(create_once)

    async def find(self, part: Part) -> Batch | None:
        """The part's batch, if the server has it."""
        return await self._patiently(lambda: self._look_for(part))

    async def _look_for(self, part: Part) -> Batch | None:
        async for batch in self.online.client.batches.list(limit=100):
            if batch.input_file_id == part.file_id or (batch.metadata or {}).get(_PART) == part.name:
                return batch
            # The newest come first.
            if batch.created_at < part.at - _CLOCKS_S:
                break
        return None

    async def retrieve(self, batch_id: str, journal: Path) -> Batch:
        """A batch as it is now; ``journal`` is where it stands."""
        try:
            return await self._patiently(lambda: self.online.client.batches.retrieve(batch_id))
        except _NotThereError as error:
            what = f"the server knows no batch {batch_id}, which was submitted earlier"
            fix = f"check that key and base_url are as they were then; to give its answers up, remove {journal}"
            raise UserError(self.settings.where, what, fix) from error

    async def lines(self, file_id: str | None) -> list[str] | None:
        """The lines of a file, none without ``file_id``; ``None`` if the server lost it."""
        if file_id is None:
            return []

        async def download() -> list[str]:
            content = await self.online.client.files.content(file_id, timeout=_TRANSFER_S)
            # Not ``splitlines``: a text may hold other separators than the newlines between rows.
            lines = self.online.without_key(content.content.decode("utf-8", "replace")).split("\n")
            lines = [line for line in lines if line.strip()]
            # What a proxy sends in its place, or half of it, is not the file.
            for line in lines[:1] + lines[-1:]:
                json.loads(line)
            return lines

        try:
            return await self._patiently(download)
        except _NotThereError:
            return None

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        attempt = 1
        while True:
            try:
                return await self._once(call)
            except TryAgainError as error:
                detail = self.online.without_key(str(error))
                if attempt > self.settings.max_retries:
                    kind = _NotThereError if isinstance(error.__cause__, openai.NotFoundError) else UserError
                    fix = "check base_url and run again: what was submitted is collected then"
                    raise kind(self.settings.where, f"the Batch API cannot be reached ({detail})", fix) from error
                log.info("%s: try %d failed: %s", self.settings.where, attempt, detail)
                await asyncio.sleep(wait_s(attempt, error.after_s))
                attempt += 1

    async def _once(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """What ``call`` returns. Raises :class:`TryAgainError` if it may succeed later."""
        try:
            result = await call()
        except openai.NotFoundError as error:
            # What was stored a moment ago is not always there yet.
            raise TryAgainError(f"404: {error.message}") from error
        except openai.APIStatusError as error:
            what = f"the Batch API refuses a request ({self.online.refusal(error).detail})"
            fix = "correct what it names, or set mode: online"
            raise UserError(self.settings.where, what, fix) from error
        except (openai.APIError, OSError, ValueError) as error:
            raise TryAgainError(f"{type(error).__name__}: {error.__cause__ or error}") from error
        if isinstance(result, str):
            raise TryAgainError("the server sent something that is not JSON")
        return result


class _NotThereError(UserError):
    """The server has no such thing, however often it is asked."""
