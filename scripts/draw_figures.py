from pathlib import Path

from taskgalaxy.describe.sheets import read_sheets
from taskgalaxy.figures.plates import PLATES, Material
from taskgalaxy.files import atomic, read_json
from taskgalaxy.jobs import job
from taskgalaxy.report.report_page import write_report_page

with job(snakemake.log[0]):
    numbers = Path(snakemake.input.numbers)
    material = Material(read_sheets(numbers.parent), read_json(numbers))
    drawn = [(plate, plate.svg(material)) for plate in PLATES]
    for (_, svg), path in zip(drawn, snakemake.output.figures, strict=True):
        with atomic(path) as file:
            file.write(svg)
    write_report_page(snakemake.output.page, material, drawn)
