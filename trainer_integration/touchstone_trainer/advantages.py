"""Group-relative advantages: how much better a response did than the others of its prompt.

Rule 1: a reward that is NaN (or infinite) was not scored: it enters no baseline, and its advantage is 0. Leave its
        tokens out of the loss with `Advantages.scored`.
Rule 2: a group without spread teaches nothing: its advantages are exactly 0 and it is reported dead. So is a group
        with fewer than two scored responses (verl would pay a lone response its raw reward).
Rule 3: groups are ids, not positions: rows may come in any order, and groups differ in size.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from touchstone_trainer.masked import widened
from touchstone_trainer.shapes import GroupFlags, GroupIds, Groups, RowFlags, RowIds, RowRewards, Rows, Scalar

DEAD_STD = 1e-6
"""Reward units: spread below this is rounding noise, which normalising would blow up to +-1 (slime's filter)."""
GROUP_EPS = 1e-6
"""Reward units, added to the standard deviation (verl, slime, NeMo-RL; TRL 1e-4)."""
GDPO_EPS = 1e-4
"""As TRL's `normalize_then_sum`."""


class Estimator(enum.StrEnum):
    """What is subtracted from a reward and what it is divided by."""

    GROUP_STD = "group_std"
    """(r - mean) / (std + eps): GRPO, arXiv 2402.03300; std with n - 1."""
    NO_STD = "no_std"
    """r - mean: Dr.GRPO, arXiv 2503.20783."""
    BATCH_STD = "batch_std"
    """(r - mean) / (std of all scored rewards of the batch + eps): Lite PPO, arXiv 2508.08221."""
    LEAVE_ONE_OUT = "leave_one_out"
    """r - mean of the others: RLOO, arXiv 2402.14740."""


@dataclass(frozen=True, slots=True)
class Advantages:
    """Advantages with what became of each group; K groups in ascending order of their ids."""

    values: Rows
    scored: RowFlags
    group: RowIds
    """Which of the K groups a row belongs to."""
    ids: GroupIds
    counts: GroupIds
    """Scored responses of each group."""
    mean: Groups
    std: Groups
    dead: GroupFlags

    @property
    def alive(self) -> RowFlags:
        """Rows whose group has a spread of rewards."""
        return ~self.dead[self.group]


def group_advantages(
    rewards: Rows,
    groups: RowIds,
    *,
    estimator: Estimator = Estimator.GROUP_STD,
    eps: float = GROUP_EPS,
) -> Advantages:
    """Advantage of each response within its group (see `Estimator`), in the units of that estimator.

    >>> found = group_advantages(torch.tensor([1.0, 0.0, float("nan")]), torch.tensor([7, 7, 7]), eps=0.0)
    >>> found.values, found.dead
    (tensor([ 0.7071, -0.7071,  0.0000]), tensor([False]))
    """
    stats = _group_stats(rewards, groups)
    return _with_values(stats, _scaled(stats, widened(rewards), estimator, eps))


def gdpo_advantages(
    rewards: RowRewards,
    groups: RowIds,
    weights: Sequence[float] | None = None,
    *,
    eps: float = GDPO_EPS,
) -> Advantages:
    """Several rewards: each normalised within its group, summed by weight, standardised over the batch.

    s = sum_r w_r (r - mean_g) / (std_g + eps); A = (s - mean s) / (std s + eps). Source: GDPO, arXiv 2601.05242, as
    TRL's `normalize_then_sum`. A reward that is missing adds nothing (its group's mean); a response without any is
    unscored. `mean` and `std` of the result are those of the weighted sum s.
    """
    count = rewards.shape[1]
    scale = [1.0] * count if weights is None else list(weights)
    if len(scale) != count:
        raise ValueError(f"{count} rewards a response need {count} weights, not {len(scale)}")
    parts = [group_advantages(rewards[:, i], groups, eps=eps) for i in range(count)]
    total = torch.stack([part.values * weight for part, weight in zip(parts, scale, strict=True)]).sum(0)
    scored = torch.stack([part.scored for part in parts]).any(0)
    stats = _group_stats(torch.where(scored, total, torch.nan), groups)
    mean = torch.where(scored, total, 0.0).sum() / scored.sum().clamp(min=1)
    scaled = (total - mean) / (_std(total, scored) + eps)
    return _with_values(stats, scaled)


def _scaled(stats: Advantages, rewards: Rows, estimator: Estimator, eps: float) -> Rows:
    """Rewards over their baselines, before dead groups and unscored rows are set to 0."""
    centred = torch.where(stats.scored, rewards, 0.0) - stats.mean[stats.group]
    match estimator:
        case Estimator.GROUP_STD:
            return centred / (stats.std[stats.group] + eps)
        case Estimator.NO_STD:
            return centred
        case Estimator.BATCH_STD:
            return centred / (_std(rewards, stats.scored) + eps)
        case Estimator.LEAVE_ONE_OUT:
            # r - (sum - r) / (n - 1) = (r - mean) * n / (n - 1)
            size = stats.counts[stats.group]
            return centred * size / (size - 1).clamp(min=1)


def _group_stats(rewards: Rows, groups: RowIds) -> Advantages:
    """Everything about the groups; `values` still 0."""
    scored = rewards.isfinite()
    values = torch.where(scored, widened(rewards), 0.0)
    ids, index = torch.unique(groups, return_inverse=True)
    zeros = values.new_zeros(len(ids))
    counts = torch.zeros_like(ids).index_add(0, index, scored.to(ids.dtype))
    mean = zeros.index_add(0, index, values) / counts.clamp(min=1)
    centred = torch.where(scored, values - mean[index], 0.0)
    std = (zeros.index_add(0, index, centred.square()) / (counts - 1).clamp(min=1)).sqrt()
    dead = (counts < 2) | (std <= DEAD_STD)
    return Advantages(torch.zeros_like(values), scored, index, ids, counts, mean, std, dead)


def _with_values(stats: Advantages, values: Rows) -> Advantages:
    return replace(stats, values=torch.where(stats.scored & stats.alive, values, 0.0))


def _std(values: Rows, scored: RowFlags) -> Scalar:
    """Standard deviation (n - 1) of the scored values; 0 for fewer than two."""
    count = scored.sum()
    mean = torch.where(scored, values, 0.0).sum() / count.clamp(min=1)
    centred = torch.where(scored, values - mean, 0.0)
    return (centred.square().sum() / (count - 1).clamp(min=1)).sqrt()
