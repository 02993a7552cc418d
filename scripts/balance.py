from taskgalaxy.balance import balance_rejects, draw
from taskgalaxy.dataset import assemble, read_all_samples
from taskgalaxy.files import write_jsonl
from taskgalaxy.jobs import job
from taskgalaxy.schemas import CLEAN, DATASET, IMAGE_INDEX, REJECTS
from taskgalaxy.tables import read_table, write_table
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    scores = read_vote_table(snakemake.input.votes, snakemake.params.referees)
    images = read_table(snakemake.input.images, IMAGE_INDEX)
    drawn, left = draw(
        read_table(snakemake.input.clean, CLEAN).filter("accepted"),
        images.filter("present")["image_id"],
        snakemake.params.minimum,
        snakemake.params.maximum,
        snakemake.params.seed,
    )
    dataset = assemble(drawn, read_all_samples(snakemake.input.samples), images, scores)
    write_table(snakemake.output.rejects, balance_rejects(left), REJECTS)
    write_table(snakemake.output.parquet, dataset, DATASET)
    write_jsonl(snakemake.output.jsonl, dataset.iter_rows(named=True))
