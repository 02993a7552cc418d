# What Snakemake 9.27.1 gets wrong about ancient(). A test fails where the remedy is missing.
from snakemake.dag import DAG

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
