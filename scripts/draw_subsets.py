from pathlib import Path

from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.report.subset_table import format_subsets, subset_row
from taskgalaxy.schemas import CLEAN, COT, DATASET, IMAGE_INDEX
from taskgalaxy.subsets import draw_subsets
from taskgalaxy.tables import read_table, read_tables, write_table
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    paths = {Path(path).stem: path for path in snakemake.output.subsets}
    subsets = draw_subsets(
        read_table(snakemake.input.dataset, DATASET),
        read_table(snakemake.input.clean, CLEAN),
        read_vote_table(snakemake.input.votes, snakemake.params.referees),
        read_table(snakemake.input.images, IMAGE_INDEX),
        snakemake.input.samples,
        read_tables(snakemake.input.cot, COT) if snakemake.input.cot else None,
        snakemake.params.subsets,
        snakemake.params.licenses,
        snakemake.params.generators,
        snakemake.params.seed,
    )
    rows = []
    for name, subset in subsets:
        write_table(paths[name], subset, DATASET)
        rows.append(subset_row(name, subset))
    write_json(snakemake.output.json, rows)
    with atomic(snakemake.output.text) as file:
        file.write(format_subsets(rows))
