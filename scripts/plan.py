from pathlib import Path

from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.plan.estimate import plan_json, plan_table
from taskgalaxy.plan.run import plan_run

with job(snakemake.log[0]):
    config, jobs = snakemake.config, snakemake.params.jobs
    plans = plan_run(config, snakemake.params.shards, snakemake.params.some_files, jobs)
    spent_usd = Ledger(config["ledger"]).spent.usd()
    table = plan_table(plans, config["budget_usd"], spent_usd, jobs)
    with atomic(Path(config["results"]) / "report" / "plan.txt") as file:
        file.write(table)
    write_json(Path(config["results"]) / "report" / "plan.json", plan_json(plans, config["budget_usd"], spent_usd))
    print(table)
