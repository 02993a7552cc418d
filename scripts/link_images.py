from taskgalaxy.export.image_folder import check_images, link_folders
from taskgalaxy.jobs import job
from taskgalaxy.tables import DATASET, read_table

with job(snakemake.log[0]):
    folders = snakemake.params.folders
    images = read_table(snakemake.input[0], DATASET).select("source", "image", "width", "height").unique()
    check_images(images.iter_rows(named=True), folders)
    link_folders(snakemake.output[0], folders)
