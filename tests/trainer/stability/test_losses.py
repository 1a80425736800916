"""Losses and KL: numbers worked by hand."""

import math

import pytest
import torch
from torch import Tensor, tensor
from torch.testing import assert_close

from touchstone_trainer.kl import Divergence, divergence, log_ratio, reference_kl
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

D = torch.float64
LN2 = math.log(2)


def one_token(ratio: float, advantage: float, clip: Clip) -> tuple[TokenLoss, float]:
    """Loss of a token whose probability changed by a ratio, and its gradient."""
    logp = tensor([[math.log(ratio)]], dtype=D, requires_grad=True)
    found = clipped_surrogate(
        logp, torch.zeros(1, 1, dtype=D), tensor([advantage], dtype=D), torch.ones(1, 1, dtype=torch.bool), clip=clip
    )
    found.loss.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    return found, float(logp.grad)


@pytest.mark.parametrize(
    ("ratio", "advantage", "clip", "loss", "gradient", "clipped", "dual"),
    [
        (1.1, 1.0, Clip(), -1.1, -1.1, False, False),
        (2.0, 1.0, Clip(), -1.2, 0.0, True, False),
        (2.0, 1.0, Clip(0.2, 0.28), -1.28, 0.0, True, False),
        (0.5, 1.0, Clip(), -0.5, -0.5, False, False),
        (0.5, -1.0, Clip(), 0.8, 0.0, True, False),
        (2.0, -1.0, Clip(), 2.0, 2.0, False, False),
        (2.0, -1.0, Clip(dual=1.5), 1.5, 0.0, False, True),
        (2.0, 0.0, Clip(), 0.0, 0.0, False, False),
    ],
)
def test_the_clip_holds_only_what_would_gain(
    ratio: float, advantage: float, clip: Clip, loss: float, gradient: float, clipped: bool, dual: bool
) -> None:
    """A token that would gain beyond the bounds keeps its loss there without gradient; others move freely."""
    found, slope = one_token(ratio, advantage, clip)
    assert float(found.loss.detach()) == pytest.approx(loss)
    assert slope == pytest.approx(gradient)
    assert float(found.ratio) == pytest.approx(ratio)
    assert (bool(found.clipped), bool(found.dual_clipped)) == (clipped, dual)


def test_sequence_ratios_are_geometric_means() -> None:
    """Under GSPO a doubled and a halved token make a response that has not changed."""
    logp, mask = tensor([[LN2, -LN2, 9.0]], dtype=D), tensor([[True, True, False]])
    found = clipped_surrogate(logp, torch.zeros_like(logp), tensor([3.0], dtype=D), mask, level=RatioLevel.SEQUENCE)
    assert_close(found.loss, tensor([[-3.0, -3.0, 0.0]], dtype=D))


def test_cispo_cuts_the_weight_and_keeps_the_gradient() -> None:
    """A token of ratio 8 pulls with weight 5, where a clip would have silenced it."""
    logp = tensor([[math.log(8.0), LN2]], dtype=D, requires_grad=True)
    every = torch.ones(1, 2, dtype=torch.bool)
    found = cispo(logp, torch.zeros(1, 2, dtype=D), tensor([2.0], dtype=D), every)
    found.loss.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    assert_close(logp.grad, tensor([[-10.0, -4.0]], dtype=D))
    assert found.clipped.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("how", "denominator", "loss"),
    [
        (Aggregation.TOKEN_MEAN, 4, 7 / 4),
        (Aggregation.SEQUENCE_MEAN, 2, (4 + 1) / 2),
        (Aggregation.CONSTANT, 20, 7 / 20),
    ],
)
def test_aggregations(how: Aggregation, denominator: int, loss: float) -> None:
    """Responses of one token of loss 4 and of three of loss 1, beside one without tokens."""
    tokens = tensor([[4.0, 9.0, 9.0], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0]], dtype=D)
    mask = tensor([[True, False, False], [True, True, True], [False, False, False]])
    found = step_denominator(mask, how, 10)
    assert int(found) == denominator
    assert float(aggregate(tokens, mask, found, how)) == pytest.approx(loss)
    assert float(aggregate(tokens, mask, float(denominator), how)) == pytest.approx(loss)


def test_the_constant_denominator_needs_its_constant() -> None:
    """Dr.GRPO without a length limit is refused, not guessed from the padding."""
    with pytest.raises(ValueError, match="length_limit"):
        step_denominator(torch.ones(1, 1, dtype=torch.bool), Aggregation.CONSTANT)


@pytest.mark.parametrize("bad", [{"low": -0.1}, {"high": -1.0}, {"dual": 1.0}])
def test_clips_that_clip_everything_are_refused(bad: dict[str, float]) -> None:
    """Bounds are distances from 1, and a dual clip exceeds 1."""
    with pytest.raises(ValueError, match=r"clip bounds|dual must exceed 1"):
        Clip(**bad)


def test_a_broken_token_of_weight_zero_is_silent() -> None:
    """Weight 0 takes loss and gradient away also where the objective is not finite."""
    logp = tensor([[0.5, 1.0]], dtype=D, requires_grad=True)
    objective = logp * tensor([[float("inf"), 3.0]], dtype=D)
    weights = tensor([[0.0, 2.0]], dtype=D, requires_grad=True)
    weighted(objective, weights, torch.ones(1, 2, dtype=torch.bool)).sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    assert float(logp.grad[0, 1]) == 6.0
    assert weights.grad is None


@pytest.mark.parametrize(
    ("estimator", "value"),
    [(Divergence.K1, -LN2), (Divergence.K2, LN2**2 / 2), (Divergence.K3, 1 - LN2)],
)
def test_kl_estimators(estimator: Divergence, value: float) -> None:
    """A token twice as likely under the other distribution."""
    assert float(divergence(tensor([[LN2]], dtype=D), estimator)) == pytest.approx(value)


def test_k3_keeps_the_digits_of_small_ratios() -> None:
    """In float32 a ratio of 1e-4 nats costs 5e-9, which e^d - 1 - d would round away."""
    assert float(divergence(tensor([[1e-4]]), Divergence.K3)) == pytest.approx(5e-9, rel=2e-2)


def exact_kl_gradient(logits: Tensor, ref: Tensor) -> Tensor:
    """Gradient of sum p log(p / q) by enumeration."""
    logits = logits.clone().requires_grad_()
    logp = logits.log_softmax(-1)
    (logp.exp() * (logp - ref.log_softmax(-1))).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return logits.grad


def test_the_corrected_penalty_has_the_gradient_of_the_kl() -> None:
    """Averaged over tokens of an old policy, r * k3 gives the KL's gradient and plain k3 does not."""
    generator = torch.Generator().manual_seed(5)
    now, old, ref = (torch.randn(1, 6, generator=generator, dtype=D) for _ in range(3))
    every = torch.ones(1, 6, dtype=torch.bool)
    chances = old.softmax(-1)
    found = []
    for behind in (old.log_softmax(-1), None):
        logits = now.clone().requires_grad_()
        penalty = reference_kl(logits.log_softmax(-1), ref.log_softmax(-1), every, old=behind)
        (chances * penalty).sum().backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        found.append(logits.grad)
    assert_close(found[0], exact_kl_gradient(now, ref))
    assert float((found[1] - found[0]).abs().max()) > 0.01


def test_ratios_are_clamped() -> None:
    """A probability that collapsed to nothing gives a finite loss, and no gradient."""
    logp = tensor([[-200.0]], requires_grad=True)
    every = torch.ones(1, 1, dtype=torch.bool)
    assert float(log_ratio(logp, torch.zeros(1, 1), every).detach()) == -20.0
    penalty = reference_kl(logp, torch.zeros(1, 1), every)
    assert bool(penalty.isfinite().all())
    penalty.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    assert float(logp.grad) == 0.0
