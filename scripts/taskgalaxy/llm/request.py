"""What goes to a model and what comes back, whoever the model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from taskgalaxy.files import sha256_json


class ImageContent(Protocol):
    """An image that can be read when it is needed, identified by the SHA-256 of its bytes."""

    @property
    def image_id(self) -> str: ...

    def read(self) -> bytes:
        """The file's bytes. Raises ``OSError`` if they cannot be read."""
        ...


@dataclass(frozen=True)
class Request:
    """One question to a model.

    Attributes:
        stage: ``"expand"``, ``"filter"``, ``"qa"`` or ``"referee"``: the kind of answer that is expected.
        text: the rendered prompt.
        image: the image it is about, if any.
        variables: what the template was filled with. The embedded provider answers from these; they
            are not sent to an endpoint and are no part of the key, since ``text`` holds them.
        prompt: the template's digest, for provenance.
    """

    stage: str
    text: str
    image: ImageContent | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""

    def key(self, model: str, parameters: Mapping[str, Any]) -> str:
        """The SHA-256 of what decides the answer: model, sampling parameters, text and image content."""
        image_id = self.image.image_id if self.image else None
        return sha256_json({"model": model, "parameters": dict(parameters), "text": self.text, "image": image_id})


@dataclass(frozen=True)
class Reply:
    """A model's answer as it came, before any parsing.

    Attributes:
        text: the raw reply; empty when the model refused or sent nothing.
        finish_reason: ``"stop"``, ``"length"``, ``"content_filter"``, ``"refusal"``; or no answer was
            obtained and ``detail`` says why: ``"failed"`` where another try may succeed,
            ``"unaskable"`` where it lies in the request (an unreadable image, say).
        model: as the server named it.
        p_yes: for a vote, the probability of "1" where the model tells it.
        usage: token counts as the server gave them.
        system_fingerprint: what the server calls the state of its backend, where it does.
    """

    text: str
    finish_reason: str
    model: str
    p_yes: float | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    detail: str | None = None
    system_fingerprint: str | None = None

    @property
    def answered(self) -> bool:
        """Whether this is the model's answer, whatever it is worth, and so is to be recorded."""
        return self.finish_reason not in ("failed", "unaskable")

    def failure(self) -> str | None:
        """The reject reason of a reply that cannot be parsed because of how it ended, else ``None``."""
        if not self.answered:
            return "request_failed"
        if self.finish_reason == "refusal":
            return "refused"
        if self.finish_reason == "content_filter":
            return "content_filter"
        if self.finish_reason == "length":
            return "reply_truncated"
        return None if self.text.strip() else "reply_empty"


class Provider(Protocol):
    """A model that can be asked.

    Attributes:
        name: ``"embedded"`` or ``"openai"``; stands in every row that it made.
        model: the configured model.
        parameters: the sampling parameters that are part of a request's key.
        recorded: whether its answers cost something and therefore go through the ledger.
        concurrency: how many requests it takes at once.
    """

    name: str
    model: str
    parameters: Mapping[str, Any]
    recorded: bool
    concurrency: int

    async def answer(self, request: Request) -> Reply:
        """Answer ``request``. A failure of this one request is a ``Reply`` that is not ``answered``.

        Raises:
            UserError: when no further request can succeed (wrong key, unknown model, quota).
        """
        ...

    async def close(self) -> None: ...
