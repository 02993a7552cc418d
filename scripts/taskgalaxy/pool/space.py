"""What is missing of the pool, how much of it there is, and whether it fits on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.pool.registry import PoolFile, configured_subsets, files_to_get

_GIGABYTE = 1e9


def missing_files(files: Sequence[PoolFile], pool: Path) -> list[PoolFile]:
    """Those that are not in the pool, or have not the size that is known of them."""
    return [file for file in files if not _is_there(file, pool / file.path)]


def _is_there(file: PoolFile, path: Path) -> bool:
    return path.is_file() and file.expected.size in (None, path.stat().st_size)


def bytes_to_get(missing: Sequence[PoolFile], pool: Path) -> tuple[int, int]:
    """Bytes that are known to come, without those that came before; and the number of files of unknown size."""
    known = 0
    for file in missing:
        part = pool / f"{file.path}.part"
        if file.about_size is not None:
            known += max(0, file.about_size - (part.stat().st_size if part.exists() else 0))
    return known, sum(file.about_size is None for file in missing)


def free_bytes(pool: Path) -> int:
    """What is free on the disk that the pool is on, or will be."""
    there = next(path for path in (pool.absolute(), *pool.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def check_space(missing: Sequence[PoolFile], pool: Path) -> None:
    """Refuse what does not fit.

    Raises:
        UserError: if more bytes are known to come than are free.
    """
    known, _ = bytes_to_get(missing, pool)
    free = free_bytes(pool)
    if known > free:
        raise UserError(
            "config, pool",
            f"{pool} has {free / _GIGABYTE:,.1f} GB free, and {known / _GIGABYTE:,.1f} GB are to come",
            "make room, name another folder, or leave families out",
        )


def download_summary(config: Mapping[str, Any]) -> str:
    """What `snakemake download` would get with a validated configuration, line by line, and how much room there is."""
    try:
        files = files_to_get(configured_subsets(config))
    except UserError as error:
        return f"{error}\n"
    pool = Path(config["pool"])
    missing = missing_files(files, pool)
    if not missing:
        return f"Nothing is to be got: all {len(files)} files are in {pool}.\n"
    known, unknown = bytes_to_get(missing, pool)
    width = max(len(file.path) for file in missing)
    lines = [f"To be got into {pool}:"]
    lines += [f"  {file.path:{width}}  {_size(file):>10}  {file.origin}" for file in missing]
    more = f", and {unknown} files whose size is not known" if unknown else ""
    lines.append(f"In all {known / _GIGABYTE:,.1f} GB{more}; {free_bytes(pool) / _GIGABYTE:,.1f} GB are free there.")
    return "\n".join(lines) + "\n"


def _size(file: PoolFile) -> str:
    return "unknown" if file.about_size is None else f"{file.about_size / _GIGABYTE:,.2f} GB"
