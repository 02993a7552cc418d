from taskgalaxy.images import find_duplicates
from taskgalaxy.jobs import job
from taskgalaxy.tables import DUPLICATES, IMAGES, read_tables, write_table

with job(snakemake.log[0]):
    write_table(snakemake.output[0], find_duplicates(read_tables(snakemake.input, IMAGES)), DUPLICATES)
