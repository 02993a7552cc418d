from taskgalaxy.jobs import job
from taskgalaxy.schemas import TASK_TYPES
from taskgalaxy.tables import write_table
from taskgalaxy.taxonomy import check_k, load_seeds, merge, task_type_rows

with job(snakemake.log[0]):
    seeds = load_seeds(snakemake.input.seeds)
    rows = task_type_rows(merge(load_seeds(snakemake.input.taxonomy), seeds), seeds, snakemake.params.pool)
    # k is read past the parameters: it is checked here, it does not decide what is written.
    check_k(snakemake.config["match"]["k"], len(rows))
    write_table(snakemake.output[0], rows, TASK_TYPES)
