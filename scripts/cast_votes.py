from taskgalaxy.jobs import job, shard_images
from taskgalaxy.llm.model import open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import VOTES
from taskgalaxy.stages import vote_shard
from taskgalaxy.tables import read_samples, write_table

with job(snakemake.log[0]):
    config, shard = snakemake.config, snakemake.wildcards.shard
    referee, sees_answer = snakemake.wildcards.referee, snakemake.params.sees_answer
    images = shard_images(snakemake.input.images, shard, config)
    model = open_model(config, referee, f"{referee}.{shard}")
    template = load_templates(config["prompts"], ["referee"], sees_answer=sees_answer)["referee"]
    rows = vote_shard(read_samples(snakemake.input.samples), images, template, model, referee, sees_answer)
    write_table(snakemake.output[0], rows, VOTES)
