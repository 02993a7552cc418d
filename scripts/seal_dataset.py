from taskgalaxy.jobs import job
from taskgalaxy.manifest import write_checksums

with job(snakemake.log[0]):
    write_checksums(snakemake.output[0], snakemake.input.files)
