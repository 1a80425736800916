"""Surrogate losses of policy gradients, token by token, and how tokens become one number.

Rule 1: a loss is two steps: an objective gives every token its loss, `aggregate` sums them over one denominator.
Rule 2: the denominator is that of the whole optimizer step (`step_denominator`, additive over micro-batches and over
        ranks), so that cutting a step into micro-batches changes nothing.
Rule 3: rows without tokens count nowhere, and a step without tokens costs exactly 0 with zero gradient.
Rule 4: weights (IcePop, TIS) multiply the objective, are detached, and leave the denominator alone.
"""

import enum
from dataclasses import dataclass

import torch

from touchstone_trainer.kl import log_ratio
from touchstone_trainer.masked import masked, per_token, row_mean, row_sum
from touchstone_trainer.shapes import Count, Mask, Rows, Scalar, Tokens


class Aggregation(enum.StrEnum):
    """What a token's loss is divided by."""

    TOKEN_MEAN = "token_mean"  # noqa: S105 - no password
    """Tokens of the step: DAPO, arXiv 2503.14476; long responses weigh more."""
    SEQUENCE_MEAN = "sequence_mean"
    """Tokens of the response, then responses: GRPO, arXiv 2402.03300."""
    CONSTANT = "constant"
    """Responses times the length limit: Dr.GRPO, arXiv 2503.20783."""


class RatioLevel(enum.StrEnum):
    """What the ratio r of new to old policy is taken over."""

    TOKEN = "token"  # noqa: S105 - no password
    SEQUENCE = "sequence"
    """exp of the mean log-ratio of a response: GSPO, arXiv 2507.18071. Ratios are then far nearer to 1: the paper
    clips at 3e-4 and 4e-4."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Bounds of the ratio: 1 - low to 1 + high."""

    low: float = 0.2
    high: float = 0.2
    """0.28 is DAPO's clip-higher."""
    dual: float | None = None
    """For negative advantages a token costs at most dual * |A| (arXiv 1912.09729; verl 3.0)."""

    def __post_init__(self) -> None:
        if self.low < 0 or self.high < 0:
            raise ValueError(f"clip bounds are distances from 1 and not negative: low {self.low}, high {self.high}")
        if self.dual is not None and self.dual <= 1:
            raise ValueError(f"dual must exceed 1 (verl uses 3), not {self.dual}: below, on-policy tokens are clipped")


@dataclass(frozen=True, slots=True)
class TokenLoss:
    """An objective token by token; 0 and False outside the mask."""

    loss: Tokens
    ratio: Tokens
    """exp(logp - old), detached, at the objective's level."""
    clipped: Mask
    """Tokens whose gradient the clip took away (CISPO: whose weight it cut)."""
    dual_clipped: Mask


def clipped_surrogate(
    logp: Tokens,
    old: Tokens,
    advantages: Rows | Tokens,
    mask: Mask,
    *,
    clip: Clip = Clip(),
    level: RatioLevel = RatioLevel.TOKEN,
) -> TokenLoss:
    """Loss l = -min(r A, clip(r, 1 - low, 1 + high) A); with a dual clip, for A < 0, min(l, -dual A).

    r = exp(logp - old), for GSPO exp of the response's mean. Source: PPO, arXiv 1707.06347, as in verl
    `compute_policy_loss_vanilla`, whose clamp of logp - old to +-20 nats is kept.
    """
    gain = per_token(advantages, mask)
    ratio = _ratio(logp, old, mask, level)
    plain = -gain * ratio
    cut = -gain * ratio.clamp(1 - clip.low, 1 + clip.high)
    loss = torch.maximum(plain, cut)
    dual_clipped = torch.zeros_like(mask)
    if clip.dual is not None:
        ceiling = -gain * clip.dual
        dual_clipped = (gain < 0) & (loss > ceiling)
        loss = torch.where(gain < 0, torch.minimum(loss, ceiling), loss)
    return TokenLoss(masked(loss, mask), masked(ratio.detach(), mask), cut > plain, dual_clipped)


def cispo(
    logp: Tokens,
    old: Tokens,
    advantages: Rows | Tokens,
    mask: Mask,
    *,
    clip: Clip = Clip(low=1.0, high=4.0),
) -> TokenLoss:
    """Loss l = -sg(clip(r, 1 - low, 1 + high)) A logp: the weight is cut, every token keeps its gradient.

    Source: MiniMax-M1, arXiv 2506.13585. The default is TRL's and ScaleRL's bound: at most 5, no lower one.
    """
    gain = per_token(advantages, mask)
    ratio = _ratio(logp, old, mask, RatioLevel.TOKEN).detach()
    weight = ratio.clamp(1 - clip.low, 1 + clip.high)
    loss = -weight * gain * masked(logp, mask)
    return TokenLoss(masked(loss, mask), masked(ratio, mask), (weight != ratio) & mask, torch.zeros_like(mask))


def _ratio(logp: Tokens, old: Tokens, mask: Mask, level: RatioLevel) -> Tokens:
    """exp(logp - old); 1 outside the mask."""
    ratio = log_ratio(logp, old, mask)
    if level is RatioLevel.SEQUENCE:
        ratio = per_token(row_mean(ratio, mask), mask)
    return ratio.exp()


def step_denominator(
    mask: Mask, aggregation: Aggregation = Aggregation.TOKEN_MEAN, length_limit: int | None = None
) -> Count:
    """What the losses of one optimizer step are divided by, from the mask of the whole step.

    Additive: sum it over micro-batches and over ranks. Where gradients are averaged over ranks (DDP, FSDP), multiply
    the loss by their number.
    """
    rows = mask.any(-1).sum()
    match aggregation:
        case Aggregation.TOKEN_MEAN:
            return mask.sum()
        case Aggregation.SEQUENCE_MEAN:
            return rows
        case Aggregation.CONSTANT:
            if length_limit is None or length_limit < 1:
                raise ValueError("the constant denominator needs length_limit, the longest response in tokens")
            return rows * length_limit


def aggregate(
    loss: Tokens,
    mask: Mask,
    denominator: Count | Scalar | float,
    aggregation: Aggregation = Aggregation.TOKEN_MEAN,
) -> Scalar:
    """Sum of the tokens' losses (for SEQUENCE_MEAN: of the responses' means) over the step's denominator."""
    by_row = aggregation is Aggregation.SEQUENCE_MEAN
    total = (row_mean(loss, mask) if by_row else row_sum(loss, mask)).sum()
    count = torch.as_tensor(denominator, device=loss.device)
    return total / torch.where(count == 0, 1, count)


def weighted(objective: Tokens, weights: Tokens, mask: Mask) -> Tokens:
    """The objective times detached correction weights; a token of weight 0 has no gradient even where it is NaN."""
    factor = masked(weights.detach(), mask)
    return torch.where(factor == 0, 0.0, objective) * factor
