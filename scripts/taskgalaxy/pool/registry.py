"""The registry: families of image sources, their sub-sets, and how each is got (paper, Tables 1 and A-1, A.5)."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from taskgalaxy.errors import UserError
from taskgalaxy.sources.names import unsafe

_SCHEMA = Path(__file__).parents[3] / "config" / "schemas" / "family.schema.json"
_SUFFIX = ".yaml"


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is got: ``size`` in bytes, ``digest`` as (algorithm, hexadecimal)."""

    size: int | None = None
    digest: tuple[str, str] | None = None

    def check(self, path: Path, origin: str) -> None:
        """Delete what came as ``path``, if it is another file.

        Raises:
            UserError: in which it does not agree; it came from ``origin``.
        """
        problem, size = None, path.stat().st_size
        if self.size is not None and size != self.size:
            problem = f"has {size:,} bytes, and not the {self.size:,} that are expected"
        elif self.digest is not None:
            algorithm, wanted = self.digest
            with path.open("rb") as file:
                found = hashlib.file_digest(file, algorithm).hexdigest()
            if found != wanted:
                problem = f"has the {algorithm} {found}, and not {wanted}"
        if problem:
            path.unlink()
            raise UserError(origin, problem, "get it again; if it comes out the same, the registry means another file")


@dataclass(frozen=True)
class PoolFile:
    """A file that has to be got: ``path`` in the pool, and where it is, at ``url`` or in a repository of the Hub.

    ``about_size`` is what it is planned with, in bytes: the expected size, or one that was rounded.
    """

    path: str
    url: str | None
    hub: str | None
    name: str | None
    revision: str | None
    expected: Expected
    about_size: int | None = None

    @property
    def origin(self) -> str:
        return self.url or f"{self.hub} on the Hugging Face Hub"


@dataclass(frozen=True)
class Subset:
    """A part of a family, which is a source of its own.

    Attributes:
        images: how many there should be.
        path: of the folder of its images in the pool, if they are unpacked.
        archive: path, kind and include of the source that reads them in place; ``None`` if they have to be unpacked.
        steps: what a person has to do, where no program can.
    """

    family: str
    name: str
    images: int
    license: str
    path: str
    archive: Mapping[str, Any] | None
    files: Sequence[PoolFile]
    steps: str | None

    def source(self, pool: Path) -> dict[str, Any]:
        """The entry of the configuration's ``sources``: the unpacked folder if it is there, else the archive."""
        unpacked = {"path": str(pool / self.path), "kind": "folder", "license": self.license}
        if self.archive is None or (pool / self.path).is_dir():
            return unpacked
        return unpacked | {**self.archive, "path": str(pool / self.archive["path"])}


def read_subsets(registry: Path, families: Sequence[str]) -> list[Subset]:
    """The sub-sets of ``families``: names of files in ``registry``, or ``family/subset``; in that order, each once.

    Raises:
        UserError: for a name that stands for nothing, a file that is damaged or contradicts the schema.
    """
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    chosen: dict[tuple[str, str], Subset] = {}
    for wanted in families:
        family, _, name = wanted.partition("/")
        subsets = _read_family(registry, family, schema)
        if name and name not in subsets:
            raise _unknown(wanted, [f"{family}/{each}" for each in subsets])
        for each in [name] if name else subsets:
            chosen[family, each] = subsets[each]
    return list(chosen.values())


def configured_subsets(config: Mapping[str, Any]) -> list[Subset]:
    """The sub-sets that a validated configuration names.

    Raises:
        UserError: if it names none.
    """
    if not config["families"]:
        raise UserError(
            "config, families",
            "names none",
            f"name some of the registry, such as families: [{', '.join(family_names(Path(config['registry'])))}]",
        )
    return read_subsets(Path(config["registry"]), config["families"])


def family_names(registry: Path) -> list[str]:
    """All families of a registry."""
    return sorted(path.stem for path in registry.glob(f"*{_SUFFIX}"))


def _read_family(registry: Path, family: str, schema: Mapping[str, Any]) -> dict[str, Subset]:
    path = registry / f"{family}{_SUFFIX}"
    if not path.is_file():
        raise _unknown(family, family_names(registry))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(str(path), f"cannot be read ({error})", "write it as YAML") from error
    errors = sorted(Draft202012Validator(schema).iter_errors(content), key=lambda each: list(map(str, each.path)))
    if errors:
        key = ".".join(map(str, errors[0].absolute_path))
        raise UserError(f"{path}, {key or 'the file'}", errors[0].message, "see config/schemas/family.schema.json")
    return {name: _subset(family, name, entry, content["license"], path) for name, entry in content["subsets"].items()}


def _subset(family: str, name: str, entry: Mapping[str, Any], license_: str, path: Path) -> Subset:
    archive = entry.get("archive")
    named = [entry["path"], *([archive["path"]] if archive else []), *entry.get("files", {})]
    for each in named:
        if unsafe(each):
            raise UserError(f"{path}, subsets.{name}", f"{each} leads out of the pool", "name a path below it")
    return Subset(
        family,
        name,
        entry["images"],
        license_,
        entry["path"],
        {"kind": "zip", "include": [], **archive} if archive else None,
        [_file(target, how, f"{path}, subsets.{name}.files") for target, how in entry.get("files", {}).items()],
        entry.get("steps"),
    )


def _file(path: str, how: Mapping[str, Any], where: str) -> PoolFile:
    name = how.get("file")
    if name and path != name and not path.endswith(f"/{name}"):
        raise UserError(where, f"{path} does not end with {name}", "name it in the pool as in the repository")
    digest = next(((kind, how[kind]) for kind in ("sha256", "md5") if how.get(kind)), None)
    size = how.get("size")
    about_size = how.get("about_size") if size is None else size
    return PoolFile(path, how.get("url"), how.get("hub"), name, how.get("revision"), Expected(size, digest), about_size)


def _unknown(name: str, known: Sequence[str]) -> UserError:
    close = difflib.get_close_matches(name, known, 1)
    fix = f"did you mean {close[0]}? " if close else ""
    return UserError("config, families", f"{name} is no family of the registry", f"{fix}known: {', '.join(known)}")


def files_to_get(subsets: Sequence[Subset]) -> list[PoolFile]:
    """The files of all sub-sets, each once."""
    return list({file.path: file for subset in subsets for file in subset.files}.values())
