from taskgalaxy.dataset import read_all_samples
from taskgalaxy.jobs import job
from taskgalaxy.schemas import REJECTS, VOTES
from taskgalaxy.tables import read_tables, write_table
from taskgalaxy.votes import tally, tally_rejects, vote_table_schema

with job(snakemake.log[0]):
    referees, accept_at = list(snakemake.params.referees), snakemake.params.accept_at
    table = tally(
        read_all_samples(snakemake.input.samples),
        read_tables(snakemake.input.votes, VOTES),
        referees,
        accept_at,
        snakemake.params.missing_vote,
    )
    write_table(snakemake.output.rejects, tally_rejects(table, referees, accept_at), REJECTS)
    write_table(snakemake.output.votes, table, vote_table_schema(referees))
