"""Batches: nothing is submitted twice, nothing that was paid is lost, whatever happens in between."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

import batch_endpoint
from endpoint import TOKEN_COUNT, Endpoint
from endpoint_faults import error_json
from taskgalaxy.errors import UserError
from taskgalaxy.llm import batch, batch_service, openai_provider
from taskgalaxy.llm.ask import NO_BOUNDS, Bounds, Counts, ask_all
from taskgalaxy.llm.batch import BatchProvider
from taskgalaxy.llm.batch_journal import Journal, read_parts
from taskgalaxy.llm.ledger import Ledger, LedgerWriter, answer_record, question_record
from taskgalaxy.llm.openai_provider import OpenAIProvider, prompt_tokens
from taskgalaxy.llm.prices import usd
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.llm.settings import EndpointSettings, Prices

SCRIPTS = Path(__file__).parents[2] / "scripts"
KEY = "sk-planted-5c1d"
PRICES = Prices(input=10.0, output=30.0, date="2026-01-01", batch_factor=0.5)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_provider, "_BACKOFF_S", 0.005)
    monkeypatch.setattr(batch_service, "_SETTLED_S", 0.0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of at most three requests."""
    monkeypatch.setattr(batch, "MAX_ROWS", 3)


class Unreadable:
    image_id = "f" * 64

    def read(self) -> bytes:
        raise OSError("no such file")


def questions(*numbers: int) -> list[Request]:
    return [Request("filter", f'candidate task types\n"OCR~part {number}"\n"Scene~place"') for number in numbers]


def votes(*numbers: int) -> list[Request]:
    return [Request("referee", f'Task type: "OCR~part {number}"\nOtherwise reply 0.') for number in numbers]


def settings(server: Endpoint, **others: Any) -> EndpointSettings:
    given = {"batch_poll_s": 0.01, "max_retries": 3, "prices": PRICES, **others}
    return EndpointSettings("local", "openai", "test-model", server.url, mode="batch", **given)


def ask(
    server: Endpoint,
    folder: Path,
    requests: list[Request],
    *,
    budget_usd: float | None = None,
    bounds: Bounds = NO_BOUNDS,
    writer: str = "writer",
    progress: Callable[[Counts], None] | None = None,
    **others: Any,
) -> list[Reply]:
    ledger = Ledger(folder)
    provider = BatchProvider(settings(server, **others), ledger, budget_usd)
    return ask_all(requests, provider, ledger, writer, bounds=bounds, progress=progress)


def submit(server: Endpoint, folder: Path, requests: list[Request], **others: Any) -> None:
    """Submit and stop."""
    with pytest.raises(UserError, match="batch_wait_s"):
        ask(server, folder, requests, batch_wait_s=0.0, **others)


def end_all(server: Endpoint) -> None:
    """Let every batch end at the server, with nobody collecting it."""
    client = openai.OpenAI(api_key=server.state.key or "EMPTY", base_url=server.url, max_retries=0)
    while not all(submitted.ended for submitted in server.state.batches):
        for submitted in server.state.batches:
            client.batches.retrieve(submitted.id)


def output(server: Endpoint, number: int = 0) -> batch_endpoint.StoredFile:
    file_id = server.state.batches[number].output_file_id
    assert file_id is not None
    return server.state.files[file_id]


def key(server: Endpoint, request: Request) -> str:
    given = settings(server)
    return request.key(given.model, given.parameters)


def submitted_rows(server: Endpoint) -> list[list[int]]:
    """Per batch, the numbers of the questions in it."""
    return [
        [int(row["body"]["messages"][0]["content"].split("OCR~part ")[1].split('"')[0]) for row in submitted.rows]
        for submitted in server.state.batches
    ]


def times_submitted(server: Endpoint) -> Counter[int]:
    return Counter(number for rows in submitted_rows(server) for number in rows)


def records(folder: Path, stage: str = "filter", writer: str = "writer") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / stage / f"{writer}.jsonl").read_text().splitlines()]


def journal(folder: Path, writer: str = "writer") -> Path:
    return folder / "filter" / f"{writer}.batches"


def assert_nothing_open(folder: Path) -> None:
    assert journal(folder).read_bytes() == b""
    ledger = Ledger(folder)
    assert (ledger.pending.usd(), ledger.pending.recount()) == (0.0, 0.0)


def assert_each_recorded_once(server: Endpoint, folder: Path, requests: list[Request]) -> None:
    assert sorted(record["key"] for record in records(folder)) == sorted(key(server, request) for request in requests)


# Answers


def test_replies_are_those_of_the_online_mode_in_the_order_of_the_requests_and_recorded_once(tmp_path: Path) -> None:
    requests = questions(*range(20), 3, 7)
    with Endpoint() as server:
        online = OpenAIProvider(settings(server), tmp_path / "state")
        expected = ask_all(requests, online, Ledger(tmp_path / "online"), "writer")
        replies = ask(server, tmp_path / "batch", requests)
        assert [reply.text for reply in replies] == [reply.text for reply in expected]
        assert len({reply.text for reply in replies}) > 10
        assert {(reply.finish_reason, reply.model, reply.provider) for reply in replies} == {
            ("stop", "test-model-2026", "openai")
        }
        assert server.state.batches_created == server.state.files_uploaded == 1
        assert_each_recorded_once(server, tmp_path / "batch", questions(*range(20)))
    (online_record,) = [record for record in records(tmp_path / "online") if "part 11" in record["text"]]
    (batch_record,) = [record for record in records(tmp_path / "batch") if "part 11" in record["text"]]
    for record in (online_record, batch_record):
        del record["at"], record["reply"]["seconds"], record["reply"]["usd"]
    assert batch_record == online_record
    assert_nothing_open(tmp_path / "batch")


def test_an_answer_costs_what_the_price_list_says_of_batches(tmp_path: Path) -> None:
    with Endpoint() as server:
        replies = ask(server, tmp_path, questions(1, 2))
    usage = {"prompt_tokens": TOKEN_COUNT, "completion_tokens": TOKEN_COUNT}
    assert [reply.usd for reply in replies] == [usd(PRICES, usage) * 0.5] * 2
    assert Ledger(tmp_path).spent.usd() == pytest.approx(usd(PRICES, usage))


def test_a_vote_tells_how_sure_it_is(tmp_path: Path) -> None:
    with Endpoint() as server:
        replies = ask(server, tmp_path, votes(*range(8)), logprobs=True)
        without = ask(server, tmp_path, votes(*range(8)))
    sure: dict[str, list[float]] = {"1": [], "0": []}
    for reply in replies:
        assert reply.p_yes is not None
        sure[reply.text].append(reply.p_yes)
    assert min(sure["1"]) >= 0.5 >= max(sure["0"])
    assert {reply.p_yes for reply in without} == {None}


def test_answers_are_not_asked_for_again(tmp_path: Path) -> None:
    with Endpoint() as server:
        first = ask(server, tmp_path, questions(1, 2, 3))
        again = ask(server, tmp_path, questions(3, 1, 2), writer="other")
        assert again == [first[2], first[0], first[1]]
        assert server.state.batches_created == 1


@pytest.mark.parametrize("finish_reason", ["refusal", "length", "content_filter", "empty"])
def test_every_kind_of_answer_is_recorded(tmp_path: Path, finish_reason: str) -> None:
    with Endpoint(batch_faults={1: f"chat_faults:{finish_reason}"}) as server:
        replies = ask(server, tmp_path, questions(1, 2, 3))
        assert server.state.batches_created == 1
    expected = "stop" if finish_reason == "empty" else finish_reason
    assert [record["reply"]["finish_reason"] for record in records(tmp_path)] == [expected] * 3
    assert all(reply.failure() for reply in replies)


def test_what_is_no_completion_is_asked_again(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "chat_faults:no_choices", 2: "chat_faults:no_choices"}) as server:
        replies = ask(server, tmp_path, questions(1))
    # A batch without a single answer is not repeated.
    assert replies[0].detail is not None
    assert "something that is not a chat completion" in replies[0].detail


def test_an_image_that_cannot_be_read_fails_its_question_alone(tmp_path: Path) -> None:
    requests = questions(1, 2, 3)
    requests[1] = replace(requests[1], image=Unreadable())
    with Endpoint() as server:
        replies = ask(server, tmp_path, requests)
        assert submitted_rows(server) == [[1, 3]]
    assert [reply.finish_reason for reply in replies] == ["stop", "unaskable", "stop"]
    assert replies[1].detail == "the image cannot be sent: no such file"


def test_if_no_image_can_be_read_nothing_is_submitted(tmp_path: Path) -> None:
    requests = [replace(request, image=Unreadable()) for request in questions(1, 2)]
    with Endpoint() as server:
        assert {reply.finish_reason for reply in ask(server, tmp_path, requests)} == {"unaskable"}
        assert server.state.files_uploaded == 0


# Files


def test_no_file_has_more_rows_than_the_limit(tmp_path: Path, small: None) -> None:
    with Endpoint(batch_max_rows=3) as server:
        replies = ask(server, tmp_path, questions(*range(8)))
        assert submitted_rows(server) == [[0, 1, 2], [3, 4, 5], [6, 7]]
        assert all(reply.answered for reply in replies)
        assert_each_recorded_once(server, tmp_path, questions(*range(8)))


def test_no_file_has_more_bytes_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["x" * 1000, "é" * 1000, "y" * 2500, "z", "x" * 2000, "x" * 900]
    requests = [Request("filter", f'candidate task types\n"OCR~part {n}"\n{text}') for n, text in enumerate(texts)]
    monkeypatch.setattr(batch, "MAX_BYTES", 3600)
    with Endpoint(batch_max_bytes=3600) as server:
        replies = ask(server, tmp_path, requests)
        assert submitted_rows(server) == [[0, 1], [2, 3], [4, 5]]
        assert all(reply.answered for reply in replies)


def test_a_request_larger_than_a_file_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_BYTES", 2000)
    requests = [*questions(1), Request("filter", 'candidate task types\n"OCR~part 2"' + "x" * 2000), *questions(3)]
    with Endpoint() as server:
        replies = ask(server, tmp_path, requests)
        assert submitted_rows(server) == [[1, 3]]
    assert [reply.finish_reason for reply in replies] == ["stop", "unaskable", "stop"]
    assert "bytes" in (replies[1].detail or "")


# Rows without an answer


@pytest.mark.parametrize(
    ("fault", "unanswered"), [("expire", [3, 4, 5]), ("cancelled", [3, 4, 5]), ("fail_rows", [2, 5])]
)
def test_only_rows_without_an_answer_are_submitted_again(tmp_path: Path, fault: str, unanswered: list[int]) -> None:
    with Endpoint(batch_faults={1: fault}) as server:
        replies = ask(server, tmp_path, questions(*range(6)))
        assert submitted_rows(server) == [[0, 1, 2, 3, 4, 5], unanswered]
        assert [reply.attempts for reply in replies] == [2 if n in unanswered else 1 for n in range(6)]
        assert all(reply.answered for reply in replies)
        assert_each_recorded_once(server, tmp_path, questions(*range(6)))
    assert_nothing_open(tmp_path)


def test_a_row_that_never_gets_an_answer_is_given_up_after_so_many_tries(tmp_path: Path) -> None:
    with Endpoint(batch_faults=dict.fromkeys(range(1, 9), "expire")) as server:
        replies = ask(server, tmp_path, questions(0, 1), max_retries=2)
        assert submitted_rows(server) == [[0, 1], [1], [1]]
    assert (replies[0].finish_reason, replies[1].finish_reason, replies[1].attempts) == ("stop", "failed", 3)
    assert "batch_expired" in (replies[1].detail or "")
    assert len(records(tmp_path)) == 1


@pytest.mark.parametrize(("count", "max_failed"), [(12, 0.99), (2, 0.01)])
def test_a_completed_batch_without_any_answer_is_reported_and_not_repeated(
    tmp_path: Path, count: int, max_failed: float
) -> None:
    requests = questions(*range(count))
    with Endpoint(batch_faults={1: "all_rows_failed"}) as server:
        with pytest.raises(UserError, match=rf"'completed', but all of its {count} rows failed: 500: scripted"):
            ask(server, tmp_path, requests, bounds=Bounds(max_failed=max_failed))
        assert server.state.batches_created == 1
        assert_nothing_open(tmp_path)
        assert all(reply.answered for reply in ask(server, tmp_path, requests))
        assert server.state.batches_created == 2


def test_a_completed_batch_without_any_answer_counts_against_max_failed(tmp_path: Path, small: None) -> None:
    with Endpoint(batch_faults={2: "all_rows_failed"}) as server:
        with pytest.raises(UserError, match=r"gave no answer to 1 of 9 .*'completed', but all of its 3 rows failed"):
            ask(server, tmp_path, questions(*range(9)), bounds=Bounds(max_failed=0.1))
        assert server.state.batches_created == 3
        assert len(records(tmp_path)) == 6
        replies = ask(server, tmp_path, questions(*range(9)), bounds=Bounds(max_failed=0.1))
        assert all(reply.answered for reply in replies)


def test_a_row_that_fails_for_good_does_not_keep_the_others_from_ending(tmp_path: Path) -> None:
    faults = {1: "fail_rows", 2: "all_rows_failed"}
    with Endpoint(batch_faults=faults) as server:
        replies = ask(server, tmp_path, questions(1, 2, 3), bounds=Bounds(max_failed=0.4))
        assert submitted_rows(server) == [[1, 2, 3], [3]]
    assert [reply.finish_reason for reply in replies] == ["stop", "stop", "failed"]


def test_rows_that_were_refused_are_not_submitted_again(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2, 3))
        end_all(server)
        replace_row(server, questions(2)[0], status_code=400, body={"error": {"message": "too long"}})
        replace_row(server, questions(3)[0], status_code=400, body={"error": {"code": "content_filter"}})
        replies = ask(server, tmp_path, questions(1, 2, 3))
        assert server.state.batches_created == 1
    assert [reply.finish_reason for reply in replies] == ["stop", "unaskable", "content_filter"]
    assert replies[1].detail == "400: too long"
    assert len(records(tmp_path)) == 2


def test_if_the_quota_is_used_up_in_a_batch_nothing_more_is_submitted(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2, 3))
        end_all(server)
        replace_row(server, questions(2)[0], status_code=429, body={"error": {"code": "insufficient_quota"}})
        with pytest.raises(UserError, match="quota is used up"):
            ask(server, tmp_path, questions(1, 2, 3))
        assert server.state.batches_created == 1
        assert len(records(tmp_path)) == 2
        assert_nothing_open(tmp_path)


def replace_row(server: Endpoint, request: Request, **response: Any) -> None:
    file = output(server)
    rows = [json.loads(line) for line in file.data.splitlines()]
    (row,) = [row for row in rows if row["custom_id"] == key(server, request)]
    row["response"] = response
    file.data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_rows_that_answer_nothing_are_ignored(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        end_all(server)
        strange = [json.loads(output(server).data.splitlines()[0]) | {"custom_id": name} for name in ("x", None, [1])]
        lines = [json.dumps(row).encode() for row in [*strange, [], 1, {}]]
        output(server).data = b"\n".join([*lines, b"", b"{no json", b"\xff", output(server).data])
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert_each_recorded_once(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1


def test_a_row_that_is_not_there_is_submitted_again(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2, 3))
        end_all(server)
        output(server).data = b"".join(output(server).data.splitlines(keepends=True)[1:])
        server.state.batches[0].answered = 2
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2, 3)))
        assert submitted_rows(server) == [[1, 2, 3], [3]]


@pytest.mark.parametrize("kept", [0, 2])
def test_answers_that_the_server_counts_and_does_not_send_are_not_paid_again_without_a_word(
    tmp_path: Path, kept: int
) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2, 3))
        end_all(server)
        output(server).data = b"".join(output(server).data.splitlines(keepends=True)[:kept])
        if not kept:
            server.state.batches[0].output_file_id = None
        with pytest.raises(UserError, match=rf"{3 - kept} answers of batch batch_\w+ are lost"):
            ask(server, tmp_path, questions(1, 2, 3))
        assert (server.state.batches_created, len(records(tmp_path))) == (1, kept)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2, 3)))


def test_rows_hold_any_text_and_numbers_that_are_none(tmp_path: Path) -> None:
    text = "a\u2028b\u0085c\x0b\r\nd \U0001f600"
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        end_all(server)
        rows = [json.loads(line) for line in output(server).data.splitlines()]
        for row in rows:
            row["response"]["body"]["choices"][0]["message"]["content"] = text
            row["response"]["body"]["usage"]["strange"] = float("nan")
        output(server).data = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        replies = ask(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1
    assert [reply.text for reply in replies] == [text, text]


# Failures of the server


def test_a_batch_that_is_not_accepted_is_told_with_the_server_s_words(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "validation_failed"}) as server:
        with pytest.raises(UserError, match="scripted: the input file is not valid"):
            ask(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1
        assert_nothing_open(tmp_path)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 2


def test_other_batches_are_collected_before_an_error_is_raised(tmp_path: Path, small: None) -> None:
    with Endpoint(batch_faults={1: "validation_failed", 2: "fail_rows"}, batch_polls=4) as server:
        with pytest.raises(UserError, match="scripted: the input file is not valid"):
            ask(server, tmp_path, questions(*range(9)))
        assert server.state.batches_created == 3
        assert len(records(tmp_path)) == 5
        assert_nothing_open(tmp_path)


def test_answers_that_the_server_lost_are_told_and_asked_for_anew_by_the_next_run(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "lost_output"}) as server:
        with pytest.raises(UserError, match=r"2 answers of batch batch_\w+ are lost"):
            ask(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1
        assert_nothing_open(tmp_path)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert times_submitted(server) == {1: 2, 2: 2}


def test_lost_answers_are_told_even_if_the_server_counts_nothing(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        end_all(server)
        del server.state.files[output(server).id]
        server.state.batches[0].answered = 0
        with pytest.raises(UserError, match=r"2 answers of batch batch_\w+ are lost"):
            ask(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1


def test_an_output_that_is_there_a_moment_later_is_not_lost(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        end_all(server)
        file = server.state.files.pop(output(server).id)
        timer = threading.Timer(0.3, server.state.files.__setitem__, (file.id, file))
        timer.start()
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2), max_retries=12))
        assert server.state.batches_created == 1


def test_a_download_that_breaks_off_is_repeated(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "drop_download"}) as server:
        assert all(reply.answered for reply in ask(server, tmp_path, questions(*range(5))))
        assert server.state.batches_created == 1
        assert_each_recorded_once(server, tmp_path, questions(*range(5)))


def test_a_download_that_always_breaks_off_loses_nothing(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        end_all(server)
        output(server).cut_downloads = 4
        with pytest.raises(UserError, match="cannot be reached"):
            ask(server, tmp_path, questions(1, 2))
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 1


@pytest.mark.parametrize("max_retries", [0, 2])
def test_a_batch_whose_creation_was_not_confirmed_is_found_again(tmp_path: Path, max_retries: int) -> None:
    """By the same run, or by the next one if that was the last try."""
    with Endpoint(batch_faults={1: "create_lost"}) as server:
        if max_retries == 0:
            with pytest.raises(UserError, match="cannot be reached"):
                ask(server, tmp_path, questions(1, 2), max_retries=0, batch_wait_s=0.0)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2), max_retries=max_retries))
        assert server.state.batches_created == 1


def test_an_unconfirmed_batch_is_found_behind_many_others_long_afterwards(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "create_lost"}) as server:
        with pytest.raises(UserError, match="cannot be reached"):
            ask(server, tmp_path, questions(1, 2), max_retries=0, batch_wait_s=0.0)
        week = 7 * 24 * 3600
        event, *others = [json.loads(line) for line in journal(tmp_path).read_text().splitlines()]
        event["at"] -= week
        journal(tmp_path).write_text("".join(json.dumps(line) + "\n" for line in [event, *others]))
        server.state.batches[0].created_at -= week
        foreign = [batch_endpoint.Batch(f"file-{n}", "24h", None, [], [], None) for n in range(250)]
        for other in foreign[:100]:
            other.created_at -= week // 2
        server.state.batches += foreign
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 1


def test_a_part_without_a_batch_is_submitted_anew(tmp_path: Path) -> None:
    """Its file may be gone by now, and its questions may not be asked any more."""
    with Endpoint() as server:
        old = [batch_endpoint.Batch(f"file-old-{n}", "24h", None, [], [], None) for n in range(250)]
        for foreign in old:
            foreign.created_at -= 48 * 3600
        server.state.batches += old
        leave_uploaded(server, tmp_path, questions(1, 2))
        assert ask(server, tmp_path, questions(2))[0].answered
        assert submitted_rows(server)[250:] == [[2]]
    assert_nothing_open(tmp_path)


def leave_uploaded(server: Endpoint, folder: Path, requests: list[Request]) -> None:
    """What a run leaves that was killed before its batch was created."""
    given = settings(server)
    ledger = Ledger(folder)
    rows = [question_record(request, key(server, request), given.model, given.parameters) for request in requests]
    with Journal(journal(folder)) as file:
        file.uploaded(file.prepared("part", rows, 5), "file-1")
    ledger.pending.recount()


def test_a_server_that_is_down_is_named_and_what_was_submitted_is_collected_later(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        port = int(server.url.split(":")[2].split("/")[0])
        state = server.state
    with pytest.raises(UserError, match=r"endpoint local .*cannot be reached"):
        ask(server, tmp_path, questions(1, 2))
    with Endpoint(port) as server:
        server.state.batches, server.state.files = state.batches, state.files
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 0


def test_a_batch_that_the_server_does_not_know_is_not_submitted_anew(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        server.state.batches.clear()
        with pytest.raises(UserError, match="knows no batch") as error:
            ask(server, tmp_path, questions(1, 2))
        assert server.state.batches_created == 1
    assert str(journal(tmp_path)) in str(error.value)


def first_answer(monkeypatch: pytest.MonkeyPatch, handler: str, times: int, answer: Callable[[], web.Response]) -> None:
    """Let the first calls of one of the server's handlers be answered otherwise."""
    original = getattr(batch_endpoint._Service, handler)
    left = times

    async def handle(self: Any, request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        return answer() if left >= 0 else await original(self, request)

    monkeypatch.setattr(batch_endpoint._Service, handler, handle)


@pytest.mark.parametrize("handler", ["upload", "create", "batch", "download"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda: error_json(500, "scripted: down", "server_error"),
        lambda: error_json(429, "scripted: slower", "rate_limit_exceeded", {"Retry-After-Ms": "10"}),
        lambda: error_json(404, "scripted: not yet there", "not_found"),
        lambda: web.Response(text="<html>Please log in", content_type="text/html"),
    ],
    ids=["500", "429", "404", "html"],
)
def test_what_passes_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: str, answer: Callable[[], web.Response]
) -> None:
    first_answer(monkeypatch, handler, 2, answer)
    with Endpoint() as server:
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 1
    assert_nothing_open(tmp_path)


@pytest.mark.parametrize(
    ("handler", "status", "code", "message"),
    [
        ("upload", 404, "not_found", "cannot be reached .404: .*scripted"),
        ("upload", 400, "invalid_request_error", "refuses a request .400: scripted"),
        ("create", 400, "invalid_request_error", "refuses a request .400: scripted"),
        ("create", 429, "insufficient_quota", "quota is used up"),
        ("create", 500, "server_error", "cannot be reached .500: scripted"),
    ],
)
def test_what_lasts_is_told_and_the_next_run_submits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: str, status: int, code: str, message: str
) -> None:
    first_answer(monkeypatch, handler, 100, lambda: error_json(status, "scripted", code))
    with Endpoint() as server, pytest.raises(UserError, match=message):
        ask(server, tmp_path, questions(1, 2))
    assert_nothing_open(tmp_path)
    monkeypatch.undo()
    with Endpoint() as server:
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))
        assert server.state.batches_created == 1


def queue_of(monkeypatch: pytest.MonkeyPatch, server: Endpoint, rows: int) -> None:
    """Let the server refuse batches as OpenAI does when too much is under way."""
    original = batch_endpoint._read_rows

    def read_rows(*arguments: Any) -> Any:
        read, errors = original(*arguments)
        under_way = sum(len(other.rows) for other in server.state.batches if not other.ended)
        if under_way + len(read) > rows:
            return [], [batch_endpoint._error("token_limit_exceeded", "Enqueued token limit reached")]
        return read, errors

    monkeypatch.setattr(batch_endpoint, "_read_rows", read_rows)


def test_a_full_queue_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    with Endpoint(batch_polls=3) as server:
        queue_of(monkeypatch, server, 7)
        replies = ask(server, tmp_path, questions(*range(14)))
        assert all(reply.answered for reply in replies)
        assert set(times_submitted(server).values()) == {1}
        assert_each_recorded_once(server, tmp_path, questions(*range(14)))
    assert_nothing_open(tmp_path)


def test_a_batch_too_large_for_the_queue_is_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint() as server:
        queue_of(monkeypatch, server, 3)
        replies = ask(server, tmp_path, questions(*range(8)))
        assert all(reply.answered for reply in replies)
        assert [rows for rows in submitted_rows(server) if rows] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_a_queue_that_takes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint() as server:
        queue_of(monkeypatch, server, 0)
        with pytest.raises(UserError, match="Enqueued token limit reached"):
            ask(server, tmp_path, questions(*range(4)))
        assert server.state.batches_created == 3
    assert_nothing_open(tmp_path)


# Later runs


def test_without_waiting_a_later_run_collects_and_submits_nothing_again(tmp_path: Path) -> None:
    requests = questions(*range(5))
    with Endpoint() as server:
        with pytest.raises(UserError, match="5 requests are with the server in 1 batches") as error:
            ask(server, tmp_path, requests, batch_wait_s=0.0)
        assert "run again later" in str(error.value).lower()
        assert server.state.batches_created == 1
        assert not (tmp_path / "filter" / "writer.jsonl").read_bytes()
        end_all(server)
        assert all(reply.answered for reply in ask(server, tmp_path, requests, batch_wait_s=0.0))
        assert server.state.batches_created == server.state.files_uploaded == 1
        assert_each_recorded_once(server, tmp_path, requests)
    assert_nothing_open(tmp_path)


def test_a_run_that_waits_too_short_says_so_each_time(tmp_path: Path) -> None:
    with Endpoint(batch_polls=10) as server:
        for _ in range(5):
            submit(server, tmp_path, questions(1))
        assert (server.state.batches_created, server.state.batches[0].polls) == (1, 4)
        assert ask(server, tmp_path, questions(1))[0].answered


def test_answers_to_questions_that_are_not_asked_any_more_are_recorded_and_found_later(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2, 3))
        end_all(server)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(3, 4)))
        assert submitted_rows(server) == [[1, 2, 3], [4]]
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2, 3, 4)))
        assert times_submitted(server) == {1: 1, 2: 1, 3: 1, 4: 1}
        assert_each_recorded_once(server, tmp_path, questions(1, 2, 3, 4))


def test_an_answer_that_came_from_elsewhere_meanwhile_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    """Another writer may have the same question at the same time; the batch is paid for all the same."""
    requests = questions(1, 2)
    with Endpoint() as server:
        given = settings(server)

        def meanwhile(counts: Counts) -> None:
            # The first call comes before anything is submitted, after the ledger was looked into.
            if counts.asked == 0:
                question = question_record(requests[0], key(server, requests[0]), given.model, given.parameters)
                with Ledger(tmp_path).writer("filter", "other") as file:
                    file.append([answer_record(question, Reply("[]", "stop", "test-model"))])

        replies = ask(server, tmp_path, requests, progress=meanwhile)
        assert all(reply.answered for reply in replies)
        assert submitted_rows(server) == [[1, 2]]
    assert len(records(tmp_path)) == 2
    assert_nothing_open(tmp_path)


def test_a_torn_last_event_in_the_journal_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        whole = journal(tmp_path).read_bytes()
        for length in (len(whole) - 5, whole.rindex(b"\n", 0, -1) - 5, 20):
            journal(tmp_path).write_bytes(whole[:length])
            before = server.state.batches_created
            submit(server, tmp_path, questions(1, 2))
            # Without "submitted" the batch is found; a run that has not noted "uploaded" has not created it.
            assert server.state.batches_created - before == (0 if length == len(whole) - 5 else 1)
            journal(tmp_path).write_bytes(whole)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2)))


# Kills

JOB = """
    import os, signal, sys
    sys.path[:0] = [{scripts!r}]
    from taskgalaxy.errors import UserError
    from taskgalaxy.llm import batch, batch_service
    from taskgalaxy.llm.ask import ask_all
    from taskgalaxy.llm.batch_journal import Journal
    from taskgalaxy.llm.ledger import Ledger, LedgerWriter
    from taskgalaxy.llm.request import Request
    from taskgalaxy.llm.settings import EndpointSettings, Prices

    url, folder, method, moment, number = sys.argv[1:]
    owner = LedgerWriter if method == "append" else Journal
    original = getattr(owner, method)
    left = int(number)

    def hooked(*arguments):
        global left
        left -= 1
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, hooked)
    batch.MAX_ROWS, batch._TAKEN_TOGETHER, batch_service._SETTLED_S = 3, 2, 0.0
    prices = Prices(input=10.0, output=30.0, date="2026-01-01")
    settings = EndpointSettings(
        "local", "openai", "test-model", url, mode="batch", batch_poll_s=0.01, max_retries=3, prices=prices
    )
    ledger = Ledger(folder)
    texts = [f'candidate task types\\n"OCR~part {{number}}"\\n"Scene~place"' for number in range(7)]
    ask_all([Request("filter", text) for text in texts], batch.BatchProvider(settings, ledger), ledger, "writer")
"""


def killed(server: Endpoint, folder: Path, method: str, moment: str, number: int) -> None:
    """A run with seven questions in files of three that is killed before or after call ``number`` of ``method``."""
    code = textwrap.dedent(JOB.format(scripts=str(SCRIPTS)))
    arguments = [sys.executable, "-c", code, server.url, str(folder), method, moment, str(number)]
    job = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert job.returncode == -9, job.stderr


POINTS = [
    *[(method, moment, 2) for method in ("prepared", "uploaded", "submitted") for moment in ("before", "after")],
    ("submitted", "after", 3),
    *[("closed", moment, number) for moment in ("before", "after") for number in (1, 3)],
    *[("append", moment, number) for moment in ("before", "after") for number in (1, 2)],
]


@pytest.mark.parametrize(("method", "moment", "number"), POINTS)
def test_a_killed_run_is_continued_without_asking_twice(
    tmp_path: Path, small: None, method: str, moment: str, number: int
) -> None:
    requests = questions(*range(7))
    with Endpoint() as server:
        killed(server, tmp_path, method, moment, number)
        assert all(reply.answered for reply in ask(server, tmp_path, requests))
        assert times_submitted(server) == dict.fromkeys(range(7), 1)
        assert set(server.answered.values()) == {1}
        assert_each_recorded_once(server, tmp_path, requests)
        assert server.state.batches_created == 3
        # If all was recorded before the kill, nothing was asked since, and the last part is closed only now.
        replies = ask(server, tmp_path, [*requests, *questions(7)])
        assert times_submitted(server) == dict.fromkeys(range(8), 1)
    assert_nothing_open(tmp_path)
    assert Ledger(tmp_path).spent.usd() <= Ledger(tmp_path).spent.recount()
    assert Ledger(tmp_path).spent.usd() == pytest.approx(sum(reply.usd or 0.0 for reply in replies))


@pytest.mark.parametrize(("method", "moment", "number"), [("closed", "before", 1), ("append", "after", 1)])
def test_after_a_kill_only_failed_rows_are_submitted_again(
    tmp_path: Path, small: None, method: str, moment: str, number: int
) -> None:
    with Endpoint(batch_faults={1: "fail_rows", 2: "create_lost", 3: "expire"}) as server:
        killed(server, tmp_path, method, moment, number)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(*range(7))))
        # Row 2 failed in the first batch, and of the last batch's one row none was answered.
        assert times_submitted(server) == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 1, 6: 2}
        assert_each_recorded_once(server, tmp_path, questions(*range(7)))
    assert_nothing_open(tmp_path)


@pytest.mark.parametrize(("method", "moment"), [("prepared", "after"), ("submitted", "before"), ("closed", "before")])
def test_after_a_kill_what_others_have_pending_is_still_counted(
    tmp_path: Path, small: None, method: str, moment: str
) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(8, 9), writer="other")
        before = Ledger(tmp_path).pending.usd()
        killed(server, tmp_path, method, moment, 1)
        ask(server, tmp_path, questions(*range(7)))
        assert Ledger(tmp_path).pending.usd() == before > 0


# Money


def cost(number: int = 0) -> float:
    """What the answer to a question is expected to cost."""
    (request,) = questions(number)
    return usd(PRICES, {"prompt_tokens": prompt_tokens(request), "completion_tokens": 256}, batch=True)


def expected_usd(folder: Path, writer: str = "writer") -> list[float]:
    return [part.nano_usd / 1e9 for part in read_parts(journal(folder, writer)).values()]


def test_what_open_batches_are_expected_to_cost_is_pending(tmp_path: Path, small: None) -> None:
    with Endpoint(batch_polls=4, batch_faults={1: "fail_rows"}) as server:
        pending = Ledger(tmp_path).pending
        submit(server, tmp_path, questions(*range(7)))
        one = cost()
        assert expected_usd(tmp_path) == pytest.approx([3 * one, 3 * one, one])
        assert pending.usd() == pytest.approx(7 * one)
        submit(server, tmp_path, votes(*range(2)))
        assert pending.usd() > 7 * one
        assert pending.usd() == pytest.approx(pending.recount())
        ask(server, tmp_path, votes(*range(2)))
        assert pending.usd() == pytest.approx(7 * one)
        ask(server, tmp_path, questions(*range(7)))
    assert_nothing_open(tmp_path)


def test_without_prices_nothing_is_expected_and_no_budget_holds(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1), prices=None, budget_usd=0.0)
        assert expected_usd(tmp_path) == [0.0]
        assert ask(server, tmp_path, questions(1), prices=None, budget_usd=0.0)[0].usd is None


def test_no_batch_is_submitted_that_would_cost_more_than_the_budget_leaves(tmp_path: Path, small: None) -> None:
    one = cost(1)
    with Endpoint() as server:
        (reply,) = ask(server, tmp_path, questions(100))
        spent = reply.usd or 0.0
        submit(server, tmp_path, questions(9), writer="other")
        before = server.state.files_uploaded
        budget = spent + one + 3 * one + 1.5 * one
        with pytest.raises(UserError, match="budget_usd") as error:
            ask(server, tmp_path, questions(*range(5)), budget_usd=budget)
        for amount in (2 * one, spent, 4 * one):
            assert f"${amount:,.4f}" in str(error.value)
        assert f"${budget:,.2f}" in str(error.value)
        # The first file was within the budget, and is collected; the second was not.
        assert submitted_rows(server)[2:] == [[0, 1, 2]]
        assert server.state.files_uploaded == before + 1
        assert len(records(tmp_path)) == 4
        assert journal(tmp_path).read_bytes() == b""
        assert Ledger(tmp_path).pending.usd() == pytest.approx(one)
        assert all(reply.answered for reply in ask(server, tmp_path, questions(*range(5))))


def test_jobs_that_submit_at_once_do_not_exceed_the_budget_together(tmp_path: Path) -> None:
    one = cost(1)
    stopped: list[str] = []

    def work(number: int) -> None:
        try:
            ask(server, tmp_path, questions(number), writer=str(number), budget_usd=2.5 * one, batch_wait_s=0.0)
        except UserError as error:
            stopped.append("budget" if error.where == "budget_usd" else "submitted")

    with Endpoint() as server:
        jobs = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join(60)
    assert len(stopped) == 6
    assert stopped.count("submitted") == server.state.batches_created <= 2
    assert Ledger(tmp_path).pending.recount() == pytest.approx(server.state.batches_created * one)


def test_a_sum_of_what_is_pending_that_is_too_high_is_counted_again_before_it_stops_anything(tmp_path: Path) -> None:
    pending = Ledger(tmp_path).pending
    pending.recount()
    pending.add(10**12)
    assert pending.usd() == 1000.0
    with Endpoint() as server:
        assert ask(server, tmp_path, questions(1), budget_usd=2 * cost(1))[0].answered
    assert_nothing_open(tmp_path)


def test_nothing_is_submitted_once_the_budget_is_spent_but_what_was_submitted_is_collected(
    tmp_path: Path, small: None
) -> None:
    with Endpoint() as server:
        ask(server, tmp_path, questions(0))
        submit(server, tmp_path, questions(1, 2, 3, 4))
        bounds = Bounds(budget_usd=0.000001)
        with pytest.raises(UserError, match="and nothing more is sent"):
            ask(server, tmp_path, questions(1, 2, 3, 4, 5), bounds=bounds, budget_usd=0.000001)
        assert submitted_rows(server) == [[0], [1, 2, 3], [4]]
        assert len(records(tmp_path)) == 5
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2, 3, 4), bounds=bounds))
    assert_nothing_open(tmp_path)


def test_rows_without_an_answer_are_not_submitted_again_beyond_the_budget(tmp_path: Path) -> None:
    with Endpoint(batch_faults={1: "fail_rows"}) as server:
        with pytest.raises(UserError, match="and nothing more is sent"):
            ask(server, tmp_path, questions(1, 2, 3), bounds=Bounds(budget_usd=0.000001))
        assert server.state.batches_created == 1
        assert len(records(tmp_path)) == 2


def test_an_uploaded_file_that_is_not_submitted_yet_is_not_submitted_beyond_the_budget(tmp_path: Path) -> None:
    with Endpoint() as server:
        leave_uploaded(server, tmp_path, questions(1, 2))
        with pytest.raises(UserError, match="budget_usd"):
            ask(server, tmp_path, questions(1, 2), budget_usd=0.0)
        assert server.state.batches_created == 0
    assert_nothing_open(tmp_path)


def test_an_answer_that_cannot_be_recorded_is_collected_by_the_next_run(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: LedgerWriter, lines: Any) -> None:
        raise UserError("ledger", "the disk is full", "make room")

    with Endpoint() as server:
        with monkeypatch.context() as patched:
            patched.setattr(LedgerWriter, "append", full)
            with pytest.raises(UserError, match="the disk is full"):
                ask(server, tmp_path, questions(1, 2, 3, 4))
        assert len(read_parts(journal(tmp_path))) == 2
        assert all(reply.answered for reply in ask(server, tmp_path, questions(1, 2, 3, 4)))
        assert server.state.batches_created == 2
    assert_nothing_open(tmp_path)


# Keys


def files_under(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_wrong_key_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TEST_KEY", KEY)
    with Endpoint(key="sk-right") as server:
        with pytest.raises(UserError, match="refuses access") as error:
            ask(server, tmp_path, questions(1, 2), api_key_env="TEST_KEY")
        assert "TEST_KEY" in str(error.value)
        assert KEY not in str(error.value) + caplog.text
        assert (server.state.files_uploaded, server.state.batches_created) == (0, 0)
    assert not [path for path, data in files_under(tmp_path).items() if KEY.encode() in data]
    assert_nothing_open(tmp_path)


def test_a_key_that_the_server_repeats_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("TEST_KEY", KEY)
    with Endpoint(key=KEY) as server:
        submit(server, tmp_path, questions(1, 2), api_key_env="TEST_KEY")
        end_all(server)
        file = output(server)
        first, second = file.data.replace(b"fp_test", KEY.encode()).splitlines()
        file.data = b"\n".join([first, f"no row but {KEY}".encode(), second])
        (reply, _) = ask(server, tmp_path, questions(1, 2), api_key_env="TEST_KEY")
        assert reply.system_fingerprint == "[key]"
        submit(server, tmp_path, questions(3), api_key_env="TEST_KEY")
        server.state.batches[-1].errors = [batch_endpoint._error("invalid", f"not with {KEY}")]
        with pytest.raises(UserError, match=r"not with \[key\]") as error:
            ask(server, tmp_path, questions(3), api_key_env="TEST_KEY")
    assert KEY not in str(error.value) + caplog.text
    assert not [path for path, data in files_under(tmp_path).items() if KEY.encode() in data]


def test_a_key_that_is_revoked_loses_nothing(tmp_path: Path, small: None) -> None:
    with Endpoint(revoke_after=3) as server:
        with pytest.raises(UserError, match="refuses access"):
            ask(server, tmp_path, questions(*range(6)))
        server.state.revoke_after = None
        assert all(reply.answered for reply in ask(server, tmp_path, questions(*range(6))))
        assert times_submitted(server) == dict.fromkeys(range(6), 1)
    assert_nothing_open(tmp_path)


def test_a_missing_key_is_told_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with Endpoint() as server, pytest.raises(UserError, match="TEST_KEY is not set"):
        ask(server, tmp_path, questions(1), api_key_env="TEST_KEY")


def test_what_a_batch_asks_is_not_asked_online_beside_it(tmp_path: Path) -> None:
    with Endpoint() as server:
        submit(server, tmp_path, questions(1, 2))
        online = replace(settings(server), mode="online")
        ledger = Ledger(tmp_path)
        with pytest.raises(UserError, match="2 of these questions are with the server in batches"):
            ask_all(questions(1, 2, 3), OpenAIProvider(online, ledger.state), ledger, "writer")
        assert server.state.requests == 0
        ask(server, tmp_path, questions(1, 2))
        ask_all(questions(1, 2, 3), OpenAIProvider(online, ledger.state), ledger, "writer")
        assert server.state.requests == 1
