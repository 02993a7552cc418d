from taskgalaxy.balance import balance_rejects, draw
from taskgalaxy.dataset import assemble, read_all_samples
from taskgalaxy.files import write_jsonl
from taskgalaxy.images import present
from taskgalaxy.jobs import job
from taskgalaxy.tables import DATASET, FILTER, IMAGES, REJECTS, REMOVED, VOTES, read_table, read_tables, write_table
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    scores = read_vote_table(snakemake.input.votes, snakemake.params.referees)
    images = present(read_tables(snakemake.input.images, IMAGES), read_table(snakemake.input.removed, REMOVED))
    drawn, left = draw(
        scores.filter("accepted"),
        images["image_id"],
        snakemake.params.minimum,
        snakemake.params.maximum,
        snakemake.params.seed,
    )
    dataset = assemble(
        drawn,
        read_all_samples(snakemake.input.samples),
        images,
        read_tables(snakemake.input.filtered, FILTER),
        read_tables(snakemake.input.referees, VOTES),
        scores,
    )
    write_table(snakemake.output.rejects, balance_rejects(left), REJECTS)
    write_table(snakemake.output.parquet, dataset, DATASET)
    write_jsonl(snakemake.output.jsonl, dataset.iter_rows(named=True))
