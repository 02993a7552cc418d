from taskgalaxy.fill_shards import is_fill
from taskgalaxy.jobs import job, shard_images
from taskgalaxy.llm.generators import open_generators
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import FILTER, REJECTS
from taskgalaxy.stages import qa_shard
from taskgalaxy.tables import read_table, write_samples, write_table

with job(snakemake.log[0]):
    config, shard = snakemake.config, snakemake.wildcards.shard
    images = shard_images(snakemake.input.images, shard, config)
    model = open_generators(config, shard)
    template = load_templates(config["prompts"], ["qa"])["qa"]
    kept = read_table(snakemake.input.filtered, FILTER).filter("kept")
    samples, rejects = qa_shard(kept, images, template, model, filling=is_fill(shard, config))
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_samples(snakemake.output.samples, samples)
