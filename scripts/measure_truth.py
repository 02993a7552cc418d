from taskgalaxy.dataset import read_all_samples
from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.report.truth import format_truth, measure
from taskgalaxy.tables import DATASET, FILTER, IMAGES, TOPK, VOTES, read_table, read_tables
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    scores = read_vote_table(snakemake.input.votes, snakemake.params.referees)
    rows = measure(
        snakemake.input.truth,
        read_tables(snakemake.input.images, IMAGES),
        read_tables(snakemake.input.topk, TOPK),
        read_tables(snakemake.input.filtered, FILTER),
        read_all_samples(snakemake.input.samples),
        read_tables(snakemake.input.referees, VOTES),
        set(scores.filter("accepted")["sample_id"]),
        set(read_table(snakemake.input.dataset, DATASET)["sample_id"]),
    )
    write_json(snakemake.output.json, rows)
    with atomic(snakemake.output.text) as file:
        file.write(format_truth(rows))
