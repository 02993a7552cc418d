"""Croissant metadata (JSON-LD): what files a set has and how their columns are read, for machines.

Format: Croissant 1.0 and its vocabulary for responsible AI, RAI 1.0 (mlcommons.org/croissant).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from taskgalaxy.licenses import OTHER, UNKNOWN
from taskgalaxy.publish.card import CITATION, SUMMARY
from taskgalaxy.publish.columns import COLUMNS, VOTE_COLUMNS
from taskgalaxy.publish.hub_metadata import license_url
from taskgalaxy.publish.settings import CardSettings
from taskgalaxy.schemas import DATASET, VOTE

TABLE = "taskgalaxy.parquet"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The names of the format, all of which its readers want to see."""


def croissant(
    manifest: Mapping[str, Any], settings: CardSettings, limits: Sequence[str], sha256: str, size: int
) -> dict[str, Any]:
    """The metadata of a set that lies beside it.

    Args:
        manifest: of :func:`taskgalaxy.manifest.manifest`.
        limits: what is known to be doubtful, one sentence or more each.
        sha256, size: of the file ``taskgalaxy.parquet``, its size in bytes.
    """
    about = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": settings.name,
        "description": settings.description or SUMMARY,
        "version": settings.version,
        "datePublished": settings.date_published,
        "license": _license(manifest["license"]),
        "url": settings.url,
        "inLanguage": list(settings.languages),
        "keywords": ["visual question answering", "instruction tuning", "synthetic data", *settings.tags],
        "creator": [_creator(each) for each in settings.creators] or None,
        "citeAs": settings.citation or CITATION,
        "isLiveDataset": False,
        **_rai(manifest, limits),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE,
                "name": TABLE,
                "description": "The balanced set: a sample per row, with votes and provenance.",
                "contentUrl": TABLE,
                "contentSize": f"{size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": sha256,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "samples",
                "name": "samples",
                "description": f"{manifest['samples']} samples of {manifest['task_types']} task types.",
                "key": {"@id": "samples/sample_id"},
                "field": [_field(column) for column in DATASET.schema],
            }
        ],
    }
    return {name: value for name, value in about.items() if value is not None}


def _license(license_: str) -> str:
    said = {UNKNOWN: "unknown", OTHER: "several: that of every sample is in the column license"}
    return license_url(license_) or said.get(license_, license_)


def _creator(creator: Mapping[str, Any]) -> dict[str, Any]:
    kind = "sc:Organization" if creator["organization"] else "sc:Person"
    found = {"@type": kind, "name": creator["name"], "url": creator["url"]}
    return {name: value for name, value in found.items() if value is not None}


def _rai(manifest: Mapping[str, Any], limits: Sequence[str]) -> dict[str, Any]:
    """What the run knows of where the data come from and how far to believe them.

    The names are those of the vocabulary; mlcroissant 1.1.1 spells that of the time frame otherwise and passes over it.
    """
    config, answers = manifest["config"], manifest["answers"]
    models = sorted({f"{row['role']}: {row['model']} ({row['provider']})" for row in manifest["models"]})
    when = [answers["first"], answers["last"]] if answers["recorded"] else None
    return {
        "rai:dataCollection": (
            "Images of the sources were matched with task types by CLIP; of the candidates those that fit were kept, "
            "and a question and an answer written for each; referees voted on every pair. Who did it stands under "
            "machineAnnotationTools and, for every sample, in its columns."
        ),
        "rai:dataCollectionTimeframe": when,
        "rai:dataAnnotationProtocol": [
            f"A sample was accepted with {config['referee']['accept_at']} votes of {len(config['roles']['referees'])}; "
            f"up to {config['balance']['max']} samples were drawn per task type."
        ],
        "rai:annotationsPerItem": str(len(config["roles"]["referees"])),
        "rai:machineAnnotationTools": models or None,
        "rai:dataLimitations": list(limits),
    }


def _field(column: pa.Field) -> dict[str, Any]:
    if column.type == pa.list_(VOTE):
        votes = [_vote_field(column.name, part) for part in VOTE]
        return {**_described("samples", column.name, COLUMNS), "repeated": True, "subField": votes}
    return {
        **_described("samples", column.name, COLUMNS),
        "dataType": _type(column.type),
        "source": {"fileObject": {"@id": TABLE}, "extract": {"column": column.name}},
    }


def _vote_field(column: str, part: pa.Field) -> dict[str, Any]:
    return {
        **_described(f"samples/{column}", part.name, VOTE_COLUMNS),
        "dataType": _type(part.type),
        "source": {
            "fileObject": {"@id": TABLE},
            "extract": {"column": column},
            "transform": {"jsonPath": f"$.{part.name}"},
        },
    }


def _described(above: str, name: str, columns: Mapping[str, str]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{above}/{name}", "name": f"{above}/{name}", "description": columns[name]}


def _type(column: pa.DataType) -> str:
    if pa.types.is_boolean(column):
        return "sc:Boolean"
    if pa.types.is_integer(column):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(column) else "sc:Text"
