"""What every stability tool keeps: masked values, padding, micro-batches, order and precision change nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.trainer.stability.batches import FIGURES, HIDDEN, LOSSES, SUMMARIES, Batch, batches
from touchstone_trainer.advantages import Estimator, gdpo_advantages, group_advantages
from touchstone_trainer.losses import Aggregation, aggregate, step_denominator
from touchstone_trainer.masked import masked_mean

ALL = LOSSES | FIGURES | SUMMARIES
CHOOSING = {"clip-cov", "kl-cov"}
"""These choose tokens over the whole step, where rounding may decide between equals."""
LIMIT = 8
FEW = settings(max_examples=15, deadline=None)


def loss_and_gradient(batch: Batch, tool: str, how: Aggregation, denominator: Tensor) -> tuple[Tensor, Tensor]:
    """Aggregate a tool's tokens and go back to the log-probabilities."""
    logp = batch.logp.clone().requires_grad_()
    changed = Batch(logp, batch.old, batch.infer, batch.ref, batch.advantages, batch.mask)
    total = aggregate(LOSSES[tool](changed), batch.mask, denominator, how)
    total.backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    return total.detach(), logp.grad


@pytest.mark.parametrize("tool", ALL)
@FEW
@given(batch=batches(), hidden=st.sampled_from(HIDDEN))
def test_values_under_the_mask_change_nothing(tool: str, batch: Batch, hidden: float) -> None:
    """NaN, infinities and huge numbers outside the mask change no bit of a result."""
    assert torch.equal(ALL[tool](batch), ALL[tool](batch.hide(hidden)))


@pytest.mark.parametrize("tool", LOSSES)
@FEW
@given(batch=batches(), hidden=st.sampled_from(HIDDEN), how=st.sampled_from(Aggregation))
def test_gradients_ignore_what_is_masked(tool: str, batch: Batch, hidden: float, how: Aggregation) -> None:
    """Gradients are those of the clean batch, and exactly 0 outside the mask."""
    denominator = step_denominator(batch.mask, how, LIMIT)
    loss, gradient = loss_and_gradient(batch.hide(hidden), tool, how, denominator)
    clean_loss, clean_gradient = loss_and_gradient(batch, tool, how, denominator)
    assert torch.equal(loss, clean_loss)
    assert torch.equal(gradient, clean_gradient)
    assert bool((gradient[~batch.mask] == 0).all())


@pytest.mark.parametrize("tool", LOSSES)
@pytest.mark.parametrize("how", Aggregation)
def test_nothing_under_the_mask_costs_nothing(tool: str, how: Aggregation) -> None:
    """A batch that is all masked, of NaN even, has loss exactly 0 and gradient exactly 0."""
    nothing = torch.full((3, 4), float("nan"), dtype=torch.float64)
    mask = torch.zeros(3, 4, dtype=torch.bool)
    batch = Batch(nothing, nothing, nothing, nothing, torch.ones(3, dtype=torch.float64), mask)
    loss, gradient = loss_and_gradient(batch, tool, how, step_denominator(mask, how, LIMIT))
    assert float(loss) == 0.0
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("tool", ALL)
@pytest.mark.parametrize(("rows", "width"), [(3, 4), (3, 0), (0, 4), (0, 0)])
def test_figures_of_nothing_are_finite(tool: str, rows: int, width: int) -> None:
    """A batch that is all masked, has no positions or no responses yields numbers, not NaN."""
    nothing = torch.full((rows, width), float("nan"), dtype=torch.float64)
    mask = torch.zeros(rows, width, dtype=torch.bool)
    batch = Batch(nothing, nothing, nothing, nothing, torch.ones(rows, dtype=torch.float64), mask)
    assert bool(ALL[tool](batch).isfinite().all())


@pytest.mark.parametrize("tool", sorted(set(ALL) - CHOOSING))
@FEW
@given(batch=batches(), left=st.integers(0, 3), right=st.integers(0, 3), hidden=st.sampled_from(HIDDEN))
def test_padding_changes_nothing(tool: str, batch: Batch, left: int, right: int, hidden: float) -> None:
    """Columns of padding on either side leave every number where it was."""
    found, padded = ALL[tool](batch), ALL[tool](batch.pad(left, right, hidden))
    if tool not in SUMMARIES:
        padded = padded[:, left : left + batch.mask.shape[1]]
    assert_close(padded, found, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("tool", sorted(set(LOSSES) - CHOOSING))
@FEW
@given(batch=batches(), cut=st.integers(0, 5), how=st.sampled_from(Aggregation))
def test_micro_batches_change_nothing(tool: str, batch: Batch, cut: int, how: Aggregation) -> None:
    """Losses of two micro-batches over the step's denominator add up to the whole, and so do gradients."""
    denominator = step_denominator(batch.mask, how, LIMIT)
    parts = [batch.rows(slice(0, cut)), batch.rows(slice(cut, None))]
    assert int(denominator) == sum(int(step_denominator(part.mask, how, LIMIT)) for part in parts)
    whole, gradient = loss_and_gradient(batch, tool, how, denominator)
    found = [loss_and_gradient(part, tool, how, denominator) for part in parts if len(part.mask)]
    assert_close(torch.stack([loss for loss, _ in found]).sum(), whole, atol=1e-12, rtol=1e-12)
    assert_close(torch.cat([part for _, part in found]), gradient, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("tool", ALL)
@pytest.mark.parametrize(
    ("given_dtype", "kept"),
    [(torch.float64, torch.float64), (torch.float32, torch.float32), (torch.bfloat16, torch.float32)],
)
def test_precision_is_kept(tool: str, given_dtype: torch.dtype, kept: torch.dtype) -> None:
    """float32 and float64 stay what they are; bfloat16 is widened to float32."""
    column = torch.linspace(-2.0, -0.1, 12, dtype=torch.float64).view(3, 4)
    batch = Batch(column, column - 0.1, column + 0.2, column.flip(0), column[:, 0], torch.ones(3, 4, dtype=torch.bool))
    found = ALL[tool](batch.to(given_dtype))
    assert found.dtype == (kept if tool not in {"rejection", "opsm"} else given_dtype)


@st.composite
def graded(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Rewards, some unscored, and group ids in any order."""
    values = st.one_of(st.sampled_from([0.0, 1.0, float("nan")]), st.floats(-2.0, 2.0))
    size = draw(st.integers(1, 12))
    rewards = draw(st.lists(values, min_size=size, max_size=size))
    groups = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    return torch.tensor(rewards, dtype=torch.float64), torch.tensor(groups)


@pytest.mark.parametrize("estimator", Estimator)
@FEW
@given(case=graded(), seed=st.integers(0, 1000))
def test_order_of_responses_and_names_of_groups_do_not_matter(
    estimator: Estimator, case: tuple[Tensor, Tensor], seed: int
) -> None:
    """Shuffled rows and renamed groups shuffle the advantages and nothing else."""
    rewards, groups = case
    order = torch.randperm(len(rewards), generator=torch.Generator().manual_seed(seed))
    found = group_advantages(rewards, groups, estimator=estimator).values
    shuffled = group_advantages(rewards[order], 90 - 7 * groups[order], estimator=estimator).values
    assert_close(shuffled, found[order], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("estimator", Estimator)
@FEW
@given(case=graded())
def test_advantages_balance_within_a_group(estimator: Estimator, case: tuple[Tensor, Tensor]) -> None:
    """Advantages of a group sum to 0, are finite, and are exactly 0 for unscored rows and dead groups."""
    rewards, groups = case
    found = group_advantages(rewards, groups, estimator=estimator)
    assert bool(found.values.isfinite().all())
    assert bool((found.values[rewards.isnan() | ~found.alive] == 0).all())
    for index in range(len(found.ids)):
        assert abs(float(found.values[found.group == index].sum())) < 1e-7


@FEW
@given(case=graded())
def test_unscored_responses_do_not_move_the_baseline(case: tuple[Tensor, Tensor]) -> None:
    """Advantages are those of a batch without the unscored rows."""
    rewards, groups = case
    scored = ~rewards.isnan()
    found = group_advantages(rewards, groups).values[scored]
    assert_close(found, group_advantages(rewards[scored], groups[scored]).values, atol=1e-9, rtol=1e-9)


@FEW
@given(case=graded())
def test_one_reward_by_gdpo_is_the_group_advantage_rescaled(case: tuple[Tensor, Tensor]) -> None:
    """With a single reward GDPO only divides the group advantages by their deviation over the batch."""
    rewards, groups = case
    plain = group_advantages(rewards, groups, eps=1e-4).values
    several = gdpo_advantages(rewards.unsqueeze(-1), groups).values
    product = (plain * several).sum()
    assert_close(product.square(), plain.square().sum() * several.square().sum(), atol=1e-9, rtol=1e-9)


@FEW
@given(batch=batches())
def test_folding_weights_into_advantages_is_the_same(batch: Batch) -> None:
    """w min(rA, clip(r) A) is the surrogate of advantages w A: how frameworks without weights take them."""
    weights = FIGURES["icepop weights"](batch)
    folded = Batch(batch.logp, batch.old, batch.infer, batch.ref, batch.advantages.unsqueeze(-1) * weights, batch.mask)
    assert_close(LOSSES["grpo"](folded), LOSSES["icepop"](batch), atol=1e-14, rtol=1e-12)


def test_a_mean_of_nothing_is_zero() -> None:
    """Zero over zero is 0."""
    assert float(masked_mean(torch.full((2,), float("nan")), torch.tensor([False, False]))) == 0.0
