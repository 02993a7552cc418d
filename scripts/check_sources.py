from pathlib import Path

from taskgalaxy.files import atomic
from taskgalaxy.jobs import job
from taskgalaxy.pool.checklist import check_subset, checklist
from taskgalaxy.pool.registry import configured_subsets
from taskgalaxy.sources.kinds import open_sources

with job(snakemake.log[0]):
    config = snakemake.config
    sources, pool = open_sources(config), Path(config["pool"])
    lines = [check_subset(subset, sources[subset.name], pool) for subset in configured_subsets(config)]
    text = checklist(lines, pool)
    with atomic(Path(config["results"]) / "report" / "sources.txt") as file:
        file.write(text)
    print(text, end="")
