from pathlib import Path

from taskgalaxy.files import atomic, read_json, sha256_file, write_json
from taskgalaxy.jobs import job
from taskgalaxy.publish.card import card
from taskgalaxy.publish.croissant import croissant
from taskgalaxy.publish.limits import OF_THE_METHOD, limits_of_run
from taskgalaxy.publish.settings import CardSettings, Published
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    parquet = Path(snakemake.input.parquet)
    manifest = read_json(snakemake.input.manifest)
    referees = read_json(snakemake.input.referees)
    settings = CardSettings(**snakemake.params.card)
    text = card(
        manifest,
        referees,
        [row for path in snakemake.input.subsets for row in read_json(path)],
        next(iter_rows(parquet, DATASET), None),
        settings,
        Published(**snakemake.params.published),
        snakemake.params.exports,
    )
    with atomic(snakemake.output.card) as file:
        file.write(text)
    limits = [*limits_of_run(manifest, referees), *OF_THE_METHOD]
    write_json(
        snakemake.output.croissant,
        croissant(manifest, settings, limits, sha256_file(parquet), parquet.stat().st_size),
    )
