"""A job ends with one sentence that helps its user, or with a traceback that helps us."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

import rows
from taskgalaxy.errors import UserError
from taskgalaxy.jobs import Model, image_roots, job, open_model, shard_images
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.llm.request import Reply, Request
from taskgalaxy.tables import IMAGE_INDEX, write_table


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A job sets up the logging of its process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def ended(path: Path, error: BaseException) -> str:
    """The log of a job that ends on ``error``."""
    with pytest.raises(SystemExit) as caught, job(path):
        raise error
    assert caught.value.code == 1
    return path.read_text(encoding="utf-8")


def test_a_user_s_error_is_its_message_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ended(tmp_path / "log", UserError("config: seed", "is wrong", "set it to 1"))
    assert "config: seed: is wrong. Set it to 1." in log
    assert "Traceback" not in log
    assert "config: seed" in capsys.readouterr().err


def test_a_defect_leaves_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ended(tmp_path / "log", KeyError("lost"))
    assert "Traceback" in log
    assert "KeyError: 'lost'" in log
    assert "please report" in log
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), job(tmp_path / "log"):
        raise KeyboardInterrupt
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_a_job_says_goes_to_its_log_and_only_warnings_to_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with job(tmp_path / "log"):
        logging.getLogger("taskgalaxy").info("12 images")
        logging.getLogger("taskgalaxy").info("a name that is no text: %s", "b\udcff.png")
        logging.warning("12 tries")
        logging.getLogger("httpx").info("chatter")
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "12 images" in log
    assert r"b\udcff.png" in log
    assert "chatter" not in log
    shown = capsys.readouterr().err
    assert "12 images" not in shown
    assert "12 tries" in shown


class Scripted:
    """A provider that answers as told and keeps no record."""

    name = "scripted"
    model = "small"
    parameters: ClassVar[dict[str, Any]] = {"temperature": 0}
    recorded = False
    concurrency = 2

    def __init__(self, *finish_reasons: str) -> None:
        self._finish_reasons = finish_reasons

    async def answer(self, request: Request) -> Reply:
        return Reply("", self._finish_reasons[int(request.text)], "small", detail="connection refused")

    async def close(self) -> None: ...


def ask(folder: Path, *finish_reasons: str) -> Sequence[str]:
    model = Model(Scripted(*finish_reasons), Ledger(folder / "ledger"), "shard")
    requests = [Request("filter", str(number)) for number in range(len(finish_reasons))]
    return [reply.finish_reason for reply in model.ask(requests)]


def test_a_server_that_answers_nothing_stops_the_job(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"small.*no answer to any of 3 requests \(connection refused\)"):
        ask(tmp_path, "failed", "failed", "failed")


def test_single_failures_are_rejects_of_their_rows(tmp_path: Path) -> None:
    assert ask(tmp_path, "failed", "stop", "failed") == ["failed", "stop", "failed"]
    assert ask(tmp_path, "refusal", "content_filter", "length") == ["refusal", "content_filter", "length"]
    assert ask(tmp_path) == []


def test_the_origin_of_a_reply_is_the_key_of_its_request(tmp_path: Path) -> None:
    model = Model(Scripted(), Ledger(tmp_path), "shard")
    request = Request("filter", "text")
    assert model.origin(request) == {
        "provider": "scripted",
        "model": "small",
        "request": request.key("small", {"temperature": 0}),
    }


def settings(**endpoint: Any) -> dict[str, Any]:
    return {"ledger": "ledger", "endpoints": {"large": {"provider": "openai", "model": "m", **endpoint}}}


def test_a_model_is_opened_by_the_name_of_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(settings(temperature=0.5), "large", "shard")
    assert (model.provider.name, model.provider.model) == ("openai", "m")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UserError, match="NO_SUCH_KEY"):
        open_model(settings(api_key_env="NO_SUCH_KEY"), "large", "shard")


def test_a_job_finds_the_images_of_its_own_shard(tmp_path: Path) -> None:
    config = {"sources": {"one": {"root": "here", "path": "x"}, "two": {"root": "there", "path": "y"}}}
    assert image_roots(config) == {"one": "here", "two": "there"}
    index = rows.index(
        rows.image("b", "one-00000", "b.png"),
        rows.image("a", "one-00000", "moved.png", source="two"),
        rows.image("c", "one-00001", "c.png"),
        rows.image("d", "two-00000", "d.png"),
    )
    write_table(tmp_path / "index", index, IMAGE_INDEX)
    found = shard_images(tmp_path / "index", "one-00000", config)
    assert [(image_id, str(file.path)) for image_id, file in found.items()] == [
        ("b", "here/b.png"),
        ("a", "there/moved.png"),
    ]
    assert shard_images(tmp_path / "index", "two-00009", config) == {}
