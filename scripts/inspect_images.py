from taskgalaxy.images import Limits, inspect_shard
from taskgalaxy.jobs import job
from taskgalaxy.schemas import IMAGES, REJECTS
from taskgalaxy.shards import read_manifest, source_of
from taskgalaxy.sources.kinds import open_source
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    shard = snakemake.wildcards.shard
    name = source_of(shard)
    images, rejects = inspect_shard(
        open_source(name, snakemake.config),
        name,
        shard,
        read_manifest(snakemake.input[0]),
        Limits(**snakemake.params.limits),
        snakemake.params.license,
        snakemake.params.licenses,
    )
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_table(snakemake.output.images, images, IMAGES)
