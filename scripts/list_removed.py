import logging

from taskgalaxy.jobs import job
from taskgalaxy.tables import REMOVED, write_table

with job(snakemake.log[0]):
    for name in snakemake.params.unnamed:
        logging.warning("%s is left out: its name is not valid UTF-8; rename it", name)
    write_table(
        snakemake.output[0], [{"shard": shard, "path": path} for shard, path in snakemake.params.removed], REMOVED
    )
