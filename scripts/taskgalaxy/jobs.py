"""What every script of a rule needs: its log, errors that a person can read, and a model to ask."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.images import ImageFile, image_files
from taskgalaxy.llm.ask import ask, ask_all
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.providers import make_provider
from taskgalaxy.llm.request import Provider, Reply, Request
from taskgalaxy.llm.settings import EndpointSettings
from taskgalaxy.tables import IMAGE_INDEX, read_table

log = logging.getLogger(__name__)


@contextmanager
def job(log_path: Path | str) -> Iterator[None]:
    """Log to ``log_path`` and standard error; end on a ``UserError`` with its message alone."""
    to_file = logging.FileHandler(log_path, mode="w", encoding="utf-8", errors="backslashreplace")
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setLevel(logging.WARNING)
    line = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=line, handlers=[to_file, to_stderr], force=True)
    for noisy in ("httpx", "httpx2", "openai", "PIL", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield
    except UserError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.exception("this is a defect of the workflow, please report it with this log")
        sys.exit(1)


class Model:
    """An endpoint that is asked for one job, through the ledger."""

    def __init__(self, provider: Provider, ledger: Ledger, writer: str) -> None:
        self.provider = provider
        self._ledger = ledger
        self._writer = writer

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        """The replies in the order of the requests; only what the ledger does not hold is asked.

        Raises:
            UserError: if no further request can succeed, or not one of them was answered.
        """
        return self._some_answered(ask_all(requests, self.provider, self._ledger, self._writer))

    async def ask_async(self, requests: Sequence[Request]) -> list[Reply]:
        """:meth:`ask` for callers that are asynchronous."""
        return self._some_answered(await ask(requests, self.provider, self._ledger, self._writer))

    def _some_answered(self, replies: list[Reply]) -> list[Reply]:
        """Refuse to take a server that is down for one that rejects every row."""
        if replies and all(reply.finish_reason == "failed" for reply in replies):
            raise UserError(
                f"model {self.provider.model}",
                f"gave no answer to any of {len(replies)} requests ({replies[0].detail})",
                "check that its server runs at base_url, then run snakemake again: what is answered is not asked again",
            )
        return replies

    def origin(self, request: Request) -> dict[str, str]:
        """Provider, model and ledger key: the provenance of the reply to ``request``."""
        return {
            "provider": self.provider.name,
            "model": self.provider.model,
            "request": request.key(self.provider.model, self.provider.parameters),
        }


def open_model(config: Mapping[str, Any], endpoint: str, writer: str) -> Model:
    """The model of ``endpoint``; ``writer`` names the ledger file that no other process may write.

    Raises:
        UserError: if its key is missing.
    """
    settings = EndpointSettings(name=endpoint, **config["endpoints"][endpoint])
    return Model(make_provider(settings), Ledger(config["ledger"]), writer)


def shard_images(index: Path | str, shard: str, config: Mapping[str, Any]) -> dict[str, ImageFile]:
    """The images that ``shard`` asks about, by id, in their order; ``index`` is the image index's file."""
    return image_files(read_table(index, IMAGE_INDEX, shard=shard), image_roots(config))


def image_roots(config: Mapping[str, Any]) -> dict[str, str]:
    """The folders of the sources. They are no parameter of a rule: moving a folder remakes nothing."""
    return {name: source["root"] for name, source in config["sources"].items()}
