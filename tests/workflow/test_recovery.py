"""Whatever ends a run, the next one goes on: by itself, or after the one thing that a message says.

Afterwards the final set is that of an undisturbed run, and nothing that was recorded was asked again.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoint import Endpoint
from workflow.project import Project
from workflow.small_disk import PAGE, Disk

pytestmark = pytest.mark.workflow

STAGES = {
    "expand": ("expand_level", "expand_level/1"),
    "inspect": ("inspect_images", "inspect_images/one-00000"),
    "duplicates": ("find_duplicates", "find_duplicates"),
    "embed": ("embed_images", "embed_images/one-00000"),
    "match": ("match", "match/one-00000"),
    "filter": ("filter_matches", "filter_matches/one-00000"),
    "qa": ("generate_qa", "generate_qa/one-00000"),
    "referee": ("cast_votes", "cast_votes/first/one-00000"),
    "tally": ("tally_votes", "tally_votes"),
    "balance": ("balance", "balance"),
    "report": ("funnel", "funnel"),
}
"""Each stage's rule, and the log of its job; it appears as soon as the job runs."""

ASKING = ("filter", "qa", "referee")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@pytest.fixture
def _heeding_interrupts() -> Iterator[None]:
    """A process that was started in the background may ignore SIGINT, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeding_interrupts")
@pytest.mark.parametrize("turn", [0, pytest.param(1, marks=pytest.mark.soak), pytest.param(2, marks=pytest.mark.soak)])
def test_a_signal_in_any_stage_ends_the_run_and_the_next_one_goes_on(
    turn: int, tmp_path: Path, undisturbed: Project
) -> None:
    with Endpoint(latency_s=0.1) as server:
        project = Project(tmp_path / "run", server.url)
        project.add_images("one", range(4))
        project.use_server(server.url, concurrency=1)
        for number, stage in enumerate(STAGES):
            _interrupt(project, server, stage, SIGNALS[(number + turn) % len(SIGNALS)])
        project.run("dataset")
    assert project.samples_digest() == undisturbed.samples_digest()
    assert set(Counter(project.recorded_keys()).values()) == {1}


def _interrupt(project: Project, server: Endpoint, stage: str, kind: signal.Signals) -> None:
    """Run to the middle of ``stage``, send a signal to the head, and see the run end."""
    rule, name = STAGES[stage]
    log = project.path(f"logs/{name}.log")
    log.unlink(missing_ok=True)
    answered = server.state.stages[stage]
    # No further, or a run that ends gracefully might do a job of the next stage as well.
    run = project.start("--until", rule)

    def there() -> bool:
        return server.state.stages[stage] > answered if stage in ASKING else log.exists()

    assert project.reached(run, there, stage), f"the run ended before stage {stage}"
    if kind == signal.SIGINT:
        os.killpg(run.pid, kind)  # as a terminal does
    else:
        run.send_signal(kind)
    try:
        status = run.wait(120)
    finally:
        run.kill()
    assert status != 0, f"{kind.name} in stage {stage}"
    locks = list((project.folder / ".snakemake" / "locks").glob("*.lock"))
    assert bool(locks) == (kind == signal.SIGKILL), f"{kind.name} in stage {stage}"
    if locks:
        assert "--unlock" in project.snakemake().stdout
        project.run("--unlock")


def test_a_kill_while_duplicates_are_looked_for_remakes_no_old_shard(tmp_path: Path, undisturbed: Project) -> None:
    project = undisturbed.copy_to(tmp_path / "run")
    project.add_images("one", [20])
    run = project.start("--until", "find_duplicates")
    scripts = project.folder / ".snakemake" / "scripts"
    assert project.reached(run, lambda: any(scripts.glob("*find_duplicates.py")), "find_duplicates")
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(30)
    project.run("--unlock")
    planned = project.jobs(project.run("--dry-run", "dataset"))
    assert planned["find_duplicates"] == planned["embed_images"] == planned["filter_matches"] == 1


def test_a_disk_that_refuses_is_one_message_and_the_run_goes_on_once_it_does_not(
    matched: Project, undisturbed: Project
) -> None:
    with Endpoint() as server, Disk(matched.path("")) as results, Disk(matched.folder / "ledger") as ledger:
        matched.use_server(server.url, concurrency=1)
        with results.read_only():
            assert f"nothing can be written in {matched.path('')}. Make it writable" in _stopped(matched)
        with results.full(but=0):
            stopped = _stopped(matched)
            assert "results/rejects/filter/one-00000.parquet: No space left on device. Make room" in stopped
        # Room for the files' beginnings, and for no more than a few answers.
        with ledger.full(but=3 * PAGE):
            stopped = _stopped(matched)
            assert "ledger/qa/generator.one-00000.jsonl: an answer could not be recorded" in stopped
            assert "Make room on the disk and run again" in stopped
        matched.run("dataset")
        # Lost: the answer that could not be written, and the one that was in flight meanwhile.
        assert 1 <= server.answered.total() - len(server.answered) <= 2
        assert matched.samples_digest() == undisturbed.samples_digest()
        assert set(Counter(matched.recorded_keys()).values()) == {1}


DAMAGED = (
    "votes/first/one-00000.parquet",
    "qa/one-00000.jsonl",
    "match/topk/one-00000.parquet",
    "images.parquet",
    "images/shards/one-00000.json",
)
"""Files of a finished run, from its end to its beginning, so that none is made anew before it is read."""


def test_a_damaged_file_is_named_and_made_anew_once_it_is_deleted(tmp_path: Path, undisturbed: Project) -> None:
    project = undisturbed.copy_to(tmp_path / "run")
    with Endpoint() as server:
        project.use_server(server.url)
        for relative in DAMAGED:
            path = project.path(relative)
            path.write_bytes(path.read_bytes()[:-10])
            stopped = _stopped(project)
            assert f"results/{relative}: " in stopped
            assert "elete it" in stopped
            path.unlink()
        # While the final set is there, what it was made from is not missed.
        assert "Nothing to be done" in project.run("dataset")
        project.path("dataset/taskgalaxy.parquet").unlink()
        shutil.rmtree(project.folder / ".snakemake")
        _damage_ledger(project.folder / "ledger")
        _leave_litter(project)
        output = project.run("dataset")
        assert "filter/one-00000.jsonl: the line at byte 0 is not a record and is passed over" in output
        # The one whose record was destroyed, and the tiny ones before a run.
        assert server.state.stages == {"filter": 1, "other": 4}
    assert project.samples_digest() == undisturbed.samples_digest()


def test_a_damaged_image_index_costs_no_embedding_if_its_message_is_followed(
    tmp_path: Path, undisturbed: Project
) -> None:
    project = undisturbed.copy_to(tmp_path / "run")
    project.path("images.parquet").write_bytes(b"damaged")
    project.path("dataset/taskgalaxy.parquet").unlink()
    remedy = "snakemake --until find_duplicates"
    assert remedy in _stopped(project)
    project.path("images.parquet").unlink()
    alone = project.jobs(project.run(*remedy.split()[1:]))
    assert alone == {"find_duplicates": 1}
    assert "embed_images" not in project.jobs(project.run("dataset"))
    assert project.samples_digest() == undisturbed.samples_digest()


def _damage_ledger(ledger: Path) -> None:
    """Overwrite a record of the filter's, and the index of the answers about questions."""
    path = ledger / "filter" / "one-00000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([b"x" * (len(lines[0]) - 1) + b"\n", *lines[1:]]))
    index = ledger / "qa" / "generator.one-00000.index"
    index.write_bytes(os.urandom(index.stat().st_size))


def _leave_litter(project: Project) -> None:
    """What kills leave behind: half of a temporary file, and a lock file that nobody holds any more."""
    for relative in ("images/shards/one-00000.json", "match/tasks.parquet"):
        path = project.path(relative)
        path.with_name(f".{path.name}.a1b2c3d4.tmp").write_bytes(b"half")
    (project.folder / "ledger" / "filter" / "one-00000.lock").write_text("process 1 on elsewhere\n")


def _stopped(project: Project) -> str:
    """What a run says that does not come to its end: no traceback."""
    done = project.snakemake("dataset")
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout
