"""OpenAI's Batch API: files of requests, answered within a day at a lower price.

A job writes its open questions into files of at most 50,000 requests and 200 MB, submits each as a batch
and waits for them; what it submitted stands in a journal (:mod:`taskgalaxy.llm.batch_journal`), so that it
can be killed at any moment and collects the next day what it submitted today. Results are matched by
their custom_id, which is the ledger key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TypeVar

import openai
from openai.types import Batch
from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.files import json_line
from taskgalaxy.llm.batch_journal import Journal, Part
from taskgalaxy.llm.chat import read_completion
from taskgalaxy.llm.failures import TryAgainError, refusal_of, unanswered
from taskgalaxy.llm.ledger import Ledger, question_record
from taskgalaxy.llm.openai_provider import OpenAIProvider, prompt_tokens, wait_s
from taskgalaxy.llm.prices import usd
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.settings import EndpointSettings

log = logging.getLogger(__name__)

MAX_ROWS = 50_000
MAX_BYTES = 200_000_000
_PART = "taskgalaxy_part"
"""The key in a batch's metadata under which its part's name stands."""

_ENDED = ("completed", "failed", "expired", "cancelled")
_LISTED_S = 2 * 24 * 3600
"""A batch that a killed run may have created is looked for among those of the last two days."""

_T = TypeVar("_T")


@dataclass
class _File:
    """A file of requests that is being filled: one line per question."""

    content: IO[bytes]
    questions: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    usd: float = 0.0


class BatchProvider:
    """The model of one endpoint, asked by batches. See :class:`taskgalaxy.llm.request.Provider`.

    Raises:
        UserError: if the environment variable that should hold the key is not set.
    """

    name = "openai"
    recorded = True
    asks = True

    def __init__(self, settings: EndpointSettings, ledger: Ledger) -> None:
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters()
        self._ledger = ledger
        self._online = OpenAIProvider(settings, ledger.state)

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Submit what no batch asks yet, wait, and collect; see :class:`taskgalaxy.llm.request.Provider`.

        Raises:
            UserError: also when ``batch_wait_s`` have passed; the next run collects what was submitted.
        """
        waiting = dict(questions)
        failed: dict[str, int] = {}
        start = time.monotonic()
        with Journal(records.with_name(f"{records.name}.batches")) as journal:
            await self._take_up(journal)
            while True:
                await self._submit_unasked(waiting, journal, take, gate)
                if not journal.parts:
                    return
                for part in list(journal.parts.values()):
                    batch = await self._batch(part)
                    if batch.status in _ENDED:
                        await self._collect(batch, part, journal, waiting, failed, take)
                if journal.parts:
                    await self._wait(journal, time.monotonic() - start)

    async def close(self) -> None:
        """Close the connections; they are opened anew if another question comes."""
        await self._online.close()

    async def _take_up(self, journal: Journal) -> None:
        """Go on with what an earlier run had prepared."""
        for part in list(journal.parts.values()):
            if part.file_id is None:
                # No batch can have been made of it: its questions go into another part.
                self._close(part, journal, "not uploaded")
            elif part.batch_id is None:
                await self._submit(part, journal, await self._find(part))

    async def _submit_unasked(self, waiting: dict[str, Request], journal: Journal, take: Take, gate: Gate) -> None:
        """Submit the questions that stand in no open part, file by file."""
        asked = {key for part in journal.parts.values() for key in part.questions}
        unasked = {key: request for key, request in waiting.items() if key not in asked}
        async for file in self._files(unasked, waiting, take):
            gate()
            part = journal.prepared(uuid.uuid4().hex, file.questions, round(file.usd * 1e9))
            self._ledger.pending.add(part.nano_usd)
            file_id = await self._patiently(lambda content=file.content: self._upload(content))  # type: ignore[misc]
            journal.uploaded(part, file_id)
            await self._submit(part, journal)

    async def _files(
        self, questions: Mapping[str, Request], waiting: dict[str, Request], take: Take
    ) -> AsyncIterator[_File]:
        """Files of at most ``MAX_ROWS`` lines and ``MAX_BYTES`` bytes; what cannot be sent is taken as a failure."""
        with tempfile.TemporaryFile(suffix=".jsonl") as content:
            file = _File(content)
            for key, request in questions.items():
                try:
                    line = json_line(
                        {
                            "custom_id": key,
                            "method": "POST",
                            "url": "/v1/chat/completions",
                            "body": await self._online.body(request),
                        }
                    ).encode()
                    if len(line) > MAX_BYTES:
                        raise ValueError(f"its request has {len(line):,} bytes")
                except (OSError, ValueError, Image.DecompressionBombError) as error:
                    del waiting[key]
                    await take(key, unanswered(f"the image cannot be sent: {error}", self.settings, "unaskable"))
                    continue
                if len(file.questions) == MAX_ROWS or file.size + len(line) > MAX_BYTES:
                    yield file
                    content.seek(0)
                    content.truncate()
                    file = _File(content)
                content.write(line)
                file.size += len(line)
                file.questions.append(question_record(request, key, self.model, self.parameters))
                file.usd += self._expected_usd(request)
            if file.questions:
                yield file

    def _expected_usd(self, request: Request) -> float:
        if self.settings.prices is None:
            return 0.0
        usage = {
            "prompt_tokens": prompt_tokens(request),
            "completion_tokens": min(self.settings.max_tokens or 256, 256),
        }
        return usd(self.settings.prices, usage, batch=True)

    async def _upload(self, content: IO[bytes]) -> str:
        content.seek(0)
        uploaded = await self._online.client.files.create(
            file=("requests.jsonl", content), purpose="batch", timeout=3600
        )
        return uploaded.id

    async def _submit(self, part: Part, journal: Journal, batch: Batch | None = None) -> None:
        """Create the part's batch, unless it exists: a lost response is no reason to create it again."""
        for attempt in range(1, self.settings.max_retries + 2):
            if batch is not None:
                break
            try:
                batch = await self._called(self._create(part))
            except TryAgainError as error:
                if attempt > self.settings.max_retries:
                    raise self._unreachable(error) from error
                await asyncio.sleep(wait_s(attempt, error.after_s))
                batch = await self._find(part)
        assert batch is not None
        journal.submitted(part, batch.id)
        log.info("submitted %d requests as batch %s", len(part.questions), batch.id)

    async def _create(self, part: Part) -> Batch:
        assert part.file_id is not None
        return await self._online.client.batches.create(
            input_file_id=part.file_id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={_PART: part.name},
        )

    async def _find(self, part: Part) -> Batch | None:
        """The part's batch, if the server has it."""

        async def look() -> Batch | None:
            async for batch in self._online.client.batches.list(limit=100):
                if (batch.metadata or {}).get(_PART) == part.name or batch.input_file_id == part.file_id:
                    return batch
                if batch.created_at < time.time() - _LISTED_S:
                    return None
            return None

        return await self._patiently(look)

    async def _batch(self, part: Part) -> Batch:
        assert part.batch_id is not None
        batch_id = part.batch_id
        try:
            return await self._patiently(lambda: self._online.client.batches.retrieve(batch_id))
        except _NotThereError as error:
            raise UserError(
                self.settings.where,
                f"the server knows no batch {batch_id}, which was submitted earlier",
                "check that the key and base_url are those it was submitted with",
            ) from error

    async def _wait(self, journal: Journal, waited_s: float) -> None:
        questions = sum(len(part.questions) for part in journal.parts.values())
        where = f"{questions} requests are with the server in {len(journal.parts)} batches"
        if self.settings.batch_wait_s is not None and waited_s >= self.settings.batch_wait_s:
            raise UserError(
                self.settings.where,
                f"{where}, and batch_wait_s ({self.settings.batch_wait_s:g} s) have passed",
                "run again later: they are collected then, and nothing is submitted twice",
            )
        log.info("%s", where)
        await asyncio.sleep(self.settings.batch_poll_s)

    async def _collect(
        self,
        batch: Batch,
        part: Part,
        journal: Journal,
        waiting: dict[str, Request],
        failed: dict[str, int],
        take: Take,
    ) -> None:
        """Take the answers of a batch that has ended; what it did not answer stays in ``waiting``."""
        if batch.status == "failed":
            self._close(part, journal, batch.status)
            problems = "; ".join(str(error.message) for error in (batch.errors and batch.errors.data) or ())
            raise UserError(
                self.settings.where,
                f"the server did not accept batch {batch.id} ({problems[:500] or 'no reason given'})",
                "correct what it names, then run again: none of its requests was answered or paid for",
            )
        answered = await self._rows(batch.output_file_id)
        if answered is None:
            self._close(part, journal, "output lost")
            raise UserError(
                self.settings.where,
                f"the output file of batch {batch.id} is gone, and with it {len(part.questions)} answers",
                "run again to ask these questions anew, which costs their price once more",
            )
        known = self._ledger.known(next(iter(part.questions.values()))["stage"], part.questions)
        results = self._results(answered + (await self._rows(batch.error_file_id) or []), part)
        for key, (reply, _) in results.items():
            if reply and key not in known:
                waiting.pop(key, None)
                await take(key, reply, part.questions[key])
        unanswered_rows = {key: detail for key, (reply, detail) in results.items() if reply is None}
        self._close(part, journal, batch.status)
        log.info("batch %s is %s: %d of %d answered", batch.id, batch.status,
                 len(part.questions) - len(unanswered_rows), len(part.questions))  # fmt: skip
        hopeless = batch.status == "completed" and len(unanswered_rows) == len(part.questions)
        for key, detail in unanswered_rows.items():
            failed[key] = failed.get(key, 0) + 1
            if hopeless:
                detail = (
                    f"batch {batch.id} is 'completed', but every one of its {len(part.questions)} rows failed: {detail}"
                )
            if key in waiting and (hopeless or failed[key] > self.settings.max_retries):
                del waiting[key]
                await take(key, unanswered(detail, self.settings, attempts=failed[key]))

    def _results(self, rows: list[dict[str, Any]], part: Part) -> dict[str, tuple[Reply | None, str]]:
        """Per question of the part its reply, or ``None`` and why there is none."""
        results: dict[str, tuple[Reply | None, str]]
        results = dict.fromkeys(part.questions, (None, "the batch ended without it"))
        for row in rows:
            key = row.get("custom_id")
            if not isinstance(key, str) or key not in results:
                log.warning("a batch returned the row %r, which was not in its input; it is ignored", key)
            elif results[key][0] is None:
                try:
                    results[key] = self._row_reply(row, part.questions[key]), ""
                except (TryAgainError, UserError) as error:
                    results[key] = None, self._online.without_key(str(error))
        return results

    def _row_reply(self, row: Mapping[str, Any], question: Mapping[str, Any]) -> Reply:
        """The reply in one row of a batch's files. Raises :class:`TryAgainError` if there is none."""
        response = row.get("response")
        if not isinstance(response, dict):
            error = row.get("error") or {}
            raise TryAgainError(f"{error.get('code')}: {error.get('message')}")
        body = response.get("body")
        if response.get("status_code") != 200:
            return refusal_of(int(response.get("status_code") or 0), body, {}, self.settings)
        reply = read_completion(body, self.settings, question["stage"])
        if reply is None:
            raise TryAgainError("the server sent something that is not a chat completion")
        return replace(reply, usd=self._online.cost(question["text"], question["image"] is not None, reply, batch=True))

    async def _rows(self, file_id: str | None) -> list[dict[str, Any]] | None:
        """The lines of a file at the server, none without ``file_id``; ``None`` if the server lost it."""
        if file_id is None:
            return []

        async def download() -> list[dict[str, Any]]:
            content = await self._online.client.files.content(file_id, timeout=3600)
            return [json.loads(line) for line in self._online.without_key(content.text).splitlines() if line.strip()]

        try:
            return await self._patiently(download)
        except _NotThereError:
            return None

    def _close(self, part: Part, journal: Journal, status: str) -> None:
        journal.closed(part, status)
        self._ledger.pending.add(-part.nano_usd)

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """What ``call`` returns; what may succeed later is tried again ``max_retries`` times."""
        attempt = 1
        while True:
            try:
                return await self._called(call())
            except TryAgainError as error:
                if attempt > self.settings.max_retries:
                    raise self._unreachable(error) from error
                await asyncio.sleep(wait_s(attempt, error.after_s))
                attempt += 1

    async def _called(self, call: Awaitable[_T]) -> _T:
        """What ``call`` returns. Raises as :func:`taskgalaxy.llm.failures.refusal_of`, and ``_NotThereError``."""
        try:
            return await call
        except openai.NotFoundError as error:
            raise _NotThereError from error
        except openai.APIStatusError as error:
            refusal = self._online.refusal(error)
            raise UserError(
                self.settings.where,
                f"the server refuses the batch ({refusal.detail})",
                "correct what it names, or set mode: online",
            ) from error
        except (openai.APIError, OSError, ValueError) as error:
            raise TryAgainError(f"{type(error).__name__}: {error.__cause__ or error}") from error

    def _unreachable(self, error: TryAgainError) -> UserError:
        return UserError(
            self.settings.where,
            f"the Batch API cannot be reached ({self._online.without_key(str(error))})",
            "run again later: what was submitted is collected then, and nothing is submitted twice",
        )


class _NotThereError(Exception):
    """The server has no such thing."""
