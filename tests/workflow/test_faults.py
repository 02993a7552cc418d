"""Whatever a server does: every question ends answered, once, or its rows are named rejects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from endpoint import Endpoint, Fault, question_digest
from endpoint_faults import stage_of
from workflow.project import Project
from workflow.runs import finish, match_images

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

ASKED_AGAIN = {"length", "empty", "cut_json"}
"""Spoilt replies after which a question is put once more, with the same messages."""

STOPPING = {
    "quota": "quota is used up",
    "unauthorized": "the server refuses access",
    "unknown_model": "knows no model",
}
"""Faults that stop a run, and what it says."""


IMAGES = 24
"""So many questions of every stage that each meets all faults, though half of the images are spoilt before."""


class Spoiler:
    """Spoils the first questions of every stage: each with the next one of ``faults``.

    A question that is put again with a correction is still the same question.

    Attributes:
        questions: by stage, in the order in which they came.
        spoilt: by question, with what.
    """

    def __init__(self, faults: Iterable[Fault], *, always: bool = False) -> None:
        self.faults = list(faults)
        self.always = always
        self.questions: dict[str, list[str]] = defaultdict(list)
        self.spoilt: dict[str, Fault] = {}

    def __call__(self, number: int, body: Mapping[str, Any]) -> Fault | None:
        first = list(takewhile(lambda message: message["role"] != "assistant", body["messages"]))
        stage, question = stage_of(body), question_digest({**body, "messages": first})
        if stage == "other":
            return None  # the tiny question before the run
        seen = self.questions[stage]
        if question not in seen:
            if len(seen) < len(self.faults):
                self.spoilt[question] = self.faults[len(seen)]
            seen.append(question)
            return self.spoilt.get(question)
        return self.spoilt.get(question) if self.always else None

    def met_all(self) -> bool:
        """Whether every stage had a question for every fault."""
        return all(len(self.questions[stage]) >= len(self.faults) for stage in ("filter", "qa", "referee"))


@pytest.fixture(scope="module")
def many_matched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return match_images(tmp_path_factory.mktemp("many") / "run", IMAGES)


def test_passing_faults_change_nothing(many_matched: Project, tmp_path: Path) -> None:
    undisturbed = finish(many_matched, tmp_path / "undisturbed")
    project = many_matched.copy_to(tmp_path / "run")
    spoiler = Spoiler(PASSING)
    with Endpoint(faults=spoiler, drip_s=3.0) as server:
        project.use_server(server.url, max_retries=4, timeout_s=1.5)
        output = project.run("dataset")
        assert "Traceback" not in output
        assert max(server.answered.values()) == 1
    assert spoiler.met_all()
    assert project.samples_digest() == undisturbed.samples_digest()


def test_spoilt_replies_end_as_named_rejects(many_matched: Project, tmp_path: Path) -> None:
    project = many_matched.copy_to(tmp_path / "run")
    spoiler = Spoiler(SPOILT, always=True)
    with Endpoint(faults=spoiler) as server:
        project.use_server(server.url)
        # A run fails by itself if its rows do not add up.
        project.run("results/report/funnel.txt")
        assert spoiler.met_all()
        again = {spoiler.spoilt[question] for question, times in server.answered.items() if times > 1}
        assert again <= ASKED_AGAIN
        assert max(server.answered.values()) == 2
    assert set(SPOILT.values()) <= set(project.rejects()["reason"]) | project.vote_reasons()


def test_faults_that_stop_a_run_are_said_once_and_lose_nothing(matched: Project, undisturbed: Project) -> None:
    with Endpoint() as server:
        matched.use_server(server.url)
        for fault, words in STOPPING.items():
            before = server.state.requests
            server.state.faults = dict.fromkeys(range(before + 3, before + 8), fault)
            stopped = matched.snakemake("dataset")
            assert stopped.returncode != 0
            assert words in stopped.stdout
            assert "Traceback" not in stopped.stdout
            assert server.state.requests <= before + 8
        server.state.faults = {}
        matched.run("dataset")
        # The tiny questions before the run, one per endpoint, are the only ones that came more than once.
        assert server.state.stages.total() - len(server.answered) <= 4 * len(STOPPING)
        assert len(set(matched.recorded_keys())) == len(matched.recorded_keys())
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
