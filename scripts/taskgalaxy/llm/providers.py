"""The models that can be asked, by the name of their provider."""

from __future__ import annotations

from taskgalaxy.errors import UserError
from taskgalaxy.llm.request import Provider
from taskgalaxy.llm.settings import EndpointSettings

PROVIDERS = ("embedded", "openai")


def make_provider(settings: EndpointSettings) -> Provider:
    """The provider that ``settings`` describes; its libraries are imported only when it is used.

    Raises:
        UserError: for an unknown provider, or a key that is not in the environment.
    """
    if settings.provider == "embedded":
        from taskgalaxy.embedded.provider import EmbeddedProvider

        return EmbeddedProvider(model=settings.model)
    if settings.provider == "openai":
        from taskgalaxy.llm.openai_provider import OpenAIProvider

        return OpenAIProvider(settings)
    raise UserError(
        f"endpoints: {settings.name}: provider",
        f"{settings.provider!r} is not a provider",
        f"use one of {', '.join(PROVIDERS)}",
    )
