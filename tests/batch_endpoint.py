"""OpenAI's Batch API, with the files it needs, over the state of ``endpoint``: the same replies, later and shuffled."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from endpoint_faults import REPLY_FAULTS, completion, error_json, reset, send_half

if TYPE_CHECKING:
    from endpoint import State

BATCH_FAULTS = (
    *("expire", "cancelled", "fail_rows", "all_rows_failed", "validation_failed"),
    *("lost_output", "drop_download", "create_lost"),
    *(f"chat_faults:{fault}" for fault in REPLY_FAULTS),
)

_CHAT = "/v1/chat/completions"
_ENDED = ("completed", "failed", "expired", "cancelled")
_TIMES = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
_UNANSWERED = {
    "expire": ("expired", "batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("cancelled", "batch_cancelled", "This request was not executed before the batch was cancelled."),
}
"""By fault: the status of the batch, and the error of the rows that were not answered."""


def check_batch_faults(faults: Iterable[str]) -> None:
    """Raises ``ValueError`` for one that is not of ``BATCH_FAULTS``."""
    if unknown := set(faults) - set(BATCH_FAULTS):
        raise ValueError(f"unknown faults of batches {unknown}")


@dataclass
class StoredFile:
    """A file in memory; its first ``cut_downloads`` downloads break off in the middle."""

    name: str
    purpose: str
    data: bytes
    cut_downloads: int = 0
    id: str = field(default_factory=lambda: f"file-{uuid.uuid4().hex}")
    created_at: int = field(default_factory=lambda: int(time.time()))

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class Batch:
    """A batch and how far it is.

    Attributes:
        rows: the rows of its input, decoded; none if the input is not valid.
        errors: what is wrong with the input.
        polls: how often it was asked for, lists aside.
        times: when it reached a status.
        answered: how many rows its output has; ``failed``: how many its error file has.
    """

    input_file_id: str
    completion_window: str
    metadata: Mapping[str, str] | None
    rows: Sequence[Mapping[str, Any]]
    errors: Sequence[Mapping[str, Any]]
    fault: str | None
    status: str = "validating"
    polls: int = 0
    times: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    id: str = field(default_factory=lambda: f"batch_{uuid.uuid4().hex}")
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    def enter(self, status: str) -> None:
        self.status = status
        self.times.setdefault(status, int(time.time()))

    def to_json(self) -> dict[str, Any]:
        total = 0 if self.status in ("validating", "failed") else len(self.rows)
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": _CHAT,
            "model": self.rows[0]["body"]["model"] if self.rows else None,
            "errors": {"object": "list", "data": self.errors} if self.status == "failed" else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.completion_window,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.created_at + 24 * 60 * 60,
            **{f"{status}_at": self.times.get(status) for status in _TIMES},
            "request_counts": {"total": total, "completed": self.answered, "failed": self.failed},
            "metadata": self.metadata,
        }


def add_batch_routes(app: web.Application, state: State) -> None:
    """The routes of files and batches over ``state``."""
    service = _Service(state)
    app.router.add_post("/v1/files", service.upload)
    app.router.add_get("/v1/files/{id}", service.file)
    app.router.add_get("/v1/files/{id}/content", service.download)
    app.router.add_post("/v1/batches", service.create)
    app.router.add_get("/v1/batches", service.page)
    app.router.add_get("/v1/batches/{id}", service.batch)
    app.router.add_post("/v1/batches/{id}/cancel", service.cancel)


class _Service:
    """The handlers of the routes."""

    def __init__(self, state: State) -> None:
        self.state = state

    async def upload(self, request: web.Request) -> web.Response:
        purpose, name, data = "", "", None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file":
                name, data = part.filename or "upload", bytes(await part.read())
            elif part.name == "purpose":
                purpose = await part.text()
        if data is None or purpose != "batch":
            return _invalid("a file with the purpose batch is wanted")
        self.state.files_uploaded += 1
        return web.json_response(self._store(StoredFile(name, purpose, data)).to_json())

    async def file(self, request: web.Request) -> web.Response:
        file = self.state.files.get(request.match_info["id"])
        return web.json_response(file.to_json()) if file else _unknown(request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        file = self.state.files.get(request.match_info["id"])
        if file is None:
            return _unknown(request)
        if file.cut_downloads:
            file.cut_downloads -= 1
            return await send_half(request, file.data, "application/octet-stream")
        return web.Response(body=file.data, content_type="application/octet-stream")

    async def create(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        file = self.state.files.get(wanted.get("input_file_id"))
        metadata = wanted.get("metadata")
        if wanted.get("endpoint") != _CHAT or wanted.get("completion_window") != "24h":
            return _invalid(f"endpoint must be {_CHAT} and completion_window 24h")
        if not _is_metadata(metadata):
            return _invalid("metadata must be at most 16 texts of 512 characters with keys of 64")
        if file is None:
            return error_json(404, f"no such file: {wanted.get('input_file_id')}", "not_found")
        self.state.batches_created += 1
        fault = self.state.batch_faults.get(self.state.batches_created)
        rows, errors = _read_rows(file.data, self.state.batch_max_rows, self.state.batch_max_bytes)
        if fault == "validation_failed":
            rows, errors = [], [_error("invalid_input", "scripted: the input file is not valid")]
        batch = Batch(file.id, wanted["completion_window"], metadata, rows, errors, fault)
        self.state.batches.append(batch)
        if fault == "create_lost":
            reset(request)
        return web.json_response(batch.to_json())

    async def page(self, request: web.Request) -> web.Response:
        """The newest come first."""
        batches = self.state.batches[::-1]
        if after := request.query.get("after"):
            ids = [batch.id for batch in batches]
            if after not in ids:
                return _invalid(f"no such batch: {after}")
            batches = batches[ids.index(after) + 1 :]
        limit = int(request.query.get("limit", 20))
        if not 1 <= limit <= 100:
            return _invalid("limit must be between 1 and 100")
        data = [batch.to_json() for batch in batches[:limit]]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return web.json_response({"object": "list", "data": data, **ends, "has_more": len(batches) > limit})

    async def batch(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch is None:
            return _unknown(request)
        batch.polls += 1
        self._advance(batch)
        return web.json_response(batch.to_json())

    async def cancel(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch is None:
            return _unknown(request)
        if batch.ended:
            return error_json(409, f"cannot cancel a batch with status {batch.status!r}", "invalid_request_error")
        batch.enter("cancelling")
        return web.json_response(batch.to_json())

    def _find(self, request: web.Request) -> Batch | None:
        return next((batch for batch in self.state.batches if batch.id == request.match_info["id"]), None)

    def _advance(self, batch: Batch) -> None:
        """Let the batch reach the status that its polls have come to."""
        polls = self.state.batch_polls
        if batch.ended:
            return
        if batch.status == "cancelling":
            self._end(batch, "cancelled")
        elif batch.errors:
            if batch.polls > min(1, polls):
                batch.enter("failed")
        elif batch.polls > polls:
            self._end(batch, batch.fault)
        elif batch.polls > 1:
            batch.enter("finalizing" if batch.polls == polls >= 3 else "in_progress")

    def _end(self, batch: Batch, fault: str | None) -> None:
        """Answer the rows, or those that ``fault`` leaves, and store the files."""
        answered, failed = batch.rows, batch.rows[:0]
        if fault in _UNANSWERED:
            half = len(batch.rows) // 2
            answered, failed = batch.rows[:half], batch.rows[half:]
        elif fault == "fail_rows":
            answered, failed = [row for n, row in enumerate(batch.rows, 1) if n % 3], batch.rows[2::3]
        elif fault == "all_rows_failed":
            answered, failed = failed, answered
        batch.answered, batch.failed = len(answered), len(failed)
        if answered:
            reply_fault = fault.removeprefix("chat_faults:") if fault and fault.startswith("chat_faults:") else None
            output = StoredFile("output.jsonl", "batch_output", b"", cut_downloads=int(fault == "drop_download"))
            batch.output_file_id = output.id
            if fault != "lost_output":
                output.data = _lines(self._output_row(row, reply_fault) for row in reversed(answered))
                self._store(output)
                for row in answered:
                    self.state.count(row["body"])
        if failed:
            data = _lines(_error_row(row, fault or "") for row in reversed(failed))
            batch.error_file_id = self._store(StoredFile("errors.jsonl", "batch_output", data)).id
        batch.enter(_UNANSWERED[fault][0] if fault in _UNANSWERED else "completed")

    def _output_row(self, row: Mapping[str, Any], fault: str | None) -> dict[str, Any]:
        body = completion(row["body"], fault, ignore_response_format=self.state.ignore_response_format)
        return _row(row, {"status_code": 200, "request_id": _request_id(row), "body": body}, None)

    def _store(self, file: StoredFile) -> StoredFile:
        self.state.files[file.id] = file
        return file


def _error_row(row: Mapping[str, Any], fault: str) -> dict[str, Any]:
    if fault in _UNANSWERED:
        _, code, message = _UNANSWERED[fault]
        return _row(row, None, {"code": code, "message": message})
    error = {"message": "scripted: server_error", "type": "server_error", "code": "server_error", "param": None}
    return _row(row, {"status_code": 500, "request_id": _request_id(row), "body": {"error": error}}, None)


def _row(row: Mapping[str, Any], response: Mapping[str, Any] | None, error: Mapping[str, str] | None) -> dict[str, Any]:
    custom_id = row["custom_id"]
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": response, "error": error}


def _request_id(row: Mapping[str, Any]) -> str:
    return f"req_{row['custom_id']}"


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _read_rows(data: bytes, max_rows: int, max_bytes: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of an input file, or what is wrong with it."""
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if len(data) > max_bytes:
        return [], [_error("file_too_large", f"the input file has {len(data)} bytes, more than {max_bytes}")]
    if len(lines) > max_rows:
        return [], [_error("too_many_rows", f"the input file has {len(lines)} rows, more than {max_rows}")]
    if not lines:
        return [], [_error("empty_file", "the input file has no rows")]
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    custom_ids: set[str] = set()
    for number, line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            errors.append(_error("invalid_json_line", "the line is not JSON", number))
            continue
        problem = _problem(row, custom_ids, rows[0]["body"]["model"] if rows else None)
        if problem:
            errors.append(_error(*problem, number))
        else:
            rows.append(row)
            custom_ids.add(row["custom_id"])
    return ([], errors) if errors else (rows, [])


def _problem(row: Any, custom_ids: set[str], model: str | None) -> tuple[str, str] | None:
    """Code and message of what is wrong with a row, after rows with ``custom_ids`` for ``model``."""
    body = row.get("body") if isinstance(row, dict) else None
    if not isinstance(body, dict) or "model" not in body or "messages" not in body:
        return "invalid_request", "the row has no body with model and messages"
    if not isinstance(row.get("custom_id"), str) or not row["custom_id"]:
        return "missing_required_parameter", "the row has no custom_id"
    if row["custom_id"] in custom_ids:
        return "duplicate_custom_id", f"the custom_id {row['custom_id']} is that of another row, too"
    if row.get("method") != "POST":
        return "invalid_method", "the method must be POST"
    if row.get("url") != _CHAT:
        return "invalid_url", f"the url must be {_CHAT}, as the batch's endpoint is"
    if model is not None and body["model"] != model:
        return "mismatched_model", f"all rows of a batch must be for one model, not for {model} and {body['model']}"
    return None


def _is_metadata(metadata: Any) -> bool:
    if metadata is None:
        return True
    if not isinstance(metadata, dict) or len(metadata) > 16:
        return False
    return all(isinstance(value, str) and len(key) <= 64 and len(value) <= 512 for key, value in metadata.items())


def _error(code: str, message: str, line: int | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}


def _invalid(message: str) -> web.Response:
    return error_json(400, message, "invalid_request_error")


def _unknown(request: web.Request) -> web.Response:
    return error_json(404, f"there is no {request.match_info['id']}", "not_found")
