"""What every script of a rule needs: its log, errors that a person can read, and its shard's images."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from taskgalaxy.absent import absent
from taskgalaxy.errors import UserError
from taskgalaxy.fill_shards import is_fill
from taskgalaxy.images import ImageFile, image_files
from taskgalaxy.llm import progress
from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import read_table

log = logging.getLogger(__name__)


_GO_ON = "then run snakemake again: what is finished stays, and what is answered is not asked again"
_REMEDIES = {
    errno.ENOSPC: f"make room on its disk, {_GO_ON}",
    errno.EDQUOT: f"delete something or have the quota raised, {_GO_ON}",
    errno.EROFS: f"mount its disk with the right to write, {_GO_ON}",
    errno.EACCES: f"give yourself the right to use it, {_GO_ON}",
    errno.EPERM: f"give yourself the right to change it, {_GO_ON}",
    errno.EIO: f"look at its disk, {_GO_ON}",
}
"""What the user can do about a disk that refuses."""


@contextmanager
def job(log_path: Path | str) -> Iterator[None]:
    """Log to ``log_path`` and standard error; end on a ``UserError``, or a disk that refuses, with one message."""
    try:
        _start_logging(log_path)
        _do_without_pandas()
        yield
    except UserError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REMEDIES:
            where = str(error.filename or "a file that this job uses")
            log.error("%s", UserError(where, str(error.strerror), _REMEDIES[error.errno]))
        else:
            log.exception("this is a defect of the workflow, please report it with this log")
        sys.exit(1)


def _do_without_pandas() -> None:
    """Have pyarrow look for pandas in vain, which it does once, to ask whether a value is of its kinds.

    To import it takes a third of a second of every job, and none has such a value.
    """
    with absent({"pandas"}):
        pa.array([""])


def _start_logging(log_path: Path | str) -> None:
    to_file = _LogFile(log_path, mode="w", encoding="utf-8", errors="backslashreplace")
    watched = sys.stderr.isatty()
    to_stderr = logging.StreamHandler(sys.stderr)
    # Warnings and, for somebody who watches, how far the questions are.
    to_stderr.addFilter(lambda line: line.levelno >= logging.WARNING or (line.name == progress.log.name and watched))
    line = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=line, handlers=[to_file, to_stderr], force=True)
    for noisy in ("httpx", "httpx2", "openai", "PIL", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _LogFile(logging.FileHandler):
    """A log that may stay empty: on a full disk what matters is the one message on standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def shard_index(index: Path | str, shard: str, config: Mapping[str, Any]) -> pl.DataFrame:
    """The rows of the image index (its file) that ``shard`` may ask about: a shard of the fill about any."""
    return read_table(index, IMAGE_INDEX) if is_fill(shard, config) else read_table(index, IMAGE_INDEX, shard=shard)


def shard_images(index: Path | str, shard: str, config: Mapping[str, Any]) -> dict[str, ImageFile]:
    """The images of :func:`shard_index` by id, in their order."""
    return image_files(shard_index(index, shard, config), open_sources(config))
