"""One cluster for all tests on Slurm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from slurm.cluster import UNUSABLE, Cluster, cluster


@pytest.fixture(scope="session")
def _slurm() -> Iterator[Cluster]:
    if UNUSABLE and "CI" not in os.environ:
        pytest.skip(f"no cluster can be started: {UNUSABLE}")
    assert not UNUSABLE, UNUSABLE
    with cluster() as running:
        yield running


@pytest.fixture
def slurm(_slurm: Cluster) -> Cluster:
    """The running cluster, all of it up, and its list of jobs empty."""
    _slurm.renew()
    return _slurm
