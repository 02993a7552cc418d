"""What the Hugging Face Hub reads at the head of a dataset card: YAML with the Hub's own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskgalaxy.licenses import OTHER, UNKNOWN, conditions_of
from taskgalaxy.publish.settings import FOLDERS, CardSettings, Published

_OF_THE_HUB = frozenset(
    "Apache-2.0 BSD-2-Clause BSD-3-Clause CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 "
    "CC-BY-NC-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 "
    "CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 ISC MIT "
    "Unlicense".split()
)
"""Licences of SPDX that the Hub calls by the same name in small letters."""

_OTHERWISE_CALLED = {"C-UDA-1.0": "c-uda", "ODC-By-1.0": "odc-by", "ODbL-1.0": "odbl", "PDDL-1.0": "pddl"}
_CARD = "README.md"
"""Where the terms stand that no licence has a name for."""

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
_NAMES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")


def hub_license(license_: str) -> dict[str, str]:
    """The licence of a set (:func:`taskgalaxy.licenses.license_of_set`) in the Hub's words.

    A licence that the Hub has no name for is ``other``, with its name and a link to its text.
    """
    if license_ == UNKNOWN:
        return {"license": "unknown"}
    if license_ in _OTHERWISE_CALLED:
        return {"license": _OTHERWISE_CALLED[license_]}
    if license_ in _OF_THE_HUB:
        return {"license": license_.lower()}
    name = "several-licenses" if license_ == OTHER else license_.lower()
    return {"license": "other", "license_name": name, "license_link": license_url(license_) or _CARD}


def license_url(license_: str) -> str | None:
    """Where the text of a licence stands that is known by its SPDX identifier; ``None`` for others."""
    return f"https://spdx.org/licenses/{license_}.html" if conditions_of(license_, {}) else None


def size_category(samples: int) -> str:
    """The Hub's name for a set of so many samples."""
    below = dict(zip(_SIZES, _NAMES, strict=True))
    name = next((size for size in _SIZES if samples < size), None)
    if name is None:
        return "n>1B"
    if name == _SIZES[0]:
        return "n<1K"
    return f"{below[name // 10]}<n<{below[name]}"


def hub_metadata(settings: CardSettings, license_: str, samples: int, published: Published) -> dict[str, Any]:
    """The keys at the head of the card, in their order."""
    languages = list(dict.fromkeys(tag.partition("-")[0] for tag in settings.languages))
    precise = [tag for tag in settings.languages if "-" in tag]
    return {
        "pretty_name": settings.pretty_name,
        **hub_license(license_),
        "language": languages,
        **({"language_bcp47": precise} if precise else {}),
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "size_categories": [size_category(samples)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "tags": list(dict.fromkeys(["taskgalaxy", "instruction-tuning", "synthetic", *settings.tags])),
        "configs": hub_configs(published),
    }


def hub_configs(published: Published) -> list[Mapping[str, Any]]:
    """What ``datasets.load_dataset`` can be asked for: the table, the images and the subsets.

    All are Parquet: the library takes the format of the first for that of all, so that tars can be in no list.
    """
    found = [_config("default", "taskgalaxy.parquet")]
    if published.export == "huggingface":
        found.append(_config("images", f"{FOLDERS[published.export]}/*.parquet"))
    return found + [_config(name, f"subsets/{name}.parquet") for name in published.subsets]


def _config(name: str, pattern: str) -> Mapping[str, Any]:
    return {"config_name": name, "data_files": [{"split": "train", "path": pattern}]}
