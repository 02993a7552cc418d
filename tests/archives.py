"""Archives, Parquet files and lists of the same images, and sources that read them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from taskgalaxy.sources.kinds import open_source
from taskgalaxy.sources.source import Source

Contents = Mapping[str, bytes]
"""Path -> bytes."""


def source_of(path: Path, results: Path, **settings: Any) -> Source:
    """The source ``one`` at ``path``, as a run with these results would open it."""
    defaults = {"kind": None, "include": [], "exclude": [], "root": None, "column": None}
    entry = {"path": str(path), "located": str(path), **defaults, **settings}
    return open_source("one", {"results": str(results), "sources": {"one": entry}})


def write_folder(path: Path, contents: Contents) -> None:
    for name, data in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def write_tar(path: Path, contents: Contents, **options: Any) -> None:
    """In the order of ``contents``, each with a file for WebDataset beside it."""
    with tarfile.open(path, "w", **options) as tar:
        for name, data in contents.items():
            for member, content in ((name, data), (f"{name.rpartition('.')[0]}.json", b"{}")):
                entry = tarfile.TarInfo(member)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def write_zip(path: Path, contents: Contents, compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def write_parquet(path: Path, contents: Contents, row_group_size: int = 3) -> None:
    """As the Hub has them: a struct of bytes and path, and another column."""
    images = [{"bytes": data, "path": name} for name, data in contents.items()]
    table = pa.table({"label": list(range(len(images))), "image": images})
    pq.write_table(table, path, row_group_size=row_group_size)


def write_list(path: Path, contents: Contents) -> None:
    """A list beside the folder ``files``, which holds the images."""
    write_folder(path.parent / "files", contents)
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([["label", "path"], *([number, name] for number, name in enumerate(contents))])
        else:
            file.writelines(json.dumps({"image": name}) + "\n" for name in contents)


WRITERS: Mapping[str, tuple[str, Callable[[Path, Contents], None], Mapping[str, Any]]] = {
    "folder": ("images", write_folder, {}),
    "zip": ("images.zip", write_zip, {}),
    "tar": ("images.tar", write_tar, {}),
    "parquet": ("images.parquet", write_parquet, {}),
    "csv": ("images.csv", write_list, {"root": "files"}),
    "jsonl": ("images.jsonl", write_list, {"root": "files"}),
}
"""Kind -> name of the file or folder, what writes it, and further settings of the source."""


def written(kind: str, folder: Path, contents: Contents) -> Source:
    """A source of this kind that holds ``contents``, in ``folder``."""
    name, write, settings = WRITERS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / name, contents)
    settings = {key: str(folder / value) for key, value in settings.items()}
    return source_of(folder / name, folder / "results", **settings)
