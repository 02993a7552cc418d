from taskgalaxy.clip import embed_shard, load_clip
from taskgalaxy.embeddings import write_embeddings
from taskgalaxy.images import locate
from taskgalaxy.jobs import image_roots, job
from taskgalaxy.tables import DUPLICATES, IMAGES, REJECTS, read_table, write_table

with job(snakemake.log[0]):
    duplicates = read_table(snakemake.input.duplicates, DUPLICATES)
    images = read_table(snakemake.input.images, IMAGES).join(duplicates, on=["shard", "path"], how="anti")
    clip = load_clip(snakemake.config["match"], snakemake.threads)
    found = locate(images, duplicates, image_roots(snakemake.config))
    embedded, rejects = embed_shard(clip, [found[image_id] for image_id in images["image_id"]])
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_embeddings(snakemake.output.embeddings, embedded.ids, embedded.vectors, clip.identity)
