from taskgalaxy.images import locate
from taskgalaxy.jobs import image_roots, job, open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.stages import qa_shard
from taskgalaxy.tables import DUPLICATES, FILTER, IMAGES, REJECTS, read_table, write_samples, write_table

with job(snakemake.log[0]):
    config = snakemake.config
    images = locate(
        read_table(snakemake.input.images, IMAGES),
        read_table(snakemake.input.duplicates, DUPLICATES),
        image_roots(config),
    )
    model = open_model(config, config["roles"]["qa"], snakemake.wildcards.shard)
    template = load_templates(config["prompts"], ["qa"])["qa"]
    filtered = read_table(snakemake.input.kept, FILTER)
    samples, rejects = qa_shard(filtered.filter(filtered["kept"]), images, template, model)
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_samples(snakemake.output.samples, samples)
