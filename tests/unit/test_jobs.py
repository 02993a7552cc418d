"""A job ends with one sentence that helps its user, or with a traceback that helps us."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import rows
from taskgalaxy.errors import UserError
from taskgalaxy.jobs import job, shard_images
from taskgalaxy.llm import progress
from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.tables import write_table

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A job sets up the logging of its process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in root.handlers:
        with suppress(OSError):  # of a full disk
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def ended(path: Path, error: BaseException) -> str:
    """The log of a job that ends on ``error``."""
    with pytest.raises(SystemExit) as caught, job(path):
        raise error
    assert caught.value.code == 1
    return path.read_text(encoding="utf-8")


def test_a_user_s_error_is_its_message_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ended(tmp_path / "log", UserError("config: seed", "is wrong", "set it to 1"))
    assert "config: seed: is wrong. Set it to 1." in log
    assert "Traceback" not in log
    assert "config: seed" in capsys.readouterr().err


def test_a_job_s_tables_do_not_import_pandas(tmp_path: Path) -> None:
    code = """
import sys, pyarrow as pa, pyarrow.parquet as pq
sys.path.insert(0, sys.argv[1])
from taskgalaxy.jobs import job
with job("log"):
    pq.write_table(pa.table({"name": ["value"]}), "table")
    assert pq.read_table("table").to_pylist() == [{"name": "value"}]
print("pandas" in sys.modules)
import pandas
"""
    command = [sys.executable, "-c", code, str(SCRIPTS)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == "False\n", ran.stderr
    assert not ran.returncode, ran.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_one_message_that_names_the_file(tmp_path: Path, number: int) -> None:
    log = ended(tmp_path / "log", OSError(number, os.strerror(number), "results/votes.parquet"))
    assert f"results/votes.parquet: {os.strerror(number)}. " in log
    assert "then run snakemake again" in log
    assert "Traceback" not in log


def test_a_log_on_a_full_disk_does_not_hide_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), job("/dev/full"):
        raise UserError("config: seed", "is wrong", "set it to 1")
    shown = capsys.readouterr().err
    assert "config: seed: is wrong. Set it to 1." in shown
    assert "Traceback" not in shown


def test_a_defect_leaves_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ended(tmp_path / "log", KeyError("lost"))
    assert "Traceback" in log
    assert "KeyError: 'lost'" in log
    assert "please report" in log
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), job(tmp_path / "log"):
        raise KeyboardInterrupt
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_a_job_says_goes_to_its_log_and_only_warnings_to_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with job(tmp_path / "log"):
        logging.getLogger("taskgalaxy").info("12 images")
        logging.getLogger("taskgalaxy").info("a name that is no text: %s", "b\udcff.png")
        logging.warning("12 tries")
        logging.getLogger("httpx").info("chatter")
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "12 images" in log
    assert r"b\udcff.png" in log
    assert "chatter" not in log
    shown = capsys.readouterr().err
    assert "12 images" not in shown
    assert "12 tries" in shown


@pytest.mark.parametrize("watched", [True, False])
def test_how_far_the_questions_are_is_shown_to_somebody_who_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
    with job(tmp_path / "log"):
        progress.log.info("12 of 40 done")
        logging.getLogger("taskgalaxy").info("12 images")
    shown = capsys.readouterr().err
    assert ("12 of 40 done" in shown) == watched
    assert "12 images" not in shown
    assert "12 of 40 done" in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_job_finds_the_images_of_its_own_shard(tmp_path: Path) -> None:
    source = {"kind": None, "include": [], "exclude": [], "root": None, "column": None}
    sources = {"one": {"located": "here", "path": "x", **source}, "two": {"located": "there", "path": "y", **source}}
    config = {"sources": sources, "results": "results"}
    index = rows.index(
        rows.image("b", "one-00000", "b.png"),
        rows.image("a", "one-00000", "moved.png", source="two"),
        rows.image("c", "one-00001", "c.png"),
        rows.image("d", "two-00000", "d.png"),
    )
    write_table(tmp_path / "index", index, IMAGE_INDEX)
    found = shard_images(tmp_path / "index", "one-00000", config)
    assert [(image_id, str(file.source.folder), file.path) for image_id, file in found.items()] == [
        ("b", "here", "b.png"),
        ("a", "there", "moved.png"),
    ]
    assert shard_images(tmp_path / "index", "two-00009", config) == {}
