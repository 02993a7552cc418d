# What Snakemake 9.27.1 gets wrong, or slow, for this workflow. Tests fail where a remedy of the former is missing.
import gc
import signal
import threading
from functools import cache

import snakemake.common
import snakemake.rules
import snakemake.sourcecache
from snakemake.dag import DAG


def handle_sigterm_in_a_thread():
    """Snakemake's handler takes a lock that the thread it interrupts may hold, and would then wait for ever."""
    graceful = signal.getsignal(signal.SIGTERM)
    if callable(graceful):
        signal.signal(signal.SIGTERM, lambda *caught: threading.Thread(target=graceful, args=caught).start())


# Plans of thousands of jobs: of the objects made nearly all stay, so that garbage need not be looked for after every 700;
# and what a function's parameters or the parts of a script's path are need not be found out for every job.
gc.set_threshold(50_000)
snakemake.rules.get_function_params = snakemake.common.get_function_params = cache(
    snakemake.common.get_function_params
)
snakemake.sourcecache.parse_uri = cache(snakemake.sourcecache.parse_uri)

original_bfs = DAG.bfs


def bfs_not_through_ancient(dag, direction, *jobs, stop=lambda job: False):
    """Of the jobs after ``jobs``, only those that these make run.

    Snakemake asks for them to leave them unchecked, as they run anyway. But behind ancient() they do not, and
    what else had changed for them would be missed: adding images would hide that a prompt has changed.
    """
    if direction is not dag.depending or dag.omitrules or dag.omitfiles:
        yield from original_bfs(dag, direction, *jobs, stop=stop)
        return
    pending, seen = list(jobs), set(jobs)
    while pending:
        job = pending.pop()
        if stop(job):
            continue
        yield job
        for after, files in direction[job].items():
            if after not in seen and not all(file.is_ancient for file in files):
                seen.add(after)
                pending.append(after)


DAG.bfs = bfs_not_through_ancient
