"""A push is one commit of exactly the set's files, and refuses what should not be passed on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from hub import Hub
from taskgalaxy.errors import UserError
from taskgalaxy.publish.push import check_publishable, push, repository_files

TOKEN = "hf_planted0123456789"
NAME = "somebody/pictures"
CARD = "---\nlicense: mit\n---\n\n# Pictures\n"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # Its second protocol is compiled code that speaks to another service.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    # Other tests switch the network off before they import the library.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with Hub(TOKEN) as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {
        "dataset/README.md": CARD,
        "dataset/taskgalaxy.parquet": "table",
        "subsets/cap-1.parquet": "one",
        "export/train-00000.parquet": "images",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return repository_files(
        [str(tmp_path / "dataset" / name) for name in ("taskgalaxy.parquet", "README.md")],
        [str(tmp_path / "subsets" / "cap-1.parquet")],
        str(tmp_path / "export"),
        "images",
    )


def pushed(files: dict[str, Path], hub: Hub, **changes: Any) -> dict[str, Any]:
    return push(
        files, NAME, **{"token": TOKEN, "token_env": "MY_TOKEN", "private": True, "endpoint": hub.url, **changes}
    )


def test_the_repository_holds_the_card_at_its_top_and_each_kind_in_its_folder(files: dict[str, Path], hub: Hub) -> None:
    receipt = pushed(files, hub)
    assert hub.repositories == {NAME: {path: file.read_bytes() for path, file in files.items()}}
    assert set(hub.repositories[NAME]) == {
        "README.md",
        "taskgalaxy.parquet",
        "subsets/cap-1.parquet",
        "images/train-00000.parquet",
    }
    assert hub.private == {NAME}
    assert hub.commits == 1
    assert receipt == {
        "repository": NAME,
        "url": f"{hub.url}/datasets/{NAME}",
        "commit": f"{1:040x}",
        "removed": [],
        "bytes": {path: file.stat().st_size for path, file in files.items()},
    }


def test_a_later_push_removes_what_the_workflow_put_there_and_nothing_else(files: dict[str, Path], hub: Hub) -> None:
    pushed(files, hub)
    hub.repositories[NAME] |= {"images/train-00001.parquet": b"stale", "LICENSE": b"mine", "notes/a.txt": b"mine"}
    sent = len(hub.uploaded)
    files["taskgalaxy.parquet"].write_text("another table")
    assert pushed(files, hub)["removed"] == ["images/train-00001.parquet"]
    assert set(hub.repositories[NAME]) == {*files, "LICENSE", "notes/a.txt"}
    assert hub.repositories[NAME]["taskgalaxy.parquet"] == b"another table"
    assert len(hub.uploaded) == sent + 1, "what the Hub has is not sent again"


def test_a_public_repository_is_made_only_if_it_is_wanted(files: dict[str, Path], hub: Hub) -> None:
    pushed(files, hub, private=False)
    assert not hub.private


@pytest.mark.parametrize("part", ["/api/repos/create", "/preupload/", "/lfs/objects/batch", "/large/", "/commit/"])
def test_nothing_changes_for_readers_if_the_hub_refuses_at_any_step(
    part: str, files: dict[str, Path], hub: Hub
) -> None:
    hub.refusing[part] = (403, "")
    with pytest.raises(UserError, match=NAME) as caught:
        pushed(files, hub)
    assert TOKEN not in str(caught.value)
    assert not hub.repositories.get(NAME)
    assert hub.commits == 0


def test_a_wrong_token_is_named_by_its_variable_and_not_shown(files: dict[str, Path], hub: Hub) -> None:
    with pytest.raises(UserError, match="MY_TOKEN") as caught:
        pushed(files, hub, token="hf_wrong")
    assert "hf_wrong" not in str(caught.value)


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_asked(token: str | None, files: dict[str, Path], hub: Hub) -> None:
    with pytest.raises(UserError, match="MY_TOKEN is not set"):
        pushed(files, hub, token=token)
    assert not hub.repositories


def test_a_hub_that_is_not_there_is_one_message(files: dict[str, Path]) -> None:
    with Hub(TOKEN) as gone:
        pass
    with pytest.raises(UserError, match="broke off"):
        pushed(files, gone)


@pytest.mark.parametrize(
    ("changes", "embedded", "said"),
    [
        ({}, False, None),
        ({"license": "unknown"}, True, "licence is unknown"),
        ({"samples": 0}, True, "no sample"),
        ({"providers": ["embedded", "openai"]}, False, "embedded provider"),
        ({"providers": ["embedded", "openai"]}, True, None),
        ({"license": "other"}, False, None),
    ],
)
def test_what_should_not_be_passed_on_is_refused(changes: dict[str, Any], embedded: bool, said: str | None) -> None:
    manifest = {"samples": 3, "license": "CC-BY-4.0", "providers": ["openai"], **changes}
    if said is None:
        check_publishable(manifest, embedded)
    else:
        with pytest.raises(UserError, match=said):
            check_publishable(manifest, embedded)
