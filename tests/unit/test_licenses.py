"""Licences: what is not known is never allowed, and a set has the conditions of all its images."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.licenses import (
    Conditions,
    check_licenses,
    commercial_licenses,
    conditions_of,
    license_of_set,
)

DESCRIBED = {"LicenseRef-web": {"unknown": True}, "LicenseRef-gift": {}, "LicenseRef-lab": {"noncommercial": True}}
CONDITIONS = ("attribution", "noncommercial", "share_alike", "no_derivatives")
KNOWN = ("CC0-1.0", "MIT", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0", "CC-BY-NC-SA-4.0", "ODbL-1.0")
licenses = st.sets(st.sampled_from([*KNOWN, "CC-BY-ND-4.0", *DESCRIBED]), min_size=1)


@pytest.mark.parametrize(
    ("license_", "conditions"),
    [
        ("CC0-1.0", Conditions()),
        ("Apache-2.0", Conditions(attribution=True)),
        ("CC-BY-2.0", Conditions(attribution=True)),
        ("CC-BY-NC-4.0", Conditions(attribution=True, noncommercial=True)),
        ("CC-BY-NC-SA-3.0-IGO", Conditions(attribution=True, noncommercial=True, share_alike=True)),
        ("CC-BY-ND-2.5", Conditions(attribution=True, no_derivatives=True)),
        ("LicenseRef-lab", Conditions(noncommercial=True)),
        ("CC-BY", None),
        ("CC-BY-NC-4.0 ", None),
        ("Flickr", None),
    ],
)
def test_conditions_of_a_licence(license_: str, conditions: Conditions | None) -> None:
    assert conditions_of(license_, DESCRIBED) == conditions


@pytest.mark.parametrize(
    ("of_images", "of_set"),
    [
        # The paper's four families.
        (["Apache-2.0", "CC-BY-4.0", "Apache-2.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["MIT"], "MIT"),
        (["CC0-1.0", "CC-PDM-1.0"], "CC0-1.0"),
        (["CC0-1.0", "MIT"], "CC-BY-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0", "MIT"], "CC-BY-SA-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "other"),
        (["CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-SA-4.0", "ODbL-1.0"], "other"),
        (["CC-BY-SA-4.0", "CC-BY-ND-4.0"], "other"),
        (["CC-BY-ND-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-ND-4.0"),
        (["CC0-1.0", "LicenseRef-gift"], "CC0-1.0"),
        (["CC0-1.0", "LicenseRef-web"], "unknown"),
        (["CC0-1.0", "Flickr"], "unknown"),
        (["LicenseRef-web"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_licence_of_a_set(of_images: list[str], of_set: str) -> None:
    assert license_of_set(of_images, DESCRIBED) == of_set


@given(licenses)
def test_no_condition_of_an_image_gets_lost(of_images: set[str]) -> None:
    of_set = conditions_of(license_of_set(of_images, DESCRIBED), DESCRIBED)
    if of_set is None:
        return
    for license_ in of_images:
        each = conditions_of(license_, DESCRIBED)
        assert each is not None
        assert not each.unknown
        assert all(getattr(of_set, name) >= getattr(each, name) for name in CONDITIONS)


@given(licenses)
def test_commercial_use_is_allowed_where_it_is_known_to_be(of_images: set[str]) -> None:
    allowed = commercial_licenses(of_images, DESCRIBED)
    assert set(allowed) == {
        each for each in of_images if "-NC" not in each and each not in ("LicenseRef-web", "LicenseRef-lab")
    }
    assert commercial_licenses(["Flickr"], DESCRIBED) == []


def config(**source: Any) -> dict[str, Any]:
    return {"sources": {"one": {"license": "MIT", "licenses": {}, **source}}, "licenses": DESCRIBED}


def test_a_licence_that_is_not_known_is_refused_before_any_work() -> None:
    check_licenses(config(licenses={"*.png": "LicenseRef-web"}))
    with pytest.raises(UserError, match=r"sources\.one\.license: nothing is known of the licence Flickr\. .*Flickr: {"):
        check_licenses(config(license="Flickr"))
    with pytest.raises(UserError, match=r"sources\.one\.licenses\.\*\.png: nothing is known of the licence free"):
        check_licenses(config(licenses={"*.png": "free"}))
