"""One training step: score the responses under the policy, plan, then forward and backward passes and the optimizer.

Rule 1: the plan is made before the first backward pass; micro-batches and processes only split its work.
Rule 2: a step that is not finite is skipped and says so: no weight changes, no moment changes.
Rule 3: a step without an advantage is no step, KL or not: momentum would move the weights without a reason, and right
        after a new reference AdamW would blow up the KL's rounding noise to steps of full size.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from touchstone_trainer.clip_cov import kl_cov_loss
from touchstone_trainer.health import Health, health
from touchstone_trainer.kl import reference_kl
from touchstone_trainer.losses import TokenLoss, aggregate, clipped_surrogate, weighted
from touchstone_trainer.masked import masked_mean
from touchstone_trainer.training.batch import TokenBatch
from touchstone_trainer.training.config import RunConfig
from touchstone_trainer.training.distributed import Processes, reshard
from touchstone_trainer.training.experience import Experience
from touchstone_trainer.training.plan import BatchPlan, UpdatePlan, plan_batch, plan_update, updates
from touchstone_trainer.training.policy import Policy, model_logprobs
from touchstone_trainer.training.schedule import learning_rate


@dataclass(frozen=True)
class Update:
    """What one optimizer step did. `skipped` says why it was not taken."""

    loss: float
    grad_norm: float
    kl: float | None
    health: Health
    held_back: int
    penalised: int
    off_policy: int
    skipped: str | None


@dataclass(frozen=True)
class Trained:
    """What became of one batch."""

    plan: BatchPlan
    updates: tuple[Update, ...]
    entropy: float | None
    learning_rate: float


class Learner:
    """The policy with its optimizer and, where the loss asks for one, its reference."""

    def __init__(self, config: RunConfig, policy: Policy, reference: nn.Module | None, among: Processes) -> None:
        if (reference is None) == (config.loss.kl_weight > 0):
            raise ValueError("a reference goes with a KL weight, and only with one")
        self.policy = policy
        self.reference = reference
        self.steps_since_reset = 0
        self._config = config
        self._among = among
        settings = config.optimizer
        self.optimizer = torch.optim.AdamW(
            policy.model.parameters(),
            lr=settings.learning_rate,
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=settings.weight_decay,
        )

    def forget_moments(self) -> None:
        """As a fresh optimizer, warm-up included."""
        self.optimizer.state.clear()
        self.steps_since_reset = 0

    def renew_reference(self) -> None:
        """Make the policy its own reference, as it is now."""
        if self.reference is not None:
            for model in (self.reference, self.policy.model):
                reshard(model)
            with torch.no_grad():
                for kept, now in zip(self.reference.parameters(), self.policy.model.parameters(), strict=True):
                    kept.copy_(now)

    def train(self, experiences: Sequence[Experience], step: int) -> Trained:
        """Take the optimizer steps that the configuration makes of one batch."""
        rate = learning_rate(self._config.optimizer, step, self.steps_since_reset)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        old, entropy = self.score(self.policy.model, experiences)
        plan, loss = plan_batch(experiences, old, self._config, step), self._config.loss
        done: list[Update] = []
        if plan.teaches:
            reference = None if self.reference is None else self.score(self.reference, experiences)[0]
            for rows in updates(plan, experiences, self._config.optimizer.updates_per_batch):
                moved = done and (loss.opsm or loss.clip_cov or loss.kl_cov)
                current = self.score(self.policy.model, experiences)[0] if moved else old
                chosen = plan_update(plan, rows, current, self._config, self._generator(step), first=not done)
                done.append(self._update(experiences, plan, chosen, reference, entropy))
        self.steps_since_reset += 1
        mean = float(masked_mean(entropy, plan.mask)) if plan.rows else None
        return Trained(plan, tuple(done), mean, rate)

    def score(self, model: Any, experiences: Sequence[Experience]) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of every token under a model, without gradients; NaN where there is no token."""
        rows = by_length(experiences)
        found: list[Tensor] = []
        for micro, batch in self._passes(experiences, rows):
            with torch.no_grad():
                tokens = model_logprobs(model, batch, self.policy.temperature, with_entropy=True)
            assert tokens.entropy is not None
            both = torch.where(batch.mask.unsqueeze(1), torch.stack([tokens.logprobs, tokens.entropy], 1), math.nan)
            found += both[: len(micro)].cpu()
        return restored(self._among.exchange(found), rows)  # type: ignore[return-value]

    def _update(
        self,
        experiences: Sequence[Experience],
        plan: BatchPlan,
        update: UpdatePlan,
        reference: Tensor | None,
        entropy: Tensor,
    ) -> Update:
        self.optimizer.zero_grad(set_to_none=True)
        chosen = set(update.rows)
        rows = [row for row in by_length(experiences) if row in chosen]
        losses: list[float] = []
        found: list[Tensor] = []
        for micro, batch in self._passes(experiences, rows):
            logp = self.policy.logprobs(batch).logprobs
            loss, tokens, kl = self._loss(plan, update, reference, micro, batch, logp)
            # FSDP averages gradients over processes; the loss is divided by the whole step's denominator already.
            torch.autograd.backward(loss * self._among.count)
            losses.append(float(loss.detach()))
            figures = [tokens.loss, tokens.ratio, tokens.clipped, tokens.dual_clipped, logp, kl]
            found += torch.stack([figure.detach().to(logp.dtype) for figure in figures], 1)[: len(micro)].cpu()
        norm = self._clipped_norm()
        loss_sum = math.fsum(self._among.exchange(losses))
        surrogate, ratio, clipped, dual, logps, kls = restored(self._among.exchange(found), rows)
        mask = plan.mask[sorted(rows)][:, : surrogate.shape[1]]
        tokens = TokenLoss(surrogate, ratio, clipped.bool(), dual.bool())
        seen = health(plan.advantages, tokens, logps, mask, entropy[sorted(rows)][:, : surrogate.shape[1]])
        skipped = trouble(loss_sum, norm, seen)
        if skipped is None:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        kl_mean = float(masked_mean(kls, mask)) if reference is not None else None
        penalised = int(update.penalised.sum())
        return Update(loss_sum, norm, kl_mean, seen, update.held_back, penalised, update.off_policy, skipped)

    def _loss(
        self,
        plan: BatchPlan,
        update: UpdatePlan,
        reference: Tensor | None,
        micro: Sequence[int],
        batch: TokenBatch,
        logp: Tensor,
    ) -> tuple[Tensor, TokenLoss, Tensor]:
        """The micro-batch's part of the loss, its objective by token, and its KL by token."""
        config = self._config.loss

        def part(values: Tensor, filler: float = 0.0) -> Tensor:
            """The micro-batch's rows and columns of a tensor of the whole batch; an idle pass has a row of filler."""
            chosen = values[list(micro), : batch.mask.shape[1]] if micro else None
            empty = torch.full(batch.mask.shape, filler, dtype=values.dtype)
            return (empty if chosen is None else chosen).to(logp.device)

        mask, old = part(plan.mask).bool(), part(plan.old).to(logp.dtype)
        gains = plan.advantages.values[list(micro)] if micro else torch.zeros(len(batch.mask))
        if config.kl_cov:
            penalised = part(update.penalised).bool()
            tokens = kl_cov_loss(logp, old, gains.to(logp), mask, penalised, coef=config.kl_cov.coef)
        else:
            tokens = clipped_surrogate(logp, old, gains.to(logp), mask, clip=config.clip, level=config.ratio)
        objective = weighted(tokens.loss, part(update.weights).to(logp.dtype), mask)
        kl = torch.zeros_like(logp)
        if reference is not None:
            kl = reference_kl(logp, part(reference).to(logp.dtype), mask, estimator=config.kl_estimator, old=old)
            objective = objective + config.kl_weight * kl
        denominator = update.denominator.to(logp.device)
        return aggregate(objective, mask, denominator, config.aggregation), tokens, kl

    def _passes(self, experiences: Sequence[Experience], rows: Sequence[int]) -> Iterator[tuple[list[int], TokenBatch]]:
        """Micro-batches of this process. An idle one has no rows, and a batch of one that counts for nothing."""
        for micro in self._among.passes(rows, self._config.optimizer.micro_batch_rows):
            chosen = [experiences[row] for row in micro or rows[:1]]
            yield (
                micro,
                self.policy.batch([one.prompt_ids for one in chosen], [one.completion.token_ids for one in chosen]),
            )

    def _clipped_norm(self) -> float:
        norm = torch.nn.utils.clip_grad_norm_(self.policy.model.parameters(), self._config.optimizer.max_grad_norm)
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def _generator(self, step: int) -> torch.Generator:
        """Seeded by the step: a choice is the same in every process, and after a resume."""
        return torch.Generator().manual_seed(self._config.seed * 1_000_003 + step)


def trouble(loss: float, norm: float, seen: Health) -> str | None:
    """Why a step may not be taken; None when it may."""
    if seen.non_finite:
        return f"{seen.non_finite} values of the loss are not finite"
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    return None if math.isfinite(norm) else f"the gradient's norm is {norm}"


def by_length(experiences: Sequence[Experience]) -> list[int]:
    """Rows by falling length: neighbours pad each other little, and processes get about the same work."""
    return sorted(range(len(experiences)), key=lambda row: -len(experiences[row].completion.token_ids))


def restored(found: Sequence[Tensor], rows: Sequence[int]) -> tuple[Tensor, ...]:
    """Figures of one row each, (figure, position), as one rectangle a figure, in the order of the rows' numbers."""
    longest = max(figures.shape[1] for figures in found)
    together = torch.full((len(found), found[0].shape[0], longest), math.nan, dtype=found[0].dtype)
    order = {row: place for place, row in enumerate(sorted(rows))}
    for row, figures in zip(rows, found, strict=True):
        together[order[row], :, : figures.shape[1]] = figures
    return tuple(together.unbind(1))
