from taskgalaxy.jobs import job, shard_images
from taskgalaxy.phash import hash_images
from taskgalaxy.schemas import IMAGE_HASHES
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    images = shard_images(snakemake.input.images, snakemake.wildcards.shard, snakemake.config)
    write_table(snakemake.output[0], hash_images(images.values()), IMAGE_HASHES)
