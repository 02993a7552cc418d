"""What the images' licences demand, and what follows for a set of them (paper, appendix A.5).

A licence is named by its SPDX identifier; of it four conditions are known. Nothing here is legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from taskgalaxy.errors import UserError

UNKNOWN = "unknown"
OTHER = "other"


@dataclass(frozen=True)
class Conditions:
    """What a licence demands.

    Attributes:
        attribution: the author is to be named.
        noncommercial: commercial use is not allowed.
        share_alike: what is made of it has to be under the same licence.
        no_derivatives: it may not be passed on changed.
        unknown: nobody knows, which a user has said in the configuration.
    """

    attribution: bool = False
    noncommercial: bool = False
    share_alike: bool = False
    no_derivatives: bool = False
    unknown: bool = False


_FREE = Conditions()
_NAMED = Conditions(attribution=True)
_SHARED = Conditions(attribution=True, share_alike=True)
_KNOWN: Mapping[str, Conditions] = {
    "0BSD": _FREE,
    "CC-PDDC": _FREE,
    "CC-PDM-1.0": _FREE,
    "CC0-1.0": _FREE,
    "PDDL-1.0": _FREE,
    "Unlicense": _FREE,
    "Apache-2.0": _NAMED,
    "BSD-2-Clause": _NAMED,
    "BSD-3-Clause": _NAMED,
    "C-UDA-1.0": _NAMED,
    "CDLA-Permissive-1.0": _NAMED,
    "CDLA-Permissive-2.0": _NAMED,
    "ISC": _NAMED,
    "MIT": _NAMED,
    "ODC-By-1.0": _NAMED,
    "CDLA-Sharing-1.0": _SHARED,
    "ODbL-1.0": _SHARED,
}
_CREATIVE_COMMONS = re.compile(r"(CC-BY(-NC)?(-SA|-ND)?)-[1-4]\.[05](-[A-Z]{2,4})?")

Described = Mapping[str, Mapping[str, bool]]
"""The configuration's ``licenses``: identifier -> the conditions that hold."""


def conditions_of(license_: str, described: Described) -> Conditions | None:
    """What a licence demands; ``None`` if it is neither known nor described."""
    if license_ in described:
        return Conditions(**described[license_])
    match = _CREATIVE_COMMONS.fullmatch(license_)
    if match:
        return Conditions(True, match[2] is not None, match[3] == "-SA", match[3] == "-ND")
    return _KNOWN.get(license_)


def check_licenses(config: Mapping[str, Any]) -> None:
    """Refuse a source with a licence of which nothing is known: it might allow anything, or nothing.

    Raises:
        UserError: naming the key.
    """
    for name, source in config["sources"].items():
        named = [(f"sources.{name}.license", source["license"])]
        named += [(f"sources.{name}.licenses.{pattern}", each) for pattern, each in source["licenses"].items()]
        for key, license_ in named:
            if conditions_of(license_, config["licenses"]) is None:
                raise UserError(
                    f"config, {key}",
                    f"nothing is known of the licence {license_}",
                    f"name one by its SPDX identifier, or say what holds of it under licenses, such as "
                    f"{license_}: {{noncommercial: true}}, or {{unknown: true}}",
                )


def commercial_licenses(licenses: Iterable[str], described: Described) -> list[str]:
    """Those that are known to allow commercial use."""
    found = {license_: conditions_of(license_, described) for license_ in licenses}
    return sorted(license_ for license_, each in found.items() if each and not each.noncommercial and not each.unknown)


def license_of_set(licenses: Iterable[str], described: Described) -> str:
    """The licence under which images of these licences can be passed on together.

    That is the one that all have; or else the public domain (CC0-1.0), or the licence of Creative Commons, version 4.0,
    with all their conditions. ``other`` where none meets them: of works to be shared alike under different licences, or
    shared alike and not changed. ``unknown`` as soon as one is, or there is none.
    """
    distinct = sorted(set(licenses))
    found = [conditions_of(license_, described) for license_ in distinct]
    known = [each for each in found if each is not None and not each.unknown]
    if not known or len(known) < len(found):
        return UNKNOWN
    if len(distinct) == 1:
        return distinct[0]
    commercial = "" if not any(each.noncommercial for each in known) else "-NC"
    unchanged = "" if not any(each.no_derivatives for each in known) else "-ND"
    shared = [license_ for license_, each in zip(distinct, known, strict=True) if each.share_alike]
    if shared:
        families = {match[1] if (match := _CREATIVE_COMMONS.fullmatch(each)) else each for each in shared}
        wanted = f"CC-BY{commercial}-SA"
        return f"{wanted}-4.0" if families == {wanted} and not unchanged else OTHER
    if commercial or unchanged or any(each.attribution for each in known):
        return f"CC-BY{commercial}{unchanged}-4.0"
    return "CC0-1.0"
