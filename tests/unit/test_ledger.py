"""The ledger keeps every answer, whatever happens to the process or to the index."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.errors import UserError
from taskgalaxy.files import write_jsonl
from taskgalaxy.llm.ledger import ENTRY, Ledger, answer_record, key_of, question_record
from taskgalaxy.llm.request import Reply, Request

SCRIPTS = Path(__file__).parents[2] / "scripts"


def make_record(
    number: int, text: str = "answer", at: str | None = None, usd: float | None = None, raw: Any = None
) -> dict[str, Any]:
    request = Request("filter", f"question {number}", prompt="digest")
    reply = Reply(f"{text} {number}", "stop", "served-model", p_yes=0.25, usage={"total_tokens": 3}, usd=usd, raw=raw)
    record = answer_record(question_record(request, key(number), "model", {}), reply)
    return record | ({"at": at} if at else {})


def key(number: int) -> str:
    return Request("filter", f"question {number}").key("model", {})


def fill(folder: Path, numbers: range, name: str = "shard") -> Path:
    with Ledger(folder).writer("filter", name) as writer:
        writer.append([make_record(number) for number in numbers])
    return folder / "filter" / f"{name}.jsonl"


def answers(folder: Path, numbers: range) -> list[str]:
    found = Ledger(folder).find("filter", [key(number) for number in numbers])
    return sorted(reply.text for reply in found.values())


def test_a_recorded_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    found = Ledger(tmp_path).find("filter", [key(1), key(7)])
    assert found == {key(1): Reply("answer 1", "stop", "served-model", 0.25, {"total_tokens": 3})}


def test_a_record_holds_all_that_decided_the_answer(tmp_path: Path) -> None:
    path = fill(tmp_path, range(1))
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record.keys() == {"key", "stage", "model", "parameters", "prompt", "image", "text", "reply", "raw", "at"}
    assert record["text"] == "question 0"
    assert record["reply"].keys() >= {"text", "finish_reason", "model", "usage", "usd", "provider", "seconds"}
    assert "raw" not in record["reply"]
    assert record["prompt"] == "digest"


def test_answers_are_found_in_the_files_of_all_writers_of_the_stage_only(tmp_path: Path) -> None:
    fill(tmp_path, range(0, 5), "one")
    fill(tmp_path, range(5, 10), "two")
    assert len(answers(tmp_path, range(10))) == 10
    assert Ledger(tmp_path).find("qa", [key(1)]) == {}


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
        from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
        from taskgalaxy.llm.request import Reply, Request
        writer = Ledger(sys.argv[1]).writer("filter", "shard")
        for number in range(5):
            request = Request("filter", f"question {number}")
            reply = Reply(f"answer {number}", "stop", "m")
            question = question_record(request, request.key("model", {}), "model", {})
            writer.append([answer_record(question, reply)])
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


# Keys


def test_the_key_of_a_plain_question_is_what_it_always_was() -> None:
    content = '{"image":null,"model":"model","parameters":{"max_tokens":5},"text":"Is it \\"it\\"? ∼"}'
    plain = Request("filter", 'Is it "it"? ∼', prompt="digest", variables={"a": 1}, schema={"type": "object"})
    known = plain.key("model", {"max_tokens": 5})
    assert known == hashlib.sha256(content.encode()).hexdigest()
    assert known == "66fd1b00c78cb72aa91f82d6f1d50d6305f26f770ca0b6e505598655a066cece"
    # The stage, what the template was filled with and its digest are no part of it.
    assert Request("qa", 'Is it "it"? ∼').key("model", {"max_tokens": 5}) == known


def test_whatever_changes_the_answer_changes_the_key() -> None:
    plain = Request("filter", "text", schema={"type": "object"})
    structured = {"structured_output": True, "max_tokens": 8}
    keys = [
        plain.key("model", {}),
        plain.key("other", {}),
        plain.key("model", {"temperature": 0.5}),
        plain.key("model", structured),
        Request("filter", "text", schema={"type": "array"}).key("model", structured),
        Request("filter", "text", token_factor=2).key("model", structured),
        Request("filter", "text").key("model", structured),
        Request("filter", "text", turns=(("a", "b"),)).key("model", {}),
        Request("filter", "text", turns=(("a", "b"), ("c", "b"))).key("model", {}),
        Request("filter", "text", attempt=2).key("model", {}),
    ]
    assert len(set(keys)) == len(keys)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
REQUESTS = st.builds(
    Request,
    st.just("filter"),
    TEXT,
    schema=st.none() | st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT, max_size=2), max_size=3),
    turns=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    attempt=st.integers(1, 3),
    token_factor=st.sampled_from([1, 2, 4]),
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 5000),
        "structured_output": st.just(True),
        "extra_body": st.dictionaries(TEXT, TEXT, max_size=2),
    },
)


@given(REQUESTS, PARAMETERS)
def test_a_record_as_it_was_read_has_the_key_of_its_question(request: Request, parameters: dict[str, Any]) -> None:
    digest = request.key("model", parameters)
    question = question_record(request, digest, "model", parameters)
    record = json.loads(json.dumps(answer_record(question, Reply("text", "stop", "served", raw={"id": "x"}))))
    assert key_of(record) == record["key"] == digest


def test_a_record_holds_schema_turns_attempt_and_the_tokens_it_might_have() -> None:
    request = Request("filter", "text", schema={"a": 1}, turns=(("reply", "wrong"),), attempt=2, token_factor=4)
    parameters = {"structured_output": True, "max_tokens": 100}
    record = question_record(request, "key", "model", parameters)
    assert (record["schema"], record["turns"], record["attempt"]) == ({"a": 1}, (("reply", "wrong"),), 2)
    assert record["parameters"]["max_tokens"] == 400
    assert parameters["max_tokens"] == 100
    assert question_record(Request("filter", "text"), "key", "model", {}).keys() == {
        *("key", "stage", "model", "parameters", "text", "image", "prompt")
    }


# Records


def test_a_raw_answer_with_halves_of_surrogate_pairs_is_kept(tmp_path: Path) -> None:
    raw = {"choices": [{"message": {"content": "half \ud83d", "\udc00": "zażółć"}}]}
    with Ledger(tmp_path).writer("filter", "shard") as writer:
        writer.append([make_record(0), make_record(1, raw=raw), make_record(2, raw={"content": "zażółć"})])
    kept = [json.loads(line)["raw"] for line in (tmp_path / "filter" / "shard.jsonl").read_bytes().splitlines()]
    assert kept == [None, raw, {"content": "zażółć"}]
    assert len(answers(tmp_path, range(3))) == 3


def test_answers_of_older_and_of_later_versions_are_read(tmp_path: Path) -> None:
    old, new = make_record(0), make_record(1)
    old["reply"] = {"text": "old", "finish_reason": "stop", "model": "m"}
    del old["raw"]
    new["reply"] |= {"mood": "good"}
    new["weather"] = "fine"
    path = tmp_path / "filter" / "shard.jsonl"
    write_jsonl(path, [old, new])
    assert answers(tmp_path, range(2)) == ["answer 1", "old"]
    assert Ledger(tmp_path).find("filter", [key(0)])[key(0)].provider == ""


def test_known_answers_are_those_of_all_writers_of_the_stage(tmp_path: Path) -> None:
    fill(tmp_path, range(0, 3), "one")
    path = fill(tmp_path, range(3, 6), "two")
    asked = {key(number): number for number in (1, 4, 7)}
    assert Ledger(tmp_path).known("filter", asked) == {key(1), key(4)}
    assert Ledger(tmp_path).known("qa", asked) == set()
    path.with_suffix(".index").unlink()
    assert Ledger(tmp_path).known("filter", iter(asked)) == {key(1), key(4)}
    os.truncate(path, path.stat().st_size - 1)
    assert Ledger(tmp_path).known("filter", [key(5), key(4)]) == {key(4)}


def test_files_are_those_of_one_stage_or_of_all(tmp_path: Path) -> None:
    one, two = fill(tmp_path, range(1), "one"), fill(tmp_path, range(1), "two")
    with Ledger(tmp_path).writer("qa", "one") as writer:
        writer.append([make_record(1, usd=1.0)])
    assert Ledger(tmp_path).files("filter") == [one, two]
    assert Ledger(tmp_path).files() == [one, two, tmp_path / "qa" / "one.jsonl"]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_what_the_disk_did_not_take_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = fill(tmp_path, range(2))
    before = path.read_bytes()
    with Ledger(tmp_path).writer("filter", "shard") as writer:
        with monkeypatch.context() as full:
            if call == "write":
                write = os.write
                full.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
            else:
                full.setattr(os, "fsync", fail)
            with pytest.raises(UserError, match=r"shard\.jsonl: an answer could not be recorded.*Make room"):
                writer.append([make_record(2, usd=1.0), make_record(3, usd=1.0)])
        assert path.read_bytes() == before
        assert Ledger(tmp_path).spent.usd() == 0
        writer.append([make_record(4)])
    assert answers(tmp_path, range(9)) == ["answer 0", "answer 1", "answer 4"]


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("suffixes", [(), (".index",), (".index", ".lock")])
def test_a_ledger_in_a_folder_without_write_permission_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffixes: Iterable[str]
) -> None:
    path = fill(tmp_path, range(5))
    for suffix in suffixes:
        path.with_suffix(suffix).unlink()
    before = snapshot(tmp_path)
    opened = os.open

    def refuse(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(13, "Permission denied", str(name))
        return opened(name, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    assert len(answers(tmp_path, range(5))) == 5
    assert Ledger(tmp_path).known("filter", [key(3)]) == {key(3)}
    assert snapshot(tmp_path) == before


# What it has cost


def spend(folder: Path, *usd: float | None, name: str = "shard", stage: str = "filter") -> Path:
    with Ledger(folder).writer(stage, name) as writer:
        for number, cost in enumerate(usd):
            writer.append([make_record(number, usd=cost)])
    return folder / stage / f"{name}.jsonl"


def test_an_index_entry_says_what_the_answer_cost(tmp_path: Path) -> None:
    path = spend(tmp_path, 0.25, None, 0.000_000_001)
    entries = np.fromfile(path.with_suffix(".index"), dtype=ENTRY)
    assert ENTRY.itemsize == 52
    assert entries["nano_usd"].tolist() == [250_000_000, 0, 1]
    path.with_suffix(".index").unlink()
    assert len(answers(tmp_path, range(3))) == 3
    assert np.array_equal(np.fromfile(path.with_suffix(".index"), dtype=ENTRY), entries)


def test_sums_that_are_added_at_once_are_all_counted(tmp_path: Path) -> None:
    spent = Ledger(tmp_path).spent
    spent.recount()

    def work() -> None:
        for _ in range(500):
            Ledger(tmp_path).spent.add(1_000_000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spent.usd() == 2.0


def test_what_is_spent_is_known_to_every_ledger_on_the_folder(tmp_path: Path) -> None:
    other = Ledger(tmp_path)
    assert other.spent.usd() == 0
    spend(tmp_path, 0.5, None, 0.25)
    assert other.spent.usd() == 0.75
    spend(tmp_path, 1.0, name="two", stage="qa")
    assert other.spent.usd() == Ledger(tmp_path).spent.usd() == 1.75


STATES: Mapping[str, bytes | None] = {"missing": None, "empty": b"", "garbage": b"\x00\xff no number", "word": b"many"}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("indexed", [True, False])
def test_what_is_spent_is_counted_from_the_records_where_its_file_is_damaged(
    tmp_path: Path, state: bytes | None, indexed: bool
) -> None:
    path = spend(tmp_path, 0.5, 0.25)
    spend(tmp_path, 2.0, name="two")
    file = tmp_path / ".state" / "spent"
    for added in (0.0, 1.0):
        file.unlink()
        if state is not None:
            file.write_bytes(state)
        if not indexed:
            path.with_suffix(".index").unlink(missing_ok=True)
        if added:
            # An answer that comes while the file is damaged.
            with Ledger(tmp_path).writer("filter", "three") as writer:
                writer.append([make_record(9, usd=added)])
        assert Ledger(tmp_path).spent.usd() == 2.75 + added


def test_what_a_kill_kept_from_being_added_is_found_by_counting_again(tmp_path: Path) -> None:
    spend(tmp_path, 0.5, 0.25)
    (tmp_path / ".state" / "spent").write_bytes(b"%020d" % 500_000_000)
    ledger = Ledger(tmp_path)
    assert ledger.spent.usd() == 0.5
    assert ledger.spent.recount() == 0.75
    assert Ledger(tmp_path).spent.usd() == 0.75


def test_a_sum_never_falls_below_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.pending.add(5)
    ledger.pending.add(-9)
    assert ledger.pending.usd() == 0


def test_the_spending_of_two_processes_adds_up(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from taskgalaxy.llm.ledger import Ledger, answer_record, question_record
        from taskgalaxy.llm.request import Reply, Request
        folder, name = sys.argv[1:]
        with Ledger(folder).writer("filter", name) as writer:
            print("ready", flush=True)
            sys.stdin.readline()
            for number in range(40):
                request = Request("filter", f"{name} {number}")
                question = question_record(request, request.key("model", {}), "model", {})
                writer.append([answer_record(question, Reply("answer", "stop", "m", usd=0.25))])
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        process.communicate(b"go\n", timeout=60)
        assert process.returncode == 0
    assert Ledger(tmp_path).spent.usd() == 20.0
    assert Ledger(tmp_path).spent.recount() == 20.0


def test_the_spending_of_two_threads_adds_up(tmp_path: Path) -> None:
    def work(name: str) -> None:
        with Ledger(tmp_path).writer("filter", name) as writer:
            for number in range(40):
                writer.append([make_record(number, usd=0.25)])

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Ledger(tmp_path).spent.usd() == 20.0


def test_the_first_answer_of_a_ledger_is_counted(tmp_path: Path) -> None:
    with Ledger(tmp_path / "new").writer("filter", "shard") as writer:
        writer.append([make_record(1, usd=0.125)])
    assert Ledger(tmp_path / "new").spent.usd() == 0.125


def test_a_file_system_without_locks_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(handle: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(UserError, match=r"one-00000.*cannot be locked.*flock"):
        Ledger(tmp_path).writer("qa", "one-00000")
