"""What one batch of responses contributes to the loss, decided before the first backward pass.

Rule 1: pure: numbers of the whole batch in, masks, weights and denominators of the whole batch out. No model here.
Rule 2: a response leaves the loss for one named cause, the first that applies; its reward stays in its group's baseline
        unless it has none.
Rule 3: what is chosen (anomalies, Clip-Cov) is chosen over whole updates: micro-batches and processes change nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import torch
from torch import Tensor

from touchstone_trainer.advantages import Advantages, group_advantages
from touchstone_trainer.anomaly import Cause, mask_anomalies
from touchstone_trainer.clip_cov import select_clip_cov, select_kl_cov
from touchstone_trainer.corrections import engine_log_ratio, importance_weights, off_policy_keep
from touchstone_trainer.losses import step_denominator
from touchstone_trainer.masked import masked
from touchstone_trainer.metrics import Mask
from touchstone_trainer.streak import FinishReason, RepetitionReward
from touchstone_trainer.text_features import flags, text_features
from touchstone_trainer.training.batch import behaviour_logprobs
from touchstone_trainer.training.config import LossConfig, RunConfig
from touchstone_trainer.training.experience import Experience
from touchstone_trainer.training.shaping import shaped

ANOMALIES: Mapping[Cause, Mask] = {
    Cause.VETO: Mask.ANOMALY_VETO,
    Cause.DIVERGENCE: Mask.ANOMALY_DRIFT,
    Cause.DIVERGENCE_AND_TEXT: Mask.ANOMALY_TEXT,
}


@dataclass(frozen=True)
class BatchPlan:
    """All responses of a batch: tensors of one row a response, one column a token."""

    advantages: Advantages
    old: Tensor
    infer: Tensor
    mask: Tensor
    weights: Tensor
    masked_sequences: Counter[str]
    masked_tokens: Counter[str]
    shaping: Mapping[str, float]

    @property
    def rows(self) -> list[int]:
        """Responses with tokens left in the loss."""
        return [int(row) for row in self.mask.any(-1).nonzero()]

    @property
    def teaches(self) -> bool:
        """Whether any token of the loss has an advantage."""
        return bool((self.mask.any(-1) & (self.advantages.values != 0)).any())


@dataclass(frozen=True)
class UpdatePlan:
    """One optimizer step of the batch. Tokens that Clip-Cov or OPSM silences have weight 0, and still count.

    `held_back` counts Clip-Cov's tokens, `off_policy` OPSM's responses; `penalised` are KL-Cov's tokens.
    """

    rows: tuple[int, ...]
    denominator: Tensor
    weights: Tensor
    held_back: int
    off_policy: int
    penalised: Tensor


def plan_batch(experiences: Sequence[Experience], old: Tensor, config: RunConfig, step: int) -> BatchPlan:
    """Advantages, masks and correction weights of a step (from 0). `old` are the trainer's own log-probabilities at
    rollout weights.
    """
    loss = config.loss
    infer = behaviour_logprobs([one.completion for one in experiences]).to(old)
    lengths = torch.tensor([len(one.completion.token_ids) for one in experiences])
    tokens = torch.arange(old.shape[1])[None, :] < lengths[:, None]
    paid = shaped(experiences, config, step)
    rewards = torch.tensor(paid.rewards, dtype=torch.float64)
    groups = torch.tensor([one.group for one in experiences])
    advantages = group_advantages(rewards, groups, estimator=loss.advantage, eps=loss.advantage_eps)
    causes = [_cause(one, bool(scored), loss) for one, scored in zip(experiences, advantages.scored, strict=True)]
    mask = tokens & torch.tensor([cause is None for cause in causes]).unsqueeze(-1)
    left_out = Counter(str(cause) for cause in causes if cause is not None)
    if loss.anomaly:
        odd = torch.tensor([_strange(one) for one in experiences])
        found = mask_anomalies(old, infer, mask, odd, loss.anomaly)
        mask = found.keep
        left_out += Counter(str(ANOMALIES[cause]) for cause in found.causes if cause.masks)
    weights = mask.to(old.dtype)
    if loss.correction:
        weights = importance_weights(engine_log_ratio(old, infer, mask), mask, loss.correction).weights
    # Only a weight that drops what is out of bounds is ever 0.
    dropped = Counter({str(Mask.ICEPOP): int((mask & (weights == 0)).sum())})
    return BatchPlan(advantages, old, infer, mask, weights, left_out, +dropped, paid.added)


def plan_update(
    plan: BatchPlan,
    rows: Sequence[int],
    current: Tensor,
    config: RunConfig,
    generator: torch.Generator,
    *,
    first: bool,
) -> UpdatePlan:
    """Denominator, weights and choices of the optimizer step on these rows. `current` is the policy as it is now, which
    in a batch's first step is the policy that sampled.
    """
    loss, gains = config.loss, plan.advantages.values.to(current)
    mask = torch.zeros_like(plan.mask)
    mask[list(rows)] = plan.mask[list(rows)]
    live, held_back, penalised = mask, torch.zeros_like(mask), torch.zeros_like(mask)
    if loss.opsm:
        live = mask & off_policy_keep(current, plan.infer, gains, mask, loss.opsm.delta).unsqueeze(-1)
    if loss.clip_cov:
        chosen = select_clip_cov(current, plan.old, gains, live, loss.clip_cov, clip=loss.clip, generator=generator)
        held_back = chosen.chosen
    if loss.kl_cov and not first:  # at first the distance is rounding noise, whose gradient has full size
        penalised = select_kl_cov(current, gains, live, loss.kl_cov).chosen
    return UpdatePlan(
        tuple(rows),
        step_denominator(mask, loss.aggregation, config.rollouts.max_new_tokens),
        masked(plan.weights, live & ~held_back),
        held_back=int(held_back.sum()),
        off_policy=int((mask.any(-1) & ~live.any(-1)).sum()),
        penalised=penalised,
    )


def updates(plan: BatchPlan, experiences: Sequence[Experience], count: int) -> list[list[int]]:
    """The rows of each optimizer step: whole groups, in their order, in `count` parts of about equal size."""
    groups: dict[int, list[int]] = {}
    for row in plan.rows:
        groups.setdefault(experiences[row].group, []).append(row)
    members = list(groups.values())
    edges = [round(part * len(members) / count) for part in range(count + 1)]
    parts = [list(chain.from_iterable(members[low:high])) for low, high in pairwise(edges)]
    return [part for part in parts if part]


def _cause(one: Experience, scored: bool, config: LossConfig) -> Mask | None:
    """Why a response is out of the loss whatever its tokens are like."""
    finish = one.completion.finish
    if finish is FinishReason.REPETITION and config.repetition is RepetitionReward.MASK:
        return Mask.STREAK
    if not scored:
        return Mask.UNSCORED
    if finish is FinishReason.LENGTH and config.truncated == "mask":
        return Mask.TRUNCATED
    return None


def _strange(one: Experience) -> bool:
    return bool(flags(text_features(one.completion.text), text_features(one.prompt)))
