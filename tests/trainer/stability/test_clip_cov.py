"""Clip-Cov and KL-Cov: the choice over a step, and the loss given it."""

import pytest
import torch
from torch import Tensor, tensor
from torch.testing import assert_close

from touchstone_trainer.clip_cov import (
    ClipCov,
    KlCov,
    clip_cov_loss,
    covariance,
    kl_cov_loss,
    select_clip_cov,
    select_kl_cov,
)
from touchstone_trainer.losses import Clip

D = torch.float64
EVERY = ClipCov(ratio=1.0, low=0.5, high=5.0)


def step(rows: int = 4, width: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities, advantages and mask of a step in which a third of the tokens are candidates."""
    generator = torch.Generator().manual_seed(11)
    logp = -2 * torch.rand(rows, width, generator=generator, dtype=D)
    advantages = tensor([1.0, -1.0] * (rows // 2), dtype=D)
    return logp, advantages, torch.rand(rows, width, generator=generator) < 0.9


def test_covariance_by_hand() -> None:
    """Advantages 1 and -1, log-probabilities about a mean of -1; the masked token counts nowhere."""
    logp = tensor([[0.0, -1.0, 9.0], [-1.0, -2.0, 9.0]], dtype=D)
    mask = tensor([[True, True, False], [True, True, False]])
    found = covariance(logp, tensor([1.0, -1.0], dtype=D), mask)
    assert_close(found, tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=D))


def test_candidates_lie_in_the_band_and_escape_the_clip() -> None:
    """A token beyond the band, or already silenced by the clip, is not drawn."""
    logp, advantages, mask = step()
    old = logp - 0.05
    old[0] = logp[0] - 1.0  # the first response gained far beyond the clip
    settings = ClipCov(ratio=1.0, low=0.2, high=0.6)
    found = select_clip_cov(logp, old, advantages, mask, settings)
    assert int(found.candidates.sum()) > 0
    assert torch.equal(found.chosen, found.candidates)
    inside = found.covariance[found.candidates]
    assert 0.2 < float(inside.min()) <= float(inside.max()) < 0.6
    assert not bool((found.candidates & ~mask).any())
    tight = select_clip_cov(logp, old, advantages, mask, settings, clip=Clip(0.2, 0.2))
    assert not bool(tight.candidates[0].any())


def test_the_draw_is_repeatable_and_uniform() -> None:
    """The same generator state draws the same set; over many draws each candidate comes up alike."""
    logp, advantages, mask = step()
    settings = ClipCov(ratio=2 / int(mask.sum()), low=0.3, high=5.0)

    def draw(generator: torch.Generator) -> Tensor:
        return select_clip_cov(logp, logp, advantages, mask, settings, generator=generator).chosen

    assert torch.equal(draw(torch.Generator().manual_seed(1)), draw(torch.Generator().manual_seed(1)))
    generator = torch.Generator().manual_seed(2)
    draws = torch.stack([draw(generator) for _ in range(400)])
    assert draws.flatten(1).sum(1).tolist() == [2] * 400
    candidates = select_clip_cov(logp, logp, advantages, mask, settings).candidates
    often = draws.double().sum(0)[candidates]
    expected = 800 / int(candidates.sum())
    # six standard deviations of a count
    assert float((often - expected).abs().max()) < 6 * expected**0.5


def test_small_steps_choose_nothing_unless_told() -> None:
    """2e-4 of sixty tokens is none; verl's floor of one is an option."""
    logp, advantages, mask = step()
    assert select_clip_cov(logp, logp, advantages, mask).quota == 0
    assert not bool(select_clip_cov(logp, logp, advantages, mask).chosen.any())
    assert select_clip_cov(logp, logp, advantages, mask, ClipCov(at_least_one=True)).quota == 1
    assert int(select_kl_cov(logp, advantages, mask, KlCov(at_least_one=True)).chosen.sum()) == 1
    nothing = torch.zeros_like(mask)
    assert select_kl_cov(logp, advantages, nothing, KlCov(at_least_one=True)).quota == 0


def test_a_step_is_chosen_over_as_a_whole() -> None:
    """Means and counts are those of the step: choosing by halves is another choice."""
    logp, advantages, mask = step()
    advantages = tensor([2.0, 1.0, -1.0, -2.0], dtype=D)
    whole = select_kl_cov(logp, advantages, mask, KlCov(ratio=0.2))
    halves = torch.cat(
        [select_kl_cov(logp[i], advantages[i], mask[i], KlCov(ratio=0.2)).chosen for i in (slice(2), slice(2, 4))]
    )
    assert int(whole.chosen.sum()) == int(0.2 * int(mask.sum()))
    assert not torch.equal(whole.chosen, halves)


def test_equals_are_taken_in_order() -> None:
    """Among tokens of equal covariance KL-Cov takes the earlier."""
    logp = torch.full((1, 4), -1.0, dtype=D)
    found = select_kl_cov(logp, tensor([1.0], dtype=D), torch.ones(1, 4, dtype=torch.bool), KlCov(ratio=0.5))
    assert found.chosen.tolist() == [[True, True, False, False]]


def test_zero_advantages_have_no_candidates() -> None:
    """Nothing drives the entropy where nothing is learnt."""
    logp, _, mask = step()
    assert not bool(select_clip_cov(logp, logp, torch.zeros(4, dtype=D), mask, EVERY).candidates.any())


def test_chosen_tokens_are_silent() -> None:
    """Held-back tokens have loss and gradient exactly 0 and count as clipped; the others keep theirs."""
    logp = tensor([[-1.0, -2.0]], dtype=D, requires_grad=True)
    old, every = tensor([[-1.0, -2.0]], dtype=D), torch.ones(1, 2, dtype=torch.bool)
    found = clip_cov_loss(logp, old, tensor([2.0], dtype=D), every, tensor([[True, False]]))
    found.loss.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    assert logp.grad.tolist() == [[0.0, -2.0]]
    assert found.clipped.tolist() == [[True, False]]


def test_kl_cov_pulls_back_what_moved() -> None:
    """A chosen token that gained 0.5 nats pays coef * 0.5; on the first update nobody pays."""
    old, every = tensor([[-1.0, -1.0]], dtype=D), torch.ones(1, 2, dtype=torch.bool)
    chosen, zero = tensor([[True, False]]), tensor([0.0], dtype=D)
    assert kl_cov_loss(old + 0.5, old, zero, every, chosen, coef=0.2).loss.tolist() == [[pytest.approx(0.1), 0.0]]
    assert kl_cov_loss(old, old, zero, every, chosen).loss.tolist() == [[0.0, 0.0]]


def test_shares_above_one_are_refused() -> None:
    """A ratio is a share of the tokens."""
    logp, advantages, mask = step()
    with pytest.raises(ValueError, match="from 0 to 1"):
        select_kl_cov(logp, advantages, mask, KlCov(ratio=2.0))
