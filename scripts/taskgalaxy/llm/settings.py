"""The settings of an endpoint, as the configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

FOLDER_REVISION = "sha256:"
"""What the revision of weights in a folder begins with; after it comes the digest of the folder's files."""


@dataclass(frozen=True)
class Prices:
    """US dollars per million tokens, as they were on ``date``.

    Attributes:
        cached_input: of prompt tokens that the server had cached; ``None``: as ``input``.
        batch_factor: what a batch request costs, as a part of an online one.
    """

    input: float
    output: float
    date: str
    cached_input: float | None = None
    batch_factor: float = 0.5


@dataclass(frozen=True)
class EndpointSettings:
    """One entry of ``endpoints:`` in the configuration, where every key is explained.

    Attributes:
        name: what ``roles:`` calls it.
        provider: one of ``PROVIDERS``.
        model: the model to ask for.
        base_url: ``None`` for OpenAI's own.
        max_tokens, temperature, seed, extra_body, image_*, structured_output, logprobs: what decides a
            server's answers, besides the model; ``None`` leaves one out of the request.
        retry_replies: how often a question is asked again whose reply is rejected, by reason.
        revision: which weights, where the answers are those of a model that the job itself loads (or loaded,
            if they are replayed); what decides them is then ``dtype``, ``trust_remote_code``, ``*_options``,
            ``reply_prefix`` and ``image_max_side``.
        folder: where such a model lies, if not on the Hub; set by ``weights.pin_weights``.
    """

    name: str
    provider: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    mode: str = "online"
    concurrency: int = 8
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 120.0
    max_retries: int = 8
    max_failed: float = 0.01
    retry_replies: Mapping[str, int] = field(default_factory=dict)
    prices: Prices | None = None
    batch_poll_s: float = 60.0
    batch_wait_s: float | None = None
    temperature: float | None = 0.0
    max_tokens: int | None = 1024
    seed: int | None = None
    image_max_side: int | None = None
    image_jpeg_quality: int = 90
    image_detail: str | None = None
    structured_output: bool = False
    logprobs: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    revision: str | None = None
    dtype: str = "bfloat16"
    device: str = "auto"
    batch_size: int = 64
    trust_remote_code: bool = False
    processor_options: Mapping[str, Any] = field(default_factory=dict)
    template_options: Mapping[str, Any] = field(default_factory=dict)
    reply_prefix: str = ""
    folder: str | None = None

    @classmethod
    def of(cls, name: str, entry: Mapping[str, Any]) -> EndpointSettings:
        """The settings in a validated entry of the configuration."""
        prices = entry.get("prices")
        return cls(name=name, **{**entry, "prices": Prices(**prices) if prices else None})

    @property
    def where(self) -> str:
        """The endpoint in an error message."""
        return f"endpoint {self.name} ({self.base_url or 'OpenAI'})"

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """What decides an answer besides model, prompt and image: part of every request's ledger key.

        What is not set is left out, so that a parameter that is added to the settings some day does not
        change the keys of answers that were given without it.
        """
        parameters = self._of_weights() if self.revision else self._of_a_server()
        return {name: value for name, value in parameters.items() if value is not None}

    def _of_a_server(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "image_max_side": self.image_max_side,
            "image_jpeg_quality": self.image_jpeg_quality if self.image_max_side else None,
            "detail": self.image_detail,
            "structured_output": self.structured_output or None,
            "logprobs": self.logprobs or None,
            "extra_body": dict(self.extra_body) or None,
        }

    def _of_weights(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "dtype": self.dtype,
            "trust_remote_code": self.trust_remote_code or None,
            "image_max_side": self.image_max_side,
            "processor_options": dict(self.processor_options) or None,
            "template_options": dict(self.template_options) or None,
            "reply_prefix": self.reply_prefix or None,
        }


def endpoints_of(config: Mapping[str, Any], role: str) -> list[str]:
    """Names of the endpoints that share a role: mostly one; none where nobody has it."""
    named = config["roles"][role]
    if named is None:
        return []
    return [named] if isinstance(named, str) else list(named)


def writing_roles(config: Mapping[str, Any]) -> dict[str, str]:
    """The roles that write text, but for those that nobody has, and their endpoints' names.

    A role that is a list has a key per entry, such as ``qa[1]``.
    """
    found = {}
    for role, named in config["roles"].items():
        if role != "referees":
            for index, name in enumerate(endpoints_of(config, role)):
                found[role if isinstance(named, str) else f"{role}[{index}]"] = name
    return found


def used_endpoints(config: Mapping[str, Any]) -> list[str]:
    """Names of the endpoints that have a role."""
    return list(dict.fromkeys([*writing_roles(config).values(), *config["roles"]["referees"]]))
