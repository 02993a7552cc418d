"""The server, started once for all tests that ask it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from served.server import MODEL, Served, make_environment, make_model, serve


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server; skips where its environment cannot be made, but fails in CI."""
    try:
        environment = make_environment()
    except (RuntimeError, OSError) as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"the server's environment cannot be made: {error}")
    folder = tmp_path_factory.mktemp("served")
    make_model(environment, folder / MODEL)
    with serve(environment, folder) as server:
        yield server
