from taskgalaxy.export.image_folder import link_sources
from taskgalaxy.jobs import image_roots, job
from taskgalaxy.tables import DATASET, read_table

with job(snakemake.log[0]):
    sources = read_table(snakemake.input[0], DATASET)["source"].unique().to_list()
    link_sources(snakemake.output[0], {name: image_roots(snakemake.config)[name] for name in sources})
