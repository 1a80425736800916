"""Mask of anomalous sequences: those on which training and rollout engine disagree far more than on the rest.

Rule 1: text alone condemns nothing: strange text counts only beside disagreement.
Rule 2: thresholds follow the batch (median and MAD) between a floor and a ceiling, so ordinary engine noise masks
        nothing and a batch that drifts as a whole is not masked away.
Rule 3: at most a share of the batch is masked, the worst first, apart from vetoes; every row says why.
Rule 4: masked rows leave the loss (`keep`), their rewards stay in the baseline of their group.

No published rule has this form; its parts have: K3 0.01 (verl), veto 1e-4 (slime), ceiling 0.5 (DeepSeek-V3.2).
"""

import enum
import math
from dataclasses import dataclass

import torch

from touchstone_trainer.corrections import engine_log_ratio
from touchstone_trainer.kl import Divergence, divergence
from touchstone_trainer.masked import masked, row_mean, row_min
from touchstone_trainer.shapes import Mask, RowFlags, Rows, Scalar, Tokens

MAD_TO_STD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class AnomalyLimits:
    """Thresholds on a sequence's mean k3 in nats: clip(median + width * 1.4826 * MAD, floor, ceiling)."""

    soft_width: float = 3.0
    soft_floor: float = 0.01
    hard_width: float = 8.0
    hard_floor: float = 0.05
    ceiling: float = 0.5
    veto_ratio: float = 1e-4
    """A sequence with one token of train/infer below this is masked whatever the rest says."""
    max_share: float = 0.25
    """Of the sequences with tokens; what is masked beyond it are vetoes only."""

    def __post_init__(self) -> None:
        if not 0 <= self.soft_floor <= self.hard_floor <= self.ceiling:
            raise ValueError(f"need 0 <= soft_floor <= hard_floor <= ceiling: {self}")
        if not 0 <= self.max_share <= 1 or not 0 < self.veto_ratio < 1:
            raise ValueError(f"max_share is from 0 to 1, veto_ratio between 0 and 1: {self}")


class Cause(enum.StrEnum):
    """Why a sequence was masked or not."""

    HEALTHY = "healthy"
    EMPTY = "empty"
    """No tokens: neither masked nor part of the statistics."""
    VETO = "veto"
    DIVERGENCE = "divergence"
    """Beyond the hard threshold."""
    DIVERGENCE_AND_TEXT = "divergence_and_text"
    """Beyond the soft threshold and flagged by its text."""
    SPARED = "spared"
    """Would be masked, but worse ones filled the share that may be."""

    @property
    def masks(self) -> bool:
        """Whether the sequence leaves the loss."""
        return self in {Cause.VETO, Cause.DIVERGENCE, Cause.DIVERGENCE_AND_TEXT}


@dataclass(frozen=True, slots=True)
class Anomalies:
    """The verdict on a batch of sequences."""

    masked: RowFlags
    keep: Mask
    """The mask without the masked rows."""
    causes: tuple[Cause, ...]
    statistic: Rows
    """Mean k3 of each sequence in nats; 0 without tokens."""
    lowest_log_ratio: Rows
    """Smallest train - infer in nats; 0 without tokens."""
    median: Scalar
    deviation: Scalar
    """Median absolute deviation of the statistic."""
    soft: Scalar
    hard: Scalar

    def shares(self) -> dict[Cause, float]:
        """Share of the sequences by cause, causes that occur only."""
        return {cause: self.causes.count(cause) / len(self.causes) for cause in Cause if cause in self.causes}


def mask_anomalies(
    train: Tokens,
    infer: Tokens,
    mask: Mask,
    text_flags: RowFlags,
    limits: AnomalyLimits = AnomalyLimits(),
) -> Anomalies:
    """Judge each sequence by s = mean_t(e^d - 1 - d), d = train - infer, its lowest d, and whether its text is strange.

    Give it the whole optimizer step: thresholds and share are over what it sees. `text_flags` is
    `bool(text_features.flags(...))` of each row.
    """
    ratio = engine_log_ratio(train, infer, mask)
    full = mask.any(-1)
    statistic = row_mean(divergence(ratio, Divergence.K3), mask)
    lowest = masked(row_min(ratio, mask), full)
    median, deviation = _median_and_deviation(statistic[full])
    spread = MAD_TO_STD * deviation
    soft = (median + limits.soft_width * spread).clamp(limits.soft_floor, limits.ceiling)
    hard = (median + limits.hard_width * spread).clamp(limits.hard_floor, limits.ceiling)
    veto = full & (lowest < math.log(limits.veto_ratio))
    beyond = full & (statistic > hard)
    odd = full & (statistic > soft) & text_flags.to(mask.device)
    suspects = (beyond | odd) & ~veto
    room = max(0, math.floor(limits.max_share * int(full.sum())) - int(veto.sum()))
    taken = veto | _worst(statistic, suspects, room)
    causes = tuple(
        _cause(*row) for row in zip(*(flags.tolist() for flags in (full, taken, veto, beyond, suspects)), strict=True)
    )
    return Anomalies(taken, mask & ~taken.unsqueeze(-1), causes, statistic, lowest, median, deviation, soft, hard)


def _median_and_deviation(statistic: Rows) -> tuple[Scalar, Scalar]:
    """Median, the middle two averaged, and median absolute deviation; 0 of nothing."""
    if not len(statistic):
        return statistic.new_zeros(()), statistic.new_zeros(())
    median = statistic.quantile(0.5)
    return median, (statistic - median).abs().quantile(0.5)


def _worst(statistic: Rows, suspects: RowFlags, room: int) -> RowFlags:
    """The `room` suspects of largest statistic, the earlier row first among equals."""
    order = masked(statistic, suspects, -math.inf).argsort(descending=True, stable=True)
    chosen = torch.zeros_like(suspects)
    chosen[order[:room]] = True
    return chosen & suspects


def _cause(full: bool, taken: bool, veto: bool, beyond: bool, suspect: bool) -> Cause:
    if not full:
        return Cause.EMPTY
    if veto:
        return Cause.VETO
    if taken:
        return Cause.DIVERGENCE if beyond else Cause.DIVERGENCE_AND_TEXT
    return Cause.SPARED if suspect else Cause.HEALTHY
