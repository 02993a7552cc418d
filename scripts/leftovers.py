from pathlib import Path

from taskgalaxy.housekeeping import asking_shards, leftovers, remove, stale_indexes, table, vanished_shards
from taskgalaxy.jobs import job
from taskgalaxy.sources.kinds import indexes_folder

with job(snakemake.log[0]):
    params = snakemake.params
    results = Path(snakemake.config["results"])
    vanished = vanished_shards(params.counts, params.removed, asking_shards(results / "images.parquet"))
    shards = [shard for shard in params.wanted["shard"] if shard not in vanished]
    found = leftovers(results, params.patterns, {**params.wanted, "shard": shards})
    found += stale_indexes(indexes_folder(snakemake.config), snakemake.config["sources"])
    print(table(found), end="")
    if params.removing:
        remove(found, results)
    elif found:
        print("`snakemake remove_leftovers` removes these; the ledger is never touched.")
