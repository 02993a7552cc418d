"""Reading a part of a file that several threads and processes may have open."""

from __future__ import annotations

import os
from pathlib import Path


class OpenFile:
    """A file that is read at any place; nothing of it moves when it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDONLY)

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes.

        Raises:
            OSError: if there are fewer.
        """
        parts = []
        while count:
            part = os.pread(self._handle, min(count, 1 << 30), offset)
            if not part:
                raise OSError(f"{self._path} ends before byte {offset + count}")
            parts.append(part)
            offset, count = offset + len(part), count - len(part)
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def close(self) -> None:
        os.close(self._handle)
