from taskgalaxy.images import locate
from taskgalaxy.jobs import image_roots, job, open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.stages import filter_shard
from taskgalaxy.tables import DUPLICATES, FILTER, IMAGES, TOPK, read_table, write_table

with job(snakemake.log[0]):
    config = snakemake.config
    images = locate(
        read_table(snakemake.input.images, IMAGES),
        read_table(snakemake.input.duplicates, DUPLICATES),
        image_roots(config),
    )
    model = open_model(config, config["roles"]["filter"], snakemake.wildcards.shard)
    template = load_templates(config["prompts"], ["filter"])["filter"]
    rows = filter_shard(read_table(snakemake.input.topk, TOPK), images, template, model)
    write_table(snakemake.output[0], rows, FILTER)
