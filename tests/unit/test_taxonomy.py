"""The taxonomy: YAML in, YAML out, and the pool of task types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.labels import clean_label, label_key
from taskgalaxy.schemas import TASK_TYPES
from taskgalaxy.tables import to_arrow
from taskgalaxy.taxonomy import Taxonomy, check_k, dump_level, load_seeds, merge, nodes_at, task_type_rows, walk

SEEDS = """\
# What people ask about images
OCR:
  chart OCR:
    bar chart OCR:
    line chart OCR:
  receipt OCR:
Detection:
"""


def seeds_file(folder: Path, text: str) -> Path:
    path = folder / "seeds.yaml"
    path.write_bytes(text.encode())
    return path


def test_seeds_keep_their_order_and_depth(tmp_path: Path) -> None:
    taxonomy = load_seeds(seeds_file(tmp_path, SEEDS))
    assert taxonomy == {
        "OCR": {"chart OCR": {"bar chart OCR": {}, "line chart OCR": {}}, "receipt OCR": {}},
        "Detection": {},
    }
    assert list(taxonomy) == ["OCR", "Detection"]


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"),
    [
        ("OCR:\n\tchart OCR:\n", 2, "tab", "two blanks"),
        ("OCR:\n  a:\n  \tb:\n", 3, "tab", "two blanks"),
        ("OCR:\n  a:\n  b:\n  a:\n", 4, "'a' repeats 'a' of line 2 under 'OCR'", "Remove one"),
        ("OCR:\nDetection:\nocr:\n", 3, "'ocr' repeats 'OCR' of line 1", "Remove one"),
        ("OCR:\n'**ocr**.':\n", 2, "repeats 'OCR' of line 1", "Remove one"),
        ("{OCR: , Ocr: }\n", 1, "repeats 'OCR' of line 1", "Remove one"),
        ("OCR:\n  - chart OCR\n", 2, "list stands under 'OCR'", "without its dash"),
        ("- OCR\n", 1, "list stands under the file", "without its dash"),
        ("OCR:\n  a: text\n", 2, "the value 'text' stands under 'a'", "'text:'"),
        ("OCR:\n  chart OCR\n", 2, "the value 'chart OCR' stands under 'OCR'", "'chart OCR:'"),
        ("OCR: 3\n", 1, "the value '3'", "'3:'"),
        ("OCR: ''\n", 1, "the value ''", "on a line of its own"),
        ("OCR\n", 1, "the value 'OCR' stands under the file", "'OCR:'"),
        ("OCR:\n  '':\n", 2, "a label is empty", "before the colon"),
        ("OCR:\n  :\n", 2, "a label is empty", "before the colon"),
        ("OCR:\n  ~:\n", 2, "a label is empty", "before the colon"),
        ("OCR:\n  '***':\n", 2, "no letter or digit", "words"),
        ("OCR~chart OCR:\n", 1, "holds '~'", "'chart OCR:' on a line of its own"),
        ("OCR～chart OCR:\n", 1, "holds '~'", "'chart OCR:'"),
        ("OCR → chart OCR:\n", 1, "holds '~'", "'chart OCR:'"),
        ("OCR~:\n", 1, "holds '~'", "Remove the sign"),
        ("OCR:\n  yes:\n", 2, "'yes' as a truth value", '"yes":'),
        ("2024:\n", 1, "'2024' as a number", '"2024":'),
        ("1.5:\n", 1, "'1.5' as a number", '"1.5":'),
        ("2024-05-01:\n", 1, "as a date", '"2024-05-01":'),
        ("null:\n", 1, "as nothing", '"null":'),
        ("!!python/name:os.system x:\n", 1, "type", "in quotes"),
        ("? [a, b]\n: \n", 1, "a list or a map", "one label per line"),
        ("OCR: &a\n  x:\nB: *a\n", 3, "anchor", "in full"),
        ("OCR: &a\n  x: *a\n", 2, "anchor", "in full"),
        ("&a OCR:\nB:\n  *a :\n", 1, "anchor", "in full"),
        ("OCR: &a\n  x:\nB:\n  <<: *a\n", 4, "merge key", "in full"),
        ("OCR:\n  a\n  b:\n", 3, "not valid YAML", "one label per line"),
        ("OCR: [a\n", 2, "not valid YAML", "one label per line"),
        ("OCR:\n---\nB:\n", 2, "not valid YAML", "one label per line"),
        ("OCR:\n  a\x07b:\n", 2, "U+0007", "Remove"),
    ],
)
def test_a_mistake_in_the_seeds_is_named_with_its_line_and_remedy(
    tmp_path: Path, text: str, line: int, what: str, fix: str
) -> None:
    path = seeds_file(tmp_path, text)
    with pytest.raises(UserError) as caught:
        load_seeds(path)
    assert caught.value.where == f"{path}, line {line}"
    assert what in caught.value.what
    assert fix in caught.value.fix


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}\n", "---\n", "null\n"])
def test_seeds_without_task_types_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="holds no task types"):
        load_seeds(seeds_file(tmp_path, text))


def test_an_unreadable_seeds_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.yaml: cannot be read"):
        load_seeds(tmp_path / "missing.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("Étude:\n".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8"):
        load_seeds(latin)


def test_an_alias_bomb_is_refused_at_its_first_alias(tmp_path: Path) -> None:
    layers = ["a0: &a0\n  x:\n"] + [
        f"a{n}: &a{n}\n" + "".join(f"  k{k}: *a{n - 1}\n" for k in range(9)) for n in range(1, 40)
    ]
    with pytest.raises(UserError, match="line 4: an anchor"):
        load_seeds(seeds_file(tmp_path, "".join(layers)))


def test_a_quoted_word_that_yaml_would_convert_is_a_label(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, '"yes":\n"2024":\n  "null":\n  on screen:\n')
    taxonomy = load_seeds(path)
    assert taxonomy == {"yes": {}, "2024": {"null": {}, "on screen": {}}}
    dump_level(path, taxonomy)
    assert load_seeds(path) == taxonomy


def test_a_level_file_is_cut_readable_and_in_the_shape_of_the_seeds(tmp_path: Path) -> None:
    taxonomy = load_seeds(seeds_file(tmp_path, SEEDS))
    path = tmp_path / "level2.yaml"
    dump_level(path, taxonomy, 2)
    assert path.read_text() == "OCR:\n  chart OCR:\n  receipt OCR:\nDetection:\n"
    dump_level(path, taxonomy, 3)
    assert path.read_text() == SEEDS.partition("\n")[2]


def test_deeper_seeds_come_back_when_a_level_is_merged_with_the_seeds() -> None:
    level: Taxonomy = {"ocr": {"new OCR": {}}, "New": {}}
    seeds: Taxonomy = {"OCR": {"chart OCR": {"bar chart OCR": {}}}, "Detection": {"faces": {}}}
    merged = merge(level, seeds)
    assert merged == {
        "ocr": {"new OCR": {}, "chart OCR": {"bar chart OCR": {}}},
        "New": {},
        "Detection": {"faces": {}},
    }
    assert list(merged) == ["ocr", "New", "Detection"]
    merged["Detection"]["faces"]["mine"] = {}
    assert seeds["Detection"] == {"faces": {}}


def test_the_pool_is_the_sorted_leaves_with_their_origin() -> None:
    seeds: Taxonomy = {"OCR": {"chart OCR": {}}, "Detection": {}}
    taxonomy: Taxonomy = {"OCR": {"chart OCR": {"bar": {}}, "Receipts": {}}, "Detection": {}}
    rows = task_type_rows(taxonomy, seeds)
    assert [(row["task_type"], row["origin"], row["parent"], row["depth"]) for row in rows] == [
        ("Detection", "seed", None, 1),
        ("OCR~Receipts", "expanded", "OCR", 2),
        ("OCR~chart OCR~bar", "expanded", "OCR~chart OCR", 3),
    ]
    everything = task_type_rows(taxonomy, seeds, pool="all")
    assert [(row["task_type"], row["is_leaf"], row["origin"]) for row in everything] == [
        ("Detection", True, "seed"),
        ("OCR", False, "seed"),
        ("OCR~Receipts", True, "expanded"),
        ("OCR~chart OCR", False, "seed"),
        ("OCR~chart OCR~bar", True, "expanded"),
    ]
    assert everything[-1]["levels"] == ["OCR", "chart OCR", "bar"]
    assert to_arrow(everything, TASK_TYPES).num_rows == 5


def test_an_unknown_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="branches"):
        task_type_rows({"OCR": {}}, {}, pool="branches")


def test_more_candidates_than_task_types_name_the_key_and_the_bound() -> None:
    check_k(10, 10)
    with pytest.raises(UserError, match=r"match\.k: is 11, but the pool holds 10 task types\. Lower match\.k to 10"):
        check_k(11, 10)


def test_nodes_of_a_level_come_in_the_order_of_the_tree() -> None:
    taxonomy: Taxonomy = {"B": {"z": {}, "a": {}}, "A": {"m": {}}}
    assert [levels for levels, _ in nodes_at(taxonomy, 2)] == [("B", "z"), ("B", "a"), ("A", "m")]
    assert nodes_at(taxonomy, 0) == [((), taxonomy)]
    assert nodes_at(taxonomy, 3) == []


labels = st.one_of(st.text(max_size=20), st.sampled_from(["yes", "No", "1", "1e3", "null", "=", "<<", "a: b", "#x"]))
label_lists = st.lists(
    labels.map(clean_label).filter(lambda label: label and "~" not in label), max_size=4, unique_by=label_key
)


@st.composite
def taxonomies(draw: st.DrawFn, depth: int = 3) -> Taxonomy:
    return {label: draw(taxonomies(depth - 1)) if depth > 1 else {} for label in draw(label_lists)}


@given(taxonomies())
def test_what_is_written_loads_back_equal(tmp_path_factory: pytest.TempPathFactory, taxonomy: Taxonomy) -> None:
    path = tmp_path_factory.mktemp("taxonomy") / "level3.yaml"
    dump_level(path, taxonomy)
    if taxonomy:
        assert list(walk(load_seeds(path))) == list(walk(taxonomy))


@given(taxonomies(), taxonomies())
def test_merging_loses_and_doubles_no_node(first: Taxonomy, second: Taxonomy) -> None:
    def keys(taxonomy: Taxonomy) -> list[tuple[str, ...]]:
        return [tuple(label_key(label) for label in levels) for levels, _ in walk(taxonomy)]

    merged = keys(merge(first, second))
    assert len(merged) == len(set(merged))
    assert set(merged) == {*keys(first), *keys(second)}


def test_errors_name_the_file_first(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, "OCR:\n  - a\n")
    with pytest.raises(UserError, match=re.escape(f"{path}, line 2: a list stands")):
        load_seeds(path)
