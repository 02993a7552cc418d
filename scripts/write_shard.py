from taskgalaxy.jobs import job
from taskgalaxy.shards import FileEntry, write_manifest

with job(snakemake.log[0]):
    write_manifest(snakemake.output[0], [FileEntry(*file) for file in snakemake.params.files])
