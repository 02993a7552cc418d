"""Weights in a folder are known by what the folder holds, and not by where it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from taskgalaxy.errors import UserError
from taskgalaxy.llm import weights
from taskgalaxy.llm.weights import folder_digest, pin_weights


def make_folder(path: Path, **files: str) -> Path:
    path.mkdir(parents=True)
    for name, text in {"config.json": "{}", "model.safetensors": "abc", "chat_template.jinja": "x", **files}.items():
        (path / name).write_text(text)
    return path


def digest(folder: Path, known: Path | None = None, remember: bool = True) -> str:
    return folder_digest(folder, known or folder.parent / "known.json", remember=remember)


def config(model: Path | str, ledger: Path, **entry: Any) -> dict[str, Any]:
    endpoint = {"provider": "transformers", "model": str(model), "revision": None, **entry}
    roles = {"expand": "judge", "filter": "judge", "qa": "judge", "referees": ["judge"]}
    return {"ledger": str(ledger), "endpoints": {"judge": endpoint, "spare": dict(endpoint)}, "roles": roles}


def pinned(model: Path | str, ledger: Path, **entry: Any) -> dict[str, Any]:
    settings = config(model, ledger, **entry)
    pin_weights(settings, remember=True)
    endpoint: dict[str, Any] = settings["endpoints"]["judge"]
    return endpoint


def test_the_same_files_are_the_same_wherever_they_lie(tmp_path: Path) -> None:
    first, second = make_folder(tmp_path / "a" / "model"), make_folder(tmp_path / "b" / "model")
    (second / "README.md").write_text("About it.")
    assert digest(first) == digest(second)
    link = tmp_path / "link"
    link.symlink_to(first)
    assert digest(link) == digest(first)


@pytest.mark.parametrize(
    "changes",
    [{"model.safetensors": "abd"}, {"chat_template.jinja": "y"}, {"vocab.txt": "a"}, {"tokenizer.model": "a"}],
)
def test_another_file_is_another_model(changes: dict[str, str], tmp_path: Path) -> None:
    assert digest(make_folder(tmp_path / "a")) != digest(make_folder(tmp_path / "b", **changes))


def test_files_are_read_once_and_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    sha256_file = weights.sha256_file
    monkeypatch.setattr(weights, "sha256_file", lambda path: read.append(path.name) or sha256_file(path))
    folder = make_folder(tmp_path / "model")
    first = digest(folder)
    assert len(read) == 3
    assert digest(folder) == first
    assert len(read) == 3
    (folder / "model.safetensors").write_text("abd")
    assert digest(folder) != first
    assert read[3:] == ["model.safetensors"]
    # As long as before, and changed within the same second.
    (folder / "config.json").write_text("[]")
    os.utime(folder / "config.json", ns=(0, 1))
    digest(folder)
    assert read[4:] == ["config.json"]


def test_reading_for_long_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(tmp_path / "model")
    digest(folder, tmp_path / "other.json")
    assert caplog.text == ""
    monkeypatch.setattr(weights, "_LONG_BYTES", 3)
    for _ in range(2):
        digest(folder)
    assert caplog.text.count(f"GB in {folder}") == 1


@pytest.mark.parametrize("known", ["", "{", None])
def test_what_is_known_may_be_damaged_or_missing_and_need_not_be_kept(known: str | None, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model")
    file = tmp_path / "state" / "known.json"
    if known is not None:
        file.parent.mkdir()
        file.write_text(known)
    expected = digest(folder)
    assert digest(folder, file, remember=False) == expected
    assert (file.read_text() if file.exists() else None) == known
    assert digest(folder, file) == expected
    assert len(json.loads(file.read_text())) == 3
    assert digest(folder, Path("/proc/nowhere/known.json")) == expected, "where nothing can be written"


def test_a_folder_s_revision_is_its_digest_and_its_path_decides_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "models" / "judge-8b")
    entry = pinned(folder, tmp_path / "ledger")
    assert entry["folder"] == str(folder)
    assert entry["model"] == "judge-8b"
    assert entry["revision"] == f"sha256:{digest(folder)}"
    assert (tmp_path / "ledger" / ".state" / "weights.json").is_file()
    moved = pinned(make_folder(tmp_path / "elsewhere" / "judge-8b"), tmp_path / "ledger")
    assert {**moved, "folder": None} == {**entry, "folder": None}


def test_the_recorded_votes_of_a_folder_are_found_when_it_is_gone(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "judge-8b")
    entry = pinned(folder, tmp_path / "ledger")
    replayed = pinned("/no/longer/judge-8b", tmp_path / "ledger", provider="replay", revision=entry["revision"])
    assert (replayed["model"], replayed["revision"]) == (entry["model"], entry["revision"])


def test_a_revision_that_is_given_must_be_the_folder_s(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "judge-8b")
    revision = pinned(folder, tmp_path / "ledger")["revision"]
    assert pinned(folder, tmp_path / "ledger", revision=revision)["revision"] == revision
    for other in (f"sha256:{'0' * 64}", "0" * 40):
        with pytest.raises(UserError, match=r"endpoints\.judge\.revision: is .*, but the files in .* are sha256"):
            pinned(folder, tmp_path / "ledger", revision=other)


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "judge-8b")
    hub = {"model": "org/judge", "revision": "0" * 40}
    assert pinned("org/judge", tmp_path, revision="0" * 40).items() >= hub.items()
    server = pinned(folder, tmp_path, provider="openai")
    assert server == {"provider": "openai", "model": str(folder), "revision": None}
    settings = config(folder, tmp_path / "ledger")
    pin_weights(settings, remember=False)
    assert settings["endpoints"]["spare"]["revision"] is None, "an endpoint without a role is not read"
    assert not (tmp_path / "ledger").exists()
