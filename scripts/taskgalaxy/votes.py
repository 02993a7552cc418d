"""The vote table: every referee's vote on every sample (paper section 2.2, "Referee Screening")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from taskgalaxy.rejects import reject
from taskgalaxy.schemas import VOTE, VOTES, Table
from taskgalaxy.tables import read_table


def vote_table_schema(referees: Sequence[str]) -> Table:
    """The schema of votes.parquet: one column ``vote_NAME`` (0, 1 or null) per referee, and all of each vote."""
    fields = [pa.field(name, pa.string(), nullable=False) for name in ("sample_id", "image_id", "task_type")]
    fields += [pa.field(vote_column(referee), pa.int8()) for referee in referees]
    fields += [pa.field("score", pa.int8(), nullable=False), pa.field("accepted", pa.bool_(), nullable=False)]
    fields += [pa.field("votes", pa.list_(VOTE), nullable=False)]
    return Table("vote table", pa.schema(fields), ("sample_id",))


def vote_column(referee: str) -> str:
    """The vote table's column of a referee."""
    return f"vote_{referee}"


def tally(
    samples: pl.DataFrame, votes: pl.DataFrame, referees: Sequence[str], accept_at: int, missing_vote: str
) -> pl.DataFrame:
    """The vote table of ``samples``, in their order.

    ``votes`` (``schemas.VOTES``) join by sample_id alone. A missing vote counts as ``missing_vote`` says:
    ``"no"`` 0, ``"yes"`` 1, ``"reject"`` never accepts the sample. ``score`` is the sum, and a sample is
    accepted from ``accept_at`` on.

    Raises:
        ValueError: if a referee did not vote on every sample (a null vote is a row too).
    """
    table = samples.select("sample_id", "image_id", "task_type")
    for referee in referees:
        column = vote_column(referee)
        of_referee = votes.filter(pl.col("referee") == referee).select("sample_id", pl.col("vote").alias(column))
        unknown = table.join(of_referee, on="sample_id", how="anti").height
        if unknown:
            raise ValueError(f"referee {referee} has no row for {unknown} of {table.height} samples")
        table = table.join(of_referee, on="sample_id", how="left", maintain_order="left")
    columns = [pl.col(vote_column(referee)) for referee in referees]
    score = pl.sum_horizontal(column.fill_null(1 if missing_vote == "yes" else 0) for column in columns)
    complete = ~pl.any_horizontal(column.is_null() for column in columns)
    accepted = (score >= accept_at) & (complete | pl.lit(missing_vote != "reject"))
    return table.with_columns(score=score.cast(pl.Int8), accepted=accepted).join(
        _votes_by_sample(votes), on="sample_id", how="left", maintain_order="left"
    )


def tally_rejects(table: pl.DataFrame, referees: Sequence[str], accept_at: int) -> list[dict[str, Any]]:
    """The samples that were not accepted, as rows of ``schemas.REJECTS`` (stage referee)."""
    rejects = []
    for row in table.filter(~pl.col("accepted")).iter_rows(named=True):
        reason = "score_below_threshold" if row["score"] < accept_at else "votes_missing"
        votes = ", ".join(f"{referee} {_shown(row[vote_column(referee)])}" for referee in referees)
        rejects.append(
            reject(
                "referee",
                row["sample_id"],
                reason,
                image_id=row["image_id"],
                task_type=row["task_type"],
                detail=votes,
            )
        )
    return rejects


def _shown(vote: int | None) -> str:
    return "none" if vote is None else str(vote)


def _votes_by_sample(votes: pl.DataFrame) -> pl.DataFrame:
    """``sample_id`` and ``votes``: a list of structs as in ``schemas.DATASET``, in the order of ``votes``."""
    fields = [pl.col(field.name) for field in VOTE]
    return votes.group_by("sample_id", maintain_order=True).agg(votes=pl.struct(fields))


def read_vote_table(path: Path | str, referees: Sequence[str]) -> pl.DataFrame:
    """The vote table at ``path``. Raises ``UserError`` if it is damaged or of other referees."""
    return read_table(path, vote_table_schema(referees))


def each_vote(scores: pl.DataFrame) -> pl.DataFrame:
    """Every vote in a vote table, one row each; of ``schemas.VOTES``."""
    return scores.select("sample_id", "votes").explode("votes").unnest("votes").select(VOTES.schema.names)
