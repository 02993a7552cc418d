from pathlib import Path

from taskgalaxy.describe.paper import read_paper
from taskgalaxy.describe.run import describe
from taskgalaxy.describe.sheets import write_sheets
from taskgalaxy.files import write_json
from taskgalaxy.jobs import job

with job(snakemake.log[0]):
    referees, similar_above = snakemake.params.referees, snakemake.params.similar_above
    sheets, numbers = describe(snakemake.input, read_paper(), referees, similar_above)
    write_sheets(Path(snakemake.output.numbers).parent, sheets)
    write_json(snakemake.output.numbers, numbers)
