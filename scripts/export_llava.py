from taskgalaxy.export.llava import write_llava
from taskgalaxy.jobs import job
from taskgalaxy.tables import DATASET, read_table

with job(snakemake.log[0]):
    write_llava(snakemake.output[0], read_table(snakemake.input[0], DATASET).iter_rows(named=True))
