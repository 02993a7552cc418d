"""A finished run that tests copy, so that each starts from it without paying for it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoint import Endpoint
from workflow.project import DemoProject, Project


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Project:
    project = Project(tmp_path_factory.mktemp("finished") / "run", endpoint.url)
    project.add_images("one", range(4))
    project.add_images("two", range(3, 7))
    project.run()
    return project


@pytest.fixture
def finished(_finished: Project, tmp_path: Path, endpoint: Endpoint) -> Project:
    """A copy of a finished run with two sources of one shard each; image 3 is in both.

    The endpoint's counts start at zero.
    """
    endpoint.answered.clear()
    endpoint.state.stages.clear()
    return _finished.copy_to(tmp_path / "run")


@pytest.fixture(scope="session")
def _matched(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Project:
    project = Project(tmp_path_factory.mktemp("matched") / "run", endpoint.url)
    project.add_images("one", range(4))
    project.run("--until", "match")
    return project


@pytest.fixture(scope="session")
def undisturbed(_matched: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The final set of :func:`matched` if nothing goes wrong."""
    project = _matched.copy_to(tmp_path_factory.mktemp("undisturbed") / "run")
    project.run("dataset")
    return project


@pytest.fixture
def matched(_matched: Project, tmp_path: Path) -> Project:
    """A copy of a run of one shard of four images that has come to its first question, and asked none."""
    return _matched.copy_to(tmp_path / "run")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What ``make demo`` makes."""
    project = DemoProject(tmp_path_factory.mktemp("demo") / "run")
    project.run()
    return project
