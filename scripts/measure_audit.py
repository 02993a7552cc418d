from taskgalaxy.audit.judgements import read_judgements
from taskgalaxy.audit.measure import measure_audit
from taskgalaxy.audit.table import format_audit
from taskgalaxy.files import atomic, read_json, write_json
from taskgalaxy.jobs import job

with job(snakemake.log[0]):
    draw = read_json(snakemake.input.draw)
    judges = read_judgements(
        snakemake.input.judgements,
        draw["draw"],
        {pair["sample_id"] for pair in draw["pairs"]},
        snakemake.params.folder,
    )
    audit = measure_audit(draw, judges, snakemake.params.sees_answer)
    write_json(snakemake.output.json, audit)
    with atomic(snakemake.output.text) as file:
        file.write(format_audit(audit))
