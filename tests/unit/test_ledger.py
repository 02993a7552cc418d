"""The ledger keeps every answer, whatever happens to the process or to the index."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm.ledger import ENTRY, Ledger, record_of
from taskgalaxy.llm.request import Reply, Request

SCRIPTS = Path(__file__).parents[2] / "scripts"


def make_record(number: int, text: str = "answer", at: str | None = None) -> dict[str, object]:
    request = Request("filter", f"question {number}", prompt="digest")
    reply = Reply(f"{text} {number}", "stop", "served-model", p_yes=0.25, usage={"total_tokens": 3})
    record = record_of(request, request.key("model", {}), "model", {}, reply)
    return record | ({"at": at} if at else {})


def key_of(number: int) -> str:
    return Request("filter", f"question {number}").key("model", {})


def fill(folder: Path, numbers: range, name: str = "shard") -> Path:
    with Ledger(folder).writer("filter", name) as writer:
        writer.append([make_record(number) for number in numbers])
    return folder / "filter" / f"{name}.jsonl"


def answers(folder: Path, numbers: range) -> list[str]:
    found = Ledger(folder).find("filter", [key_of(number) for number in numbers])
    return sorted(reply.text for reply in found.values())


def test_a_recorded_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    found = Ledger(tmp_path).find("filter", [key_of(1), key_of(7)])
    assert found == {key_of(1): Reply("answer 1", "stop", "served-model", 0.25, {"total_tokens": 3})}


def test_a_record_holds_all_that_decided_the_answer(tmp_path: Path) -> None:
    path = fill(tmp_path, range(1))
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record.keys() == {"key", "stage", "model", "parameters", "prompt", "image", "text", "reply", "at"}
    assert record["text"] == "question 0"
    assert record["prompt"] == "digest"


def test_answers_are_found_in_the_files_of_all_writers_of_the_stage_only(tmp_path: Path) -> None:
    fill(tmp_path, range(0, 5), "one")
    fill(tmp_path, range(5, 10), "two")
    assert len(answers(tmp_path, range(10))) == 10
    assert Ledger(tmp_path).find("qa", [key_of(1)]) == {}


def test_the_earliest_answer_counts_wherever_it_stands(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.writer("filter", "a") as writer:
        writer.append([make_record(1, "late", "2026-02-02T00:00:00.000+00:00")])
    with ledger.writer("filter", "b") as writer:
        writer.append([make_record(1, "early", "2026-01-01T00:00:00.000+00:00")])
    assert answers(tmp_path, range(3)) == ["early 1"]


@pytest.mark.parametrize("missing_bytes", [1, 2, 40])
def test_a_torn_last_record_is_cut_and_reported(
    tmp_path: Path, missing_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = fill(tmp_path, range(3))
    os.truncate(path, path.stat().st_size - missing_bytes)
    assert answers(tmp_path, range(3)) == ["answer 0", "answer 1"]
    with caplog.at_level(logging.WARNING), Ledger(tmp_path).writer("filter", "shard") as writer:
        assert writer.cut > 0
        writer.append([make_record(5)])
    assert "torn last record" in caplog.text
    assert answers(tmp_path, range(9)) == ["answer 0", "answer 1", "answer 5"]


def test_a_file_that_is_one_torn_record_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "filter" / "shard.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"key": "' + b"a" * 200_000)
    fill(tmp_path, range(2))
    assert answers(tmp_path, range(2)) == ["answer 0", "answer 1"]


def damage_remove(path: Path) -> None:
    path.unlink()


def damage_halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 3)


def damage_zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def damage_garbage(path: Path) -> None:
    path.write_bytes(b"not an index at all")


def damage_swap_keys(path: Path) -> None:
    entries = np.fromfile(path, dtype=ENTRY)
    entries["key"] = entries["key"][::-1].copy()
    path.write_bytes(entries.tobytes())


@pytest.mark.parametrize("damage", [damage_remove, damage_halve, damage_zero, damage_garbage, damage_swap_keys])
def test_a_damaged_index_is_made_anew_from_the_records(tmp_path: Path, damage: object) -> None:
    path = fill(tmp_path, range(20))
    index = path.with_suffix(".index")
    sound = index.read_bytes()
    assert callable(damage)
    damage(index)
    assert len(answers(tmp_path, range(20))) == 20
    assert index.read_bytes() == sound
    damage(index)
    fill(tmp_path, range(20, 25))
    assert len(answers(tmp_path, range(30))) == 25


def test_a_line_that_is_no_record_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = fill(tmp_path, range(2))
    with path.open("ab") as file:
        file.write(b"\x00\xff garbage\n[1]\n")
    fill(tmp_path, range(2, 4))
    assert len(answers(tmp_path, range(4))) == 4
    assert "is not a record" in caplog.text


def test_a_ledger_that_may_not_be_written_to_can_be_read(tmp_path: Path) -> None:
    path = fill(tmp_path, range(3))
    path.with_suffix(".index").unlink()
    path.with_suffix(".lock").unlink()
    path.with_suffix(".lock").mkdir()  # stands for a folder without write permission, also for root
    assert len(answers(tmp_path, range(3))) == 3


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from taskgalaxy.llm.ledger import Ledger
        with Ledger(sys.argv[1]).writer("filter", "shard"):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(UserError, match=f"process {holder.pid} on "):
            Ledger(tmp_path).writer("filter", "shard", wait_s=0.3)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with Ledger(tmp_path).writer("filter", "shard", wait_s=5.0) as writer:
            writer.append([make_record(1)])
    assert answers(tmp_path, range(3)) == ["answer 1"]


def test_records_survive_a_kill_right_after_they_were_appended(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from taskgalaxy.llm.ledger import Ledger, record_of
        from taskgalaxy.llm.request import Reply, Request
        writer = Ledger(sys.argv[1]).writer("filter", "shard")
        for number in range(5):
            request = Request("filter", f"question {number}")
            reply = Reply(f"answer {number}", "stop", "m")
            writer.append([record_of(request, request.key("model", {}), "model", {}, reply)])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(answers(tmp_path, range(5))) == 5


def test_a_writer_name_cannot_leave_the_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger").writer("filter", "../../photos née/1") as writer:
        writer.append([make_record(1)])
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]
    assert answers(tmp_path / "ledger", range(2)) == ["answer 1"]
