from taskgalaxy.export.huggingface import write_huggingface
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    samples = iter_rows(snakemake.input[0], DATASET)
    write_huggingface(snakemake.output[0], samples, open_sources(snakemake.config))
