from pathlib import Path

from taskgalaxy.dataset import read_all_samples
from taskgalaxy.filling import divide, fill_candidates, thin_task_types
from taskgalaxy.jobs import job
from taskgalaxy.schemas import IMAGE_INDEX, TASK_TYPES, TOP_IMAGES, TOPK, VOTES
from taskgalaxy.tables import read_table, read_tables, write_table
from taskgalaxy.votes import tally

with job(snakemake.log[0]):
    params = snakemake.params
    present = read_table(snakemake.input.images, IMAGE_INDEX).filter("present")["image_id"]
    scores = tally(
        read_all_samples(snakemake.input.samples),
        read_tables(snakemake.input.votes, VOTES),
        params.referees,
        params.accept_at,
        params.missing_vote,
    )
    accepted = scores.filter(scores["accepted"] & scores["image_id"].is_in(present.implode()))
    thin = thin_task_types(
        read_table(snakemake.input.task_types, TASK_TYPES)["task_type"], accepted, params.below, params.most
    )
    top_images = read_table(snakemake.input.top_images, TOP_IMAGES)
    candidates = fill_candidates(top_images, snakemake.input.topk, present, thin, params.images)
    paths = {Path(path).stem: path for path in snakemake.output}
    for shard, rows in divide(candidates, list(paths), params.k).items():
        write_table(paths[shard], rows, TOPK)
