"""The audit as plain text."""

from __future__ import annotations

from taskgalaxy.audit.measure import CRITERIA, Audit, Criterion, CriterionName, Share
from taskgalaxy.report.text_table import Cell, percent, text_table

FEW = 10
"""A share of fewer judged pairs than this is marked: its interval says how little it says."""

_GOOD: dict[CriterionName, str] = {"suits": "task type and question suit", "good": "and the answer is right"}


def format_audit(audit: Audit) -> str:
    """The figures as tables, one below the other; a table that would be empty is left out."""
    tables = [
        _notes(audit),
        text_table(
            ("of the accepted pairs", "judged", "good", "95 % interval"),
            [(_GOOD[name], *_cells(audit[name]["precision"])) for name in CRITERIA],
        ),
        text_table(
            ("of the good pairs", "judged", "rejected", "95 % interval"),
            [(_GOOD[name], *_cells(audit[name]["false_negatives"])) for name in CRITERIA],
        ),
        *(_strata(audit[name], _GOOD[name]) for name in CRITERIA),
        text_table(
            ("against people's majority", "judged", "equal", "95 % interval", "Cohen's kappa"),
            [(row["referee"], *_cells(row["accuracy"]), row["cohen_kappa"]) for row in audit["referees"]],
        ),
        text_table(
            ("what people said", "judged", "suits", "does not", "unsure", "answer right", "wrong", "unsure",
             "saw votes", "comments"),
            [
                (row["judge"], row["judged"], *row["suits"].values(), *row["right"].values(), row["saw_votes"],
                 row["comments"])
                for row in audit["judges"]
            ],
        ),
        text_table(
            ("how two people agree", "pairs", "equal", "Cohen's kappa"),
            [
                (", ".join(row["judges"]), row["pairs"], percent(row["agreement"]), row["cohen_kappa"])
                for row in audit["people_pairs"]
            ],
        ),
        text_table(
            ("how all people agree", "pairs", "equal pairs", "Fleiss' kappa"),
            [
                (f"{len(audit['judges'])} people", audit["people"]["pairs"], percent(audit["people"]["agreement"]),
                 audit["people"]["fleiss_kappa"])
            ] if len(audit["judges"]) > 2 else [],
        ),
        _first_levels(audit[audit["asked"]], _GOOD[audit["asked"]]),
    ]  # fmt: skip
    return "\n".join(filter(None, tables))


def _notes(audit: Audit) -> str:
    judged = len([pair for pair in audit["judged_pairs"] if any(said["suits"] for said in pair["judgements"])])
    lines = [
        f"Draw {audit['draw'][:12]}: {judged:,} of {audit['pairs']:,} pairs judged, by {len(audit['judges'])} "
        f"{'person' if len(audit['judges']) == 1 else 'people'}.",
        f"Left out, for a tie or because nobody said yes or no: {audit['suits']['left_out']:,} "
        f"(with the answer: {audit['good']['left_out']:,}).",
        f"The referees were asked whether {_GOOD['suits']}"
        + (f", {_GOOD['good']}." if audit["asked"] == "good" else "; they did not see the answer."),
    ]
    unseen = [row["stratum"] for row in audit["suits"]["strata"] if row["population"] and not row["judged"]]
    if unseen:
        lines.append(f"Nobody judged a pair of: {'; '.join(unseen)}. The intervals allow for all or none of these.")
    return "\n".join(lines) + "\n"


def _strata(criterion: Criterion, what: str) -> str:
    return text_table(
        (what, "pairs", "drawn", "judged", "good", "95 % interval"),
        [
            (row["stratum"], row["population"], row["drawn"], *_cells(row["share"], row["judged"]))
            for row in criterion["strata"]
        ],
    )


def _first_levels(criterion: Criterion, what: str) -> str:
    return text_table(
        (f"by first level: {what}", "judged", "accepted", "good", "95 % interval", "good", "rejected",
         "95 % interval"),
        [
            (row["level_1"], row["judged"], *_cells(row["precision"]), *_cells(row["false_negatives"]))
            for row in criterion["first_levels"]
        ],
    )  # fmt: skip


def _cells(share: Share | None, judged: int = 0) -> tuple[Cell, Cell, Cell]:
    """Of how many, the share, and its interval, marked where these are few."""
    if share is None:
        return judged, None, None
    mark = " (few)" if share["n"] < FEW else ""
    return share["n"], percent(share["value"]), f"{percent(share['low'])} to {percent(share['high'])}{mark}"
