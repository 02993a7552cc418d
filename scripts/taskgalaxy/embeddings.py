"""Embeddings on disk: ids and vectors in Parquet, with the identity of the model that made them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from taskgalaxy.errors import UserError
from taskgalaxy.files import atomic

Vectors = NDArray[np.float32]

_IDENTITY = b"embedding_model"


def write_embeddings(path: Path | str, ids: Sequence[str], vectors: Vectors, identity: Mapping[str, str]) -> None:
    """Write ``vectors`` (float32, shape (len(ids), dimension), unit rows) atomically.

    Raises:
        ValueError: for repeated ids, or a row that is not of length 1.
    """
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: {len(ids) - len(set(ids))} ids are repeated")
    if len(ids) and not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise ValueError(f"{path}: embeddings must be normalised per row")
    dimension = vectors.shape[1] if vectors.size else 0
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    table = pa.table(
        {"id": pa.array(ids, pa.string()), "vector": pa.FixedSizeListArray.from_arrays(flat, max(dimension, 1))}
    ).replace_schema_metadata({_IDENTITY: json.dumps(dict(identity), sort_keys=True)})
    with atomic(path, "wb") as file:
        # Bytes of the same weight side by side: nothing is lost, and zstd finds the exponents alike.
        pq.write_table(
            table,
            file,
            compression="zstd",
            use_dictionary=False,
            column_encoding={"id": "PLAIN", "vector.list.element": "BYTE_STREAM_SPLIT"},
            write_page_checksum=True,
        )


def read_embeddings(path: Path | str) -> tuple[list[str], Vectors, dict[str, str]]:
    """Ids, vectors (float32, shape (rows, dimension)) and the identity of their model.

    Raises:
        UserError: if the file is missing or damaged.
    """
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        identity = json.loads(table.schema.metadata[_IDENTITY])
        ids = table["id"].to_pylist()
        column = table["vector"].combine_chunks()
        vectors = np.array(column.flatten(), np.float32).reshape(len(ids), -1 if ids else 0)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        raise UserError(
            str(path), f"cannot be read as embeddings ({error})", "delete it and run snakemake again to make it anew"
        ) from error
    return ids, vectors, identity


def same_model(
    tasks: Path | str, tasks_identity: Mapping[str, str], images: Path | str, identity: Mapping[str, str]
) -> None:
    """Refuse to compare embeddings of different models.

    Raises:
        UserError: naming what differs.
    """
    differing = sorted(
        key for key in tasks_identity.keys() | identity.keys() if tasks_identity.get(key) != identity.get(key)
    )
    if differing:
        raise UserError(
            f"{tasks} and {images}",
            f"were made by different models ({', '.join(differing)} differ)",
            "delete both and run snakemake again",
        )
