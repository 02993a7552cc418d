from taskgalaxy.export.chat_messages import write_llamafactory
from taskgalaxy.jobs import job
from taskgalaxy.schemas import DATASET
from taskgalaxy.tables import iter_rows

with job(snakemake.log[0]):
    write_llamafactory(*snakemake.output, iter_rows(snakemake.input[0], DATASET))
