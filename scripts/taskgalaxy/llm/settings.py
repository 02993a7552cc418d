"""The settings of an endpoint, as the configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class EndpointSettings:
    """One entry of ``endpoints:`` in the configuration.

    Attributes:
        name: what ``roles:`` calls it.
        provider: one of ``PROVIDERS``.
        model: the model to ask for.
        base_url: where the API is served, up to and with ``/v1``; ``None`` for OpenAI's own.
        api_key_env: the name of the environment variable that holds the key; ``None`` for a server that
            wants none.
        concurrency: requests in flight at once.
        timeout_s: seconds until one try is given up.
        temperature, max_tokens, seed: sampling parameters; ``None`` leaves one out of the request.
        max_retries: tries after the first one, for transport errors, 408, 409, 429 and 5xx.
        image_max_side: larger images are scaled down to this many pixels; ``None`` sends all as they are.
        image_detail: OpenAI's ``detail`` of an image, ``"low"``, ``"high"`` or ``"auto"``.
        extra_body: what else goes into the request's body, for servers that understand it.
    """

    name: str
    provider: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    concurrency: int = 8
    timeout_s: float = 120.0
    temperature: float | None = 0.0
    max_tokens: int | None = 1024
    seed: int | None = None
    max_retries: int = 5
    image_max_side: int | None = None
    image_detail: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
