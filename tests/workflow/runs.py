"""Finished runs that tests copy, so that each starts from one without paying for it again.

Worker processes share them: the first that wants one makes it, and the others wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from endpoint import Endpoint
from workflow.project import DemoProject, Project

MadeOnce = Callable[[str, Callable[[Path], Project]], Project]


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Gives the project of a name, which is made in the folder that the maker is called with; not to be changed."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent

    def give(name: str, make: Callable[[Path], Project]) -> Project:
        folder, made = session / name, session / f"{name}.made"
        with FileLock(session / f"{name}.lock"):
            if made.exists():
                return Project.found_in(folder)
            project = make(folder)
            made.touch()
        return project

    return give


@pytest.fixture(scope="session")
def _finished(made_once: MadeOnce, endpoint: Endpoint) -> Project:
    def make(folder: Path) -> Project:
        project = Project(folder, endpoint.url)
        project.add_images("one", range(4))
        project.add_images("two", range(3, 7))
        project.run()
        return project

    return made_once("finished", make)


@pytest.fixture
def finished(_finished: Project, tmp_path: Path, endpoint: Endpoint) -> Project:
    """A copy of a finished run with two sources of one shard each; image 3 is in both.

    The endpoint's counts start at zero.
    """
    endpoint.answered.clear()
    endpoint.state.stages.clear()
    copy = _finished.copy_to(tmp_path / "run")
    copy.use_server(endpoint.url)
    return copy


def match_images(folder: Path, images: int) -> Project:
    """Make a run of one shard of so many images, up to its first question."""
    with Endpoint() as server:
        project = Project(folder, server.url)
        project.config["images"]["shard_size"] = max(4, images)
        project.add_images("one", range(images))
        project.run("--until", "match")
    return project


def finish(project: Project, folder: Path) -> Project:
    """Make the final set in a copy, with nothing in its way."""
    copy = project.copy_to(folder)
    with Endpoint() as server:
        copy.use_server(server.url)
        copy.run("dataset")
    return copy


@pytest.fixture(scope="session")
def _matched(made_once: MadeOnce) -> Project:
    return made_once("matched", lambda folder: match_images(folder, 4))


@pytest.fixture(scope="session")
def undisturbed(_matched: Project, made_once: MadeOnce) -> Project:
    """The final set of :func:`matched` if nothing goes wrong."""
    return made_once("undisturbed", lambda folder: finish(_matched, folder))


@pytest.fixture
def matched(_matched: Project, tmp_path: Path, endpoint: Endpoint) -> Project:
    """A copy of a run of one shard of four images that has come to its first question, and asked none."""
    copy = _matched.copy_to(tmp_path / "run")
    copy.use_server(endpoint.url)
    return copy


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What ``make demo`` makes."""
    project = DemoProject(tmp_path_factory.mktemp("demo") / "run")
    project.run()
    return project
