"""What a step did, as the record that the sinks and plots read."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch

from touchstone_trainer.metrics import DomainStats, Lengths, Mask, Quantiles, Seconds, StepRecord
from touchstone_trainer.rewards import stats
from touchstone_trainer.training.collect import Batch
from touchstone_trainer.training.experience import Experience, by_group, spread
from touchstone_trainer.training.step import Trained


def step_record(
    step: int,
    phase: str,
    batch: Batch,
    trained: Trained,
    *,
    shares: Mapping[str, float],
    held_out: Mapping[str, float | None],
    training_s: float,
) -> StepRecord:
    """The record of one step. Rewards are over everything generated, losses over what was kept."""
    paid = stats([one.scored for one in batch.generated], batch.waiting_s)
    domains = dict.fromkeys(one.draw.domain for one in batch.generated)
    last = trained.updates[-1] if trained.updates else None
    ratios = {} if last is None else last.health.ratio_quantiles
    held_back, penalised, off_policy = (
        sum(getattr(update, name) for update in trained.updates) for name in ("held_back", "penalised", "off_policy")
    )
    return StepRecord(
        step=step,
        phase=phase,
        domains={name: _domain(name, batch) for name in domains},
        shares=shares,
        held_out=held_out,
        decided_by=paid.stages,
        outcomes={str(outcome): count for outcome, count in paid.outcomes.items()},
        undecided=paid.undecided_by,
        rescued=paid.rescued,
        masked_sequences=trained.plan.masked_sequences + Counter({str(Mask.OFF_POLICY): off_policy}),
        masked_tokens=trained.plan.masked_tokens + Counter({str(Mask.CLIP_COV): held_back}),
        penalised_tokens=+Counter({"kl_cov": penalised}),
        shaping=trained.plan.shaping,
        loss=None if last is None else last.loss,
        entropy=trained.entropy,
        kl=None if last is None else last.kl,
        ratio=Quantiles(q01=ratios.get(0.01), q50=ratios.get(0.5), q99=ratios.get(0.99), largest=ratios.get(1.0)),
        clip_fraction=None if last is None else last.health.clipped,
        learning_rate=trained.learning_rate,
        grad_norm=None if last is None else last.grad_norm,
        tokens=sum(len(one.completion.token_ids) for one in batch.generated),
        loss_tokens=int(trained.plan.mask.sum()),
        tokens_saved=sum(one.completion.tokens_saved for one in batch.generated),
        lengths=_lengths(batch.generated),
        seconds=Seconds(generating=batch.generating_s, rewards=batch.waiting_s, training=training_s),
    )


def _domain(name: str, batch: Batch) -> DomainStats:
    mine = [one for one in batch.generated if one.draw.domain == name]
    groups = [[one.scored.reward for one in group] for group in by_group(mine).values()]
    paid = torch.tensor([reward for group in groups for reward in group if reward is not None], dtype=torch.float64)
    return DomainStats(
        responses=len(mine),
        scored=len(paid),
        reward_mean=float(paid.mean()) if len(paid) else None,
        reward_std=float(paid.std()) if len(paid) > 1 else None,
        groups=len(groups),
        dead_groups=sum(not spread(group) for group in groups),
        refilled=batch.refilled[name],
    )


def _lengths(generated: Sequence[Experience]) -> Lengths:
    if not generated:
        return Lengths()
    lengths = torch.tensor([len(one.completion.token_ids) for one in generated], dtype=torch.float64)
    half, most = lengths.quantile(torch.tensor([0.5, 0.95], dtype=torch.float64)).tolist()
    return Lengths(mean=float(lengths.mean()), q50=half, q95=most, largest=int(lengths.max()))
