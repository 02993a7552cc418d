from taskgalaxy.benchmark_lists import names_with, read_questions
from taskgalaxy.dataset import read_all_samples
from taskgalaxy.decontaminate import cleaned, contamination, near_duplicates, published
from taskgalaxy.files import atomic
from taskgalaxy.jobs import job
from taskgalaxy.report.contamination import format_contamination, format_near_duplicates
from taskgalaxy.schemas import (
    BENCHMARK_IMAGES,
    CLEAN,
    CONTAMINATION,
    IMAGE_HASHES,
    IMAGE_INDEX,
    NEAR_DUPLICATES,
    REJECTS,
)
from taskgalaxy.tables import read_table, read_tables, write_table
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    settings, benchmarks = snakemake.params, snakemake.config["decontaminate"]["benchmarks"]
    scores = read_vote_table(snakemake.input.votes, settings.referees)
    index = read_table(snakemake.input.images, IMAGE_INDEX)
    hashes = read_tables(snakemake.input.hashes, IMAGE_HASHES)
    images = {
        name: read_table(path, BENCHMARK_IMAGES)
        for name, path in zip(settings.benchmarks, snakemake.input.benchmarks, strict=True)
    }
    questions = {
        name: [question for path in benchmarks[name]["questions"] for question in read_questions(path)]
        for name in names_with(benchmarks, "questions")
    }
    samples = scores.select(CLEAN.schema.names)
    asked = read_all_samples(snakemake.input.samples).select("sample_id", "image_id", "question")
    hits = contamination(asked, hashes, images, questions, settings.distance, settings.ngram)
    clean = samples.filter("accepted").join(hits, on="sample_id", how="anti")
    alike = near_duplicates(clean, index, hashes, settings.near_duplicates["distance"])
    left, rejects = cleaned(samples, hits, alike if settings.near_duplicates["thin"] else alike.clear())
    hits = published(hits, samples, index)
    write_table(snakemake.output.rejects, rejects, REJECTS)
    write_table(snakemake.output.near_duplicates, alike, NEAR_DUPLICATES)
    write_table(snakemake.output.contamination, hits, CONTAMINATION)
    with atomic(snakemake.output.contamination_csv, "wb") as file:
        hits.write_csv(file)
    with atomic(snakemake.output.text) as file:
        sizes = {
            name: (images[name].height if name in images else 0, len(questions.get(name, ()))) for name in benchmarks
        }
        file.write(format_contamination(hits, sizes, settings.distance, settings.ngram))
    with atomic(snakemake.output.near_duplicates_text) as file:
        there = index.filter("present").join(clean, on="image_id", how="semi")
        compared = hashes.join(there, on="image_id", how="semi")
        file.write(format_near_duplicates(alike, compared, **settings.near_duplicates))
    write_table(snakemake.output.clean, left, CLEAN)
