from taskgalaxy.dataset import manifest, write_checksums
from taskgalaxy.embeddings import read_embeddings
from taskgalaxy.files import write_json
from taskgalaxy.jobs import job
from taskgalaxy.tables import DATASET, FUNNEL, read_table

with job(snakemake.log[0]):
    _, _, identity = read_embeddings(snakemake.input.tasks)
    write_json(
        snakemake.output.manifest,
        manifest(
            read_table(snakemake.input.parquet, DATASET),
            read_table(snakemake.input.funnel, FUNNEL),
            snakemake.params.config,
            identity,
        ),
    )
    write_checksums(
        snakemake.output.checksums, [snakemake.input.parquet, snakemake.input.jsonl, snakemake.output.manifest]
    )
