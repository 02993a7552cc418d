"""95 % confidence intervals of shares, from one random sample and from a stratified one, in closed form.

They are Wilson's for one share, put together by the method of variance estimates recovery (MOVER), which needs the
strata's own intervals alone. A bootstrap would say of 17 right ones of 17 that nothing is uncertain: where shares
are near 0 or 1, as they are here, it has nothing to draw from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95
_Z2 = NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2


@dataclass(frozen=True)
class Estimate:
    """A value and the limits of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """A stratum: how many it has, how many of these were looked at, and how many of those are counted."""

    population: int
    n: int
    hits: int


def wilson(hits: float, n: float, population: float = math.inf) -> Estimate:
    """The share of ``hits`` among ``n`` that were drawn without replacement from ``population``; ``n`` above 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209-212. Drawing without replacement makes the variance smaller by
    (population - n) / (population - 1) (W. G. Cochran, Sampling Techniques, 3rd ed., section 3.2), which is that of a
    larger sample: of a stratum that was judged as a whole nothing is uncertain.
    """
    share = hits / n
    if n >= population:
        return Estimate(share, share, share)
    size = n * (population - 1) / (population - n) if math.isfinite(population) else n
    middle = (share + _Z2 / (2 * size)) / (1 + _Z2 / size)
    half = math.sqrt(_Z2 * share * (1 - share) / size + (_Z2 / (2 * size)) ** 2) / (1 + _Z2 / size)
    # At 0 and 1 the limits are exact, and rounding must not leave the estimate outside.
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def weighted_share(weights: Sequence[float], hits: Sequence[bool]) -> Estimate | None:
    """The share of the weight that is on ``hits``; None without any weight.

    The interval is Wilson's for as many as would say the same without weights: the square of the weights' sum by the
    sum of their squares (L. Kish, Survey Sampling, 1965, section 11.7).
    """
    total = math.fsum(weights)
    if not total:
        return None
    size = total**2 / math.fsum(weight**2 for weight in weights)
    share = math.fsum(weight for weight, hit in zip(weights, hits, strict=True) if hit) / total
    return wilson(share * size, size)


def stratified_total(parts: Iterable[Part]) -> Estimate | None:
    """How many of all strata are counted, estimated from those that were looked at; None if none was.

    The limits are by MOVER (G. Y. Zou, W. Huang, X. Zhang, "A note on confidence interval estimation for a linear
    function of binomial proportions", Computational Statistics & Data Analysis 53 (2009), 1080-1085). A stratum that
    nobody looked at may be anything from 0 to 1, and its value is taken to be that of the others together.
    """
    parts = [part for part in parts if part.population]
    seen = [(part.population, wilson(part.hits, part.n, part.population)) for part in parts if part.n]
    if parts and not seen:
        return None
    value = math.fsum(size * share.value for size, share in seen)
    below = math.fsum((size * (share.value - share.low)) ** 2 for size, share in seen)
    above = math.fsum((size * (share.high - share.value)) ** 2 for size, share in seen)
    unseen = [part.population for part in parts if not part.n]
    if unseen:
        share_of_others = value / sum(size for size, _ in seen)
        value += share_of_others * sum(unseen)
        below += math.fsum((size * share_of_others) ** 2 for size in unseen)
        above += math.fsum((size * (1 - share_of_others)) ** 2 for size in unseen)
    everything = float(sum(part.population for part in parts))
    return Estimate(value, max(0.0, value - math.sqrt(below)), min(everything, value + math.sqrt(above)))


def stratified_share(parts: Sequence[Part]) -> Estimate | None:
    """The share of the strata's populations that is counted; None if nobody looked at any, or there is nothing."""
    total, size = stratified_total(parts), sum(part.population for part in parts)
    if total is None or not size:
        return None
    return Estimate(total.value / size, total.low / size, total.high / size)


def share_of_first(first: Estimate | None, second: Estimate | None) -> Estimate | None:
    """first / (first + second) of two independent totals; None where one is unknown, or both are 0.

    The limits are those of the ratio of the two by MOVER (A. Donner, G. Y. Zou, "Closed-form confidence intervals for
    functions of the normal mean and standard deviation", Statistical Methods in Medical Research 21 (2012), 347-359),
    as the share grows with that ratio.
    """
    if first is None or second is None or first.value + second.value == 0:
        return None
    value = first.value / (first.value + second.value)
    # A ratio is a limit where the interval of first - ratio * second ends at 0: roots of two quadratic equations,
    # written as numerator and denominator, since the ratio to a second one that may be 0 is infinite.
    product = first.value * second.value
    low_first = first.low * (2 * first.value - first.low)
    high_second = second.high * (2 * second.value - second.high)
    high_first = first.high * (2 * first.value - first.high)
    low_second = second.low * (2 * second.value - second.low)
    lower = low_first, product + _root(product**2 - low_first * high_second)
    upper = product + _root(product**2 - high_first * low_second), low_second
    high = upper[0] / sum(upper) if low_second > 0 else 1.0
    return Estimate(value, min(value, lower[0] / sum(lower) if low_first > 0 else 0.0), max(value, high))


def _root(value: float) -> float:
    return math.sqrt(max(0.0, value))
