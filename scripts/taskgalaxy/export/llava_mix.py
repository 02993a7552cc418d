"""LLaVA's training JSON of an existing mix and this set together, as the paper trains on (section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import ijson

from taskgalaxy.errors import UserError
from taskgalaxy.export.conversation import MIX_FOLDER
from taskgalaxy.export.llava import llava_record
from taskgalaxy.files import write_json_list


def write_llava_mix(path: Path | str, mix: Path | str, samples: Iterable[Mapping[str, Any]]) -> None:
    """Write the records of ``mix`` and then the samples as one JSON list, in memory bounded by one record and the ids.

    Records stay as they are, but for ``image``, which the name of the mix's folder is put before, and for an id that
    another record has already, which gets a number behind it: known mixes repeat their own.

    Raises:
        UserError: if ``mix`` is no JSON list of LLaVA's records, naming the record.
    """
    write_json_list(path, _with_unique_ids(chain(_read_mix(mix), map(llava_record, samples))))


def _read_mix(path: Path | str) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with Path(path).open("rb") as file:
            for number, record in enumerate(ijson.items(file, "item", use_float=True), start=1):
                if not isinstance(record, dict) or not isinstance(record.get("conversations"), list):
                    raise _no_mix(path, f"record {number} has no list of conversations")
                image = record.get("image")
                if isinstance(image, str):
                    record["image"] = f"{MIX_FOLDER}/{image}"
                elif image is not None:
                    raise _no_mix(path, f"the image of record {number} is no path")
                yield record
    except ijson.JSONError as error:
        raise _no_mix(path, f"is not JSON after record {number} ({error})") from error
    if not number:
        raise _no_mix(path, "is no list of records")


def _no_mix(path: Path | str, problem: str) -> UserError:
    return UserError(str(path), problem, "name a JSON list as LLaVA trains on, such as llava_v1_5_mix665k.json")


def _with_unique_ids(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    repeated: Counter[str] = Counter()
    for record in records:
        wanted = name = str(record.get("id", "no-id"))
        while name in seen:
            repeated[wanted] += 1
            name = f"{wanted}-{repeated[wanted]}"
        seen.add(name)
        yield {**record, "id": name}
