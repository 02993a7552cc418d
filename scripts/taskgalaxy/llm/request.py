"""What goes to a model and what comes back, whoever the model is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from taskgalaxy.files import sha256_json

QUESTION_FIELDS = ("model", "parameters", "text", "image", "schema", "turns", "attempt")
"""What :meth:`Request.question` consists of."""


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
        stage: ``"expand"``, ``"filter"``, ``"qa"``, ``"referee"``, ``"cot"`` or ``"preflight"``: what is expected.
        text: the rendered prompt.
        image: the image it is about, if any.
        variables: what the template was filled with. The embedded provider answers from these; they
            are not sent to an endpoint and are no part of the key, since ``text`` holds them.
        prompt: the template's digest, for provenance.
        schema: JSON Schema of the answer, for endpoints with structured output.
        turns: what was said since: the model's reply and what is wrong with it, pair by pair.
        attempt: 1, or how often this has been asked because of what the replies were.
        token_factor: times the endpoint's ``max_tokens`` that the reply may have.
    """

    stage: str
    text: str
    image: ImageContent | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    schema: Mapping[str, Any] | None = field(default=None, repr=False)
    turns: tuple[tuple[str, str], ...] = ()
    attempt: int = 1
    token_factor: int = 1

    def question(self, model: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What decides the answer: model, sampling parameters, messages, image content and answer schema.

        What is not there is left out, so that a question keeps its key when requests learn something new.
        """
        question: dict[str, Any] = {
            "model": model,
            "parameters": self.effective(parameters),
            "text": self.text,
            "image": self.image.image_id if self.image else None,
        }
        if parameters.get("structured_output") and self.schema is not None:
            question["schema"] = self.schema
        if self.turns:
            question["turns"] = self.turns
        if self.attempt > 1:
            question["attempt"] = self.attempt
        return question

    def key(self, model: str, parameters: Mapping[str, Any]) -> str:
        """The SHA-256 of :meth:`question`, in hexadecimal."""
        return sha256_json(self.question(model, parameters))

    def effective(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The sampling parameters of an endpoint as this request uses them."""
        if self.token_factor == 1 or "max_tokens" not in parameters:
            return parameters
        return {**parameters, "max_tokens": parameters["max_tokens"] * self.token_factor}

    def again(self, reply: Reply, reason: str) -> Request:
        """The question once more, with what helps after a reply that was rejected for ``reason``."""
        following = replace(self, attempt=self.attempt + 1)
        if reason == "reply_truncated":
            return replace(following, token_factor=self.token_factor * 2)
        if reason == "reply_unparsable":
            return replace(following, turns=(*self.turns, (reply.text, _CORRECTION)))
        return following


_CORRECTION = (
    "That reply could not be read: it does not have the form that was asked for. "
    "Answer the question again, in exactly that form and with nothing before or after it."
)


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
        provider: who answered; what replays a recorded answer is not who answered.
        usd: what the answer cost, at the prices configured when it came; ``None`` without prices.
        attempts: tries until it came; ``seconds``: how long the last one took.
        raw: the server's whole answer. It goes into the ledger and is not read back from it.
    """

    text: str
    finish_reason: str
    model: str
    p_yes: float | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    detail: str | None = None
    system_fingerprint: str | None = None
    provider: str = ""
    usd: float | None = None
    attempts: int = 1
    seconds: float | None = None
    raw: Mapping[str, Any] | None = field(default=None, repr=False)

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


@dataclass(frozen=True)
class Answer:
    """The reply that counts, the request that it answers and that request's ledger key."""

    request: Request
    reply: Reply
    origin: Mapping[str, str]
    """``provider``, ``model`` and ``request`` (the ledger key): the columns of provenance."""


class Take(Protocol):
    """Takes the reply to the question of a key; returns once an answer is recorded.

    ``question`` is the part of the record that is known before the answer, for a question of an earlier
    run that may not be among those asked now; its answer is recorded all the same.

    Raises:
        UserError: to stop, in which case no further question may be sent.
    """

    async def __call__(self, key: str, reply: Reply, question: Mapping[str, Any] | None = None) -> None: ...


Gate = Callable[[], None]
"""Is passed before every request that is sent. Raises if nothing may be sent any more."""


class Provider(Protocol):
    """A model that can be asked.

    Attributes:
        name: ``"embedded"``, ``"openai"``, ``"transformers"`` or ``"replay"``.
        model: the configured model.
        parameters: the sampling parameters that are part of a request's key.
        recorded: whether its answers cost something and therefore go through the ledger.
        asks: whether it answers what the ledger does not hold.
    """

    name: str
    model: str
    parameters: Mapping[str, Any]
    recorded: bool
    asks: bool

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Hand a reply to every question to ``take``, as they come; a failure of one question is a ``Reply``
        that is not ``answered``.

        Args:
            questions: by ledger key.
            gate: is called before every request.
            records: the job's own files in the ledger, without suffix, for what must survive a kill.

        Raises:
            UserError: when no further request can succeed (wrong key, unknown model, quota), or if
                ``take`` or ``gate`` does. What is in flight is waited for and taken first.
        """
        ...

    async def close(self) -> None: ...
