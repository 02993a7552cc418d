"""Weights that lie in a folder are known by their content, wherever they lie and whatever their name."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.files import sha256_file, sha256_json, write_json
from taskgalaxy.llm.settings import FOLDER_REVISION, used_endpoints

log = logging.getLogger(__name__)

_READ = (".json", ".jinja", ".txt", ".model", ".py", ".safetensors")
"""Suffixes of the files in a folder that decide what its model answers."""
_LONG_BYTES = 1e9
"""Reading more than this takes so long that it is told."""


def pin_weights(config: Mapping[str, Any], *, remember: bool) -> None:
    """Set the revision of the endpoints in use whose weights lie in a folder: the digest of its files.

    ``folder`` is then the folder's path, and ``model`` no more than its name, so that a folder that moves is
    asked nothing again; so also where such an endpoint is replayed.

    Args:
        remember: whether digests may be written down beside the ledger, so that gigabytes are read once.

    Raises:
        UserError: if a revision is given and the folder holds another.
    """
    known = Path(config["ledger"]) / ".state" / "weights.json"
    for name in used_endpoints(config):
        entry = config["endpoints"][name]
        if entry["provider"] == "transformers" and Path(entry["model"]).is_dir():
            revision = FOLDER_REVISION + folder_digest(Path(entry["model"]), known, remember=remember)
            if entry["revision"] not in (None, revision):
                raise UserError(
                    f"config, endpoints.{name}.revision",
                    f"is {entry['revision']}, but the files in {entry['model']} are {revision}",
                    "name another folder; or remove the revision if these weights are meant, which asks anew",
                )
            entry["folder"], entry["revision"] = entry["model"], revision
        if (entry["revision"] or "").startswith(FOLDER_REVISION):
            entry["model"] = Path(entry["model"]).absolute().name


def folder_digest(folder: Path, known: Path, *, remember: bool) -> str:
    """The SHA-256 over the names and contents of the files in ``folder`` that decide what its model answers.

    ``known`` is a JSON file with the digests of files by path, size and time of the last change; what is
    not in it is read, and added if it is to be remembered and the file can be written.
    """
    digests: dict[str, str] = {}
    with suppress(OSError, ValueError):
        digests = json.loads(known.read_text(encoding="utf-8"))
    states = {path.name: _state(path) for path in sorted(folder.iterdir()) if path.suffix in _READ}
    unread = sum((folder / name).stat().st_size for name, state in states.items() if state not in digests)
    if unread > _LONG_BYTES:
        log.warning("Reading %.1f GB in %s, to know these weights by their content.", unread / 1e9, folder)
    found = {state: digests.get(state) or sha256_file(folder / name) for name, state in states.items()}
    if remember and not found.keys() <= digests.keys():
        with suppress(OSError):
            write_json(known, digests | found)
    return sha256_json({name: found[state] for name, state in states.items()})


def _state(path: Path) -> str:
    status = path.stat()
    return f"{path.absolute()} {status.st_size} {status.st_mtime_ns}"
