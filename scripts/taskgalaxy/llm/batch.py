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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from openai.types import Batch
from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.files import json_line
from taskgalaxy.llm.batch_journal import Journal, Part, journal_path
from taskgalaxy.llm.batch_service import URL, BatchService
from taskgalaxy.llm.chat import read_completion
from taskgalaxy.llm.failures import TryAgainError, refusal_of, unanswered
from taskgalaxy.llm.ledger import Ledger, question_record
from taskgalaxy.llm.openai_provider import OpenAIProvider, prompt_tokens
from taskgalaxy.llm.prices import usd
from taskgalaxy.llm.request import Gate, Reply, Request, Take
from taskgalaxy.llm.settings import EndpointSettings

log = logging.getLogger(__name__)

MAX_ROWS = 50_000
MAX_BYTES = 200_000_000
_ENDED = ("completed", "failed", "expired", "cancelled")
_QUEUE_FULL = "token_limit_exceeded"
_TAKEN_TOGETHER = 500


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
        self.parameters: Mapping[str, Any] = settings.parameters
        self._ledger = ledger
        self._budget_usd = budget_usd
        self._online = OpenAIProvider(settings, ledger.state)

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Collect what was submitted, submit the rest and wait; see :class:`taskgalaxy.llm.request.Provider`.

        Raises:
            UserError: also when ``batch_wait_s`` have passed; the next run collects what was submitted.
        """
        with Journal(journal_path(records)) as journal:
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
        self.service = BatchService(self.online)

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
                line = json_line({"custom_id": key, "method": "POST", "url": URL, "body": body}).encode()
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
