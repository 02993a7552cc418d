from taskgalaxy.export.llava import write_llava
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    write_llava(snakemake.output[0], iter_rows(snakemake.input[0], DATASET))
