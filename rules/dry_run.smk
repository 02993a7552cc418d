# How a dry-run ends: with what its jobs would ask, at most, or get.
import atexit

from taskgalaxy.asking import asking_summary
from taskgalaxy.pool.space import download_summary


def print_summaries():
    if workflow.dag is not None:
        jobs = [
            (job.rule.name, dict(job.wildcards.items()))
            for job in workflow.dag.needrun_jobs(exclude_finished=False)
        ]
        print(asking_summary(config, jobs, PLAN.counts), end="", file=sys.stderr)
        if "download" in dict(jobs):
            print(download_summary(config), end="", file=sys.stderr)


# Snakemake calls no handler after a dry-run.
if workflow.is_main_process and workflow.output_settings.dryrun:
    atexit.register(print_summaries)
