"""What people saved is read back, and one message says what is wrong with a file that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audits import saved, write_saved
from taskgalaxy.audit.judgements import Judgement, read_judgements
from taskgalaxy.errors import UserError

IDS = {"a", "b", "c"}


def read(*paths: Path) -> Any:
    return read_judgements(paths, "digest", IDS, "judgements")


def test_files_are_read_in_the_order_of_names_and_may_leave_out_pairs(tmp_path: Path) -> None:
    zoe = saved("Zoë", "digest", {"b": ("no", None)})
    first, second = (
        write_saved(tmp_path / "1.json", zoe),
        write_saved(tmp_path / "2.json", saved(" amy ", "digest", {"a": ("yes", "unsure"), "c": (None, None)})),
    )
    amy, zoe_read = read(first, second)
    assert (amy.name, zoe_read.name) == ("amy", "Zoë")
    assert zoe_read.judgements == {"b": Judgement("no", None, "", False)}
    assert amy.judgements["a"] == Judgement("yes", "unsure", "", False)


def row(**fields: Any) -> dict[str, Any]:
    return {"sample_id": "a", "suits": "yes", "right": None, "comment": "", "saw_votes": False, **fields}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "holds no judgements of an audit"),
        (saved("amy", "digest", {}, kind="other"), "holds no judgements of an audit"),
        (saved("  ", "digest", {}), "lacks the judge's name"),
        (saved("amy", "digest", {}, judgements={}), "lacks the judge's name or the list"),
        (saved("amy", "0123456789abcdef", {}), "is about another draw (0123456789ab; "),
        (saved("amy", "digest", {"x": ("yes", None)}), "judges x, which was not drawn"),
        (saved("amy", "digest", {}, judgements=[row(), row()]), "judges a twice"),
        (saved("amy", "digest", {}, judgements=["a"]), "judgement 1: has not the fields"),
        (saved("amy", "digest", {}, judgements=[row(), {"sample_id": "b"}]), "judgement 2: has not the fields"),
        (saved("amy", "digest", {}, judgements=[row(comment=None)]), "a value of the wrong type"),
        (saved("amy", "digest", {}, judgements=[row(sample_id=1)]), "a value of the wrong type"),
        (saved("amy", "digest", {}, judgements=[row(saw_votes=1)]), "a value of the wrong type"),
        (saved("amy", "digest", {}, judgements=[row(suits=1)]), "has 1 as suits"),
        (saved("amy", "digest", {}, judgements=[row(suits=["yes"])]), "has ['yes'] as suits"),
        (saved("amy", "digest", {}, judgements=[row(right="maybe")]), "has 'maybe' as right"),
        (saved("amy", "digest", {"a": ("no", "yes")}), "judges the answer of a question that does not suit"),
    ],
)
def test_a_file_that_the_page_did_not_save_for_this_draw_is_refused(content: Any, words: str, tmp_path: Path) -> None:
    path = write_saved(tmp_path / "judgements-amy.json", content)
    with pytest.raises(UserError) as told:
        read(path)
    assert str(path) in str(told.value)
    assert words in str(told.value)


def test_two_files_of_one_name_are_refused_and_both_named(tmp_path: Path) -> None:
    paths = [write_saved(tmp_path / f"{n}.json", saved(name, "digest", {})) for n, name in enumerate(("Amy", "amy "))]
    with pytest.raises(UserError, match=r"0\.json") as told:
        read(*paths)
    assert "1.json" in str(told.value)


def test_a_folder_without_files_says_where_to_begin() -> None:
    with pytest.raises(UserError, match=r"judgements: holds no saved judgements. Open results/report/audit.html"):
        read()
