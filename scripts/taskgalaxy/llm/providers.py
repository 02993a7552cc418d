"""The models that can be asked, by the name of their provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.on_demand import OnDemand
from taskgalaxy.llm.request import Provider
from taskgalaxy.llm.settings import EndpointSettings

PROVIDERS = ("embedded", "openai", "transformers", "replay")


def make_provider(
    settings: EndpointSettings, ledger: Ledger, missing: Path, budget_usd: float | None = None
) -> Provider:
    """The provider that ``settings`` describes; the libraries for servers are imported when one is asked.

    Args:
        missing: folder for the lists of what a replayed ledger does not hold.
        budget_usd: what all answers together may cost; batches are weighed against it beforehand.

    Raises:
        UserError: for an unknown provider.
    """
    if settings.provider == "embedded":
        from taskgalaxy.embedded.provider import EmbeddedProvider

        return EmbeddedProvider(model=settings.model)
    if settings.provider == "replay":
        from taskgalaxy.llm.replay import ReplayProvider

        return ReplayProvider(settings, missing)
    if settings.provider == "transformers":
        from taskgalaxy.llm.transformers_provider import TransformersProvider

        return TransformersProvider(settings)
    if settings.provider == "openai":
        return OnDemand(settings, lambda: _of_server(settings, ledger, budget_usd))
    raise UserError(
        f"endpoints: {settings.name}: provider",
        f"{settings.provider!r} is not a provider",
        f"use one of {', '.join(PROVIDERS)}",
    )


def _of_server(settings: EndpointSettings, ledger: Ledger, budget_usd: float | None) -> Provider:
    if settings.mode == "batch":
        from taskgalaxy.llm.batch import BatchProvider

        return BatchProvider(settings, ledger, budget_usd)
    from taskgalaxy.llm.openai_provider import OpenAIProvider

    return OpenAIProvider(settings, ledger.state)


def make_preflight(
    endpoints: Sequence[EndpointSettings], ledger: Ledger, budget_usd: float | None
) -> Callable[[], None] | None:
    """What looks at all servers among ``endpoints`` before the first question; ``None`` where there is none."""
    servers = [endpoint for endpoint in endpoints if endpoint.provider == "openai"]
    if not servers:
        return None

    def ensure() -> None:
        from taskgalaxy.llm.preflight import Preflight

        Preflight(servers, ledger, budget_usd).ensure()

    return ensure
