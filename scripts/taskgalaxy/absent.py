"""Libraries that are installed, and for a while are not to be found."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _Absent(MetaPathFinder):
    def __init__(self, libraries: Collection[str]) -> None:
        self._libraries = libraries

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in self._libraries:
            raise ModuleNotFoundError(f"{fullname} is not to be imported now", name=fullname)


@contextmanager
def absent(libraries: Collection[str]) -> Iterator[None]:
    """Whoever tries to import one of ``libraries`` does not find it, unless it was imported before.

    For those that other libraries import only because they are there. ``None`` in ``sys.modules`` would say the same
    to Python's own code, but not to Cython's.
    """
    finder = _Absent(libraries)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
