"""A file appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.files import (
    atomic,
    json_line,
    read_json,
    read_jsonl,
    sha256_file,
    sha256_json,
    write_json,
    write_jsonl,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text("aä\n\u2028 "),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_the_name_is_taken_only_when_all_is_written(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "new folder" / "file"
    with atomic(path, mode) as file:
        file.write("ä\n" if mode == "w" else b"\xc3\xa4\n")
        assert not path.exists()
    assert path.read_bytes() == b"\xc3\xa4\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with atomic(path) as file:
            file.write("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("named", [None, "folder/.file.ab12.tmp"])
def test_an_error_of_the_disk_names_the_file(tmp_path: Path, named: str | None) -> None:
    with pytest.raises(OSError, match="full") as caught, atomic(tmp_path / "file"):
        raise OSError(errno.ENOSPC, "full", named)
    assert caught.value.filename == str(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    program = (
        "import os, signal, sys\n"
        "from taskgalaxy.files import atomic\n"
        "with atomic(sys.argv[1]) as file:\n"
        "    file.write('half' * 10000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": str(SCRIPTS)})
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with atomic(tmp_path / "file"):
            pass
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


@given(value=values)
def test_json_comes_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == read_json(path) == value


@pytest.mark.parametrize("content", [None, b"", b'{"cut":', b"\xff"])
def test_a_result_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "truth.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"truth\.json: cannot be read .*Delete it and run snakemake again"):
        read_json(path)


@given(rows=st.lists(st.dictionaries(st.text(max_size=3), values, max_size=3), max_size=4))
def test_rows_come_back_one_per_line(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    write_jsonl(path, rows)
    assert list(read_jsonl(path)) == rows
    assert path.read_bytes().count(b"\n") == len(rows)
    assert path.read_text(encoding="utf-8") == "".join(json_line(row) for row in rows)


def test_not_a_number_is_no_json(tmp_path: Path) -> None:
    for write in (write_json, lambda path, value: write_jsonl(path, [value]), lambda path, value: sha256_json(value)):
        with pytest.raises(ValueError, match="JSON compliant"):
            write(tmp_path / "file", {"score": float("nan")})
    assert not list(tmp_path.iterdir())


def test_digests_are_of_the_bytes_and_of_the_value(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 1000)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(b"abc" * 1000).hexdigest()
    assert sha256_json({"b": 1, "a": ["ä"]}) == sha256_json({"a": ["ä"], "b": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": "1"})
    assert sha256_json({"a": ["ä"]}) == hashlib.sha256('{"a":["ä"]}'.encode()).hexdigest()
