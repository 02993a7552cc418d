"""``snakemake push``: with one's own token, to a repository that one names, and never otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
import yaml

from hub import Hub
from workflow.project import Project

pytestmark = pytest.mark.workflow

TOKEN = "hf_planted0123456789"
NAME = "somebody/pictures"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(TOKEN) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        yield server


def test_a_push_uploads_the_set_and_its_card_with_the_answers_it_was_made_of(
    finished: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished.config["push"] = {"repository": NAME, "export": None, "token_env": "MY_TOKEN"}
    stopped = finished.snakemake("push")
    assert stopped.returncode != 0
    assert "the environment variable MY_TOKEN is not set" in stopped.stdout
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    output = finished.run("push")
    assert "push" not in finished.planned(), "only the target itself uploads"
    there = hub.repositories[NAME]
    assert there == {path.name: path.read_bytes() for path in finished.path("dataset").iterdir()}
    assert hub.private == {NAME}
    assert json.loads(finished.path("pushed.json").read_text(encoding="utf-8"))["commit"] == f"{1:040x}"
    answers = json.loads(there["manifest.json"])["answers"]
    recorded = {
        record["key"]: record
        for path in (finished.folder / "ledger").rglob("*.jsonl")
        for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    named = {vote["request"] for votes in finished.dataset()["votes"] for vote in votes}
    named |= {*finished.dataset()["filter_request"], *finished.dataset()["qa_request"]}
    parts = (
        bytes.fromhex(key)
        + hashlib.sha256(json.dumps(recorded[key], sort_keys=True, separators=(",", ":")).encode()).digest()
        for key in sorted(named)
    )
    times = sorted(recorded[key]["at"] for key in named)
    assert answers == {
        "named": len(named),
        "recorded": len(named),
        "sha256": hashlib.sha256(b"".join(parts)).hexdigest(),
        "first": times[0],
        "last": times[-1],
    }
    card = there["README.md"].decode()
    assert answers["sha256"] in card
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "cc0-1.0"
    for path in finished.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in output


def test_what_should_not_be_passed_on_stays_at_home(
    finished: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    finished.config["push"] = {"repository": NAME, "export": None}
    finished.config["licenses"] = {"CC0-1.0": {"unknown": True}}
    stopped = finished.snakemake("push")
    assert stopped.returncode != 0
    assert "licence is unknown" in stopped.stdout
    assert not hub.repositories
