"""When a model repeats itself: N sampled tokens in a row, each with a probability over a threshold.

Rule 1: the count alone. Who samples and who stops it is not known here; no torch, no I/O.
Rule 2: strictly over. A token at the threshold, or of unknown probability (NaN), breaks the streak.
Rule 3: a sample that was cut is no sample that ended. It is told apart, and what it earns is said, not implied.

The rule is MiniMax-M1's (arXiv 2506.13585, section 3.2): 3,000 tokens over 0.99. Long verbatim copies and tables are
confident too, so keep N large at long contexts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

DEFAULT_LENGTH = 3_000
DEFAULT_THRESHOLD = 0.99


@dataclass(frozen=True, slots=True)
class StreakRule:
    """`length` tokens in a row, each with a probability over `threshold`."""

    length: int = DEFAULT_LENGTH
    threshold: float = DEFAULT_THRESHOLD

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"a streak has at least 1 token, not {self.length}")
        if not 0.0 < self.threshold < 1.0:
            raise ValueError(f"the threshold is a probability between 0 and 1, not {self.threshold}")

    @property
    def log_threshold(self) -> float:
        """The threshold in nats: what log-probabilities are compared with."""
        return math.log(self.threshold)


class StreakCounter:
    """Counts one sample, token by token.

    >>> counter = StreakCounter(StreakRule(length=2))
    >>> [counter.add(math.log(p)) for p in (0.999, 0.5, 0.999, 0.999)]
    [False, False, False, True]
    >>> counter.stop_after, counter.longest
    (4, 2)
    """

    def __init__(self, rule: StreakRule) -> None:
        self._length, self._log_threshold = rule.length, rule.log_threshold
        self.tokens = 0
        self.current = 0
        self.longest = 0
        self.stop_after: int | None = None

    def add(self, log_probability: float) -> bool:
        """Count the next sampled token, by its log-probability in nats; whether the streak is complete."""
        self.tokens += 1
        self.current = self.current + 1 if log_probability > self._log_threshold else 0
        self.longest = max(self.longest, self.current)
        if self.stop_after is None and self.current >= self._length:
            self.stop_after = self.tokens
        return self.stop_after is not None


def stop_after(log_probabilities: Iterable[float], rule: StreakRule) -> int | None:
    """How many tokens of a finished sample the rule keeps; None where it would not have stopped it."""
    counter = StreakCounter(rule)
    for log_probability in log_probabilities:
        if counter.add(log_probability):
            break
    return counter.stop_after


class FinishReason(StrEnum):
    """How a sample ended. `repetition`: it was cut by the streak rule, and is neither finished nor too long."""

    STOP = "stop"
    LENGTH = "length"
    REPETITION = "repetition"


class RepetitionReward(StrEnum):
    """What a sample that was cut for repetition earns.

    `mask` (the default): nothing; it is left out of baseline and loss. We cut it, so whether its answer would have
    been right is not known, and its thousands of near-certain tokens would outweigh all others in a mean over tokens.
    A false alarm, such as a long table, then costs one sample and teaches nothing wrong.
    `zero`: 0, as an answer that never came. Take it where loops keep coming back: masking does not teach against them.
    `score`: whatever its text earns, as if it had ended there. For counting alone, with truncation by other means.
    """

    MASK = "mask"
    ZERO = "zero"
    SCORE = "score"

    def settle(self, scored: float | None) -> float | None:
        """The reward of a cut sample whose text earned `scored`; None: leave it out.

        >>> [policy.settle(1.0) for policy in RepetitionReward]
        [None, 0.0, 1.0]
        """
        match self:
            case RepetitionReward.MASK:
                return None
            case RepetitionReward.ZERO:
                return 0.0
            case RepetitionReward.SCORE:
                return scored
            case _:
                assert_never(self)


DEFAULT_REPETITION_REWARD = RepetitionReward.MASK
