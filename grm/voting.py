"""Several readings to one number, and how far to trust it. Pure; all values in [0, 1].

value       the median; of an even number, the mean of the middle two.
agreement   1 - 2 * mean(|v_i - median|). 1 where all are equal, 0 where half say 0 and half say 1. None for one vote.
confidence  agreement (for one vote: the sharpness of its digit distribution) * share of quotes that are there
            * label mass. A product: one bad sign is enough. None where neither agreement nor sharpness is known.
noise       the pooled standard deviation of the votes of a group, sqrt(mean of the candidates' variances).
sharpness   1 - 2 * E|d - mean| / 9 over the digit's distribution: 1 for one peak, 0 for half on 0 and half on 9.

Sources: median and adaptive counts, research notes on voting gains (three votes capture most of it); mean absolute
deviation rather than variance, because votes are few and one outlier should not decide. Formulas are this service's.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from grm.asking import SCALE
from grm.label import MAX_TOTAL


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def agreement(values: Sequence[float]) -> float | None:
    """How far the votes agree; None where there is only one.

    >>> agreement([0.0, 1.0]), agreement([0.5, 0.5]), agreement([0.5])
    (0.0, 1.0, None)
    """
    if len(values) < 2:
        return None
    middle = median(values)
    return max(0.0, 1.0 - 2.0 * statistics.fmean(abs(value - middle) for value in values))


def confidence(agreed: float | None, sharpness: float | None, founded: float, label_mass: float | None) -> float | None:
    """How far to trust the median."""
    known = agreed if agreed is not None else sharpness
    return None if known is None else known * founded * (1.0 if label_mass is None else label_mass)


def noise(groups: Iterable[Sequence[float]]) -> float | None:
    """The pooled standard deviation of repeated votes; None where no candidate has two."""
    variances = [statistics.pvariance(votes) for votes in groups if len(votes) > 1]
    return math.sqrt(statistics.fmean(variances)) if variances else None


def differ(values: Sequence[float], spread: float) -> bool:
    """Whether votes are further apart than `spread`."""
    return len(values) > 1 and max(values) - min(values) > spread + 1e-9


def expected_digit(top_logprobs: Mapping[str, float]) -> tuple[float, float, float] | None:
    """Expected digit, its mass and its sharpness, from the candidates for one token.

    None where the numbers are no log-probabilities or no digit is among them.
    """
    digits: dict[int, float] = {}
    total = 0.0
    for token, logprob in top_logprobs.items():
        if math.isnan(logprob) or logprob > MAX_TOTAL - 1.0:
            return None
        total += math.exp(logprob)
        word = token.strip("▁Ġ \t\n")
        if len(word) == 1 and word in "0123456789":
            digits[int(word)] = digits.get(int(word), 0.0) + math.exp(logprob)
    mass = sum(digits.values())
    if total > MAX_TOTAL or mass <= 0.0:
        return None
    mean = sum(digit * probability for digit, probability in digits.items()) / mass
    apart = sum(abs(digit - mean) * probability for digit, probability in digits.items()) / mass
    return mean, min(mass, 1.0), max(0.0, 1.0 - 2.0 * apart / SCALE)
