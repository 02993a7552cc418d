from taskgalaxy.export.llava_mix import write_llava_mix
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    write_llava_mix(snakemake.output[0], snakemake.input.mix, iter_rows(snakemake.input.set, DATASET))
