from taskgalaxy.embeddings import read_embeddings, same_model
from taskgalaxy.jobs import job
from taskgalaxy.matching import candidates
from taskgalaxy.schemas import TOPK
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    task_types, task_vectors, task_model = read_embeddings(snakemake.input.tasks)
    image_ids, image_vectors, image_model = read_embeddings(snakemake.input.images)
    if image_ids:
        same_model(snakemake.input.tasks, task_model, snakemake.input.images, image_model)
    found = candidates(image_ids, image_vectors, task_types, task_vectors, snakemake.params.k)
    write_table(snakemake.output[0], found, TOPK)
