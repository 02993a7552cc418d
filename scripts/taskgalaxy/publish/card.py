"""The dataset card: README.md with the head that the Hugging Face Hub reads, filled from the files of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from taskgalaxy.licenses import conditions_of
from taskgalaxy.llm.settings import endpoints_of
from taskgalaxy.manifest import THIN
from taskgalaxy.publish.columns import COLUMNS, VOTE_COLUMNS
from taskgalaxy.publish.hub_metadata import hub_metadata, license_url
from taskgalaxy.publish.limits import OF_THE_METHOD, limits_of_run
from taskgalaxy.publish.markdown import Markdown, rendered
from taskgalaxy.publish.settings import FOLDERS, CardSettings, Published
from taskgalaxy.schemas import DATASET, VOTE

if TYPE_CHECKING:
    from taskgalaxy.report.referees import RefereeStatistics
    from taskgalaxy.report.subset_table import SubsetRow

SUMMARY = (
    "Questions and answers about images, each for one of many hierarchical vision task types, written by machines and "
    "screened by the votes of others, in the steps that the TaskGalaxy paper describes."
)

CITATION = """@inproceedings{chen2025taskgalaxy,
  title = {TaskGalaxy: Scaling Multi-modal Instruction Fine-tuning with Tens of Thousands Vision Task Types},
  author = {Chen, Jiankang and Zhang, Tianke and Liu, Changyi and Ding, Haojie and Shi, Yaya and Cheng, Feng and
            Xiao, Huihui and Wen, Bin and Yang, Fan and Gao, Tingting and Zhang, Di},
  booktitle = {International Conference on Learning Representations},
  year = {2025},
  url = {https://arxiv.org/abs/2502.09925},
}"""
"""Of the paper whose method made the set."""

_LONGEST_TEXT = 300
"""Characters of a text in the example row."""


def card(
    manifest: Mapping[str, Any],
    referees: RefereeStatistics,
    subsets: Sequence[SubsetRow],
    example: Mapping[str, Any] | None,
    settings: CardSettings,
    published: Published,
    exports: Iterable[str],
) -> str:
    """The text of the card.

    Args:
        manifest: of :func:`taskgalaxy.manifest.manifest`.
        referees: of :func:`taskgalaxy.report.referees.referee_statistics`.
        subsets: of :func:`taskgalaxy.report.subset_table.subset_rows`; those that are published are shown.
        example: a row of ``schemas.DATASET``; ``None`` for a set without any.
        exports: the formats that the run writes.
    """
    config = manifest["config"]
    head = hub_metadata(settings, manifest["license"], manifest["samples"], published)
    return rendered(
        "card.md.jinja",
        {
            "head": Markdown(yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1 << 20)),
            "settings": settings,
            "summary": settings.description or SUMMARY,
            "manifest": manifest,
            "config": config,
            "license_link": license_url(manifest["license"]),
            "licenses": _license_rows(manifest),
            "models": _model_rows(manifest),
            "seeds": manifest["task_type_pool"]["by_origin"].get("seed", 0),
            "thin": THIN,
            "thin_types": manifest["samples_per_task_type"][f"task_types_below_{THIN}"],
            "referees": referees,
            "subsets": [row for row in subsets if row["name"] in published.subsets],
            "exports": sorted(exports),
            "published": published,
            "place": Markdown(published.repository or "path/to/this/folder"),
            "folder": FOLDERS.get(published.export or ""),
            "columns": [(field.name, _type_name(field.type), COLUMNS[field.name]) for field in DATASET.schema],
            "vote_columns": [(field.name, _type_name(field.type), VOTE_COLUMNS[field.name]) for field in VOTE],
            "example": Markdown(_shown(example)) if example else None,
            "limits_of_run": limits_of_run(manifest, referees),
            "limits_of_method": OF_THE_METHOD,
            "citation": Markdown(settings.citation or CITATION),
        },
    )


def _license_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every licence of an image, its samples, and what it demands in words."""
    rows = []
    for license_, samples in manifest["samples_by_license"].items():
        conditions = conditions_of(license_, manifest["config"]["licenses"])
        holds = [] if conditions is None else [name for name, value in vars(conditions).items() if value]
        words = ", ".join(name.replace("_", " ") for name in holds) or "none"
        rows.append({"license": license_, "samples": samples, "conditions": words, "url": license_url(license_)})
    return rows


def _model_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who expanded the task types, by the configuration, and who did the rest, by the samples' provenance."""
    config = manifest["config"]
    expand = config["endpoints"][config["roles"]["expand"]]
    rows = [
        {
            "role": "task types",
            "provider": expand["answers"],
            "model": expand["model"],
            "revision": expand.get("revision"),
            "samples": None,
        }
    ]
    names = {"filter": "filter", "qa": "questions and answers"}
    for row in manifest["models"]:
        named = [row["referee"]] if row["referee"] else endpoints_of(config, row["role"])
        endpoints = [config["endpoints"].get(name, {}) for name in named]
        revisions = [entry.get("revision") for entry in endpoints if entry.get("model") == row["model"]]
        rows.append(
            {
                "role": names.get(row["role"]) or f"referee {row['referee']}",
                "provider": row["provider"],
                "model": row["model"],
                "revision": next(iter(revisions), None),
                "samples": row["samples"],
            }
        )
    return rows


def _type_name(column: pa.DataType) -> str:
    return "list of votes" if column == pa.list_(VOTE) else str(column)


def _shown(row: Mapping[str, Any]) -> str:
    """The row as indented JSON, long texts cut and of the votes only the first."""
    votes = row["votes"]
    short = {**row, "votes": [*votes[:1], *(["…"] if len(votes) > 1 else [])]}
    short = {name: _cut(value) for name, value in short.items()}
    return json.dumps(short, ensure_ascii=False, indent=1)


def _cut(value: Any) -> Any:
    return f"{value[:_LONGEST_TEXT]}…" if isinstance(value, str) and len(value) > _LONGEST_TEXT else value
