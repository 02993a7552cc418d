from taskgalaxy.dataset import read_all_samples
from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.report.truth import format_truth, measure
from taskgalaxy.schemas import DATASET, FILTER, IMAGE_INDEX, TOPK
from taskgalaxy.tables import read_table, read_tables
from taskgalaxy.votes import each_vote, read_vote_table

with job(snakemake.log[0]):
    scores = read_vote_table(snakemake.input.votes, snakemake.params.referees)
    filtered = read_tables(snakemake.input.filtered, FILTER)
    rows = measure(
        snakemake.input.truth,
        read_table(snakemake.input.images, IMAGE_INDEX),
        filtered.select(TOPK.schema.names),
        filtered,
        read_all_samples(snakemake.input.samples),
        each_vote(scores),
        set(scores.filter("accepted")["sample_id"]),
        set(read_table(snakemake.input.dataset, DATASET)["sample_id"]),
    )
    write_json(snakemake.output.json, rows)
    with atomic(snakemake.output.text) as file:
        file.write(format_truth(rows))
