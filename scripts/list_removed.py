from taskgalaxy.jobs import job
from taskgalaxy.rejects import reject
from taskgalaxy.schemas import REJECTS, REMOVED
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    removed = [{"shard": shard, "path": path} for shard, path in snakemake.params.removed]
    write_table(snakemake.output.removed, removed, REMOVED)
    refused = snakemake.params.refused
    rejects = [reject("inspect", item, reason, detail=detail or None) for item, reason, detail in refused]
    write_table(snakemake.output.rejects, rejects, REJECTS)
