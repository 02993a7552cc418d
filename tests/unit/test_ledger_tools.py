"""What the command for ledgers promises: damage is found, sums are right, and nothing is lost on the way."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.ledger_tools import parquet as ledger_parquet
from taskgalaxy.ledger_tools.parquet import Added, Incoming, add, export_ledger, import_parquet, merge
from taskgalaxy.ledger_tools.stats import Group, Stats, stats, stats_table
from taskgalaxy.ledger_tools.verify import verify
from taskgalaxy.llm.ledger import ENTRY, Ledger, answer_record, question_record
from taskgalaxy.llm.request import Reply, Request

COMMAND = Path(__file__).parents[2] / "scripts" / "ledger.py"
PARAMETERS = {"temperature": 0.0, "max_tokens": 16}
EARLY, LATE = "2026-01-01T00:00:00.000+00:00", "2026-02-02T12:34:56.789+00:00"
HALF = "\ud83d"


def make_record(
    number: int, stage: str = "filter", model: str = "model", at: str = EARLY, **reply: Any
) -> dict[str, Any]:
    """The record of question ``number``; ``reply`` replaces fields of its reply."""
    request = Request(stage, f"question {number}, née “é”", prompt="digest", turns=(("what", "again"),))
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    fields = {"text": f"answer {number}", "finish_reason": "stop", "model": "served", "usage": usage, "usd": 0.25}
    question = question_record(request, request.key(model, PARAMETERS), model, PARAMETERS)
    return answer_record(question, Reply(**{**fields, "seconds": 2.0, "raw": {"id": number}, **reply})) | {"at": at}


def fill(folder: Path, records: list[dict[str, Any]], name: str = "mine-00000") -> Path:
    """Add ``records``, all of one stage; returns their file."""
    stage = records[0]["stage"]
    with Ledger(folder).writer(stage, name) as writer:
        writer.append(records)
    return writer.path


def make(folder: Path, numbers: range, name: str = "mine-00000") -> Path:
    return fill(folder, [make_record(number) for number in numbers], name)


def lines(folder: Path) -> list[bytes]:
    return sorted(line for path in Ledger(folder).files() for line in path.read_bytes().splitlines(keepends=True))


def answers(folder: Path, numbers: range) -> dict[str, Reply]:
    return Ledger(folder).find("filter", [make_record(number)["key"] for number in numbers])


def told(folder: Path) -> tuple[int, str]:
    """What verify returns and says."""
    said: list[str] = []
    return verify(Ledger(folder), said.append), "\n".join(said)


def ignore(text: str) -> None:
    """Takes what somebody would be told."""


def export(folder: Path, path: Path) -> ledger_parquet.Exported:
    return export_ledger(Ledger(folder), path, ignore)


def bring(folder: Path, path: Path) -> Added:
    return import_parquet(Ledger(folder), path, ignore)


# verify


def test_a_clean_ledger_is_found_sound(tmp_path: Path) -> None:
    make(tmp_path, range(5))
    make(tmp_path, range(3, 7), "mine-00001")
    damages, text = told(tmp_path)
    assert damages == 0
    assert f"{tmp_path}/filter/mine-00000.jsonl: 5 answers to 5 questions\n" in text
    assert "filter: 9 answers to 7 questions, 2 of them answered more than once (the earliest counts)" in text
    assert "2 files, 0 notes: nothing is damaged" in text


def damage_text(line: bytes) -> bytes:
    return line.replace(b"question 2", b"quesuion 2")


def damage_parameters(line: bytes) -> bytes:
    return line.replace(b'"max_tokens":16', b'"max_tokens":17')


def damage_key(line: bytes) -> bytes:
    return line.replace(b'"key":"', b'"key":"0')


def damage_json(line: bytes) -> bytes:
    return line.replace(b'"stage":', b'"stage";')


def damage_number(line: bytes) -> bytes:
    return line.replace(b'"usd":0.25', b'"usd":NaN ')


def damage_utf8(line: bytes) -> bytes:
    return line.replace("é".encode(), b"\xed\xa0\xbd")


def damage_zeros(line: bytes) -> bytes:
    return bytes(len(line) - 1) + b"\n"


def damage_empty(line: bytes) -> bytes:
    return b"\n"


def damage_list(line: bytes) -> bytes:
    return b"[1]\n"


def damage_field(line: bytes) -> bytes:
    return line.replace(b'"raw":', b'"rbw":')


def damage_stage(line: bytes) -> bytes:
    return line.replace(b'"stage":"filter"', b'"stage":"filler"')


def damage_reply(line: bytes) -> bytes:
    return line.replace(b'"finish_reason":', b'"finish_season":')


def damage_usage(line: bytes) -> bytes:
    return line.replace(b'"prompt_tokens":10', b'"prompt_tokens":-1')


def damage_usd(line: bytes) -> bytes:
    return line.replace(b'"usd":0.25', b'"usd":"25"')


def damage_price(line: bytes) -> bytes:
    return line.replace(b'"usd":0.25', b'"usd":-2.5')


def damage_reason(line: bytes) -> bytes:
    return line.replace(b'"finish_reason":"stop"', b'"finish_reason":"\\ud83d"')


def damage_time(line: bytes) -> bytes:
    return line.replace(b'"at":"2026-', b'"at":"2O26-')


def damage_zone(line: bytes) -> bytes:
    return line.replace(b"+00:00", b"+01:00")


def damage_depth(line: bytes) -> bytes:
    return b"[" * 100_000 + b"\n"


DAMAGES = [
    (damage_text, "its key is not that of its question"),
    (damage_parameters, "its key is not that of its question"),
    (damage_key, "its key is not that of its question"),
    (damage_json, "it is not JSON"),
    (damage_number, "it is not JSON"),
    (damage_utf8, "it is not JSON"),
    (damage_zeros, "it is not JSON"),
    (damage_empty, "it is not JSON"),
    (damage_depth, "it is not JSON"),
    (damage_list, "it is not a JSON object"),
    (damage_field, "it lacks raw"),
    (damage_stage, "its stage is 'filler', not that of its folder"),
    (damage_reply, "its reply cannot be read"),
    (damage_reason, "its reply cannot be read"),
    (damage_usd, "its reply cannot be read"),
    (damage_usage, "its token counts cannot be read"),
    (damage_price, "its reply cannot have cost -2.5 US dollars"),
    (damage_time, "its time '2O26-01-01T00:00:00.000+00:00' cannot be read"),
    (damage_zone, "its time is not in UTC"),
]


@pytest.mark.parametrize(("damage", "what"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_damage_is_found_and_named_with_file_and_byte(tmp_path: Path, damage: Any, what: str) -> None:
    path = make(tmp_path, range(5))
    sound = path.read_bytes().splitlines(keepends=True)
    damaged = damage(sound[2])
    assert damaged != sound[2]
    path.write_bytes(b"".join([*sound[:2], damaged, *sound[3:]]))
    damages, text = told(tmp_path)
    assert damages >= 1
    assert f"{path}: byte {len(sound[0]) + len(sound[1])}: DAMAGED: {what}" in text
    assert f"{path}: 4 answers to 4 questions" in text


def test_a_file_in_the_folder_of_another_stage_is_damage(tmp_path: Path) -> None:
    path = make(tmp_path, range(3))
    (tmp_path / "qa").mkdir()
    path.rename(tmp_path / "qa" / path.name)
    damages, text = told(tmp_path)
    assert damages == 3
    assert "its stage is 'filter', not that of its folder" in text


@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_torn_last_line_is_reported_and_is_no_damage(tmp_path: Path, kept: int) -> None:
    path = make(tmp_path, range(3))
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(path.read_bytes()[:kept])
    damages, text = told(tmp_path)
    assert damages == 0
    assert (f"{path}: byte {size}: a torn last line of {kept} bytes, which the next writer cuts" in text) == (kept > 0)
    assert "3 answers to 3 questions" in text


def test_an_index_that_lags_behind_or_is_missing_is_no_damage(tmp_path: Path) -> None:
    index = make(tmp_path, range(5)).with_suffix(".index")
    os.truncate(index, 3 * ENTRY.itemsize + 7)
    assert "its index lacks the last 2 records" in told(tmp_path)[1]
    assert told(tmp_path)[0] == 0
    index.unlink()
    assert "has no index yet" in told(tmp_path)[1]
    assert told(tmp_path)[0] == 0


@pytest.mark.parametrize("byte", [0, 31, 32, 40, 44, 51])
def test_an_index_that_contradicts_the_records_is_damage(tmp_path: Path, byte: int) -> None:
    index = make(tmp_path, range(5)).with_suffix(".index")
    data = bytearray(index.read_bytes())
    data[ENTRY.itemsize + byte] ^= 1
    index.write_bytes(data)
    damages, text = told(tmp_path)
    assert damages == 1
    assert f"{index}: byte {ENTRY.itemsize}: DAMAGED: from here on the index contradicts the records" in text


def test_records_that_only_the_index_still_knows_are_lost_and_so_damage(tmp_path: Path) -> None:
    path = make(tmp_path, range(5))
    os.truncate(path, path.stat().st_size - 10)
    damages, text = told(tmp_path)
    assert damages == 1
    assert "the index knows 1 record more than the file holds: answers were lost" in text


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_reading_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    make(folder, range(5)).with_suffix(".index").unlink()
    path = make(folder, range(5), "torn")
    os.truncate(path, path.stat().st_size - 10)
    before = snapshot(folder)
    verify(Ledger(folder), ignore)
    stats(Ledger(folder))
    export(folder, tmp_path / "out.parquet")
    merge(Ledger(tmp_path / "other"), Ledger(folder), ignore)
    assert snapshot(folder) == before


# stats


def test_stats_add_up_by_stage_and_model(tmp_path: Path) -> None:
    some = [make_record(1), make_record(1, at=LATE, seconds=None), make_record(2, finish_reason="length", seconds=6.0)]
    fill(tmp_path, some, "a")
    fill(tmp_path, [make_record(2), make_record(3, usd=None, usage={})], "b")
    fill(tmp_path, [make_record(1, model="other", usd=None, finish_reason="refusal")], "c")
    fill(tmp_path, [make_record(1, stage="qa", usd=1e-9, at=LATE)])
    found = stats(Ledger(tmp_path))
    groups = {(group.stage, group.model): group for group in found.groups}
    assert list(groups) == [("filter", "model"), ("filter", "other"), ("qa", "model")]
    assert groups["filter", "model"].to_json() == {
        "stage": "filter",
        "model": "model",
        "answers": 5,
        "questions": 3,
        "finish_reasons": {"length": 1},
        "prompt_tokens": 40,
        "completion_tokens": 8,
        "usd": 1.0,
        "answers_with_price": 4,
        "mean_seconds": 3.0,
        "first": EARLY,
        "last": LATE,
    }
    assert groups["filter", "other"].usd is None
    assert (found.total.answers, found.total.questions, found.total.usd) == (7, 5, 1.000000001)
    assert found.total.finish_reasons == {"length": 1, "refusal": 1}
    assert (found.total.first, found.total.last, found.total.mean_seconds) == (EARLY, LATE, 16 / 6)
    assert found.total.usd == pytest.approx(Ledger(tmp_path).spent.usd())


def test_the_table_shows_the_sums_and_a_dash_without_prices(tmp_path: Path) -> None:
    fill(tmp_path, [make_record(1), make_record(2, finish_reason="length")])
    fill(tmp_path, [make_record(1, stage="qa", usd=None)])
    table = stats_table(stats(Ledger(tmp_path))).splitlines()
    assert table[2].split() == ["filter", "model", "2", "2", "1", "20", "4"]
    assert table[5].split() == ["all", "3", "3", "1", "30", "6"]
    assert table[9].split()[:4] == ["filter", "model", "0.5000", "2.00"]
    assert table[10].split() == ["qa", "model", "-", "2.00", "2026-01-01", "00:00", "2026-01-01", "00:00"]
    assert table[15].split() == ["filter", "model", "length", "1"]
    assert table[-1] == "Not in the USD: 1 answer that came without a price."


def test_the_table_is_at_most_100_wide_at_the_size_of_the_paper() -> None:
    group = Group("preflight", "OpenGVLab/InternVL3_5-241B-A28B-Instruct-HF", 5_000_000, 5_000_000)
    group.finish_reasons["content_filter"] = 5_000_000
    group.prompt_tokens, group.completion_tokens = 10**10, 10**9
    group.priced, group.nano_usd, group.timed, group.seconds = 4_999_999, 10**14, 5_000_000, 1e9
    group.first, group.last = EARLY, LATE
    table = stats_table(Stats([group], group, 1234)).splitlines()
    assert max(map(len, table)) <= 100
    assert "OpenGVLa…A28B-Instruct-HF" in table[2]


def test_damaged_lines_are_not_counted_and_it_is_said(tmp_path: Path) -> None:
    path = make(tmp_path, range(3))
    path.write_bytes(damage_json(path.read_bytes().splitlines(keepends=True)[0]) + path.read_bytes() + b"torn")
    found = stats(Ledger(tmp_path))
    assert (found.total.answers, found.damaged) == (3, 1)
    assert "Not counted: 1 damaged line, which verify names." in stats_table(found)


# export and import


def test_an_export_imported_into_an_empty_ledger_gives_the_same_answers_and_bytes(tmp_path: Path) -> None:
    make(tmp_path / "a", range(5))
    fill(tmp_path / "a", [make_record(4, at=LATE, text="later"), make_record(9)], "photos née/1")
    fill(tmp_path / "a", [make_record(1, stage="qa")])
    exported = export(tmp_path / "a", tmp_path / "all.parquet")
    assert exported == (8, 0)
    added = bring(tmp_path / "b", tmp_path / "all.parquet")
    assert (added.added, added.held, added.refused) == (8, 0, 0)
    assert lines(tmp_path / "b") == lines(tmp_path / "a")
    assert answers(tmp_path / "b", range(10)) == answers(tmp_path / "a", range(10))
    assert len(answers(tmp_path / "b", range(10))) == 6
    names = [str(path.relative_to(tmp_path / "b")) for path in Ledger(tmp_path / "b").files()]
    assert names == [
        "filter/mine-00000.imported.jsonl",
        "filter/photos n%C3%A9e%2F1.imported.jsonl",
        "qa/mine-00000.imported.jsonl",
    ]
    damages, text = told(tmp_path / "b")
    assert damages == 0
    assert "3 files, 0 notes" in text


def test_an_export_reads_well_with_polars(tmp_path: Path) -> None:
    fill(tmp_path / "a", [make_record(1), make_record(2, at=LATE, usd=None, usage={}, finish_reason="length")])
    export(tmp_path / "a", tmp_path / "all.parquet")
    table = pl.read_parquet(tmp_path / "all.parquet")
    assert table.columns[:8] == "key stage writer model image prompt text reply_text".split()
    assert table.columns[8:] == "finish_reason prompt_tokens completion_tokens usd at record".split()
    second = table.row(1, named=True)
    record = json.loads(second["record"])
    assert record == json.loads(json.dumps(make_record(2, at=LATE, usd=None, usage={}, finish_reason="length")))
    assert second["at"] == datetime(2026, 2, 2, 12, 34, 56, 789000, UTC)
    assert (second["key"], second["writer"], second["reply_text"]) == (record["key"], "mine-00000", "answer 2")
    assert (second["finish_reason"], second["prompt_tokens"], second["usd"]) == ("length", None, None)


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    record = make_record(1, text=f"an {HALF}", raw={"content": f"née {HALF}", HALF: "\U0001f600"})
    before = fill(tmp_path / "a", [record]).read_bytes()
    assert told(tmp_path / "a")[0] == 0
    export(tmp_path / "a", tmp_path / "all.parquet")
    bring(tmp_path / "b", tmp_path / "all.parquet")
    assert lines(tmp_path / "b") == [before]
    assert json.loads(before)["raw"] == record["raw"]
    assert pl.read_parquet(tmp_path / "all.parquet")["reply_text"].to_list() == ["an \\ud83d"]


def test_what_is_imported_twice_adds_nothing(tmp_path: Path) -> None:
    make(tmp_path / "a", range(5))
    export(tmp_path / "a", tmp_path / "all.parquet")
    bring(tmp_path / "b", tmp_path / "all.parquet")
    before = lines(tmp_path / "b")
    added = bring(tmp_path / "b", tmp_path / "all.parquet")
    assert (added.added, added.held, added.nano_usd) == (0, 5, 0)
    assert bring(tmp_path / "a", tmp_path / "all.parquet").held == 5
    assert lines(tmp_path / "b") == before
    assert len(Ledger(tmp_path / "a").files()) == 1


def test_an_import_of_an_import_keeps_its_name(tmp_path: Path) -> None:
    make(tmp_path / "a", range(5))
    merge(Ledger(tmp_path / "b"), Ledger(tmp_path / "a"), ignore)
    merge(Ledger(tmp_path / "c"), Ledger(tmp_path / "b"), ignore)
    assert [path.name for path in Ledger(tmp_path / "c").files()] == ["mine-00000.imported.jsonl"]


def test_the_same_record_twice_in_one_file_is_added_once(tmp_path: Path) -> None:
    fill(tmp_path / "a", [make_record(1), make_record(1)])
    added = merge(Ledger(tmp_path / "b"), Ledger(tmp_path / "a"), ignore)
    assert (added.added, added.held) == (1, 1)


def test_an_import_that_was_killed_is_repeated_without_loss_or_repetition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_parquet, "GROUP", 4)
    make(tmp_path / "a", range(20))
    export(tmp_path / "a", tmp_path / "all.parquet")

    def killed() -> Iterator[Incoming]:
        for number, item in enumerate(ledger_parquet._exported(tmp_path / "all.parquet")):
            if number == 11:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        add(Ledger(tmp_path / "b"), killed(), ignore)
    (path,) = Ledger(tmp_path / "b").files()
    with path.open("ab") as file:
        file.write(b'{"key":"torn')
    added = bring(tmp_path / "b", tmp_path / "all.parquet")
    assert (added.added, added.held) == (12, 8)
    assert lines(tmp_path / "b") == lines(tmp_path / "a")
    assert told(tmp_path / "b")[0] == 0


def test_records_that_are_damaged_are_refused_and_the_sound_ones_added(tmp_path: Path) -> None:
    make(tmp_path / "a", range(4))
    export(tmp_path / "a", tmp_path / "all.parquet")
    records = pl.col("record")
    wrong = (
        pl.read_parquet(tmp_path / "all.parquet")
        .with_row_index()
        .with_columns(
            record=pl.when(index=0)
            .then(records.str.replace("question 0", "question 8", literal=True))
            .when(index=1)
            .then(records.str.replace_all("filter", "../../evil", literal=True))
            .when(index=2)
            .then(pl.lit(None))
            .otherwise(records)
        )
    )
    wrong.write_parquet(tmp_path / "wrong.parquet")
    said: list[str] = []
    added = import_parquet(Ledger(tmp_path / "b"), tmp_path / "wrong.parquet", said.append)
    assert (added.added, added.refused) == (1, 3)
    assert said == [
        f"{tmp_path}/wrong.parquet: row 1: refused: its key is not that of its question",
        f"{tmp_path}/wrong.parquet: row 2: refused: its stage '../../evil' cannot be the name of a folder",
        f"{tmp_path}/wrong.parquet: row 3: refused: it holds no record",
    ]
    assert list(answers(tmp_path / "b", range(4)).values()) == list(answers(tmp_path / "a", range(3, 4)).values())


def test_what_is_damaged_is_left_out_of_an_export_and_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a", range(3))
    sound = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(sound[0] + damage_text(sound[2]) + sound[1] + b"torn")
    said: list[str] = []
    assert export_ledger(Ledger(tmp_path / "a"), tmp_path / "all.parquet", said.append) == (2, 1)
    assert said == [
        f"{path}: byte {len(sound[0])}: left out: its key is not that of its question",
        f"{path}: byte {sum(map(len, sound))}: left out: it is torn",
    ]
    bring(tmp_path / "b", tmp_path / "all.parquet")
    assert lines(tmp_path / "b") == sorted(sound[:2])


def test_a_file_whose_bytes_were_changed_on_the_way_is_not_imported(tmp_path: Path) -> None:
    make(tmp_path / "a", range(50))
    path = tmp_path / "all.parquet"
    export(tmp_path / "a", path)
    place = pq.read_metadata(path).row_group(0).column(13)
    data = bytearray(path.read_bytes())
    data[place.data_page_offset + place.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"all\.parquet: cannot be read"):
        bring(tmp_path / "b", path)
    assert Ledger(tmp_path / "b").files() == []


# merge


def test_ledgers_that_overlap_are_merged_without_repetition(tmp_path: Path) -> None:
    make(tmp_path / "a", range(5))
    fill(tmp_path / "b", [make_record(number) for number in range(3, 8)] + [make_record(0, at=LATE, text="later")])
    (path,) = Ledger(tmp_path / "a").files()
    before = path.read_bytes()
    added = merge(Ledger(tmp_path / "a"), Ledger(tmp_path / "b"), ignore)
    assert (added.added, added.held, added.refused) == (4, 2, 0)
    assert path.read_bytes() == before
    assert lines(tmp_path / "a") == sorted({*lines(tmp_path / "a"), *lines(tmp_path / "b")})
    assert len(answers(tmp_path / "a", range(8))) == 8
    assert told(tmp_path / "a")[0] == 0


@pytest.mark.parametrize(("into", "other"), [("early", "late"), ("late", "early")])
def test_the_earliest_answer_counts_after_a_merge(tmp_path: Path, into: str, other: str) -> None:
    fill(tmp_path / "early", [make_record(1, at=EARLY, text="early")])
    fill(tmp_path / "late", [make_record(1, at=LATE, text="late")])
    assert merge(Ledger(tmp_path / into), Ledger(tmp_path / other), ignore).added == 1
    assert [reply.text for reply in answers(tmp_path / into, range(3)).values()] == ["early"]


def test_what_merged_answers_cost_counts_as_spent(tmp_path: Path) -> None:
    make(tmp_path / "a", range(5))
    make(tmp_path / "b", range(3, 7))
    ledger = Ledger(tmp_path / "a")
    assert ledger.spent.usd() == 1.25
    added = merge(ledger, Ledger(tmp_path / "b"), ignore)
    assert added.nano_usd == 500_000_000
    assert ledger.spent.usd() == 1.75
    assert ledger.spent.recount() == 1.75


@pytest.mark.parametrize("other", [{"at": LATE}, {"text": "other"}, {"usd": 0.5}])
def test_an_answer_with_another_time_or_reply_is_another_answer(tmp_path: Path, other: dict[str, Any]) -> None:
    fill(tmp_path / "a", [make_record(1)])
    fill(tmp_path / "b", [make_record(1) | {"raw": None}, make_record(1, **other)])
    added = merge(Ledger(tmp_path / "a"), Ledger(tmp_path / "b"), ignore)
    assert (added.added, added.held) == (1, 1)


def test_the_torn_last_line_of_another_ledger_is_passed_over(tmp_path: Path) -> None:
    with make(tmp_path / "b", range(3)).open("ab") as file:
        file.write(b'{"key":"torn')
    added = merge(Ledger(tmp_path / "a"), Ledger(tmp_path / "b"), ignore)
    assert (added.added, added.refused) == (3, 0)


def test_a_sound_record_is_added_beside_its_damaged_copy(tmp_path: Path) -> None:
    make(tmp_path / "b", range(3))
    path = make(tmp_path / "a", range(3))
    path.write_bytes(damage_text(path.read_bytes()))
    assert merge(Ledger(tmp_path / "a"), Ledger(tmp_path / "b"), ignore).added == 1


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "b", range(3))
    ledger = Ledger(tmp_path / "a")
    ledger.state.mkdir(parents=True)
    with (ledger.state / "import.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another import or merge into it is under way"):
            merge(ledger, Ledger(tmp_path / "b"), ignore)
    assert merge(ledger, Ledger(tmp_path / "b"), ignore).added == 3


def test_known_records_are_recognized_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_parquet, "_REMEMBERED", 3)
    digests = [bytes(16), b"a" * 15 + b"\0", b"a" * 16, b"\0" * 15 + b"b", bytes(range(16))]
    known = ledger_parquet._Identities()
    assert known.add(digests[:2]) == [True, True]
    assert known.add(digests[1:4]) == [False, True, True]
    assert known.add([*digests, digests[4]]) == [False, False, False, False, True, False]


# memory


def test_an_export_is_written_and_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_parquet, "ROW_GROUP", 8)
    monkeypatch.setattr(ledger_parquet, "GROUP", 4)
    make(tmp_path / "a", range(20))
    export(tmp_path / "a", tmp_path / "rows.parquet")
    metadata = pq.read_metadata(tmp_path / "rows.parquet")
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [8, 8, 4]
    monkeypatch.setattr(ledger_parquet, "ROW_GROUP_BYTES", 1)
    export(tmp_path / "a", tmp_path / "bytes.parquet")
    assert pq.read_metadata(tmp_path / "bytes.parquet").num_row_groups == 20
    assert bring(tmp_path / "b", tmp_path / "rows.parquet").added == 20


def test_memory_does_not_grow_with_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_parquet, "ROW_GROUP", 20)
    monkeypatch.setattr(ledger_parquet, "GROUP", 20)
    with Ledger(tmp_path / "a").writer("filter", "mine-00000") as writer:
        for start in range(0, 400, 20):
            writer.append([make_record(number, raw={"content": "x" * 50_000}) for number in range(start, start + 20)])
    assert writer.path.stat().st_size > 20_000_000

    def everything() -> None:
        verify(Ledger(tmp_path / "a"), ignore)
        stats(Ledger(tmp_path / "a"))
        export(tmp_path / "a", tmp_path / "all.parquet")
        bring(tmp_path / "b", tmp_path / "all.parquet")
        merge(Ledger(tmp_path / "c"), Ledger(tmp_path / "a"), ignore)

    tracemalloc.start()
    try:
        everything()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


# the command line


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMMAND), *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )


def test_the_command_line_end_to_end(tmp_path: Path) -> None:
    make(tmp_path / "ledger", range(5))
    done = run(tmp_path, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing is damaged" in done.stdout
    done = run(tmp_path, "stats", "--json", "stats.json")
    assert done.returncode == 0
    assert "1.2500" in done.stdout
    assert json.loads((tmp_path / "stats.json").read_text())["total"]["usd"] == 1.25
    done = run(tmp_path, "export", "all.parquet")
    assert (done.returncode, done.stdout) == (0, "all.parquet: 5 answers; 0 damaged lines left out\n")
    done = run(tmp_path, "export", "all.parquet")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: all.parquet: exists already. Name another file, or add --force to replace it.\n")
    assert run(tmp_path, "export", "all.parquet", "--force").returncode == 0
    done = run(tmp_path, "import", "all.parquet", "--ledger", "other")
    assert done.returncode == 0
    assert done.stdout == "other: 5 answers added, which cost $1.2500; 0 were there already; 0 refused\n"
    done = run(tmp_path, "merge", "other")
    assert done.returncode == 0
    assert done.stdout == "ledger: 0 answers added, which cost $0.0000; 5 were there already; 0 refused\n"


def test_the_exit_status_tells_of_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger", range(3))
    path.write_bytes(damage_text(path.read_bytes()))
    done = run(tmp_path, "verify")
    assert done.returncode == 1
    assert "DAMAGED: its key is not that of its question" in done.stdout
    assert done.stdout.endswith("1 file, 0 notes: 1 place DAMAGED\n")
    done = run(tmp_path, "export", "all.parquet")
    assert done.returncode == 1
    assert "left out: its key is not that of its question" in done.stderr
    assert pq.read_metadata(tmp_path / "all.parquet").num_rows == 2
    done = run(tmp_path, "merge", "ledger", "--ledger", "other")
    assert done.returncode == 1
    assert "2 answers added, which cost $0.5000; 0 were there already; 1 refused" in done.stdout
    assert "refused: its key is not that of its question" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify"], "ledger: is no ledger: it is not a folder. Name the folder of a ledger."),
        (["stats", "--ledger", "empty"], "empty: is no ledger: it holds no STAGE/WRITER.jsonl. Name"),
        (["export", "empty", "--ledger", "some"], "empty: is a folder. Name a file."),
        (["import", "none.parquet"], "none.parquet: is not a file. Name a file that ledger.py export made."),
        (["import", "text.parquet"], "text.parquet: cannot be read ("),
        (["import", "votes.parquet"], "votes.parquet: holds no ledger. Name a file that ledger.py export made."),
        (["merge", "some", "--ledger", "./some"], "some: is the ledger itself. Name another ledger."),
        (["merge", "none"], "none: is no ledger: it is not a folder."),
        (["stats", "--ledger", "some", "--json", "some"], "[Errno 21] Is a directory"),
    ],
)
def test_what_a_user_can_do_wrong_is_told_without_a_traceback(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    make(tmp_path / "some", range(2))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no Parquet at all")
    pl.DataFrame({"vote": [1]}).write_parquet(tmp_path / "votes.parquet")
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_the_help_says_that_merged_answers_count_as_spent(tmp_path: Path) -> None:
    for command in ("import", "merge"):
        assert "counts as spent" in " ".join(run(tmp_path, command, "--help").stdout.split())
