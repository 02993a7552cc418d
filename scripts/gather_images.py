from pathlib import Path

import polars as pl

from taskgalaxy.export.image_folder import gather_images, link_folders
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import read_table

with job(snakemake.log[0]):
    columns = ["source", "image", "image_id", "width", "height"]
    images = pl.concat([read_table(path, DATASET).select(columns) for path in snakemake.input]).unique()
    gather_images(snakemake.output[0], images.sort(columns).iter_rows(named=True), open_sources(snakemake.config))
    link_folders(snakemake.output[0], {name: Path(folder) for name, folder in snakemake.params.mix.items()})
