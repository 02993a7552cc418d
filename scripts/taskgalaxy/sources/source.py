"""What all kinds of source have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

File = tuple[str, int, int]
"""Path relative to the source with ``/``, size in bytes (0 if unknown), and a stamp that is another one if the content
may have changed: a modification time in ns, or a checksum. A plain tuple: a plan handles a million of them while a
person waits."""


class Refused(NamedTuple):
    """An image of a source that is not used, known before it is read: ``reason`` is one of stage inspect."""

    path: str
    reason: str
    detail: str


class Listing(NamedTuple):
    """What a source holds now: of archives in the order in which it lies there, else in any."""

    files: list[File]
    refused: list[Refused]


class Source(Protocol):
    """The images of one entry of the configuration's ``sources``.

    Objects can be pickled, and used in threads and in forked processes; what they read they open when it is needed.

    Attributes:
        folder: in which the images lie as files, at their paths; ``None`` if they lie in archives.
    """

    folder: Path | None

    def scan(self) -> Listing:
        """Every image file, by the suffix of its name.

        Raises:
            UserError: if the source is not there, cannot be read, or is damaged.
        """

    def in_order(self, paths: Iterable[str]) -> list[str]:
        """The paths in an order in which they are read fastest. One that is no longer there stands anywhere."""

    def read(self, path: str) -> bytes:
        """The bytes of an image. Whether they still are those of the image that was inspected, the caller checks.

        Raises:
            FileNotFoundError: if the source has no image of this path.
            OSError: if it cannot be read, or is damaged.
        """


def unreadable(where: str, error: OSError) -> tuple[str, str, str]:
    """What a ``UserError`` says of a file or folder that cannot be read while a source is listed."""
    return where, f"{error.filename} cannot be read ({error.strerror})", "make it readable, or move it elsewhere"
