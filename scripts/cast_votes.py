from taskgalaxy.images import locate
from taskgalaxy.jobs import image_roots, job, open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.stages import vote_shard
from taskgalaxy.tables import DUPLICATES, IMAGES, VOTES, read_samples, read_table, write_table

with job(snakemake.log[0]):
    config = snakemake.config
    referee, sees_answer = snakemake.wildcards.referee, snakemake.params.sees_answer
    images = locate(
        read_table(snakemake.input.images, IMAGES),
        read_table(snakemake.input.duplicates, DUPLICATES),
        image_roots(config),
    )
    model = open_model(config, referee, f"{referee}.{snakemake.wildcards.shard}")
    template = load_templates(config["prompts"], ["referee"], sees_answer=sees_answer)["referee"]
    rows = vote_shard(read_samples(snakemake.input.samples), images, template, model, referee, sees_answer)
    write_table(snakemake.output[0], rows, VOTES)
