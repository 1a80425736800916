"""Signs of a run going wrong, of one optimizer step, in one frozen value.

Rule 1: numbers a person or a metrics file reads: plain floats and ints, None where there is nothing to say.
Rule 2: everything is over the mask; what is not finite there is counted, and left out of the other figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from touchstone_trainer.advantages import Advantages
from touchstone_trainer.losses import TokenLoss
from touchstone_trainer.masked import widened
from touchstone_trainer.shapes import Mask, Tokens

QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Health:
    """One optimizer step at a glance."""

    responses: int
    tokens: int
    """Under the mask."""
    groups: int
    dead_groups: float | None
    """Share of groups that teach nothing: no spread, or fewer than two scored responses."""
    undecided: float | None
    """Share of responses without a reward."""
    non_finite: int
    """Log-probabilities, losses and entropies under the mask that are NaN or infinite: anything above 0 is a fault."""
    ratio_quantiles: Mapping[float, float]
    """Quantiles of new over old policy; empty without tokens."""
    clipped: float | None
    """Share of tokens that the clip silenced."""
    dual_clipped: float | None
    entropy: float | None
    """Mean in nats a token."""

    @property
    def sound(self) -> bool:
        """Whether the step may be taken."""
        return self.non_finite == 0


def health(
    advantages: Advantages, tokens: TokenLoss, logp: Tokens, mask: Mask, entropy: Tokens | None = None
) -> Health:
    """Gather the figures of a step; pass `logp` as computed, before anything hides a NaN."""
    measured = [logp, tokens.loss, tokens.ratio] if entropy is None else [logp, tokens.loss, tokens.ratio, entropy]
    count = int(mask.sum())
    return Health(
        responses=len(mask),
        tokens=count,
        groups=len(advantages.ids),
        dead_groups=_share(advantages.dead),
        undecided=_share(~advantages.scored),
        non_finite=sum(int((mask & ~values.isfinite()).sum()) for values in measured),
        ratio_quantiles=_quantiles(_finite(tokens.ratio, mask)),
        clipped=_share(tokens.clipped[mask]),
        dual_clipped=_share(tokens.dual_clipped[mask]),
        entropy=None if entropy is None or not count else _mean(_finite(entropy, mask)),
    )


def _finite(values: Tokens, mask: Mask) -> torch.Tensor:
    chosen = widened(values.detach())[mask]
    return chosen[chosen.isfinite()]


def _share(flags: torch.Tensor) -> float | None:
    return int(flags.sum()) / flags.numel() if flags.numel() else None


def _mean(values: torch.Tensor) -> float | None:
    return float(values.mean()) if values.numel() else None


def _quantiles(values: torch.Tensor) -> dict[float, float]:
    """By sorting: `torch.quantile` refuses more than 16 million values."""
    if not values.numel():
        return {}
    ordered = values.flatten().sort().values
    return {q: float(ordered[round(q * (len(ordered) - 1))]) for q in QUANTILES}
