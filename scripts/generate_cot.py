from taskgalaxy.cot import choose
from taskgalaxy.images import image_files
from taskgalaxy.jobs import job
from taskgalaxy.llm.model import open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import COT, DATASET, IMAGE_INDEX, REJECTS
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.stages import cot_samples
from taskgalaxy.tables import read_table, write_table

with job(snakemake.log[0]):
    config = snakemake.config
    chosen = choose(read_table(snakemake.input.dataset, DATASET), snakemake.params.max, snakemake.params.seed)
    index = read_table(snakemake.input.images, IMAGE_INDEX).join(chosen, on="image_id", how="semi")
    model = open_model(config, config["roles"]["cot"], "cot")
    template = load_templates(config["prompts"], ["cot"])["cot"]
    answered, rejects = cot_samples(chosen, image_files(index, open_sources(config)), template, model)
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_table(snakemake.output.answers, answered, COT)
