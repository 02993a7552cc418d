"""How far raters of the same subjects agree, and how far beyond chance: Cohen's kappa for two, Fleiss' for any number.

A kappa is (observed - chance) / (1 - chance): 1 where raters always agree, 0 where they agree as often as raters who
choose by chance, each category as often as these did. Where chance alone makes them agree always, as when nobody
ever says no, it is not defined, and None here. Where nearly all ratings are of one category it is low, however often
raters agree: it has to be read together with the agreement itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

Votes = NDArray[np.int8]
"""Of subjects, or (subjects, raters): 0, 1, or :data:`MISSING`."""

MISSING = -1


def cohen_kappa(confusion: Counts | NDArray[np.float64]) -> float | None:
    """Cohen's kappa of two raters.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
    37-46.

    Args:
        confusion: (categories, categories): in row i and column j, how many subjects the first rater put into
            category i and the second one into j, or the sum of their weights.

    Returns:
        None without subjects, and where both put all subjects into the same category.
    """
    subjects = confusion.sum()
    if subjects == 0:
        return None
    observed = np.trace(confusion) / subjects
    chance = (confusion.sum(axis=1) / subjects) @ (confusion.sum(axis=0) / subjects)
    return _beyond_chance(observed, chance)


def fleiss_kappa(ratings: Counts) -> float | None:
    """Fleiss' kappa of any number of raters, who may be others for every subject.

    J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971), 378-382.

    Args:
        ratings: (subjects, categories): how many raters put a subject into a category.

    Returns:
        None without subjects, for a single rater, and where all ratings are of one category.

    Raises:
        ValueError: if subjects differ in how many raters they have.
    """
    observed = mean_agreement(ratings)
    if observed is None:
        return None
    shares = ratings.sum(axis=0) / ratings.sum()
    return _beyond_chance(observed, shares @ shares)


def mean_agreement(ratings: Counts) -> float | None:
    """The share of pairs of raters that agree, over all pairs on all subjects: what Fleiss (1971) calls P-bar.

    Arguments, None and errors as of :func:`fleiss_kappa`, but where all ratings are of one category it is 1.
    """
    subjects = len(ratings)
    raters = int(ratings.sum()) // max(subjects, 1)
    if not (ratings.sum(axis=1) == raters).all():
        raise ValueError("every subject must have as many ratings as any other")
    if subjects == 0 or raters < 2:
        return None
    return float((ratings * (ratings - 1)).sum() / (subjects * raters * (raters - 1)))


def agreement_of_two(first: Votes, second: Votes) -> tuple[int, float | None, float | None]:
    """On how many subjects both voted, the share of these on which they voted alike, and Cohen's kappa."""
    both = (first != MISSING) & (second != MISSING)
    confusion = np.bincount(2 * first[both] + second[both], minlength=4).reshape(2, 2)
    subjects = int(both.sum())
    return subjects, float(np.trace(confusion) / subjects) if subjects else None, cohen_kappa(confusion)


def agreement_of_all(votes: Votes) -> tuple[int, float | None, float | None]:
    """On how many subjects all voted, the share of their pairs' votes that are alike, and Fleiss' kappa."""
    complete = votes[(votes != MISSING).all(axis=1)]
    ratings = np.stack([(complete == 0).sum(axis=1), (complete == 1).sum(axis=1)], axis=1)
    return len(complete), mean_agreement(ratings), fleiss_kappa(ratings)


def _beyond_chance(observed: float, chance: float) -> float | None:
    return None if chance == 1 else float((observed - chance) / (1 - chance))
