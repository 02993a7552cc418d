"""Shares with their confidence intervals."""

from __future__ import annotations

import polars as pl

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution, for intervals of 95 %."""


def with_share(counts: pl.DataFrame, part: str, whole: str) -> pl.DataFrame:
    """``counts`` with ``share`` (part of whole), and ``low`` and ``high``, the ends of its 95 % confidence interval.

    The interval is Wilson's, which holds for small counts and shares near 0 or 1 too: E. B. Wilson, "Probable
    inference, the law of succession, and statistical inference", Journal of the American Statistical Association 22
    (1927), 209-212. All three are null where ``whole`` is 0.
    """
    n = pl.when(pl.col(whole) > 0).then(pl.col(whole).cast(pl.Float64))
    share = pl.col(part) / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (share * (1 - share) / n + Z**2 / (4 * n**2)).sqrt()
    return counts.with_columns(share=share, low=(middle - half).clip(0, 1), high=(middle + half).clip(0, 1))
