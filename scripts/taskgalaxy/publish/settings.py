"""What a user says of the set, for its card, and what of a run is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.subset_names import subset_names

FOLDERS: Mapping[str, str] = {"huggingface": "images", "webdataset": "webdataset"}
"""The exports that hold the images themselves, and what their folder is called in a published repository."""


@dataclass(frozen=True)
class CardSettings:
    """The configuration's ``card``, where every key is explained."""

    name: str
    pretty_name: str
    description: str | None
    version: str
    date_published: str | None
    languages: Sequence[str]
    creators: Sequence[Mapping[str, Any]]
    contact: str | None
    url: str | None
    citation: str | None
    tags: Sequence[str]


@dataclass(frozen=True)
class Published:
    """What lies in the repository beside the files of ``results/dataset``.

    Attributes:
        repository: its name on the Hub, ``None`` as long as there is none.
        export: a key of :data:`FOLDERS`, or ``None`` where the images stay at home.
        subsets: their names; they lie in the folder subsets.
    """

    repository: str | None
    export: str | None
    subsets: Sequence[str]


def published(config: Mapping[str, Any]) -> Published:
    """What a validated configuration publishes. An export that the run does not make is none."""
    export = config["push"]["export"]
    return Published(
        config["push"]["repository"],
        export if export in config["exports"] else None,
        subset_names(config),
    )


def check_push(config: Mapping[str, Any]) -> None:
    """Refuse to name a repository for an export that is not made.

    Raises:
        UserError: naming the key.
    """
    export = config["push"]["export"]
    if config["push"]["repository"] and export and export not in config["exports"]:
        raise UserError(
            "config, push.export", f"is {export}, which exports does not list", "add it there, or set this to null"
        )


def no_repository() -> UserError:
    """The error where there is nowhere to push to."""
    return UserError("config, push.repository", "is missing", "name a dataset of yours on the Hub: NAME/DATASET")


def no_token(variable: str) -> UserError:
    """The error where the token is missing."""
    return UserError(
        "config, push.token_env",
        f"the environment variable {variable} is not set",
        "put a token in it that may write to the repository (huggingface.co/settings/tokens)",
    )
