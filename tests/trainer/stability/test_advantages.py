"""Advantages: numbers worked by hand."""

import math

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from touchstone_trainer.advantages import Estimator, gdpo_advantages, group_advantages

D = torch.float64
NAN = float("nan")


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        # 1 0 0 1 of group 5: mean 1/2, variance 4 * (1/4) / 3
        (Estimator.GROUP_STD, [math.sqrt(3) / 2, -math.sqrt(3) / 2, -math.sqrt(3) / 2, math.sqrt(3) / 2]),
        (Estimator.NO_STD, [0.5, -0.5, -0.5, 0.5]),
        (Estimator.LEAVE_ONE_OUT, [2 / 3, -2 / 3, -2 / 3, 2 / 3]),
        # with group 6 (1 1, dead): mean 4/6, variance (4 * 1/9 + 2 * 4/9) / 5 = 4/15
        (Estimator.BATCH_STD, [s * 0.5 / math.sqrt(4 / 15) for s in (1, -1, -1, 1)]),
    ],
)
def test_estimators(estimator: Estimator, expected: list[float]) -> None:
    """Two groups, one of which is of one mind."""
    rewards, groups = tensor([1.0, 0.0, 1.0, 0.0, 1.0, 1.0], dtype=D), tensor([5, 5, 6, 5, 5, 6])
    found = group_advantages(rewards, groups, estimator=estimator, eps=0.0)
    assert_close(found.values, tensor([expected[0], expected[1], 0.0, expected[2], expected[3], 0.0], dtype=D))
    assert found.ids.tolist() == [5, 6]
    assert found.dead.tolist() == [False, True]
    assert found.alive.tolist() == [True, True, False, True, True, False]
    assert_close(found.mean, tensor([0.5, 1.0], dtype=D))


def test_unscored_responses_are_left_out() -> None:
    """NaN and infinity are no rewards: the baseline is that of the others, and a group of one left is dead."""
    rewards = tensor([1.0, NAN, 0.0, float("inf"), 1.0, NAN], dtype=D)
    found = group_advantages(rewards, tensor([0, 0, 0, 0, 1, 1]), estimator=Estimator.NO_STD)
    assert found.values.tolist() == [0.5, 0.0, -0.5, 0.0, 0.0, 0.0]
    assert found.scored.tolist() == [True, False, True, False, True, False]
    assert found.counts.tolist() == [2, 1]
    assert found.dead.tolist() == [False, True]


def test_rounding_is_no_spread() -> None:
    """Rewards that differ in the last bit give advantages of exactly 0, in float32 too."""
    for dtype in (torch.float32, torch.float64):
        rewards = tensor([0.1, 0.1, 0.1 + torch.finfo(dtype).eps / 10], dtype=dtype)
        found = group_advantages(rewards, tensor([0, 0, 0]))
        assert found.values.tolist() == [0.0, 0.0, 0.0]
        assert found.dead.tolist() == [True]


def test_gdpo_gives_each_reward_its_say() -> None:
    """A reward a hundred times smaller counts as much once both are normalised."""
    rewards = tensor([[1.0, 0.01], [0.0, 0.01], [1.0, 0.0], [0.0, 0.0]], dtype=D)
    found = gdpo_advantages(rewards, tensor([0, 0, 0, 0]), eps=1e-12).values
    # normalised each +-sqrt(3)/2; sums sqrt(3), 0, 0, -sqrt(3); their deviation (n - 1) is sqrt(2)
    assert_close(found, tensor([math.sqrt(1.5), 0.0, 0.0, -math.sqrt(1.5)], dtype=D))


def test_gdpo_counts_what_is_missing_as_average() -> None:
    """A missing reward adds nothing; a response without any is unscored."""
    rewards = tensor([[1.0, NAN], [0.0, 2.0], [NAN, NAN], [NAN, 4.0]], dtype=D)
    found = gdpo_advantages(rewards, tensor([0, 0, 0, 0]), [1.0, 1.0], eps=1e-12)
    # each +-1/sqrt(2): sums 1/sqrt(2), -sqrt(2), -, 1/sqrt(2)
    assert found.scored.tolist() == [True, True, False, True]
    assert found.values.tolist() == pytest.approx([1 / math.sqrt(3), -2 / math.sqrt(3), 0.0, 1 / math.sqrt(3)])


def test_gdpo_wants_a_weight_for_each_reward() -> None:
    """One weight for two rewards is a mistake in the configuration."""
    with pytest.raises(ValueError, match="2 weights, not 1"):
        gdpo_advantages(torch.zeros(2, 2), tensor([0, 0]), [1.0])


def test_an_empty_batch_is_no_accident() -> None:
    """No responses give no advantages and no groups."""
    found = group_advantages(torch.zeros(0), torch.zeros(0, dtype=torch.long))
    assert found.values.shape == (0,)
    assert found.dead.shape == (0,)
