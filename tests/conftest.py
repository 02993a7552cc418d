"""For all tests: which stay together, and how hypothesis searches (never against the clock)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["workflow.runs"]

# In CI the same examples every time.
settings.register_profile(
    "taskgalaxy", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("taskgalaxy")


class TogetherScheduling(LoadScopeScheduling):
    """Unit tests run anywhere; a file of others stays in one process, as does all that is about the cluster.

    So servers, environments and the demo that the cluster's is compared with are made once. What a change runs again is
    the longest file, and each of its tests starts from a run that all processes share: they run anywhere too.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        if file.startswith("tests/unit/") or file.endswith("/test_incremental.py"):
            return nodeid
        return "cluster" if file.startswith("tests/slurm/") or file.endswith("/test_demo.py") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    return TogetherScheduling(config, log)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch computes on one thread: for tiny models more would wait for each other longer than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
