"""What a referee says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A vote as text, ``"0"``, ``"1"`` or ``"abstain"``, and the probability of 1 where there is one."""

    text: str
    p_yes: float | None = None


ABSTAIN = Verdict("abstain")


def vote(p_yes: float) -> Verdict:
    """The vote for what is more probable."""
    p_yes = min(1.0, max(0.0, p_yes))
    return Verdict("1" if p_yes >= 0.5 else "0", round(p_yes, 4))
