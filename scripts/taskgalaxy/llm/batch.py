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
import math
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import openai
from openai.types import Batch, FileObject
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
_URL: Final = "/v1/chat/completions"
_ENDED = ("completed", "failed", "expired", "cancelled")
_QUEUE_FULL = "token_limit_exceeded"
_TRANSFER_S = 600.0
"""How long the server may be silent while a file is sent or read."""

_CLOCKS_S = 24 * 3600
"""The most by which the server's clock and ours can differ."""

_SETTLED_S = 30.0
"""How soon a batch is listed whose creation was not confirmed."""

_TAKEN_TOGETHER = 500

_T = TypeVar("_T")


class BatchProvider:
    """The model of one endpoint, asked by batches. See :class:`taskgalaxy.llm.request.Provider`.

    Raises:
        UserError: if the environment variable that should hold the key is not set.
    """

    name = "openai"
    recorded = True
    asks = True

    def __init__(self, settings: EndpointSettings, ledger: Ledger, budget_usd: float | None = None) -> None:
        """No batch is submitted that is expected to cost more than ``budget_usd`` leaves, the batches of all
        jobs included; what was submitted is collected in any case."""
        self.settings = settings
        self.model = settings.model
        self.parameters: Mapping[str, Any] = settings.parameters()
        self._ledger = ledger
        self._budget_usd = budget_usd
        self._online = OpenAIProvider(settings, ledger.state)

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Collect what was submitted, submit the rest and wait; see :class:`taskgalaxy.llm.request.Provider`.

        Raises:
            UserError: also when ``batch_wait_s`` have passed; the next run collects what was submitted.
        """
        with Journal(records.with_name(f"{records.name}.batches")) as journal:
            if journal.parts:
                # A run that was killed may have left it wrong.
                self._ledger.pending.recount()
            await _Round(self._online, self._ledger, self._budget_usd, journal, dict(questions), take, gate).run()

    async def close(self) -> None:
        """Close the connections; they are opened anew if another question comes."""
        await self._online.close()


@dataclass
class _Round:
    """The questions of one call, and the open parts of the journal, which may be about others, until all have ended.

    After an error nothing new is submitted; what is with the server is waited for before it is raised.

    Attributes:
        waiting: the questions that have no reply yet.
        failed: how often a question came back without an answer.
        at_once: how many requests the server takes at once.
    """

    online: OpenAIProvider
    ledger: Ledger
    budget_usd: float | None
    journal: Journal
    waiting: dict[str, Request]
    take: Take
    gate: Gate
    failed: Counter[str] = field(default_factory=Counter)
    at_once: float = math.inf
    error: UserError | None = None
    told: str = ""

    def __post_init__(self) -> None:
        self.settings = self.online.settings
        self.service = _Service(self.online)

    async def run(self) -> None:
        start = time.monotonic()
        while True:
            for part in list(self.journal.parts.values()):
                await self._look_at(part)
            if self.error is None:
                try:
                    await self._submit_rest()
                except UserError as error:
                    self._stop_for(error)
            if not self.journal.parts:
                break
            await self._wait(time.monotonic() - start)
        if self.error:
            raise self.error

    def _stop(self, what: str, fix: str) -> None:
        self._stop_for(UserError(self.settings.where, what, fix))

    def _stop_for(self, error: UserError) -> None:
        if self.error is None:
            log.warning("nothing more is submitted: %s", error)
            self.error = error

    async def _wait(self, waited_s: float) -> None:
        state = f"{len(self.journal.asked):,} requests are with the server in {len(self.journal.parts)} batches"
        longest_s = self.settings.batch_wait_s
        if longest_s is not None and waited_s >= longest_s:
            what = f"{state}, and batch_wait_s ({longest_s:g} s) have passed"
            fix = "run again later: they are collected then, and nothing is submitted twice"
            raise self.error or UserError(self.settings.where, what, fix)
        if state != self.told:
            log.info("%s", state)
            self.told = state
        await asyncio.sleep(self.settings.batch_poll_s)

    # Submitting

    async def _submit_rest(self) -> None:
        """Submit the questions that stand in no open part, file by file, as far as the server takes them."""
        with tempfile.TemporaryFile(suffix=".jsonl") as content:
            while True:
                asked = self.journal.asked
                unasked = [key for key in self.waiting if key not in asked]
                most = min(MAX_ROWS, self.at_once - len(asked))
                if not unasked or most < 1:
                    return
                self.gate()
                if keys := await self._fill(content, unasked, most):
                    await self._submit(content, keys)

    async def _fill(self, content: IO[bytes], keys: Sequence[str], most: float) -> list[str]:
        """Write the requests of the first of ``keys`` into ``content``, as many as fit, and return which.

        One that cannot be sent is taken as a failure.
        """
        content.seek(0)
        content.truncate()
        written: list[str] = []
        for key in keys:
            if len(written) >= most:
                break
            try:
                body = await self.online.body(self.waiting[key])
                line = json_line({"custom_id": key, "method": "POST", "url": _URL, "body": body}).encode()
                if len(line) > MAX_BYTES:
                    raise ValueError(f"its request has {len(line):,} bytes")
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                del self.waiting[key]
                await self.take(key, unanswered(f"the image cannot be sent: {error}", self.settings, "unaskable"))
                continue
            if content.tell() + len(line) > MAX_BYTES:
                break
            content.write(line)
            written.append(key)
        return written

    async def _submit(self, content: IO[bytes], keys: Sequence[str]) -> None:
        model, parameters = self.online.model, self.online.parameters
        questions = [question_record(self.waiting[key], key, model, parameters) for key in keys]
        nano_usd = sum(self._nano_usd(self.waiting[key]) for key in keys)
        part = self.journal.prepared(uuid.uuid4().hex, questions, nano_usd)
        self.ledger.pending.add(part.nano_usd)
        try:
            # Only now: jobs that come so far together have all added theirs before any of them looks.
            self._check_budget(part)
            self.journal.uploaded(part, (await self.service.upload(content)).id)
            self.gate()
        except UserError:
            self._close(part, "not submitted")
            raise
        self.journal.submitted(part, (await self.service.create(part)).id)

    def _nano_usd(self, request: Request) -> int:
        """What the answer is expected to cost, in billionths of a US dollar."""
        if self.settings.prices is None:
            return 0
        completion_tokens = min(self.settings.max_tokens or 256, 256)
        usage = {"prompt_tokens": prompt_tokens(request), "completion_tokens": completion_tokens}
        return round(1e9 * usd(self.settings.prices, usage, batch=True))

    def _check_budget(self, part: Part) -> None:
        """Raise ``UserError`` if the part, which is pending already, is too expensive."""
        budget_usd, spent_usd, pending_usd = self.budget_usd, self.ledger.spent.usd(), self.ledger.pending.usd()
        if budget_usd is None or spent_usd + pending_usd <= budget_usd:
            return
        # Jobs that were killed, or counted it while others added to it, may have left it wrong.
        pending_usd = self.ledger.pending.recount()
        if spent_usd + pending_usd > budget_usd:
            expected_usd = part.nano_usd / 1e9
            raise UserError(
                "budget_usd",
                f"a batch of {len(part.questions):,} requests is expected to cost ${expected_usd:,.4f}, which with "
                f"${spent_usd:,.4f} spent and ${pending_usd - expected_usd:,.4f} pending in batches exceeds "
                f"${budget_usd:,.2f}",
                "raise budget_usd and run again: what was submitted is collected in any case",
            )

    # Collecting

    async def _look_at(self, part: Part) -> None:
        """Collect the part's batch if it has ended."""
        if part.batch_id is not None:
            batch = await self.service.retrieve(part.batch_id, self.journal.path)
        elif part.file_id and (found := await self.service.find(part)):
            # The server has made a batch, of which no answer came or was noted.
            batch = found
            self.journal.submitted(part, batch.id)
        else:
            self._close(part, "not submitted")
            return
        if batch.status == "failed":
            self._not_accepted(batch, part)
        elif batch.status in _ENDED:
            await self._collect(batch, part)

    def _not_accepted(self, batch: Batch, part: Part) -> None:
        self._close(part, batch.status)
        errors = (batch.errors and batch.errors.data) or []
        if any(error.code == _QUEUE_FULL for error in errors):
            # It takes more when others have ended; if there are none, the part was too large.
            self.at_once = len(self.journal.asked) or len(part.questions) // 2
            log.warning("the server's queue is full: at most %d requests are submitted at once", self.at_once)
            if self.at_once:
                return
        problems = self.online.without_key("; ".join(str(error.message) for error in errors))
        what = f"the server did not accept batch {batch.id} ({problems[:500] or 'no reason given'})"
        fix = "correct what it names, then run again: none of its requests was answered or paid for"
        self._stop(what, fix)

    async def _collect(self, batch: Batch, part: Part) -> None:
        """Take the answers of a batch that has ended; what it did not answer stays in ``waiting``."""
        output = await self.service.lines(batch.output_file_id)
        lines = (output or []) + (await self.service.lines(batch.error_file_id) or [])
        replies, details = self._read(lines, part)
        await self._take_all(replies, part)
        self._close(part, batch.status)
        log.info("batch %s is %s: %d of %d answered", batch.id, batch.status, len(replies), len(part.questions))
        counted = batch.request_counts.completed if batch.request_counts else 0
        lost = len(part.questions) if output is None else max(0, counted - len(lines))
        if lost:
            what = f"{lost:,} answers of batch {batch.id} are lost: its output file is gone, or not whole"
            self._stop(what, "run again to ask these questions anew, which costs their price once more")
        # Another try would cost a day; how many may go without an answer is decided where they are taken.
        hopeless = batch.status == "completed" and not replies and not lost
        for key in [key for key in details if key in self.waiting]:
            self.failed[key] += 1
            detail = details[key]
            if hopeless:
                detail = f"batch {batch.id} is 'completed', but all of its {len(details)} rows failed: {detail}"
            if hopeless or self.failed[key] > self.settings.max_retries:
                del self.waiting[key]
                try:
                    await self.take(key, unanswered(detail, self.settings, attempts=self.failed[key]))
                except UserError as error:
                    self._stop_for(error)

    def _read(self, lines: Sequence[str], part: Part) -> tuple[dict[str, Reply], dict[str, str]]:
        """The replies in the lines of a batch's files, and why the other questions of the part have none."""
        replies: dict[str, Reply] = {}
        details = dict.fromkeys(part.questions, "the batch ended without it")
        for line in lines:
            try:
                # NaN and infinities, which are not JSON, become null.
                row = json.loads(line, parse_constant=lambda _: None)
                key = row["custom_id"]
                question = part.questions[key]
            except (ValueError, KeyError, TypeError):
                log.warning("a batch returned what is no answer to a request in it; it is ignored: %.200s", line)
                continue
            if key in replies:
                continue
            try:
                replies[key] = self._reply(row, question)
                del details[key]
            except (TryAgainError, UserError) as error:
                details[key] = str(error)
                if isinstance(error, UserError):
                    self._stop_for(error)
        return replies, details

    def _reply(self, row: Mapping[str, Any], question: Mapping[str, Any]) -> Reply:
        """The reply in one row. Raises as :func:`taskgalaxy.llm.failures.refusal_of` does."""
        response = row.get("response")
        if not isinstance(response, dict):
            raise TryAgainError(str(row.get("error")))
        status, body = response.get("status_code"), response.get("body")
        if status != 200:
            return refusal_of(status if isinstance(status, int) else 0, body, {}, self.settings)
        reply = read_completion(body, self.settings, question["stage"])
        if reply is None:
            raise TryAgainError("the server sent something that is not a chat completion")
        cost = self.online.cost(question["text"], question["image"] is not None, reply, batch=True)
        return replace(reply, usd=cost, attempts=self.failed[question["key"]] + 1)

    async def _take_all(self, replies: Mapping[str, Reply], part: Part) -> None:
        """Take many at a time, so that they wait for the disk together.

        What a run recorded before it was killed is not recorded again.
        """
        known = self.ledger.known(next(iter(part.questions.values()))["stage"], part.questions)
        keys = [key for key in replies if key in self.waiting or key not in known]
        for start in range(0, len(keys), _TAKEN_TOGETHER):
            together = keys[start : start + _TAKEN_TOGETHER]
            taken = (self.take(key, replies[key], part.questions[key]) for key in together)
            for error in await asyncio.gather(*taken, return_exceptions=True):
                if error is not None:
                    raise error
            for key in together:
                self.waiting.pop(key, None)

    def _close(self, part: Part, status: str) -> None:
        # In this order, as :meth:`_submit` does it: a count of the journals in between makes too much of it.
        self.ledger.pending.add(-part.nano_usd)
        self.journal.closed(part, status)


class _Service:
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
                input_file_id=part.file_id, endpoint=_URL, completion_window="24h", metadata={_PART: part.name}
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
        try:
            content = await self._patiently(lambda: self.online.client.files.content(file_id, timeout=_TRANSFER_S))
        except _NotThereError:
            return None
        # Not ``splitlines``: a text may hold other separators than the newlines between rows.
        lines = self.online.without_key(content.content.decode("utf-8", "replace")).split("\n")
        return [line for line in lines if line.strip()]

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
