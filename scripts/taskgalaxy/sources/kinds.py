"""Which kind of source an entry of the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taskgalaxy.errors import UserError
from taskgalaxy.sources.archive import ArchiveSource, Format
from taskgalaxy.sources.folder import FolderSource
from taskgalaxy.sources.names import Patterns
from taskgalaxy.sources.parquet import ParquetFormat
from taskgalaxy.sources.paths import ListSource
from taskgalaxy.sources.source import Source
from taskgalaxy.sources.tar import TarFormat
from taskgalaxy.sources.zip import ZipFormat

_BY_SUFFIX = {".zip": "zip", ".tar": "tar", ".parquet": "parquet", ".csv": "list", ".jsonl": "list"}
_COMPRESSED = (".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_OWN_KEYS = {"root": ("list",), "column": ("list", "parquet")}
"""Keys that mean something to some kinds alone."""


def kind_of(source: Mapping[str, Any]) -> str:
    """The kind of a source: as it is named, or by the suffix of its path."""
    kind: str = source["kind"] or _BY_SUFFIX.get(Path(source["path"]).suffix.lower(), "folder")
    return kind


def check_kinds(sources: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what no kind of source can be.

    Raises:
        UserError: naming the key and the fix.
    """
    for name, source in sources.items():
        kind = kind_of(source)
        suffix = Path(source["path"]).suffix.lower()
        if suffix in _COMPRESSED and (kind != "folder" or Path(source["path"]).is_file()):
            raise UserError(
                f"config, sources.{name}.path",
                f"a {suffix} file cannot be read member by member",
                "unpack its outer layer (gunzip, unzstd …), so that it is a .tar, or make it a .zip",
            )
        for key, kinds in _OWN_KEYS.items():
            if source[key] is not None and kind not in kinds:
                raise UserError(
                    f"config, sources.{name}.{key}", f"means nothing to a source of kind {kind}", "remove it"
                )


def open_source(name: str, config: Mapping[str, Any]) -> Source:
    """The source ``name`` of a validated configuration. Nothing is opened or looked at yet."""
    source = config["sources"][name]
    path = Path(source["located"])
    patterns = Patterns(tuple(source["include"]), tuple(source["exclude"]))
    kind = kind_of(source)
    if kind == "folder":
        return FolderSource(name, path, patterns)
    if kind == "list":
        return ListSource(name, path, Path(source["root"] or path.parent), source["column"], patterns)
    formats: Mapping[str, Format] = {
        "zip": ZipFormat(),
        "tar": TarFormat(),
        "parquet": ParquetFormat(source["column"]),
    }
    return ArchiveSource(name, path, formats[kind], indexes_folder(config), patterns)


def indexes_folder(config: Mapping[str, Any]) -> Path:
    """Where the indexes of archives lie, in a folder per source."""
    return Path(config["results"]) / "images" / "archives"


def open_sources(config: Mapping[str, Any]) -> dict[str, Source]:
    """All sources of a validated configuration, by name."""
    return {name: open_source(name, config) for name in config["sources"]}
