"""Random ragged batches, and every tool as a function of one, for properties that all of them keep."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from touchstone_trainer.anomaly import mask_anomalies
from touchstone_trainer.clip_cov import KlCov, clip_cov_loss, covariance, kl_cov_loss, select_kl_cov
from touchstone_trainer.corrections import (
    GEOMETRIC,
    ICEPOP,
    MEAN_K3,
    SEQUENCE_MIS,
    SEQUENCE_TIS,
    TIS,
    VETO,
    Correction,
    batch_normalised,
    engine_log_ratio,
    importance_weights,
    mismatch,
    off_policy_keep,
    reject,
)
from touchstone_trainer.kl import Divergence, reference_kl
from touchstone_trainer.losses import Clip, RatioLevel, cispo, clipped_surrogate, weighted

HIDDEN = [float("nan"), float("inf"), float("-inf"), 1e30]
"""What may lie under a mask."""


@dataclass(frozen=True)
class Batch:
    """One optimizer step of log-probabilities, with advantages and a mask."""

    logp: Tensor
    old: Tensor
    infer: Tensor
    ref: Tensor
    advantages: Tensor
    mask: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with its (B, T) numbers changed."""
        columns = {name: change(getattr(self, name)) for name in ("logp", "old", "infer", "ref")}
        return replace(self, **columns)

    def rows(self, chosen: slice) -> "Batch":
        """Some of the responses."""
        part = self.map(lambda column: column[chosen])
        return replace(part, advantages=self.advantages[chosen], mask=self.mask[chosen])

    def hide(self, value: float) -> "Batch":
        """The value planted wherever the mask is not set."""
        return self.map(lambda column: torch.where(self.mask, column, value))

    def pad(self, left: int, right: int, value: float) -> "Batch":
        """More columns outside the mask, on either side."""

        def widen(column: Tensor, fill: float) -> Tensor:
            return torch.nn.functional.pad(column, (left, right), value=fill)

        return replace(self.map(lambda column: widen(column, value)), mask=widen(self.mask, False))

    def to(self, dtype: torch.dtype) -> "Batch":
        """Another precision."""
        return replace(self.map(lambda column: column.to(dtype)), advantages=self.advantages.to(dtype))


@st.composite
def batches(draw: st.DrawFn, dtype: torch.dtype = torch.float64) -> Batch:
    """Up to five responses of up to eight positions, any of them masked."""
    rows, width = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    mask = torch.tensor(draw(st.lists(st.booleans(), min_size=rows * width, max_size=rows * width))).view(rows, width)

    def noise(scale: float) -> Tensor:
        return scale * torch.randn(rows, width, generator=generator, dtype=dtype)

    logp = -noise(2.0).abs() - 0.01
    old = logp + noise(0.3)
    advantages = torch.randn(rows, generator=generator, dtype=dtype)
    return Batch(logp, old, old + noise(0.5), logp + noise(0.2), advantages, mask)


def _engines(batch: Batch) -> Tensor:
    return engine_log_ratio(batch.old, batch.infer, batch.mask)


def _corrected(correction: Correction) -> Callable[[Batch], Tensor]:
    return lambda b: importance_weights(_engines(b), b.mask, correction).weights


def _surrogate(clip: Clip, level: RatioLevel = RatioLevel.TOKEN) -> Callable[[Batch], Tensor]:
    return lambda b: clipped_surrogate(b.logp, b.old, b.advantages, b.mask, clip=clip, level=level).loss


def _weighted(b: Batch) -> Tensor:
    tokens = clipped_surrogate(b.logp, b.old, b.advantages, b.mask).loss
    return weighted(tokens, importance_weights(_engines(b), b.mask, ICEPOP).weights, b.mask)


def _chosen(b: Batch) -> Tensor:
    return select_kl_cov(b.logp, b.advantages, b.mask, KlCov(ratio=0.5)).chosen


LOSSES: dict[str, Callable[[Batch], Tensor]] = {
    "grpo": _surrogate(Clip()),
    "dual clip": _surrogate(Clip(0.2, 0.28, dual=1.2)),
    "gspo": _surrogate(Clip(), RatioLevel.SEQUENCE),
    "cispo": lambda b: cispo(b.logp, b.old, b.advantages, b.mask).loss,
    "icepop": _weighted,
    "clip-cov": lambda b: clip_cov_loss(b.logp, b.old, b.advantages, b.mask, _chosen(b)).loss,
    "kl-cov": lambda b: kl_cov_loss(b.logp, b.old, b.advantages, b.mask, _chosen(b)).loss,
    "k1": lambda b: reference_kl(b.logp, b.ref, b.mask, estimator=Divergence.K1),
    "k2": lambda b: reference_kl(b.logp, b.ref, b.mask, estimator=Divergence.K2),
    "k3": lambda b: reference_kl(b.logp, b.ref, b.mask),
    "k3 bias-corrected": lambda b: reference_kl(b.logp, b.ref, b.mask, old=b.old),
}
"""(B, T) losses with a gradient."""

FIGURES: dict[str, Callable[[Batch], Tensor]] = {
    "tis": _corrected(TIS),
    "icepop weights": _corrected(ICEPOP),
    "sequence tis": _corrected(SEQUENCE_TIS),
    "sequence mis": _corrected(SEQUENCE_MIS),
    "normalised weights": lambda b: batch_normalised(_corrected(TIS)(b), b.mask),
    "rejection": lambda b: reject(_engines(b), b.mask, (GEOMETRIC, MEAN_K3, VETO)).keep.to(b.old.dtype),
    "covariance": lambda b: covariance(b.logp, b.advantages, b.mask),
}
"""(B, T) numbers without one."""

SUMMARIES: dict[str, Callable[[Batch], Tensor]] = {
    "opsm": lambda b: off_policy_keep(b.logp, b.infer, b.advantages, b.mask, 0.1).to(b.old.dtype),
    "anomaly": lambda b: mask_anomalies(b.old, b.infer, b.mask, b.advantages > 0).statistic,
    "mismatch": lambda b: torch.stack(
        [getattr(mismatch(b.old, b.infer, b.mask), name) for name in ("train_perplexity", "kl", "chi2_sequence")]
    ),
}
"""A number a response, or a few for the batch."""
