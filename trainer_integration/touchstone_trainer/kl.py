"""Estimates of KL divergence from the log-probabilities of sampled tokens, in nats.

Rule 1: one log-ratio, one sign: d = log p(other) - log p(sampler), on tokens drawn from the sampler. Then
        E[k1] = E[k3] = KL(sampler || other), and k1 = -d: the sign that is most often got wrong.
Rule 2: exponents are clamped, so that one broken token cannot make a step infinite.
"""

import enum

from touchstone_trainer.masked import masked
from touchstone_trainer.shapes import Mask, Tokens

MAX_LOG_RATIO = 20.0
"""Nats. e^20 = 5e8 is far outside every bound used here, and its square still fits float32 (verl's clamp)."""


class Divergence(enum.StrEnum):
    """The estimators of http://joschu.net/blog/kl-approx.html."""

    K1 = "k1"
    """-d: unbiased, of either sign; as a loss its gradient is zero on average."""
    K2 = "k2"
    """d^2 / 2: biased, not negative; as a loss its gradient is that of the KL for tokens of the current policy."""
    K3 = "k3"
    """e^d - 1 - d: unbiased, not negative; the usual penalty, with a biased gradient (see `reference_kl`)."""


def log_ratio(other: Tokens, sampler: Tokens, mask: Mask) -> Tokens:
    """Log-ratio d = log p(other) - log p(sampler), clamped to +-MAX_LOG_RATIO; 0 outside the mask."""
    return (masked(other, mask) - masked(sampler, mask)).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def divergence(ratio: Tokens, estimator: Divergence = Divergence.K3) -> Tokens:
    """The estimator of a log-ratio d, token by token, in nats."""
    match estimator:
        case Divergence.K1:
            return -ratio
        case Divergence.K2:
            return ratio.square() / 2
        case Divergence.K3:
            # expm1 keeps the digits of small ratios, where e^d - 1 loses them.
            return ratio.expm1() - ratio


def reference_kl(
    logp: Tokens,
    ref: Tokens,
    mask: Mask,
    *,
    estimator: Divergence = Divergence.K3,
    old: Tokens | None = None,
) -> Tokens:
    """Penalty KL(policy || reference) of each token, d = ref - logp, for `aggregate` with a factor beta.

    With `old` (the policy that the rollout used) it is the bias-corrected form r * k, r = exp(logp - old), whose
    gradient is that of the KL also off policy. Source: DeepSeek-V3.2, arXiv 2512.02556, and TRL's
    `use_bias_correction_kl`.
    """
    penalty = divergence(log_ratio(ref, logp, mask), estimator)
    return penalty if old is None else penalty * log_ratio(logp, old, mask).exp()
