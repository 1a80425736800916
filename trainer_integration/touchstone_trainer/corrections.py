"""What to do about a rollout engine that does not quite compute the policy that is trained.

Rule 1: everything starts from d = log p(train) - log p(infer) (`engine_log_ratio`) with the policy at rollout weights;
        k = e^d is the importance weight of a token.
Rule 2: a weight is detached and leaves the denominator alone (`losses.weighted`); a rejection shrinks the mask, and
        with it the denominator.
Rule 3: bounds on ratios are bounds on train/infer, inclusive. verl's k1 options bound infer/train: `verl_bounds`.
Rule 4: log-probabilities must be the engine's processed ones at full top-p and top-k (vLLM's default is raw), on the
        engine's own token ids.
"""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from touchstone_trainer.kl import MAX_LOG_RATIO, Divergence, divergence, log_ratio
from touchstone_trainer.masked import masked, masked_max, masked_mean, masked_min, per_token, row_mean, row_min, row_sum
from touchstone_trainer.shapes import Mask, RowFlags, Rows, Scalar, Tokens, Values


class Level(enum.StrEnum):
    """What a statistic is taken over."""

    TOKEN = "token"  # noqa: S105 - no password
    SUM = "sum"
    """The response: for ratios the product, the true sequence weight."""
    MEAN = "mean"
    """The response by its length: for ratios the geometric mean."""
    MAX = "max"
    MIN = "min"


class Outside(enum.StrEnum):
    """What happens to a weight out of bounds."""

    CUT = "cut"
    """Set to the bound (truncated importance sampling)."""
    DROP = "drop"
    """Set to 0: no loss, no gradient (IcePop, masked importance sampling)."""


@dataclass(frozen=True, slots=True)
class Correction:
    """How importance weights are bounded: low <= train/infer <= high."""

    level: Level
    outside: Outside
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.level in {Level.MAX, Level.MIN}:
            raise ValueError(f"weights are of a token, a sum or a mean; {self.level} is for rejection")
        if not 0 <= self.low < self.high:
            raise ValueError(f"weights need 0 <= low < high, not {self.low} and {self.high}")


ICEPOP = Correction(Level.TOKEN, Outside.DROP, 0.5, 5.0)
"""IcePop, arXiv 2510.18855 (Ring-1T); SkyRL suggests 0.5 to 2."""
TIS = Correction(Level.TOKEN, Outside.CUT, 0.0, 2.0)
"""Truncated importance sampling; cap of verl and slime."""
SEQUENCE_TIS = Correction(Level.SUM, Outside.CUT, 0.0, 2.0)
SEQUENCE_MIS = Correction(Level.SUM, Outside.DROP, 0.5, 2.0)
"""Masked importance sampling (verl); TRL's default is 0 to 3."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Detached weights, 0 outside the mask, and how far the engines are apart."""

    weights: Tokens
    out_of_bounds: Scalar
    """Share of tokens whose ratio is outside the bounds."""
    smallest: Scalar
    largest: Scalar
    """Extremes of the ratio before bounding; 1 for an empty batch."""
    effective_size: Scalar
    """Effective sample size (sum w)^2 / (N sum w^2), a share of the N tokens; 0 for an empty batch."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A response or token stays while low <= statistic <= high.

    For K1 the statistic is the ratio train/infer itself (e^d, over the level); for K2 and K3 it is in nats.
    """

    level: Level
    estimator: Divergence = Divergence.K1
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"bounds need 0 <= low < high, not {self.low} and {self.high}")


GEOMETRIC = Bound(Level.MEAN, low=0.999, high=1.001)
"""verl's Geo-RS preset; NeMo-RL to 1.002, SkyRL 0.99 to 1.01, prime-rl 0.1 to 10."""
MEAN_K3 = Bound(Level.MEAN, Divergence.K3, high=0.01)
"""verl's K3-RS preset."""
VETO = Bound(Level.MIN, low=1e-4)
"""One token that training finds 10,000 times less likely condemns its response (slime, SkyRL)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The mask that is left, and what it lost."""

    keep: Mask
    tokens: Scalar
    """Share of tokens rejected."""
    sequences: Scalar
    """Share of responses that lost a token."""


def engine_log_ratio(train: Tokens, infer: Tokens, mask: Mask) -> Tokens:
    """Log-ratio d = train - infer in nats, detached, clamped to +-20; 0 outside the mask.

    Where the engine reported no number (NaN) d is 0, a weight of 1, as in TRL; `mismatch` counts them.
    """
    known = mask & ~infer.isnan()
    return log_ratio(train.detach(), infer.detach(), known)


def importance_weights(ratio: Tokens, mask: Mask, correction: Correction = ICEPOP) -> Weights:
    """Weights w = k inside the bounds, cut to them or 0 outside; k = e^d over the level, of `engine_log_ratio`.

    Sources: verl `rollout_corr_helper`, slime `tis_function` and `icepop_function`.
    """
    k = per_token(_clamped(_over(ratio, mask, correction.level)), mask).exp()
    inside = (k >= correction.low) & (k <= correction.high)
    bounded = k.clamp(correction.low, correction.high)
    weights = masked(bounded if correction.outside is Outside.CUT else torch.where(inside, k, 0.0), mask)
    return Weights(
        weights,
        out_of_bounds=masked_mean((~inside).to(k.dtype), mask),
        smallest=masked_min(k, mask, 1.0),
        largest=masked_max(k, mask, 1.0),
        effective_size=_effective_size(weights, mask),
    )


def batch_normalised(weights: Tokens, mask: Mask) -> Tokens:
    """Token weights over their mean, so that the step size does not follow the mismatch (verl's `batch_normalize`)."""
    mean = masked_mean(weights, mask)
    return masked(weights, mask) / torch.where(mean == 0, 1.0, mean)


def reject(ratio: Tokens, mask: Mask, bounds: Sequence[Bound]) -> Rejection:
    """The tokens that meet every bound; a bound over responses takes whole rows. `ratio` is `engine_log_ratio`.

    NaN from the training side meets no bound: count non-finite values over the mask from before.
    Sources: verl's `rollout_rs` options, slime's `mis.py`, prime-rl, SkyRL.
    """
    keep = mask
    for bound in bounds:
        keep = keep & _meets(ratio, mask, bound)
    lost = mask & ~keep
    tokens = masked_mean(lost.to(ratio.dtype), mask)
    return Rejection(keep, tokens, masked_mean(lost.any(-1).to(ratio.dtype), mask.any(-1)))


def verl_bounds(options: str, thresholds: str) -> tuple[Bound, ...]:
    """Bounds of verl's `rollout_rs` and `rollout_rs_threshold`; k1 turned from infer/train to train/infer.

    >>> verl_bounds("token_k1,seq_mean_k3", "0.2_2.0,0.01")[0].high
    5.0
    """
    names, limits = options.split(","), thresholds.split(",")
    if len(names) != len(limits):
        raise ValueError(
            f"{len(names)} options need as many thresholds, not {len(limits)}: {options!r}, {thresholds!r}"
        )
    return tuple(_verl_bound(name.strip(), limit.strip()) for name, limit in zip(names, limits, strict=True))


def off_policy_keep(logp: Tokens, infer: Tokens, advantages: Rows, mask: Mask, delta: float) -> RowFlags:
    """Responses to keep: A >= 0, or mean_t(log p(infer) - log p(now)) <= delta nats.

    Bad responses that the current policy no longer gives teach nothing but noise. Source: OPSM, DeepSeek-V3.2,
    arXiv 2512.02556 eq. 9; delta is 1e-4 in slime, 0.5 in TRL's example.
    """
    gap = row_mean(divergence(engine_log_ratio(logp, infer, mask), Divergence.K1), mask)
    return (advantages >= 0) | (gap <= delta)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How training and inference engine differ over one batch; 0 for an empty one.

    Perplexities and their gaps (nats) are means over responses, KL (nats) and chi2_token over tokens.
    """

    train_perplexity: Scalar
    infer_perplexity: Scalar
    log_perplexity_gap: Scalar
    """Mean of log ppl(train) - log ppl(infer)."""
    log_perplexity_gap_abs: Scalar
    log_perplexity_gap_min: Scalar
    log_perplexity_gap_max: Scalar
    perplexity_ratio: Scalar
    kl: Scalar
    """KL(infer || train) by k1: may be negative."""
    kl_k3: Scalar
    chi2_token: Scalar
    """Mean k^2 - 1 over tokens: the variance that the weights bring in."""
    chi2_sequence: Scalar
    missing: Scalar
    """Share of tokens for which the engine gave no log-probability."""


def mismatch(train: Tokens, infer: Tokens, mask: Mask) -> Mismatch:
    """Batch figures of train-inference mismatch, as verl's `compute_offpolicy_metrics`."""
    known = mask & ~infer.isnan()
    rows = known.any(-1)
    ratio = engine_log_ratio(train, infer, mask)
    surprise, engine_surprise = -row_mean(train.detach(), known), -row_mean(infer.detach(), known)
    gap = surprise - engine_surprise
    return Mismatch(
        train_perplexity=masked_mean(surprise.exp(), rows),
        infer_perplexity=masked_mean(engine_surprise.exp(), rows),
        log_perplexity_gap=masked_mean(gap, rows),
        log_perplexity_gap_abs=masked_mean(gap.abs(), rows),
        log_perplexity_gap_min=masked_min(gap, rows, 0.0),
        log_perplexity_gap_max=masked_max(gap, rows, 0.0),
        perplexity_ratio=masked_mean(gap.exp(), rows),
        kl=masked_mean(divergence(ratio, Divergence.K1), known),
        kl_k3=masked_mean(divergence(ratio, Divergence.K3), known),
        chi2_token=masked_mean((2 * ratio).exp() - 1, known),
        chi2_sequence=masked_mean((2 * _clamped(_over(ratio, mask, Level.SUM))).exp() - 1, rows),
        missing=masked_mean(infer.isnan().to(ratio.dtype), mask),
    )


def _over(values: Tokens, mask: Mask, level: Level) -> Tokens | Rows:
    """Values of each token, or their sum, mean or extreme of each response."""
    match level:
        case Level.TOKEN:
            return masked(values, mask)
        case Level.SUM:
            return row_sum(values, mask)
        case Level.MEAN:
            return row_mean(values, mask)
        case Level.MAX:
            return -row_min(-values, mask)
        case Level.MIN:
            return row_min(values, mask)


def _clamped(log_ratios: Values) -> Values:
    """A sum of clamped log-ratios may again be too large to exponentiate."""
    return log_ratios.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def _meets(ratio: Tokens, mask: Mask, bound: Bound) -> Mask:
    if bound.estimator is Divergence.K1:
        statistic = _over(ratio, mask, bound.level)
        low, high = (math.log(edge) if edge > 0 else -math.inf for edge in (bound.low, bound.high))
    else:
        statistic = _over(divergence(ratio, bound.estimator), mask, bound.level)
        low, high = bound.low, bound.high
    inside = (statistic >= low) & (statistic <= high)
    return inside if inside.ndim == mask.ndim else inside.unsqueeze(-1).expand(mask.shape)


def _verl_bound(option: str, threshold: str) -> Bound:
    *where, estimator = option.removeprefix("seq_").split("_")
    kind = Divergence(estimator)
    if kind is not Divergence.K1:
        return Bound(Level("_".join(where)), kind, high=float(threshold))
    low, _, high = threshold.partition("_")
    if not high:
        raise ValueError(f"{option} needs two thresholds such as 0.5_2.0, not {threshold!r}")
    return Bound(Level("_".join(where)), kind, low=1 / float(high), high=1 / float(low))


def _effective_size(weights: Tokens, mask: Mask) -> Scalar:
    squares = weights.square().sum() * mask.sum()
    return weights.sum().square() / torch.where(squares == 0, 1.0, squares)
