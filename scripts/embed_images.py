from taskgalaxy.clip import embed_shard, load_clip
from taskgalaxy.embeddings import write_embeddings
from taskgalaxy.jobs import job, shard_images
from taskgalaxy.tables import REJECTS, write_table

with job(snakemake.log[0]):
    images = shard_images(snakemake.input.images, snakemake.wildcards.shard, snakemake.config)
    clip = load_clip(snakemake.config["match"])
    embedded, rejects = embed_shard(clip, images.values())
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_embeddings(snakemake.output.embeddings, embedded.ids, embedded.vectors, clip.identity)
