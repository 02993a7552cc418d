from pathlib import Path

from taskgalaxy.audit.draw import draw_pairs, make_draw, stratify
from taskgalaxy.audit.page import write_audit_page
from taskgalaxy.dataset import read_all_samples
from taskgalaxy.files import write_json
from taskgalaxy.images import image_files
from taskgalaxy.jobs import job
from taskgalaxy.schemas import IMAGE_INDEX
from taskgalaxy.sources.kinds import open_sources
from taskgalaxy.tables import read_table
from taskgalaxy.votes import each_vote, read_vote_table

with job(snakemake.log[0]):
    params = snakemake.params
    scores = read_vote_table(snakemake.input.votes, params.referees)
    images = read_table(snakemake.input.images, IMAGE_INDEX)
    there = scores.drop("votes").join(images.filter("present"), on="image_id", how="semi")
    drawn, sizes = draw_pairs(stratify(there, params.referees, params.thin), params.samples, params.seed)
    images = images.join(drawn, on="image_id", how="semi")
    # A pair lies in the file of the shard that asks about its image, or of the fill: of many files few are read.
    asking = {*images["shard"], *params.fill_shards}
    of_images = read_all_samples(path for path in snakemake.input.samples if Path(path).stem in asking)
    samples = {row["sample_id"]: row for row in of_images.join(drawn, on="sample_id", how="semi").iter_rows(named=True)}
    draw = make_draw(drawn, sizes, samples, params.referees)
    write_json(snakemake.output.draw, draw)
    write_audit_page(
        snakemake.output.page,
        draw,
        image_files(images, open_sources(snakemake.config)),
        samples,
        each_vote(scores.join(drawn, on="sample_id", how="semi")),
    )
