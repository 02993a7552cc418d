from taskgalaxy.jobs import job
from taskgalaxy.rejects import reject
from taskgalaxy.tables import REJECTS, REMOVED, write_table

with job(snakemake.log[0]):
    removed = [{"shard": shard, "path": path} for shard, path in snakemake.params.removed]
    write_table(snakemake.output.removed, removed, REMOVED)
    unnamed = [reject("inspect", name, "name_not_utf8") for name in snakemake.params.unnamed]
    write_table(snakemake.output.rejects, unnamed, REJECTS)
