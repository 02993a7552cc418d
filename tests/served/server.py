"""``transformers serve`` with a tiny random model, in an environment of its own."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = HERE.parents[1] / ".venv-served"
MODEL = "tiny-llava"

_INSTALL_S, _MAKE_MODEL_S, _READY_S, _END_S = 1800, 120, 120, 10


@dataclass(frozen=True)
class Served:
    """A running server: its address up to and with ``/v1``, and the one model that it answers for."""

    url: str
    model: str


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """The folder of an environment that holds requirements.txt; made, or made anew, only if it does not.

    Raises:
        RuntimeError: with the end of the installer's output, if it cannot be made.
    """
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "requirements.sha256"
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        if not stamp.exists() or stamp.read_text() != wanted:
            _run(sys.executable, "-m", "venv", "--clear", folder)
            (folder / ".gitignore").write_text("*\n")
            pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
            _run(folder / "bin" / "python", *pip, "install", "--no-compile", "--requirement", REQUIREMENTS)
            stamp.write_text(wanted)
    return folder


def make_model(environment: Path, folder: Path) -> None:
    _run(environment / "bin" / "python", HERE / "tiny_llava.py", folder, timeout_s=_MAKE_MODEL_S)


@contextlib.contextmanager
def serve(environment: Path, folder: Path) -> Iterator[Served]:
    """Serve the model ``folder / MODEL`` until the context is left.

    Raises:
        RuntimeError: with the end of the server's log, if it does not get ready.
    """
    port = _free_port()
    log = folder / "server.log"
    program = environment / "bin" / "transformers"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve", MODEL, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            cwd=folder,
            # An empty cache: nothing is looked up in the user's, and nothing on any hub.
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, port, log)
        yield Served(f"http://127.0.0.1:{port}/v1", MODEL)
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait for ``/health``, which answers once the model is loaded."""
    deadline = time.monotonic() + _READY_S
    while not _is_healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            told = log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"the server is not ready (exit status {process.poll()}):\n{told}")
        time.sleep(0.1)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes of a parallel test run out; the lock is the folder's own and outlives its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _run(*command: str | Path, timeout_s: float = _INSTALL_S) -> None:
    try:
        subprocess.run(
            command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s
        )
    except subprocess.SubprocessError as error:
        raise RuntimeError(f"{error}\n{str(error.output or '')[-3000:]}") from error
