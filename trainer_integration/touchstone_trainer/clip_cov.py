"""Clip-Cov and KL-Cov: hold back the few tokens that drive the entropy down. Source: arXiv 2505.22617.

Rule 1: which tokens is decided once an optimizer step (`select_clip_cov`, `select_kl_cov`), over all its tokens:
        decided for each micro-batch, as elsewhere, the choice depends on the micro-batch size.
Rule 2: the loss is given the set; it never chooses.
Rule 3: denominators stay: a token that is held back still counts.
"""

from dataclasses import dataclass

import torch

from touchstone_trainer.kl import log_ratio
from touchstone_trainer.losses import Clip, TokenLoss, clipped_surrogate
from touchstone_trainer.masked import masked, masked_mean, per_token
from touchstone_trainer.shapes import Mask, Rows, Tokens

RATIO = 2e-4
"""Share of the step's tokens held back (paper and verl; the paper takes 2e-3 for KL-Cov at 7B)."""
RECIPE_CLIP = Clip(low=1.0, high=1.0)
"""The authors' recipes keep PPO's clip only for extreme tokens: r in [0, 2]."""
KL_COV_COEF = 1.0
"""The recipes' factor of |logp - old|; verl's dataclass has 0.1."""


@dataclass(frozen=True, slots=True)
class ClipCov:
    """Which tokens Clip-Cov draws from, and how many; defaults of verl and of the authors' recipes."""

    ratio: float = RATIO
    low: float = 1.0
    high: float = 5.0
    """Candidates have a covariance between the two, in advantage units times nats."""
    at_least_one: bool = False
    """verl's floor, which holds back one token even of a step of ten."""


@dataclass(frozen=True, slots=True)
class KlCov:
    """How many tokens KL-Cov takes, and what moving them costs."""

    ratio: float = RATIO
    coef: float = KL_COV_COEF
    at_least_one: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The tokens held back, and what they were taken from."""

    chosen: Mask
    candidates: Mask
    covariance: Tokens
    quota: int
    """Tokens wanted; fewer are chosen where there are fewer candidates."""


def covariance(logp: Tokens, advantages: Rows | Tokens, mask: Mask) -> Tokens:
    """Each token's (A - mean A)(logp - mean logp), means over the mask; 0 outside it. In advantage units times nats."""
    gain, sure = per_token(advantages, mask), masked(logp.detach(), mask)
    return masked((gain - masked_mean(gain, mask)) * (sure - masked_mean(sure, mask)), mask)


def select_clip_cov(
    logp: Tokens,
    old: Tokens,
    advantages: Rows | Tokens,
    mask: Mask,
    settings: ClipCov = ClipCov(),
    *,
    clip: Clip = RECIPE_CLIP,
    generator: torch.Generator | None = None,
) -> Selection:
    """Draw ratio * N tokens, uniformly without replacement, from those in the band that the loss's `clip` leaves alone.

    Over the whole step. In the first update on a rollout logp is old: pass `old` for it and save the forward pass.
    """
    cov = covariance(logp, advantages, mask)
    clipped = clipped_surrogate(logp.detach(), old, advantages, mask, clip=clip).clipped
    candidates = mask & (cov > settings.low) & (cov < settings.high) & ~clipped
    quota = _quota(settings.ratio, mask, settings.at_least_one)
    places = candidates.flatten().nonzero().squeeze(-1)
    # Drawn on the generator's device: a CPU generator gives the same set on every accelerator.
    order = torch.randperm(len(places), generator=generator, device=generator.device if generator else "cpu")
    chosen = places[order[:quota].to(places.device)]
    return Selection(_mark(chosen, mask), candidates, cov, quota)


def select_kl_cov(logp: Tokens, advantages: Rows | Tokens, mask: Mask, settings: KlCov = KlCov()) -> Selection:
    """The ratio * N tokens of largest covariance, over the whole step."""
    cov = covariance(logp, advantages, mask)
    quota = _quota(settings.ratio, mask, settings.at_least_one)
    # Sorted, not topk, whose choice among equals is unspecified: here the earlier token.
    ranked = masked(cov, mask, -torch.inf).flatten().argsort(descending=True, stable=True)
    return Selection(_mark(ranked[:quota], mask), mask, cov, quota)


def clip_cov_loss(
    logp: Tokens, old: Tokens, advantages: Rows | Tokens, mask: Mask, chosen: Mask, *, clip: Clip = RECIPE_CLIP
) -> TokenLoss:
    """The clipped surrogate with the loss and gradient of the chosen tokens at exactly 0; they count as clipped."""
    tokens = clipped_surrogate(logp, old, advantages, mask, clip=clip)
    return TokenLoss(masked(tokens.loss, ~chosen), tokens.ratio, tokens.clipped | (chosen & mask), tokens.dual_clipped)


def kl_cov_loss(
    logp: Tokens, old: Tokens, advantages: Rows | Tokens, mask: Mask, chosen: Mask, *, coef: float = KL_COV_COEF
) -> TokenLoss:
    """Loss l = -r A, unclipped, plus coef * |logp - old| for the chosen tokens. Does nothing while logp is old."""
    difference = log_ratio(logp, old, mask)
    ratio = difference.exp()
    loss = -ratio * per_token(advantages, mask) + coef * masked(difference.abs(), chosen)
    unclipped = torch.zeros_like(mask)
    return TokenLoss(masked(loss, mask), masked(ratio.detach(), mask), unclipped, unclipped)


def _quota(ratio: float, mask: Mask, at_least_one: bool) -> int:
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio is a share of the tokens, from 0 to 1, not {ratio}")
    tokens = int(mask.sum())
    return min(tokens, max(int(ratio * tokens), int(at_least_one)))


def _mark(places: torch.Tensor, mask: Mask) -> Mask:
    """True at flat positions."""
    flags = torch.zeros_like(mask).flatten()
    flags[places] = True
    return flags.view_as(mask)
