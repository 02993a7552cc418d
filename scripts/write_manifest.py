from taskgalaxy.embeddings import read_embeddings
from taskgalaxy.files import write_json
from taskgalaxy.jobs import job
from taskgalaxy.ledger_tools.cited import cited_answers
from taskgalaxy.llm.ledger import Ledger
from taskgalaxy.manifest import answer_keys, manifest
from taskgalaxy.schemas import DATASET, FUNNEL, TASK_TYPES
from taskgalaxy.tables import read_table

with job(snakemake.log[0]):
    dataset = read_table(snakemake.input.parquet, DATASET)
    _, _, identity = read_embeddings(snakemake.input.tasks)
    write_json(
        snakemake.output[0],
        manifest(
            dataset,
            read_table(snakemake.input.funnel, FUNNEL),
            read_table(snakemake.input.task_types, TASK_TYPES),
            snakemake.params.config,
            identity,
            snakemake.params.inputs,
            # The folder is no parameter: wherever the ledger lies, its answers are the same.
            cited_answers(Ledger(snakemake.config["ledger"]), answer_keys(dataset)),
        ),
    )
