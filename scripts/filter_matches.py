from taskgalaxy.fill_shards import is_fill
from taskgalaxy.jobs import job, shard_images
from taskgalaxy.llm.model import open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import FILTER, REJECTS, TOPK
from taskgalaxy.stages import filter_shard
from taskgalaxy.tables import read_table, write_table

with job(snakemake.log[0]):
    config, shard = snakemake.config, snakemake.wildcards.shard
    images = shard_images(snakemake.input.images, shard, config)
    model = open_model(config, config["roles"]["filter"], shard)
    template = load_templates(config["prompts"], ["filter"])["filter"]
    topk = read_table(snakemake.input.topk, TOPK)
    rows, rejects = filter_shard(topk, images, template, model, filling=is_fill(shard, config))
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_table(snakemake.output.filtered, rows, FILTER)
