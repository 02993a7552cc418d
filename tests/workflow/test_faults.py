"""Whatever a server does: every question ends answered, once, or its rows are named rejects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from endpoint import Endpoint, Fault, question_digest
from endpoint_faults import stage_of
from workflow.project import Project

pytestmark = pytest.mark.workflow

PASSING = (
    "500", "503", "429", "429_bare", "429_seconds", "429_date", "drop", "drop_mid_body", "slow_drip", "malformed",
    "ratelimit_headers", "fenced", "typographic", "echo_key",
)  # fmt: skip
"""Faults after which the final set is the same as without them."""

SPOILT = {
    "refusal": "refused",
    "content_filter": "content_filter",
    "filtered_prompt": "content_filter",
    "length": "reply_truncated",
    "empty": "reply_empty",
    "nonsense": "reply_unparsable",
    "cut_json": "reply_unparsable",
    "smuggle": "reply_unparsable",
    "wrong_label": "label_not_offered",
    "400": "request_failed",
}
"""Faults of a reply, and a reason that rows are rejected for if the reply stays so."""

PAIRS = list(zip(list(SPOILT)[::2], list(SPOILT)[1::2], strict=True))

STOPPING = {
    "quota": "quota is used up",
    "unauthorized": "the server refuses access",
    "unknown_model": "knows no model",
}
"""Faults that stop a run, and what it says."""


class Spoiler:
    """Spoils the questions of every stage in turns: each with the next one of ``faults``, ``None`` being none.

    Attributes:
        questions: by stage, in the order in which they came.
    """

    def __init__(self, faults: Iterable[Fault | None], *, always: bool = False) -> None:
        self.faults = list(faults)
        self.always = always
        self.questions: dict[str, list[str]] = defaultdict(list)

    def __call__(self, number: int, body: Mapping[str, Any]) -> Fault | None:
        stage, question = stage_of(body), question_digest(body)
        if stage == "other":
            return None  # the tiny question before the run
        seen = self.questions[stage]
        if question in seen and not self.always:
            return None
        if question not in seen:
            seen.append(question)
        return self.faults[seen.index(question) % len(self.faults)]


IMAGES = 4
"""In the run that the tests start from: as many faults of a stage come to be seen in one run."""


@pytest.mark.parametrize("start", range(0, len(PASSING), IMAGES))
def test_passing_faults_change_nothing(start: int, matched: Project, undisturbed: Project) -> None:
    spoiler = Spoiler(PASSING[start:] + PASSING[:start])
    with Endpoint(faults=spoiler, drip_s=3.0) as server:
        matched.use_server(server.url, max_retries=4, timeout_s=1.5)
        output = matched.run("dataset")
        assert "Traceback" not in output
        assert max(server.answered.values()) == 1
    assert all(len(spoiler.questions[stage]) >= IMAGES for stage in ("filter", "qa", "referee"))
    assert matched.samples_digest() == undisturbed.samples_digest()


@pytest.mark.parametrize("faults", PAIRS, ids="-".join)
def test_a_spoilt_reply_ends_as_a_named_reject(faults: Sequence[Fault], matched: Project) -> None:
    with Endpoint(faults=Spoiler([*faults, None], always=True)) as server:
        matched.use_server(server.url)
        matched.run("results/report/funnel.txt")
        # Asked once more where that may help: with the same messages, if nothing was wrong with their reading.
        assert max(server.answered.values()) <= (2 if {"length", "empty", "cut_json"} & set(faults) else 1)
        reasons = set(matched.rejects()["reason"]) | matched.vote_reasons()
        assert {SPOILT[fault] for fault in faults} <= reasons
    # A run fails by itself if its rows do not add up.
    assert matched.path("report/funnel.txt").exists()


@pytest.mark.parametrize("fault", STOPPING)
def test_a_fault_that_stops_the_run_says_so_once_and_loses_nothing(
    fault: Fault, matched: Project, undisturbed: Project
) -> None:
    with Endpoint(faults={3: fault, 4: fault, 5: fault, 6: fault, 7: fault}) as server:
        matched.use_server(server.url)
        stopped = matched.snakemake("dataset")
        assert stopped.returncode != 0
        assert STOPPING[fault] in stopped.stdout
        assert "Traceback" not in stopped.stdout
        assert server.state.requests <= 8
        server.state.faults = {}
        matched.run("dataset")
        # The tiny questions before the run, one per endpoint, are the only ones that came twice.
        assert sum(server.answered.values()) - len(server.answered) <= 4
    assert matched.samples_digest() == undisturbed.samples_digest()


def test_a_server_that_is_gone_stops_the_run_and_the_next_one_goes_on(matched: Project, undisturbed: Project) -> None:
    with Endpoint() as server:
        address = server.url
    matched.use_server(address, max_retries=1)
    stopped = matched.snakemake("dataset")
    assert stopped.returncode != 0
    assert "does not answer" in stopped.stdout
    with Endpoint() as server:
        matched.use_server(server.url)
        matched.run("dataset")
    assert matched.samples_digest() == undisturbed.samples_digest()


def test_the_key_that_is_revoked_half_way_stops_the_run_and_a_new_one_goes_on(
    matched: Project, undisturbed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_KEY", "sk-planted-revoked")
    with Endpoint(key="sk-planted-revoked", revoke_after=20) as server:
        matched.use_server(server.url, api_key_env="PLANTED_KEY")
        stopped = matched.snakemake("dataset")
        assert stopped.returncode != 0
        assert "PLANTED_KEY" in stopped.stdout
        before = server.answered.copy()
    monkeypatch.setenv("PLANTED_KEY", "sk-planted-new")
    with Endpoint(key="sk-planted-new") as server:
        matched.use_server(server.url)
        matched.run("dataset")
        again = {question for question in before if server.answered[question]}
        assert len(again) <= 4, "only the tiny questions before the run may be asked again"
    assert matched.samples_digest() == undisturbed.samples_digest()
