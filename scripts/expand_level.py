from taskgalaxy.expand import LevelSettings, expand_level
from taskgalaxy.files import write_json
from taskgalaxy.jobs import job
from taskgalaxy.llm.model import open_model
from taskgalaxy.prompts import load_templates
from taskgalaxy.schemas import REJECTS
from taskgalaxy.tables import write_table
from taskgalaxy.taxonomy import dump_level, load_seeds, merge

with job(snakemake.log[0]):
    level = int(snakemake.wildcards.level)
    roles = ["expand_level_1"] if level == 1 else ["expand_with_children", "expand_without_children"]
    model = open_model(snakemake.config, snakemake.config["roles"]["expand"], f"level{level}")
    expansion = model.run(
        expand_level(
            merge(load_seeds(snakemake.input.taxonomy), load_seeds(snakemake.input.seeds)),
            level,
            LevelSettings(**snakemake.params.settings, max_characters=snakemake.params.max_label_length),
            load_templates(snakemake.config["prompts"], roles),
            model.replies,
        )
    )
    write_table(snakemake.output.rejects, expansion.rejects, REJECTS)
    write_json(snakemake.output.counts, expansion.counts)
    dump_level(snakemake.output.taxonomy, expansion.taxonomy, level)
