from taskgalaxy.files import atomic, read_json
from taskgalaxy.jobs import job
from taskgalaxy.report.counts import count_stages
from taskgalaxy.report.funnel import format_funnel, funnel_rows
from taskgalaxy.schemas import FUNNEL, REJECTS, TASK_TYPES
from taskgalaxy.shards import read_manifest
from taskgalaxy.tables import read_table, write_table

with job(snakemake.log[0]):
    expansions = [read_json(path) for path in snakemake.input.counts]
    files = sum(len(read_manifest(path)) for path in snakemake.input.shards)
    counts, rejects, votes = count_stages(
        snakemake.input, expansions, files, snakemake.params.referees, snakemake.params.cot_most
    )
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_table(snakemake.output.funnel, funnel_rows(counts, rejects), FUNNEL)
    text = format_funnel(
        read_table(snakemake.output.funnel, FUNNEL),
        task_types=read_table(snakemake.input.task_types, TASK_TYPES).height,
        votes=votes,
    )
    with atomic(snakemake.output.text) as file:
        file.write(text)
