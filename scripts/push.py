import os

from taskgalaxy.files import read_json, write_json
from taskgalaxy.jobs import job
from taskgalaxy.publish.push import check_publishable, push, repository_files

with job(snakemake.log[0]):
    settings = snakemake.params
    manifest = next(path for path in snakemake.input.dataset if path.endswith("manifest.json"))
    check_publishable(read_json(manifest), settings.embedded)
    files = repository_files(
        snakemake.input.dataset, snakemake.input.subsets, next(iter(snakemake.input.export), None), settings.folder
    )
    receipt = push(
        files,
        settings.repository,
        token=os.environ.get(settings.token_env),
        token_env=settings.token_env,
        private=settings.private,
    )
    write_json(snakemake.output[0], receipt)
