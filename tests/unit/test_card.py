"""The card says what the files of a run say, with the Hub's head before it and what is doubtful behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard

import published_set
from published_set import ANSWERS, CONFIG, manifest_of, sample, settings, statistics
from taskgalaxy.publish.card import card
from taskgalaxy.publish.columns import COLUMNS, VOTE_COLUMNS
from taskgalaxy.publish.hub_metadata import hub_license, license_url, size_category
from taskgalaxy.publish.limits import limits_of_run
from taskgalaxy.publish.settings import Published
from taskgalaxy.schemas import DATASET, VOTE
from taskgalaxy.tables import to_frame

SUBSETS = [
    {"name": "cap-5", "samples": 2, "task_types": 2, "images": 2},
    {"name": "elsewhere", "samples": 1, "task_types": 1, "images": 1},
]

PUBLISHED = Published(None, "huggingface", ["cap-5"])


def written(
    manifest: dict[str, Any] | None = None,
    published: Published = PUBLISHED,
    exports: tuple[str, ...] = ("llava",),
    **changes: Any,
) -> str:
    manifest = manifest or manifest_of()
    example = published_set.dataset().to_dicts()[0] if manifest["samples"] else None
    return card(manifest, statistics(), SUBSETS, example, settings(**changes), published, exports)


def head(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_head_is_what_the_hub_reads() -> None:
    text = written(languages=["en", "pt-BR"], tags=["synthetic", "mine"])
    found = head(text)
    assert found["license"] == "cc-by-4.0"
    assert found["language"] == ["en", "pt"]
    assert found["language_bcp47"] == ["pt-BR"]
    assert found["task_categories"] == ["visual-question-answering", "image-text-to-text"]
    assert found["size_categories"] == ["n<1K"]
    assert found["tags"] == ["taskgalaxy", "instruction-tuning", "synthetic", "mine"]
    assert DatasetCard(text).data.to_dict()["pretty_name"] == found["pretty_name"] == "TaskGalaxy-style instructions"


def test_configurations_are_the_table_the_images_and_the_subsets() -> None:
    def paths(published: Published) -> dict[str, str]:
        return {
            each["config_name"]: each["data_files"][0]["path"] for each in head(written(None, published))["configs"]
        }

    subsets = {"cap-5": "subsets/cap-5.parquet"}
    table = {"default": "taskgalaxy.parquet"}
    assert paths(Published(None, "huggingface", ["cap-5"])) == table | {"images": "images/*.parquet"} | subsets
    assert paths(Published(None, "webdataset", [])) == paths(Published(None, None, [])) == table


@pytest.mark.parametrize(
    ("license_", "expected"),
    [
        ("CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("ODC-By-1.0", {"license": "odc-by"}),
        ("unknown", {"license": "unknown"}),
        ("other", {"license": "other", "license_name": "several-licenses", "license_link": "README.md"}),
        (
            "LicenseRef-lab",
            {"license": "other", "license_name": "licenseref-lab", "license_link": "README.md"},
        ),
        (
            "0BSD",
            {"license": "other", "license_name": "0bsd", "license_link": "https://spdx.org/licenses/0BSD.html"},
        ),
    ],
)
def test_a_licence_has_the_hub_s_name_or_is_other_with_a_link(license_: str, expected: dict[str, str]) -> None:
    assert hub_license(license_) == expected


@pytest.mark.parametrize(
    ("samples", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (413_648, "100K<n<1M"), (1_000_000, "1M<n<10M"), (10**9, "n>1B")],
)
def test_the_size_has_the_hub_s_name(samples: int, category: str) -> None:
    assert size_category(samples) == category


def test_every_column_is_explained() -> None:
    assert list(COLUMNS) == DATASET.schema.names
    assert list(VOTE_COLUMNS) == [field.name for field in VOTE]
    text = written()
    assert all(f"\n| `{name}` |" in text for name in (*COLUMNS, *VOTE_COLUMNS))


def test_the_example_is_a_row_of_the_set() -> None:
    shown = json.loads(written().split("```json\n")[1].split("\n```")[0])
    row = published_set.dataset().to_dicts()[0]
    assert shown | {"votes": row["votes"]} == row
    assert shown["votes"] == [row["votes"][0], "…"]


def test_sources_models_funnel_digests_and_referees_stand_in_tables() -> None:
    text = written()
    for line in (
        "| two | MIT | 1 | 1 |",
        "| [MIT](https://spdx.org/licenses/MIT.html) | 2 | attribution |",
        "| 2 | 2 |",
        "| qa | kept task types | 5 | 4 | no pair 1 |",
        "| task types | recorded | `maker-1` |  |  |",
        f"| referee first | openai | `judge-1` | `{CONFIG['endpoints']['first']['revision']}` | 3 |",
        f"| prompt qa | `{'cd' * 32}` |",
        "| first | 8 | 5 | 0 |",
        "| `cap-5` | 2 | 2 | 2 |",
    ):
        assert f"\n{line}\n" in text
    assert "elsewhere" not in text


def test_every_generator_s_model_has_a_line_of_its_own() -> None:
    config = {**CONFIG, "roles": {**CONFIG["roles"], "qa": ["maker", "second"]}}
    dataset = published_set.dataset(sample("a"), sample("b"), sample("c", qa_model="judge-2"))
    text = written({**manifest_of(dataset), "config": {**manifest_of()["config"], "roles": config["roles"]}})
    assert "\n| questions and answers | openai | `judge-2` |  | 1 |\n" in text
    assert "\n| questions and answers | openai | `maker-1` |  | 2 |\n" in text


def test_the_answers_are_dated_and_have_a_digest_where_there_are_any() -> None:
    text = written()
    assert "12 recorded answers, the first of 2026-01-02 and the last of\n2026-02-03" in text
    assert ANSWERS["sha256"] in text
    none = {"named": 0, "recorded": 0, "sha256": None, "first": None, "last": None}
    assert "No recorded answers" in written(manifest_of(answers=none))


def test_what_the_user_says_stands_on_it_and_what_nobody_said_does_not() -> None:
    plain = written()
    for words in ("home page", "contact", "| creator", "published |", "None"):
        assert words not in plain
    text = written(
        pretty_name="Pictures | and *more*",
        description="Mine.",
        version="2.1.0",
        date_published="2026-11-30",
        creators=[{"name": "A|B", "organization": True, "url": "https://example.org/a_b"}],
        contact="me_and_you@example.org",
        url="https://example.org",
        citation="@misc{mine}",
    )
    assert "# Pictures \\| and \\*more\\*\n\nMine.\n" in text
    assert "| creator | [A\\|B](https://example.org/a\\_b) |" in text
    assert "| version | 2.1.0 |\n| published | 2026-11-30 |" in text
    assert "me\\_and\\_you@example.org" in text
    assert "```bibtex\n@misc{mine}\n```" in text
    assert "2502.09925" in plain
    assert "2502.09925" not in text


def test_it_is_loaded_from_where_it_was_pushed_to() -> None:
    text = written(None, Published("somebody/some_pictures", "huggingface", []))
    assert 'load_dataset("somebody/some_pictures", "images", split="train")' in text
    home = written(None, Published(None, None, []))
    assert '"images", split' not in home
    assert "The images themselves are not part of what is published" in home


@pytest.mark.parametrize("name", ["a|b", "*a*", "a`b", "<b>", "a\nb", "# a"])
def test_a_source_called_anything_breaks_no_table(name: str) -> None:
    samples = to_frame([sample("a", source=name, image=f"{name}.png", question=f"{name}?\n```\n")], DATASET)
    example = samples.to_dicts()[0]
    text = card(manifest_of(samples), statistics(), [], example, settings(), Published(None, None, []), [])
    ordinary = written(manifest_of(to_frame([sample("a")], DATASET)), Published(None, None, []), ())
    assert text.count("\n") == ordinary.count("\n")
    assert text.count("\n```") == ordinary.count("\n```")
    row = text.split("| source | licence | samples | images |\n| --- | --- | ---: | ---: |\n")[1].split("\n")[0]
    assert row.replace("\\|", "").count("|") == 5


def test_a_card_of_an_empty_set_is_no_error() -> None:
    text = written(manifest_of(to_frame([], DATASET)))
    assert head(text)["license"] == "unknown"
    assert "An example" not in text


def test_a_set_without_fault_has_no_limits_of_its_own_but_that_its_types_are_thin() -> None:
    assert [limit.partition(":")[0] for limit in limits_of_run(manifest_of(), statistics())] == [
        "2 of 2 task types have fewer than 10 samples"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"providers": ["embedded", "openai"]}, "This is not training data."),
        ({"license": "unknown"}, "Nobody knows under which licence"),
        ({"license": "other"}, "No single licence"),
        ({"answers": ANSWERS | {"recorded": 10}}, "Of the 12 recorded answers that the set was made of, 2 were not"),
        (
            {"models": [{"role": "qa", "provider": "openai", "model": "m"}, {"role": "referee", "model": "m"}]},
            "m voted on questions that it had written itself.",
        ),
    ],
)
def test_what_the_manifest_tells_against_the_set_is_said(changes: dict[str, Any], words: str) -> None:
    assert any(words in limit for limit in limits_of_run(manifest_of() | changes, statistics()))


def test_referees_that_agree_by_chance_miss_votes_or_do_not_see_the_answer_are_a_limit() -> None:
    found = "\n".join(limits_of_run(manifest_of(), statistics(*((1, 0), (0, 1), (1, 1), (0, 0), (None, 1)))))
    assert "hardly more often than by chance (Fleiss' kappa 0.000)" in found
    assert "1 votes are missing; a missing vote counts as no." in found
    referee = {**CONFIG["referee"], "sees_answer": False}
    assert "not the answer" in limits_of_run(manifest_of(referee=referee), statistics())[0]


def test_licence_texts_are_linked_where_spdx_has_them() -> None:
    assert license_url("CC-BY-4.0") == "https://spdx.org/licenses/CC-BY-4.0.html"
    for license_ in ("LicenseRef-lab", "our-terms", "other", "unknown"):
        assert license_url(license_) is None
