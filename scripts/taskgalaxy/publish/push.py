"""Uploading a set to the Hugging Face Hub, with the user's own token: all of it in one commit, or nothing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from taskgalaxy.errors import UserError
from taskgalaxy.licenses import UNKNOWN
from taskgalaxy.publish.settings import FOLDERS, no_token

log = logging.getLogger(__name__)

_OWN_FOLDERS = (*FOLDERS.values(), "subsets")
"""The folders of a repository that belong to the workflow: what is left there from another push is removed."""


def check_publishable(manifest: Mapping[str, Any], embedded: bool) -> None:
    """Refuse what should not be passed on.

    Args:
        embedded: whether a set of the embedded provider may be.

    Raises:
        UserError: if the licence of an image is unknown, the set has no sample, or the embedded provider had a part
            in it.
    """
    if not manifest["samples"]:
        raise UserError("the final set", "has no sample", "there is nothing to push")
    if manifest["license"] == UNKNOWN:
        raise UserError(
            "the final set",
            "has images whose licence is unknown, and so has no licence itself",
            "leave their source out, or find out its licence and name it under sources",
        )
    if "embedded" in manifest["providers"] and not embedded:
        raise UserError(
            "the final set",
            "was made by the embedded provider, which only measures pixels: it is no training data",
            "use a real model; to try out the upload all the same, set push.embedded to true",
        )


def repository_files(
    dataset: Iterable[str], subsets: Iterable[str], export: str | None, folder: str
) -> dict[str, Path]:
    """The files of a repository, by their path in it.

    Args:
        dataset: those that lie at its top.
        subsets: those in the folder subsets.
        export: the folder of an export, or ``None``; in the repository it is called ``folder``.
    """
    files = {Path(path).name: Path(path) for path in dataset}
    files |= {f"subsets/{Path(path).name}": Path(path) for path in subsets}
    if export:
        files |= {f"{folder}/{path.name}": path for path in Path(export).iterdir() if path.is_file()}
    return dict(sorted(files.items()))


def push(
    files: Mapping[str, Path],
    repository: str,
    *,
    token: str | None,
    token_env: str,
    private: bool,
    endpoint: str | None = None,
) -> dict[str, Any]:
    """Put ``files`` (by path in the repository) on the Hub, and say what came of it.

    The repository is made if there is none. Files that the Hub has already are not sent again, so that a push that was
    cut off goes on where it was. Nothing changes for readers before the one commit at the end, which also removes what
    is left of an earlier push in the workflow's folders, and no other file.

    Args:
        token_env: where ``token`` is from, for messages.
        private: whether a new repository is.
        endpoint: of the Hub; ``None``: as huggingface_hub says (``HF_ENDPOINT``).

    Raises:
        UserError: if there is no token, or the Hub refuses or cannot be reached.
    """
    if not token:
        raise no_token(token_env)
    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi(endpoint=endpoint, token=token)
    where = f"repository {repository} on {api.endpoint}"
    try:
        url = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        there = set(api.list_repo_files(repository, repo_type="dataset"))
        stale = sorted(path for path in there - files.keys() if path.partition("/")[0] in _OWN_FOLDERS and "/" in path)
        log.info("%s: %d files, %d of an earlier push removed", where, len(files), len(stale))
        done = api.create_commit(
            repository,
            [
                *(CommitOperationAdd(path, str(file)) for path, file in files.items()),
                *(CommitOperationDelete(path) for path in stale),
            ],
            commit_message="The set as the TaskGalaxy workflow has made it",
            repo_type="dataset",
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        fix = (
            f"check push.repository and the rights of the token in {token_env}" if status in (401, 403, 404) else _AGAIN
        )
        raise UserError(where, f"the Hub refused ({error.server_message or error})", fix) from error
    # What the library raises for a file that it could not send, or a card that the Hub does not take, are these two.
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise UserError(where, f"the upload broke off ({type(error).__name__}: {error})", _AGAIN) from error
    return {
        "repository": repository,
        "url": str(url),
        "commit": done.oid,
        "removed": stale,
        "bytes": {path: file.stat().st_size for path, file in files.items()},
    }


_AGAIN = "run snakemake push again: what the Hub has is not sent twice"
