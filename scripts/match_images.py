from taskgalaxy.jobs import job
from taskgalaxy.matching import top_images
from taskgalaxy.schemas import TOP_IMAGES
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    found = top_images(snakemake.input.tasks, snakemake.input.images, snakemake.params.m)
    write_table(snakemake.output[0], found, TOP_IMAGES)
