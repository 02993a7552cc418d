"""Croissant's own library takes the metadata without a word, and reads the set through it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

import published_set
from published_set import manifest_of, settings
from taskgalaxy.files import sha256_file, write_json
from taskgalaxy.publish.croissant import croissant
from taskgalaxy.schemas import DATASET, VOTE
from taskgalaxy.tables import to_frame, write_table


def write(folder: Path, manifest: dict[str, Any] | None = None, **changes: Any) -> Path:
    """The metadata of :func:`published_set.dataset` beside its table."""
    table = folder / "taskgalaxy.parquet"
    write_table(table, published_set.dataset(), DATASET)
    made = croissant(
        manifest or manifest_of(), settings(**changes), ["Doubtful."], sha256_file(table), table.stat().st_size
    )
    write_json(folder / "croissant.json", made)
    return folder / "croissant.json"


def test_it_is_valid_and_nothing_that_is_recommended_is_missing(tmp_path: Path) -> None:
    creators = [
        {"name": "A Person", "organization": False, "url": None},
        {"name": "A Group", "organization": True, "url": "https://example.org"},
    ]
    path = write(tmp_path, date_published="2026-11-30", creators=creators, url="https://example.org/set")
    found = mlcroissant.Dataset(str(path)).metadata
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (found.ctx.issues.errors, found.ctx.issues.warnings) == (set(), set())
    assert [type(each).__name__ for each in found.creators] == ["Person", "Organization"]
    assert found.license == ["https://spdx.org/licenses/CC-BY-4.0.html"]
    assert found.ctx.is_live_dataset is False
    assert found.data_limitations == ["Doubtful."]
    assert found.annotations_per_item == "2"
    assert "2502.09925" in found.cite_as
    assert told["rai:dataCollectionTimeframe"] == [published_set.ANSWERS["first"], published_set.ANSWERS["last"]]


def test_without_a_date_of_publication_that_is_all_that_is_missed(tmp_path: Path) -> None:
    issues = mlcroissant.Dataset(str(write(tmp_path))).metadata.ctx.issues
    assert not issues.errors
    (missed,) = issues.warnings
    assert "datePublished" in missed


def test_all_columns_of_every_sample_are_read_through_it(tmp_path: Path) -> None:
    def plain(value: Any) -> Any:
        """Without the prefixes of names, and texts as texts."""
        if isinstance(value, dict):
            return {name.rpartition("/")[2]: plain(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return value.decode() if isinstance(value, bytes) else value

    read = [plain(record) for record in mlcroissant.Dataset(str(write(tmp_path))).records("samples")]
    assert read == published_set.dataset().to_dicts()
    assert list(read[0]) == DATASET.schema.names
    assert list(read[0]["votes"][0]) == [field.name for field in VOTE]


def test_a_table_that_was_changed_since_is_found_out(tmp_path: Path) -> None:
    path = write(tmp_path)
    write_table(tmp_path / "taskgalaxy.parquet", published_set.dataset().head(1), DATASET)
    with pytest.raises(mlcroissant.GenerationError) as caught:
        next(iter(mlcroissant.Dataset(str(path)).records("samples")))
    assert "is not identical with the reference" in str(caught.value.__cause__)


@pytest.mark.parametrize("license_", ["unknown", "other", "LicenseRef-lab"])
def test_a_licence_without_a_text_is_said_in_words(license_: str, tmp_path: Path) -> None:
    path = write(tmp_path, manifest_of() | {"license": license_}, date_published="2026-11-30")
    issues = mlcroissant.Dataset(str(path)).metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings


def test_an_empty_set_has_metadata_too(tmp_path: Path) -> None:
    made = croissant(manifest_of(to_frame([], DATASET)), settings(), [], "0" * 64, 0)
    assert "rai:machineAnnotationTools" not in made
    json.dumps(made, allow_nan=False)
