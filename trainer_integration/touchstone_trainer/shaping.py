"""Rewards beyond right or wrong, before they become advantages.

Rule 1: None is unscored and stays None; nothing here invents a reward.
Rule 2: functions over a sequence take the responses of one group (prompt) at a time.
Rule 3: filter groups for dynamic sampling on the raw rewards: penalties fake a spread.
"""

import math
from collections.abc import Sequence

HERO_WIDTH = 0.05
"""alpha and beta of HERO for verifiable tasks (0.1 for hard-to-verify ones)."""
HERO_EPS = 1e-6


def hero(
    correct: Sequence[bool | None],
    scores: Sequence[float | None],
    *,
    wrong_width: float = HERO_WIDTH,
    right_width: float = HERO_WIDTH,
) -> list[float | None]:
    """Order a rule's verdicts by a model's scores, each stratum apart: no wrong response can overtake a right one.

    z = (s - min) / (max - min + 1e-6) over the group's responses of the same verdict; wrong: -a + 2 a z, right:
    1 - b + 2 b z. Equal scores give z = 0. Source: HERO, arXiv 2510.07242 (constants to be checked against the paper
    where exact reproduction matters). Without a right response a group gains a spread of at most 2 a, which dividing
    by the standard deviation blows up to full size: use `Estimator.NO_STD` with it.
    """
    if not (0 <= wrong_width < 0.5 and 0 <= right_width < 0.5):
        raise ValueError(f"widths from 0 to below 0.5 keep the strata apart, not {wrong_width} and {right_width}")
    pairs = list(zip(correct, scores, strict=True))
    lowest, span = {}, {}
    for verdict in (True, False):
        stratum = [score for right, score in pairs if right is verdict and score is not None]
        lowest[verdict] = min(stratum, default=0.0)
        span[verdict] = max(stratum, default=0.0) - lowest[verdict] + HERO_EPS
    shaped: list[float | None] = []
    for right, score in pairs:
        if right is None or score is None:
            shaped.append(None)
            continue
        z = (score - lowest[right]) / span[right]
        shaped.append(1 - right_width + 2 * right_width * z if right else -wrong_width + 2 * wrong_width * z)
    return shaped


def hero_weight(
    spread: float, mean_spread: float, *, low: float = 0.4, high: float = 3.0, steepness: float = 6.0
) -> float:
    """Weight of a prompt by the spread (population std) of its model scores against the running mean of spreads.

    w = low + (high - low) / (1 + exp(-steepness (spread - mean))). Source: HERO, arXiv 2510.07242.
    """
    return low + (high - low) / (1 + math.exp(-steepness * (spread - mean_spread)))


def soft_overlong(length: int, *, limit: int, margin: int) -> float:
    """Penalty of a response's length in tokens: 0 up to limit - margin, then linear to -1 at limit and beyond.

    Source: DAPO, arXiv 2503.14476 (limit 20,480, margin 4,096).

    >>> soft_overlong(90, limit=100, margin=20)
    -0.5
    """
    if not 0 < margin <= limit:
        raise ValueError(f"the margin lies within the limit: 0 < {margin} <= {limit}")
    return -min(1.0, max(0.0, (length - (limit - margin)) / margin))


def length_rewards(lengths: Sequence[int], correct: Sequence[bool | None]) -> list[float | None]:
    """Reward of brevity within a group: lambda = 0.5 - (len - min) / (max - min); wrong responses get min(0, lambda).

    0 for all where all are equally long. Unscored responses stay None and set no bounds. Source: Kimi k1.5,
    arXiv 2501.12599. Warm its factor up from 0, or models learn to stop before they can solve anything.
    """
    pairs = list(zip(lengths, correct, strict=True))
    scored = [length for length, right in pairs if right is not None]
    shortest, span = min(scored, default=0), max(scored, default=0) - min(scored, default=0)
    shaped: list[float | None] = []
    for length, right in pairs:
        if right is None:
            shaped.append(None)
            continue
        bonus = 0.5 - (length - shortest) / span if span else 0.0
        shaped.append(bonus if right else min(0.0, bonus))
    return shaped


def weighted_sum(rewards: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """Several rewards of one response as one; None where one that has weight is missing.

    Where their scales differ, `advantages.gdpo_advantages` normalises each first.
    """
    parts = [(reward, weight) for reward, weight in zip(rewards, weights, strict=True) if weight]
    return None if any(reward is None for reward, _ in parts) else math.fsum(r * w for r, w in parts if r is not None)
