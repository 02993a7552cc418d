"""Any server that speaks OpenAI's chat completions, asked online."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import openai
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice
from PIL import Image

from taskgalaxy.errors import UserError
from taskgalaxy.images import FORMATS, decode_rgb
from taskgalaxy.llm.request import ImageContent, Reply, Request
from taskgalaxy.llm.settings import EndpointSettings

_SENT_UNTOUCHED = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
"""MIME types of the formats that servers take, by Pillow's names (an MPO file is a JPEG with more behind it)."""

_JPEG_QUALITY = 90
_IMAGES_KEPT = 16
_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_FILTER_CODES = ("content_filter", "content_policy_violation")


class OpenAIProvider:
    """The model of one endpoint. See :class:`taskgalaxy.llm.request.Provider`.

    Raises:
        UserError: if the environment variable that should hold the key is not set.
    """

    name = "openai"
    recorded = True

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.model = settings.model
        self.concurrency = settings.concurrency
        self.parameters = _parameters(settings)
        self._key = _api_key(settings)
        self._client: openai.AsyncOpenAI | None = None
        self._images: OrderedDict[str, asyncio.Task[str]] = OrderedDict()

    async def answer(self, request: Request) -> Reply:
        """Answer ``request``; retries are the client's own, see ``EndpointSettings.max_retries``."""
        try:
            content = await self._content(request)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            return self._failed(f"the image cannot be sent: {error}", "unaskable")
        try:
            completion = await self._connected().chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": content}],
                **self._options(),
            )
        except openai.APIStatusError as error:
            return self._status_reply(error)
        except (openai.APIError, ValueError) as error:
            # A ValueError is a body that is not the JSON it should be.
            return self._failed(f"{type(error).__name__}: {error}")
        return self._reply(completion, request.stage)

    async def close(self) -> None:
        """Close the connections; they are opened anew if another question comes."""
        self._images.clear()
        client, self._client = self._client, None
        if client:
            await client.close()

    def _connected(self) -> openai.AsyncOpenAI:
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self.settings.base_url,
                timeout=self.settings.timeout_s,
                max_retries=self.settings.max_retries,
                http_client=openai.DefaultAioHttpClient(timeout=self.settings.timeout_s),
            )
        return self._client

    def _options(self) -> dict[str, Any]:
        options = {
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
            "seed": self.settings.seed,
            "extra_body": dict(self.settings.extra_body),
        }
        return {name: value for name, value in options.items() if value is not None}

    async def _content(self, request: Request) -> list[Any]:
        """The message: the prompt's text, then the image."""
        content: list[Any] = [{"type": "text", "text": request.text}]
        if request.image:
            image_url = {"url": await self._image_url(request.image)}
            if self.settings.image_detail:
                image_url["detail"] = self.settings.image_detail
            content.append({"type": "image_url", "image_url": image_url})
        return content

    async def _image_url(self, image: ImageContent) -> str:
        """The image's data URI, encoded once for the questions that follow one another about it."""
        task = self._images.get(image.image_id)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(data_uri, image, self.settings.image_max_side))
            self._images[image.image_id] = task
            while len(self._images) > _IMAGES_KEPT:
                self._images.popitem(last=False)
        return await task

    def _failed(self, detail: str, finish_reason: str = "failed") -> Reply:
        return Reply("", finish_reason, self.model, detail=detail.replace(self._key, "[key]")[:500])

    def _status_reply(self, error: openai.APIStatusError) -> Reply:
        """What an error status means for this one request.

        Raises:
            UserError: if it means that no request can succeed.
        """
        where = f"endpoint {self.settings.name} ({self.settings.base_url or 'OpenAI'})"
        variable = self.settings.api_key_env
        if error.code in _FILTER_CODES:
            return Reply("", "content_filter", self.model, detail=error.code)
        if error.code in _QUOTA_CODES:
            raise UserError(where, "the account's quota is used up", "add credit, then run again") from error
        if error.status_code in (401, 403):
            fix = f"check the key in the environment variable {variable}, and what it allows"
            if variable is None:
                fix = "set api_key_env to the name of the environment variable that holds the key"
            raise UserError(where, f"the server refuses access ({error.status_code})", fix) from error
        if error.status_code == 404:
            raise UserError(
                where,
                f"the server knows no model {self.model!r}, or nothing at this address",
                "check model and base_url",
            ) from error
        finish_reason = "unaskable" if error.status_code in (400, 413, 415, 422) else "failed"
        return self._failed(f"{error.status_code}: {error.message}", finish_reason)

    def _reply(self, completion: object, stage: str) -> Reply:
        if not isinstance(completion, ChatCompletion) or not completion.choices:
            return self._failed("the server sent something that is not a chat completion")
        choice = completion.choices[0]
        message = choice.message
        if message is None:
            return self._failed("the server sent a choice without a message")
        finish_reason = choice.finish_reason if choice.finish_reason in ("length", "content_filter") else "stop"
        usage = completion.usage.model_dump() if completion.usage else {}
        return Reply(
            text=_encodable(message.content or ""),
            finish_reason="refusal" if message.refusal else finish_reason,
            model=completion.model or self.model,
            p_yes=p_yes(choice) if stage == "referee" else None,
            usage={name: value for name, value in usage.items() if isinstance(value, int)},
            detail=_encodable(message.refusal) if message.refusal else None,
            system_fingerprint=completion.system_fingerprint,
        )


def data_uri(image: ImageContent, max_side: int | None) -> str:
    """The image as a data URI whose MIME type is that of its bytes.

    JPEG, PNG, WebP and GIF are sent as they are, other formats as PNG; an image whose longer side
    exceeds ``max_side`` pixels is scaled down to it and sent as JPEG.

    Raises:
        OSError: if the image cannot be read or decoded.
    """
    data = image.read()
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        mime = _SENT_UNTOUCHED.get(opened.format or "")
        longer_side = max(opened.size)
    if max_side is not None and longer_side > max_side:
        smaller = decode_rgb(data)
        smaller.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        data, mime = _encoded(smaller, "JPEG", quality=_JPEG_QUALITY), "image/jpeg"
    elif mime is None:
        data, mime = _encoded(decode_rgb(data), "PNG"), "image/png"
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def p_yes(choice: Choice) -> float | None:
    """P("1") against "0" at the first token that is either, where the server sent log probabilities."""
    for token in (choice.logprobs.content if choice.logprobs else None) or ():
        if token.token.strip() not in ("0", "1"):
            continue
        mass = {"0": 0.0, "1": 0.0}
        for other in token.top_logprobs or ():
            if other.token.strip() in mass:
                mass[other.token.strip()] += math.exp(min(0.0, other.logprob))
        total = sum(mass.values())
        return mass["1"] / total if total > 0 else None
    return None


def _encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _encodable(text: str) -> str:
    """``text`` without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _parameters(settings: EndpointSettings) -> Mapping[str, Any]:
    """What decides an answer besides model, prompt and image.

    What is not set is left out, so that a parameter that is added to the settings some day does not
    change the keys of answers that were given without it.
    """
    parameters = {
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
        "seed": settings.seed,
        "image_max_side": settings.image_max_side,
        "detail": settings.image_detail,
        "extra_body": dict(settings.extra_body) or None,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _api_key(settings: EndpointSettings) -> str:
    if settings.api_key_env is None:
        return "EMPTY"
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise UserError(
            f"endpoints: {settings.name}: api_key_env",
            f"the environment variable {settings.api_key_env} is not set",
            f"export {settings.api_key_env}=... in the shell that starts snakemake",
        )
    return key
