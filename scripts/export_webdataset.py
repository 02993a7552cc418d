from taskgalaxy.export.webdataset import write_webdataset
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import read_table

with job(snakemake.log[0]):
    # Ids are digests: in their order no tar holds the samples of one task type.
    samples = read_table(snakemake.input[0], DATASET).drop("votes").sort("sample_id")
    write_webdataset(snakemake.output[0], samples.iter_rows(named=True), open_sources(snakemake.config))
