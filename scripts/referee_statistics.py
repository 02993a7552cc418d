from taskgalaxy.files import atomic, write_json
from taskgalaxy.jobs import job
from taskgalaxy.report.referees import format_referees, referee_statistics
from taskgalaxy.votes import read_vote_table

with job(snakemake.log[0]):
    referees = list(snakemake.params.referees)
    scores = read_vote_table(snakemake.input[0], referees)
    statistics = referee_statistics(scores, referees, snakemake.params.missing_vote)
    write_json(snakemake.output.json, statistics)
    with atomic(snakemake.output.text) as file:
        file.write(format_referees(statistics))
