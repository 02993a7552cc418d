import sys
from pathlib import Path

from taskgalaxy.jobs import job
from taskgalaxy.pool.download import download
from taskgalaxy.pool.registry import configured_subsets, files_to_get

with job(snakemake.log[0]):
    config = snakemake.config
    files = files_to_get(configured_subsets(config))
    failures = download(files, Path(config["pool"]), config["downloads_at_once"])
    if failures:
        sys.exit(1)
