from taskgalaxy.clip import Clip, ClipSettings
from taskgalaxy.embed import embed_shard
from taskgalaxy.embeddings import write_embeddings
from taskgalaxy.jobs import job, shard_images
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    settings = snakemake.config["match"]
    images = shard_images(snakemake.input.images, snakemake.wildcards.shard, snakemake.config)
    clip = Clip(ClipSettings.of(settings))
    embedded, rejects = embed_shard(clip, list(images.values()), settings["workers"])
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_embeddings(snakemake.output.embeddings, embedded.ids, embedded.vectors, clip.identity)
