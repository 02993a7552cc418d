from taskgalaxy.decontaminate import benchmark_images
from taskgalaxy.jobs import job
from taskgalaxy.schemas import BENCHMARK_IMAGES
from taskgalaxy.tables import write_table

with job(snakemake.log[0]):
    benchmarks = snakemake.config["decontaminate"]["benchmarks"]
    rows = benchmark_images(benchmarks[snakemake.wildcards.benchmark]["images"])
    write_table(snakemake.output[0], rows, BENCHMARK_IMAGES)
