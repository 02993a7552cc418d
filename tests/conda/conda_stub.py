"""Stands in for ``conda`` where no channel can be reached: what ``snakemake --sdm conda`` asks of it, and no more.

An environment becomes a virtual environment of the Python that runs the stub, with links to its packages: those of
the list under ``pip:`` and what these require, by their own metadata. The versions of Python and pip, the channels and
the solver are not tried.
"""

from __future__ import annotations

import json
import shutil
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from importlib.util import cache_from_source
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
    """Make the environment that ``file`` describes, with no other package of the Python that runs Snakemake."""
    venv.create(prefix, symlinks=True)
    dependencies = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
    (pins,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    (packages,) = prefix.glob("lib/python*/site-packages")
    for found in required(Requirement(pin) for pin in pins):
        link(found, packages)
    shutil.copy(_GATE, packages)
    (packages / f"{_GATE.stem}.pth").write_text(f"import {_GATE.stem}\n", encoding="utf-8")


def required(pins: Iterable[Requirement]) -> list[Distribution]:
    """The installed packages that ``pins`` name, and all that these require here."""
    found: dict[str, Distribution] = {}
    done: set[tuple[str, str]] = set()
    todo = [(pin, extra) for pin in pins for extra in ("", *pin.extras)]
    while todo:
        wanted, extra = todo.pop()
        name = canonicalize_name(wanted.name)
        if (name, extra) in done:
            continue
        done.add((name, extra))
        package = distribution(name)
        if not wanted.specifier.contains(package.version, prereleases=True):
            sys.exit(f"{wanted} is wanted, and {package.version} is installed")
        found[name] = package
        for requirement in map(Requirement, package.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                todo += [(requirement, each) for each in ("", *requirement.extras)]
    return list(found.values())


def link(package: Distribution, packages: Path) -> None:
    """Link the package's modules into another environment's, with their bytecode."""
    for file in package.files or []:
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        source, target = Path(str(package.locate_file(file))), packages / file
        compiled = Path(cache_from_source(str(source)))
        pairs = [(source, target)]
        if file.suffix == ".py" and compiled.exists():
            pairs.append((compiled, target.parent / "__pycache__" / compiled.name))
        for path, new in pairs:
            new.parent.mkdir(parents=True, exist_ok=True)
            try:
                new.hardlink_to(path)
            except OSError:  # on another disk
                shutil.copy2(path, new)


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
