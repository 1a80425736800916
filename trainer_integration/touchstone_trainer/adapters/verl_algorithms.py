"""Our advantages and policy loss as `touchstone` in verl's registries, for verl 0.9.

    VERL_USE_EXTERNAL_MODULES=touchstone_trainer.adapters.verl_algorithms    (verl then imports it in every process)

Rule 1: nothing is computed here: verl's tensors go to our functions, their token losses to verl's `agg_loss`, so that
        denominators over ranks and micro-batches stay verl's.
Rule 2: IcePop is switched on in verl (`algorithm.rollout_correction.rollout_is=token` and
        `rollout_is_threshold="0.5_5.0"`), which has the rollout's log-probabilities; the loss applies its weights.
Rule 3: Clip-Cov's means and draw are over one process's micro-batch, all that verl's loss sees, where the paper's are
        over the step. Its share may be none: unlike verl's `clip_cov`, small micro-batches lose no token each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import agg_loss, register_adv_est, register_policy_loss

from touchstone_trainer.advantages import Estimator, group_advantages
from touchstone_trainer.clip_cov import ClipCov, clip_cov_loss, select_clip_cov
from touchstone_trainer.losses import Clip, weighted
from touchstone_trainer.masked import masked_mean, per_token

NAME = "touchstone"


@register_adv_est(NAME)  # type: ignore[untyped-decorator, unused-ignore]
def advantages(
    token_level_rewards: Tensor, response_mask: Tensor, index: Sequence[Any], config: Any = None, **_verls_own: Any
) -> tuple[Tensor, Tensor]:
    """Group-relative advantages of each token; a response whose reward is NaN was not scored: it moves no baseline and
    its advantage is 0. Twice, as verl wants returns too.
    """
    by_std = config is None or config.get("norm_adv_by_std_in_grpo", True)
    estimator = Estimator.GROUP_STD if by_std else Estimator.NO_STD
    places = {uid: place for place, uid in enumerate(dict.fromkeys(index))}
    groups = torch.tensor([places[uid] for uid in index], device=token_level_rewards.device)
    with torch.no_grad():
        found = group_advantages(token_level_rewards.sum(-1), groups, estimator=estimator)
        values = per_token(found.values, response_mask.bool())
    return values, values


@register_policy_loss(NAME)  # type: ignore[untyped-decorator, unused-ignore]
def policy_loss(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """The clipped surrogate (dual clip too) without the tokens that Clip-Cov holds back, times verl's weights."""
    mask = response_mask.bool()
    clip = Clip(
        low=_first(config.clip_ratio_low, config.clip_ratio),
        high=_first(config.clip_ratio_high, config.clip_ratio),
        dual=config.get("clip_ratio_c", None),
    )
    cov = config.policy_loss
    settings = ClipCov(ratio=cov.clip_cov_ratio, low=cov.clip_cov_lb, high=cov.clip_cov_ub)
    held = select_clip_cov(log_prob.detach(), old_log_prob, advantages, mask, settings, clip=clip)
    tokens = clip_cov_loss(log_prob, old_log_prob, advantages, mask, held.chosen, clip=clip)
    loss = tokens.loss if rollout_is_weights is None else weighted(tokens.loss, rollout_is_weights, mask)
    total = agg_loss(loss_mat=loss, loss_mask=mask, loss_agg_mode=loss_agg_mode, **config.global_batch_info)
    with torch.no_grad():
        metrics = {
            "actor/pg_clipfrac": masked_mean(tokens.clipped.float(), mask).item(),
            "actor/pg_clipfrac_lower": masked_mean(tokens.dual_clipped.float(), mask).item(),
            "actor/ppo_kl": masked_mean(old_log_prob - log_prob, mask).item(),
            "touchstone/clip_cov_held": masked_mean(held.chosen.float(), mask).item(),
        }
    return total, metrics


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given
