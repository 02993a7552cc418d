"""Getting all files of the pool that are missing, several at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
from tqdm import tqdm

from taskgalaxy.errors import UserError
from taskgalaxy.locks import locked, sign
from taskgalaxy.pool.http import get_file, http_client
from taskgalaxy.pool.hub import get_from_hub
from taskgalaxy.pool.registry import PoolFile
from taskgalaxy.pool.space import check_space, missing_files

log = logging.getLogger(__name__)

_LOCK = ".download.lock"


def download(files: Sequence[PoolFile], pool: Path, at_once: int) -> list[UserError]:
    """Get every file that is not there yet; what could not be had, each with its reason.

    A line on the terminal says how much has come, how fast, and how long the rest takes, if its size is known.

    Raises:
        UserError: before anything is asked for, if the disk has no room for what is known to come, or somebody else
            is getting files of this pool.
        OSError: if a file cannot be written.
    """
    if not missing_files(files, pool):
        # A pool that is whole may be one that nobody may write to.
        return []
    pool.mkdir(parents=True, exist_ok=True)
    with locked(pool / _LOCK, 0) as lock:
        sign(lock)
        missing = missing_files(files, pool)
        check_space(missing, pool)
        return _get_all(missing, pool, at_once)


def _get_all(missing: Sequence[PoolFile], pool: Path, at_once: int) -> list[UserError]:
    sizes = [file.about_size for file in missing]
    total = sum(size for size in sizes if size) if all(sizes) else None
    with (
        http_client() as client,
        tqdm(total=total, unit="B", unit_scale=True, desc=f"{len(missing)} files", disable=None) as line,
        ThreadPoolExecutor(at_once) as threads,
    ):

        def one(file: PoolFile) -> UserError | None:
            return _get(file, pool, client, line.update)

        return [failure for failure in threads.map(one, missing) if failure]


def _get(file: PoolFile, pool: Path, client: httpx2.Client, got: Callable[[int], object]) -> UserError | None:
    target = pool / file.path
    try:
        if file.url:
            get_file(file.url, target, file.expected, client, got=got)
        else:
            get_from_hub(file, pool)
            got(target.stat().st_size)
    except UserError as error:
        log.error("%s", error)
        return error
    log.info("%s is there, %d bytes", target, target.stat().st_size)
    return None
