from pathlib import Path

from taskgalaxy.housekeeping import leftovers, remove, table, vanished_shards
from taskgalaxy.jobs import job
from taskgalaxy.tables import IMAGE_INDEX, read_table

with job(snakemake.log[0]):
    params = snakemake.params
    results = Path(snakemake.config["results"])
    index = results / "images.parquet"
    # Without the index of images nobody knows what a shard asks about.
    asking = set(read_table(index, IMAGE_INDEX).filter("present")["shard"]) if index.exists() else set(params.counts)
    vanished = vanished_shards(params.counts, params.removed, asking)
    shards = [shard for shard in params.wanted["shard"] if shard not in vanished]
    found = leftovers(results, params.patterns, {**params.wanted, "shard": shards})
    print(table(found), end="")
    if params.removing:
        remove(found, results)
        print("Removed." if found else "", end="")
    elif found:
        print("`snakemake remove_leftovers` removes these; the ledger is never touched.")
