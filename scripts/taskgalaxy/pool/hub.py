"""Getting a file from a dataset repository of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

import httpx2
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from taskgalaxy.errors import UserError
from taskgalaxy.pool.registry import PoolFile


def get_from_hub(file: PoolFile, pool: Path) -> None:
    """Get ``file`` into the pool; the library resumes and checks it. A token is taken from where the library looks.

    Raises:
        UserError: if it is not to be had, or is another file than expected.
        OSError: if it cannot be written.
    """
    assert file.hub is not None
    assert file.name is not None
    folder = pool / file.path.removesuffix(file.name)
    try:
        got = Path(hf_hub_download(file.hub, file.name, repo_type="dataset", revision=file.revision, local_dir=folder))
    except GatedRepoError as error:
        raise UserError(
            file.origin, "is given to those who agreed to its terms", "agree on its page, and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            file.origin, "is not there, or not for everybody", "look at its page; if it is private, set HF_TOKEN"
        ) from error
    except RemoteEntryNotFoundError as error:
        raise UserError(file.origin, f"has no {file.name}", "look at its page; the registry says which") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx2.TransportError) as error:
        why = str(error.__cause__ or error).partition("\n")[0]
        raise UserError(file.origin, f"failed ({why})", "try again later: what has come is not got again") from error
    file.expected.check(got, f"{file.origin}, {file.name}")
