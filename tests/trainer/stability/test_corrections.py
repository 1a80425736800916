"""Corrections for the rollout engine: numbers worked by hand, and the traps."""

import math

import pytest
import torch
from torch import Tensor, tensor
from torch.testing import assert_close

from touchstone_trainer.corrections import (
    GEOMETRIC,
    ICEPOP,
    TIS,
    VETO,
    Bound,
    Correction,
    Level,
    Outside,
    engine_log_ratio,
    importance_weights,
    mismatch,
    off_policy_keep,
    reject,
    verl_bounds,
)
from touchstone_trainer.kl import Divergence

D = torch.float64


def of_ratios(*rows: list[float]) -> tuple[Tensor, Tensor]:
    """Log-ratios of train/infer, all under the mask."""
    ratio = tensor(rows, dtype=D).log()
    return ratio, torch.ones_like(ratio, dtype=torch.bool)


def test_icepop_drops_what_is_out_of_bounds() -> None:
    """Inside the bounds the weight is the ratio itself, outside it is 0."""
    found = importance_weights(*of_ratios([0.4, 0.6, 2.0, 6.0]), ICEPOP)
    assert_close(found.weights, tensor([[0.0, 0.6, 2.0, 0.0]], dtype=D))
    assert float(found.out_of_bounds) == 0.5
    assert float(found.smallest) == pytest.approx(0.4)
    assert float(found.largest) == pytest.approx(6.0)
    # (0.6 + 2)^2 / (4 * (0.36 + 4))
    assert float(found.effective_size) == pytest.approx(6.76 / 17.44)


def test_truncation_cuts() -> None:
    """TIS caps a ratio at 2 and leaves small ones."""
    assert_close(importance_weights(*of_ratios([0.1, 3.0]), TIS).weights, tensor([[0.1, 2.0]], dtype=D))


def test_weights_of_an_empty_batch_are_neutral() -> None:
    """No tokens: extremes 1, shares 0, no NaN."""
    ratio, mask = torch.zeros(2, 2, dtype=D), torch.zeros(2, 2, dtype=torch.bool)
    found = importance_weights(ratio, mask)
    shares = found.out_of_bounds, found.smallest, found.largest, found.effective_size
    assert [float(share) for share in shares] == [0.0, 1.0, 1.0, 0.0]


def test_weights_carry_no_gradient() -> None:
    """Neither the policy nor the engine is pulled through a weight."""
    train = torch.zeros(1, 2, dtype=D, requires_grad=True)
    every = torch.ones(1, 2, dtype=torch.bool)
    assert not engine_log_ratio(train, torch.ones(1, 2, dtype=D), every).requires_grad


def test_an_engine_without_a_number_counts_as_agreeing() -> None:
    """NaN from the engine under the mask is a weight of 1, and is reported."""
    train, infer = torch.zeros(1, 4, dtype=D), tensor([[float("nan"), 0.0, 0.0, math.log(0.5)]], dtype=D)
    every = torch.ones(1, 4, dtype=torch.bool)
    assert_close(
        importance_weights(engine_log_ratio(train, infer, every), every).weights,
        tensor([[1.0, 1.0, 1.0, 2.0]], dtype=D),
    )
    assert float(mismatch(train, infer, every).missing) == 0.25


def test_impossible_tokens_stay_finite() -> None:
    """A token that the engine calls impossible is clamped, and dropped by IcePop."""
    train, infer = torch.zeros(1, 2), tensor([[float("-inf"), 0.0]])
    every = torch.ones(1, 2, dtype=torch.bool)
    found = importance_weights(engine_log_ratio(train, infer, every), every)
    assert found.weights.tolist() == [[0.0, 1.0]]
    assert math.isfinite(float(found.largest))


def test_verl_bounds_are_on_the_inverse_ratio() -> None:
    """verl's token_k1 at 0.2_2.0 keeps train/infer of 4 and rejects 0.4; read the other way it would do the reverse."""
    ratio, mask = of_ratios([4.0, 0.4])
    assert reject(ratio, mask, verl_bounds("token_k1", "0.2_2.0")).keep.tolist() == [[True, False]]
    assert reject(ratio, mask, (Bound(Level.TOKEN, low=0.2, high=2.0),)).keep.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("bound", "kept"),
    [
        (GEOMETRIC, [False, True, False]),
        (VETO, [True, True, False]),
        (Bound(Level.SUM, low=0.5, high=2.0), [False, True, False]),
        (Bound(Level.MEAN, low=0.5, high=2.0), [True, True, False]),
        (Bound(Level.MAX, high=100.0), [True, True, True]),
        (Bound(Level.MEAN, Divergence.K3, high=0.4), [True, True, False]),
        (Bound(Level.MAX, Divergence.K2, high=0.25), [True, True, False]),
    ],
)
def test_bounds_on_responses(bound: Bound, kept: list[bool]) -> None:
    """A drifting response, one whose tokens cancel, and one with a hopeless token."""
    ratio, mask = of_ratios([1.5, 1.5], [1.25, 0.8], [1.0, 1e-5])
    found = reject(ratio, mask, (bound,))
    assert found.keep.tolist() == [[keep, keep] for keep in kept]
    assert float(found.sequences) == pytest.approx(kept.count(False) / 3)
    assert float(found.tokens) == pytest.approx(kept.count(False) / 3)


def test_bad_responses_that_the_policy_left_are_dropped() -> None:
    """OPSM drops a response that the policy has moved a nat a token away from, unless it was a good one."""
    infer, logp = torch.zeros(3, 2, dtype=D), tensor([[-1.0, -1.0], [-1.0, -1.0], [-0.1, -0.1]], dtype=D)
    every = torch.ones(3, 2, dtype=torch.bool)
    keep = off_policy_keep(logp, infer, tensor([-1.0, 1.0, -1.0], dtype=D), every, 0.5)
    assert keep.tolist() == [False, True, True]


def test_mismatch_by_hand() -> None:
    """One response of two tokens: the engine gave each 1/2, training gives 1/2 and 1/8."""
    half, eighth = math.log(0.5), math.log(0.125)
    train, infer = tensor([[half, eighth], [0.0, 0.0]], dtype=D), tensor([[half, half], [0.0, 0.0]], dtype=D)
    mask = tensor([[True, True], [False, False]])
    found = mismatch(train, infer, mask)
    assert float(found.train_perplexity) == pytest.approx(4.0)
    assert float(found.infer_perplexity) == pytest.approx(2.0)
    assert float(found.log_perplexity_gap) == pytest.approx(math.log(2))
    assert float(found.perplexity_ratio) == pytest.approx(2.0)
    assert float(found.kl) == pytest.approx(math.log(2))
    assert float(found.chi2_token) == pytest.approx((1 + 1 / 16) / 2 - 1)
    assert float(found.chi2_sequence) == pytest.approx(1 / 16 - 1)


def test_mistaken_bounds_are_refused() -> None:
    """Reversed bounds, weights over an extreme and verl options without their thresholds name what is wrong."""
    with pytest.raises(ValueError, match="low < high"):
        Bound(Level.TOKEN, low=2.0, high=0.5)
    with pytest.raises(ValueError, match="is for rejection"):
        Correction(Level.MAX, Outside.CUT, 0.0, 2.0)
    with pytest.raises(ValueError, match="as many thresholds"):
        verl_bounds("token_k1,seq_max_k3", "0.5_2.0")
    with pytest.raises(ValueError, match="two thresholds"):
        verl_bounds("seq_sum_k1", "2.0")
