"""Stands in for ``conda`` where no channel can be reached: what ``snakemake --sdm conda`` asks of it, and no more.

An environment becomes a virtual environment of the Python that runs the stub, in which pip installs the
list under ``pip:``. The versions of Python and pip, the channels and the solver are not tried.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import yaml

_GATE = Path(__file__).with_name("own_packages.py")


def install(root: Path) -> None:
    """Lay out ``root`` as an installation of conda; its ``bin`` belongs on PATH."""
    folder = root / "bin"
    folder.mkdir(parents=True)
    conda = folder / "conda"
    conda.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{root}" "$@"\n', encoding="utf-8")
    conda.chmod(0o755)
    (folder / "activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n', encoding="utf-8")


def create(file: Path, prefix: Path) -> None:
    """Make the environment that ``file`` describes, with none of the packages of the Python that runs Snakemake."""
    venv.create(prefix, symlinks=True)
    python = prefix / "bin" / "python"
    dependencies = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
    (pins,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    # Compiled by whoever imports it: torch and transformers have thousands of modules that no rule needs.
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile", *pins], check=True
    )
    (packages,) = prefix.glob("lib/python*/site-packages")
    shutil.copy(_GATE, packages)
    (packages / f"{_GATE.stem}.pth").write_text(f"import {_GATE.stem}\n", encoding="utf-8")


def main(root: str, *arguments: str) -> None:
    match arguments:
        case ("info", "--json"):
            print(json.dumps({"conda_prefix": root, "platform": "linux-64"}))
        case ("--version",):
            print("conda 25.11.0")
        case ("config", "--get", "channel_priority", "--json"):
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ("env", "create", "--quiet", "--no-default-packages", "--file", file, "--prefix", prefix):
            create(Path(file), Path(prefix))
        case ("clean", "-y", "--tarballs"):
            pass
        case _:
            sys.exit(f"the stub of conda does not know: {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
