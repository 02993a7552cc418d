"""A small disk, mounted over a folder, that can be filled or made read-only: permissions do not stop root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

PAGE = 4096
"""What the smallest file takes."""


class Disk:
    """A context manager: ``folder``, with what it holds, lies on a disk of its own; afterwards it does not any more.

    Skips the test where nothing may be mounted; in CI it fails then.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def read_only(self) -> Iterator[None]:
        _mount("-o", "remount,ro", str(self.folder))
        yield
        _mount("-o", "remount,rw", str(self.folder))

    @contextmanager
    def full(self, but: int) -> Iterator[None]:
        """Leave ``but`` bytes free."""
        status = os.statvfs(self.folder)
        ballast = self.folder / ".ballast"
        ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - but))
        yield
        ballast.unlink()

    def __enter__(self) -> Disk:
        self.folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as aside:
            shutil.copytree(self.folder, aside, dirs_exist_ok=True)
            try:
                _mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(self.folder))
            except (OSError, subprocess.CalledProcessError):
                if "CI" in os.environ:
                    raise
                pytest.skip("nothing may be mounted here")
            shutil.copytree(aside, self.folder, dirs_exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
