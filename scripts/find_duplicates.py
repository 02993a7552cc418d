from taskgalaxy.images import find_duplicates, index_images
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DUPLICATES, IMAGE_INDEX, IMAGES, REMOVED
from taskgalaxy.tables import read_table, read_tables, write_table

with job(snakemake.log[0]):
    images = read_tables(snakemake.input.inspected, IMAGES)
    index = index_images(images, read_table(snakemake.input.removed, REMOVED))
    write_table(snakemake.output.duplicates, find_duplicates(images), DUPLICATES)
    # Jobs read their own shard's rows, which lie together: small groups let them skip the rest.
    write_table(snakemake.output.images, index, IMAGE_INDEX, row_group_size=4096)
