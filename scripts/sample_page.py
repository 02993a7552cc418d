import os
from pathlib import Path

from taskgalaxy.files import read_json
from taskgalaxy.jobs import job
from taskgalaxy.report.sample_page import write_sample_page
from taskgalaxy.schemas import DATASET, FUNNEL, IMAGE_INDEX, REJECTS, TASK_TYPES
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import read_table

with job(snakemake.log[0]):
    sources = open_sources(snakemake.config)
    page = snakemake.output.page
    write_sample_page(
        page,
        snakemake.output.samples,
        read_table(snakemake.input.dataset, DATASET),
        read_table(snakemake.input.rejects, REJECTS),
        read_table(snakemake.input.funnel, FUNNEL),
        lambda source, path: sources[source].read(path),
        images=read_table(snakemake.input.images, IMAGE_INDEX),
        images_at=os.path.relpath(snakemake.params.images, Path(page).parent),
        truth=[row for path in snakemake.input.truth for row in read_json(path)],
        referees=read_json(snakemake.input.referees),
        task_types=read_table(snakemake.input.task_types, TASK_TYPES).height,
        title="TaskGalaxy samples",
        max_samples=snakemake.params.max_samples,
    )
