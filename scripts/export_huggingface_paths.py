from taskgalaxy.export.huggingface import write_huggingface_paths
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    write_huggingface_paths(snakemake.output[0], iter_rows(snakemake.input[0], DATASET), snakemake.params.images)
