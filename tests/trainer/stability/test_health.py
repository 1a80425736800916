"""Health of a step: what is counted, and what is left out."""

import pytest
import torch
from torch import tensor

from touchstone_trainer.advantages import group_advantages
from touchstone_trainer.health import health
from touchstone_trainer.losses import Clip, clipped_surrogate

D = torch.float64
NAN = float("nan")


def test_a_step_at_a_glance() -> None:
    """Dead groups, undecided responses, clipped tokens, ratios and entropy of a step worked by hand."""
    advantages = group_advantages(tensor([1.0, 0.0, 1.0, NAN], dtype=D), tensor([0, 0, 1, 1]))
    logp = tensor([[2.0, 1.0], [1.0, NAN], [1.0, 0.5], [1.0, 1.0]], dtype=D).log()
    mask = tensor([[True, True], [True, False], [True, True], [False, False]])
    tokens = clipped_surrogate(logp, torch.zeros_like(logp), advantages.values, mask, clip=Clip())
    found = health(advantages, tokens, logp, mask, entropy=tensor([[1.0, 0.0], [2.0, NAN], [1.0, 1.0], [NAN, NAN]]))
    assert (found.responses, found.tokens, found.groups) == (4, 5, 2)
    assert (found.dead_groups, found.undecided) == (0.5, 0.25)
    assert found.non_finite == 0
    assert found.sound
    assert found.clipped == 0.2  # the doubled token of the good response
    assert found.dual_clipped == 0.0
    assert found.entropy == pytest.approx(1.0)
    assert found.ratio_quantiles[0.0] == pytest.approx(0.5)
    assert found.ratio_quantiles[0.5] == pytest.approx(1.0)
    assert found.ratio_quantiles[1.0] == pytest.approx(2.0)


def test_a_broken_token_is_counted() -> None:
    """One NaN under the mask makes a step unsound: in the log-probability, the ratio and the loss that follow."""
    advantages = group_advantages(tensor([1.0, 0.0]), tensor([0, 0]))
    logp, every = tensor([[0.0, NAN], [0.0, 0.0]]), torch.ones(2, 2, dtype=torch.bool)
    tokens = clipped_surrogate(logp, torch.zeros(2, 2), advantages.values, every)
    found = health(advantages, tokens, logp, every)
    assert found.non_finite == 3
    assert not found.sound
    assert found.ratio_quantiles[1.0] == 1.0


def test_an_empty_step_has_nothing_to_say() -> None:
    """Without tokens shares are None, not 0."""
    advantages = group_advantages(torch.zeros(0), torch.zeros(0, dtype=torch.long))
    nothing, mask = torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.bool)
    found = health(advantages, clipped_surrogate(nothing, nothing, advantages.values, mask), nothing, mask, nothing)
    assert (found.dead_groups, found.undecided, found.clipped, found.entropy) == (None, None, None, None)
    assert found.ratio_quantiles == {}
