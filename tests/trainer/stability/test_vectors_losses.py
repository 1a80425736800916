"""Advantages, losses, KL and log-probabilities against vectors made with verl 0.10 and TRL 1.16 in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.trainer.stability.vectors import flags, numbers, params, required
from touchstone_trainer.advantages import Estimator, gdpo_advantages, group_advantages
from touchstone_trainer.kl import Divergence, divergence, log_ratio, reference_kl
from touchstone_trainer.logprobs import token_logprobs
from touchstone_trainer.losses import (
    Aggregation,
    Clip,
    RatioLevel,
    TokenLoss,
    aggregate,
    cispo,
    clipped_surrogate,
    step_denominator,
    weighted,
)
from touchstone_trainer.masked import per_token

TOLERANCE = 1e-7
"""What the files state."""

CLIPS = {
    "sym_0.2": Clip(0.2, 0.2, dual=3.0),
    "clip_higher_0.2_0.28": Clip(0.2, 0.28, dual=3.0),
    "no_dual_clip_0.2_0.28": Clip(0.2, 0.28),
    "dual_clip_c3": Clip(0.2, 0.28, dual=3.0),
    "dual_clip_c1.2": Clip(0.2, 0.28, dual=1.2),
}
VERL_AGGREGATIONS = {
    "token-mean": (Aggregation.TOKEN_MEAN, None),
    "seq-mean-token-mean": (Aggregation.SEQUENCE_MEAN, None),
    "seq-mean-token-sum": (Aggregation.CONSTANT, 1),
    "seq-mean-token-sum-norm": (Aggregation.CONSTANT, 6),
}
TRL_AGGREGATIONS = {
    "grpo": (Aggregation.SEQUENCE_MEAN, None),
    "bnpo": (Aggregation.TOKEN_MEAN, None),
    "dapo": (Aggregation.TOKEN_MEAN, None),
    "cispo": (Aggregation.TOKEN_MEAN, None),
    "dr_grpo": (Aggregation.CONSTANT, 8),
}
ADVANTAGES = {
    "scalar_std_eps1e-6": (Estimator.GROUP_STD, 1e-6),
    "scalar_nostd": (Estimator.NO_STD, 0.0),
    "scalar_trl_eps1e-4": (Estimator.GROUP_STD, 1e-4),
    "scalar_batchstd_eps1e-4": (Estimator.BATCH_STD, 1e-4),
    "scalar_leave_one_out": (Estimator.LEAVE_ONE_OUT, 0.0),
}


def close(found: Tensor, expected: Any, tolerance: float = TOLERANCE) -> None:
    """Equal to the file's tolerance; NaN (null) equals NaN only."""
    wanted = expected if isinstance(expected, Tensor) else numbers(expected)
    assert_close(found, wanted, atol=tolerance, rtol=0.0, equal_nan=True)


@pytest.mark.parametrize("estimator", ADVANTAGES)
@pytest.mark.parametrize("case", params("grpo_advantage", "cases"))
def test_advantages(case: tuple[int, dict[str, Any]], estimator: str) -> None:
    """Each estimator gives verl's or TRL's numbers, except that a lone response gets 0 and not its raw reward."""
    _, given = case
    names = sorted(set(given["groups"]))
    groups = torch.tensor([names.index(name) for name in given["groups"]])
    kind, eps = ADVANTAGES[estimator]
    found = group_advantages(numbers(given["rewards"]), groups, estimator=kind, eps=eps)
    expected = numbers(given["expected"][estimator])
    expected[found.counts[groups] < 2] = 0.0
    close(found.values, expected)
    assert found.dead.tolist() == [not given["dapo_dynamic_sampling_keep"][name] for name in names]
    assert found.dead.tolist() == [given["zero_std_groups"][name] for name in names]


@pytest.mark.parametrize(
    ("expected", "estimator"), [("token_std_eps1e-6", Estimator.GROUP_STD), ("token_nostd", Estimator.NO_STD)]
)
@pytest.mark.parametrize("case", params("grpo_advantage", "cases"))
def test_advantages_of_tokens(case: tuple[int, dict[str, Any]], expected: str, estimator: Estimator) -> None:
    """Spread over its tokens a response's advantage is verl's, with 0 on padding."""
    _, given = case
    names = sorted(set(given["groups"]))
    groups = torch.tensor([names.index(name) for name in given["groups"]])
    wanted = numbers(given["expected"][expected])
    mask = torch.arange(wanted.shape[1]) < torch.tensor(given["lengths"]).unsqueeze(-1)
    found = group_advantages(numbers(given["rewards"]), groups, estimator=estimator)
    wanted[found.counts[groups] < 2] = 0.0
    close(per_token(found.values, mask), wanted)


def test_unscored_rewards() -> None:
    """A reward of NaN enters neither mean nor deviation, and its advantage is 0."""
    given = required("grpo_advantage")["nan_reward_case"]
    found = group_advantages(numbers(given["rewards"]), torch.zeros(4, dtype=torch.long), eps=1e-4)
    close(found.values, given["expected_eps1e-4"])


@pytest.mark.parametrize("case", params("policy_loss", "verl_vanilla"))
def test_verl_losses(case: tuple[int, dict[str, Any]]) -> None:
    """Clip, clip-higher and dual clip by four aggregations, with and without weights, gradients too."""
    _, given = case
    clip = CLIPS[given["clip"]]
    aggregation, limit = VERL_AGGREGATIONS[given["agg"]]
    check_loss(given, lambda *batch: clipped_surrogate(*batch, clip=clip), aggregation, limit)


@pytest.mark.parametrize("case", params("policy_loss", "trl"))
def test_trl_losses(case: tuple[int, dict[str, Any]]) -> None:
    """TRL's loss types, CISPO, GSPO and both KL penalties, gradients too."""
    _, given = case
    aggregation, limit = TRL_AGGREGATIONS[given["loss_type"]]
    level = RatioLevel(given.get("importance_sampling_level", "token"))

    def objective(*batch: Tensor) -> TokenLoss:
        if given["loss_type"] == "cispo":
            return cispo(*batch, clip=Clip(low=1.0, high=given["eps"][1] - 1))
        return clipped_surrogate(*batch, clip=Clip(*given["eps"]), level=level)

    check_loss(given, objective, aggregation, limit)


def check_loss(
    given: dict[str, Any], objective: Callable[..., TokenLoss], aggregation: Aggregation, limit: int | None
) -> None:
    """Compare loss and gradient, with NaN planted under the mask."""
    inputs = required("policy_loss")["inputs"]
    mask = flags(inputs["mask"])
    hidden = torch.where(mask, 0.0, torch.nan)
    logp = (numbers(inputs["logprobs"]) + hidden).requires_grad_()
    old, ref = numbers(inputs["old_logprobs"]) + hidden, numbers(inputs["ref_logprobs"]) + hidden
    loss = objective(logp, old, numbers(inputs["advantages_seq"]), mask).loss
    if given.get("is_weights"):
        loss = weighted(loss, numbers(inputs["is_weights"]) + hidden, mask)
    if beta := given.get("beta"):
        corrected = old if given["use_bias_correction_kl"] else None
        loss = loss + beta * reference_kl(logp, ref, mask, old=corrected)
    total = aggregate(loss, mask, step_denominator(mask, aggregation, limit), aggregation)
    total.backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    close(total.detach(), given["loss"])
    close(logp.grad, given["grad_logprobs"])


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"])
def test_masked_rows(aggregation: str) -> None:
    """A row without tokens counts nowhere, as in verl; a batch without tokens costs exactly 0, as in TRL."""
    inputs, edge = required("policy_loss")["inputs"], required("policy_loss")["edge_masked"]
    how, limit = VERL_AGGREGATIONS[aggregation]
    wanted = next(entry["row1_masked_loss"] for entry in edge["verl"] if entry["agg"] == aggregation)
    for rows, loss in ((flags(edge["mask_row1_zero"]), wanted), (torch.zeros(4, 6, dtype=torch.bool), 0.0)):
        logp = numbers(inputs["logprobs"]).requires_grad_()
        old, advantages = numbers(inputs["old_logprobs"]), numbers(inputs["advantages_seq"])
        tokens = clipped_surrogate(logp, old, advantages, rows, clip=Clip(0.2, 0.28))
        total = aggregate(tokens.loss, rows, step_denominator(rows, how, limit), how)
        total.backward()  # type: ignore[no-untyped-call]
        assert logp.grad is not None
        close(total.detach(), loss)
        assert bool((logp.grad[~rows] == 0).all())


@pytest.mark.parametrize("case", params("policy_loss", "kl_estimators", "expected", leave_out=("abs",)))
def test_kl_estimators(case: tuple[str, Any]) -> None:
    """k1, k2 and k3 of policy against reference (verl's `abs` is not among ours)."""
    name, expected = case
    inputs = required("policy_loss")["inputs"]
    everything = torch.ones(4, 6, dtype=torch.bool)
    ratio = log_ratio(numbers(inputs["ref_logprobs"]), numbers(inputs["logprobs"]), everything)
    close(divergence(ratio, Divergence(name)), expected)


@pytest.mark.parametrize("chunk_rows", [3, 1024])
@pytest.mark.parametrize("case", params("logprob_entropy", "temperature"))
def test_logprobs_and_entropy(case: tuple[str, Any], chunk_rows: int) -> None:
    """Log-probabilities and entropies at three temperatures, however the rows are cut."""
    temperature, expected = case
    given = required("logprob_entropy")
    found = token_logprobs(
        numbers(given["logits"]),
        torch.tensor(given["ids"]),
        temperature=float(temperature),
        with_entropy=True,
        chunk_rows=chunk_rows,
    )
    close(found.logprobs, expected["logprob"], 1e-12)
    assert found.entropy is not None
    close(found.entropy, expected["entropy_nats"], 1e-12)


def test_several_rewards() -> None:
    """Summed then normalised as TRL's default, and normalised then summed as GDPO."""
    given = required("rewards")["multi_reward"]
    rewards, weights = numbers(given["rewards"]), given["weights"]
    groups = torch.arange(len(rewards)) // given["group_size"]
    close(group_advantages(rewards @ numbers(weights), groups, eps=1e-4).values, given["sum_then_normalize"])
    close(gdpo_advantages(rewards, groups, weights).values, given["gdpo_normalize_then_sum"])
