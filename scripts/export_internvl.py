from taskgalaxy.export.internvl import write_internvl
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    annotation, meta = snakemake.output
    write_internvl(annotation, meta, iter_rows(snakemake.input[0], DATASET), snakemake.params.images)
