"""Which names in a source are those of images, and which of them are safe."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Patterns:
    """What a source takes: paths that match one of ``include`` (all, if there is none) and none of ``exclude``."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    @property
    def take_all(self) -> bool:
        return not (self.include or self.exclude)

    def take(self, path: str) -> bool:
        """Whether ``path`` is taken; patterns are those of ``fnmatch``."""
        if self.include and not any(fnmatchcase(path, pattern) for pattern in self.include):
            return False
        return not any(fnmatchcase(path, pattern) for pattern in self.exclude)


EVERYTHING = Patterns()


def is_image(name: str) -> bool:
    """Whether a member of an archive counts as an image: by its suffix, and not hidden, as in folders."""
    hidden = any(part.startswith(".") and part != ".." for part in plain(name).split("/"))
    return name.lower().endswith(IMAGE_SUFFIXES) and not hidden


def is_utf8(name: str) -> bool:
    """Whether a name that the system gave can be written into a table."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_bytes(name: str) -> str:
    """A name that is not UTF-8, in words that can be written."""
    return repr(os.fsencode(name))


def plain(name: str) -> str:
    """``name`` without the steps that lead nowhere: ``./a//b.jpg`` is ``a/b.jpg``. A leading slash stays."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return ("/" if name.startswith("/") else "") + "/".join(parts)


def unsafe(name: str) -> str | None:
    """Why a name that somebody else wrote may lead out of a folder that it is joined to; ``None`` if it cannot."""
    if name.startswith("/"):
        return "an absolute name"
    if ".." in name.split("/"):
        return "a name that leads out of the archive"
    if "\\" in name or _DRIVE.match(name):
        return "a name as Windows writes it, which leads elsewhere on other systems"
    if _CONTROL.search(name):
        return "control characters in the name"
    return None
