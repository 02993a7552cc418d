from pathlib import Path

from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.plan.run import plan_run

with job(snakemake.log[0]):
    config, params = snakemake.config, snakemake.params
    plan = plan_run(config, params.shards, params.some_files, params.jobs)
    with atomic(Path(config["results"]) / "report" / "plan.txt") as file:
        file.write(plan.table())
    write_json(Path(config["results"]) / "report" / "plan.json", plan.as_json())
    print(plan.table())
