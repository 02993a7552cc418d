from taskgalaxy.clip import Clip, ClipSettings, task_text
from taskgalaxy.embeddings import write_embeddings
from taskgalaxy.jobs import job
from taskgalaxy.schemas import TASK_TYPES
from taskgalaxy.tables import read_table

with job(snakemake.log[0]):
    task_types = read_table(snakemake.input.task_types, TASK_TYPES)["task_type"].to_list()
    clip = Clip(ClipSettings.of(snakemake.config["match"]))
    vectors = clip.embed_texts([task_text(task_type, snakemake.params.text) for task_type in task_types])
    write_embeddings(snakemake.output[0], task_types, vectors, clip.identity)
