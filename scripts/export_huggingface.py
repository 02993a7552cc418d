from taskgalaxy.export.huggingface import write_huggingface
from taskgalaxy.jobs import image_roots, job
from taskgalaxy.tables import DATASET, iter_rows

with job(snakemake.log[0]):
    samples = iter_rows(snakemake.input[0], DATASET)
    write_huggingface(snakemake.output[0], samples, image_roots(snakemake.config))
