"""What happens to jobs and nodes of a cluster: the run ends with the same final set, and no question is asked twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from endpoint import Endpoint, Fault
from endpoint_faults import stage_of
from slurm.cluster import Cluster, Job
from slurm.project import SlurmProject
from workflow.project import Project

pytestmark = pytest.mark.slurm

REFEREES = ("test-first", "test-second", "test-third")
FEW = 2
WAIT_S = 120

SHORT_OF_MEMORY = "generate_qa:mem_mb=60*20**(attempt-1)"
"""Less than Python needs at the first attempt, and enough at the second."""


class Holder:
    """Lets the answers of some models come slowly, after a few: their jobs are then found amid the work."""

    def __init__(self, *models: str) -> None:
        self.models = set(models)
        self.questions: Counter[str] = Counter()
        self.held: set[str] = set()

    def __call__(self, number: int, body: Mapping[str, Any]) -> Fault | None:
        if stage_of(body) == "other":
            return None  # the tiny question before the run
        model = body["model"]
        self.questions[model] += 1
        if model not in self.models or self.questions[model] <= FEW:
            return None
        self.held.add(model)
        return "slow_drip"


def test_jobs_cancelled_out_of_memory_or_time_and_a_lost_node_cost_time_and_no_answer(
    slurm: Cluster, matched: Project, undisturbed: Project
) -> None:
    project = SlurmProject.taking_over(matched)
    project.adapt_profile(asking_partition="net")
    holder = Holder("test-generator")
    with Endpoint(faults=holder, drip_s=40) as server:
        project.use_server(server.url, concurrency=1, timeout_s=120)
        run = project.start("dataset", "--set-resources", SHORT_OF_MEMORY)

        assert project.reached(run, lambda: bool(holder.held), "filter_matches amid its questions"), project.log()
        holder.models = set(REFEREES)
        slurm.cancel(slurm.jobs("filter_matches")[0])

        # generate_qa is killed for its memory meanwhile, by Slurm itself.
        assert project.reached(run, lambda: holder.held >= set(REFEREES), "all referees amid their questions"), (
            project.log()
        )
        lost, late, lasting = _by_node(slurm.jobs("cast_votes"))
        holder.models.discard(_model(lasting))
        slurm.kill_node(lost.node)
        slurm.kill_daemon(lasting.node)
        slurm.start_node(lasting.node)
        slurm.control("update", f"JobId={late.id}", "EndTime=now+1")
        slurm.wait_for(lost, lambda job: job.restarts == 1)
        # Slurm would wait two minutes before it starts the jobs of a lost node again.
        slurm.control("update", f"JobId={lost.id}", "StartTime=now")
        holder.models.discard(_model(lost))
        slurm.wait_for(late, lambda job: job.state == "TIMEOUT")
        holder.models.discard(_model(late))
        assert run.wait(WAIT_S) == 0, project.log()
        assert max(server.answered.values()) == 1

    assert project.samples_digest() == undisturbed.samples_digest()
    cancelled, again = slurm.jobs("filter_matches")
    assert (cancelled.state, again.state) == ("CANCELLED", "COMPLETED")
    assert (again.memory_mb, again.minutes) == (2 * cancelled.memory_mb, 2 * cancelled.minutes)
    short, enough = slurm.jobs("generate_qa")
    assert (short.state, enough.state) == ("FAILED", "COMPLETED")
    assert "exceeded memory limit" in project.slurm_log(short)
    ends = [[(job.state, job.restarts) for job in slurm.jobs("cast_votes") if job.wildcards == one.wildcards]
            for one in (lost, late, lasting)]  # fmt: skip
    assert ends == [[("COMPLETED", 1)], [("TIMEOUT", 0), ("COMPLETED", 0)], [("COMPLETED", 0)]]
    asking = {"filter_matches", "generate_qa", "cast_votes"}
    assert {job.partition for job in slurm.jobs() if job.rule in asking} == {"net"}
    assert {job.partition for job in slurm.jobs() if job.rule not in asking} == {"cpu"}


def _by_node(jobs: list[Job]) -> tuple[Job, Job, Job]:
    """Of three jobs on two nodes, the one that is alone on its node first."""
    nodes = Counter(job.node for job in jobs)
    assert [job.state for job in jobs] == ["RUNNING"] * 3
    assert sorted(nodes.values()) == [1, 2], "the jobs were to be spread over the nodes"
    first, second, third = sorted(jobs, key=lambda job: nodes[job.node])
    return first, second, third


def _model(vote: Job) -> str:
    """The model that a job of ``cast_votes`` asks."""
    return f"test-{vote.wildcards.partition('_')[0]}"


def test_what_is_to_stay_on_the_head_node_does_not_show_up_in_slurm(slurm: Cluster, matched: Project) -> None:
    project = SlurmProject.taking_over(matched)
    project.adapt_profile(asking_partition="head")
    project.run("results/votes.parquet")
    assert [job.rule for job in slurm.jobs()] == ["final_tally_votes"]
