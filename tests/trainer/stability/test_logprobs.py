"""Log-probabilities and entropy from logits."""

import math

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from touchstone_trainer.logprobs import token_logprobs

D = torch.float64


def test_by_hand() -> None:
    """Logits 0 and ln 3 are probabilities 1/4 and 3/4; at temperature 2 they are 1 : sqrt 3."""
    logits = tensor([[[0.0, math.log(3)]]], dtype=D)
    found = token_logprobs(logits, tensor([[1]]), with_entropy=True)
    assert found.entropy is not None
    assert float(found.logprobs) == pytest.approx(math.log(0.75))
    assert float(found.entropy) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    warm = token_logprobs(logits, tensor([[1]]), temperature=2.0)
    assert float(warm.logprobs) == pytest.approx(math.log(math.sqrt(3) / (1 + math.sqrt(3))))
    assert warm.entropy is None


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_chunks_give_the_gradients_of_the_whole(chunk_rows: int) -> None:
    """Values and gradients are those of one log-softmax over everything."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 7, generator=generator, dtype=D)
    ids = torch.randint(7, (3, 5), generator=generator)
    pull = torch.randn(2, 3, 5, generator=generator, dtype=D)

    chunked = logits.clone().requires_grad_()
    found = token_logprobs(chunked, ids, temperature=0.7, with_entropy=True, chunk_rows=chunk_rows)
    assert found.entropy is not None
    (pull[0] * found.logprobs + pull[1] * found.entropy).sum().backward()  # type: ignore[no-untyped-call]

    plain = logits.clone().requires_grad_()
    every = (plain / 0.7).log_softmax(-1)
    chosen, entropy = every.gather(-1, ids.unsqueeze(-1)).squeeze(-1), -(every.exp() * every).sum(-1)
    (pull[0] * chosen + pull[1] * entropy).sum().backward()  # type: ignore[no-untyped-call]

    assert_close(found.logprobs, chosen)
    assert_close(found.entropy, entropy)
    assert_close(chunked.grad, plain.grad)


def test_masked_positions_may_hold_anything() -> None:
    """Logits of NaN and ids of -100 outside the mask give 0 and no gradient."""
    logits = torch.full((1, 2, 3), float("nan"), dtype=D)
    logits[0, 0] = 0.0
    logits.requires_grad_()
    found = token_logprobs(logits, tensor([[2, -100]]), tensor([[True, False]]), with_entropy=True)
    assert found.entropy is not None
    assert found.logprobs.tolist() == [[pytest.approx(-math.log(3)), 0.0]]
    assert found.entropy.tolist() == [[pytest.approx(math.log(3)), 0.0]]
    (found.logprobs + found.entropy).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    assert logits.grad[0, 1].tolist() == [0.0, 0.0, 0.0]


def test_banned_tokens_have_no_entropy() -> None:
    """A logit of minus infinity adds 0 to the entropy, and its gradient stays finite."""
    logits = tensor([[[0.0, 0.0, float("-inf")]]], dtype=D, requires_grad=True)
    found = token_logprobs(logits, tensor([[0]]), with_entropy=True)
    assert found.entropy is not None
    assert float(found.entropy.detach()) == pytest.approx(math.log(2))
    (found.logprobs + found.entropy).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize(
    ("given", "kept"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_precision(given: torch.dtype, kept: torch.dtype) -> None:
    """bfloat16 logits give float32 log-probabilities; the others keep theirs."""
    assert token_logprobs(torch.zeros(1, 1, 4, dtype=given), tensor([[0]])).logprobs.dtype == kept


def test_temperature_zero_is_refused() -> None:
    """A greedy rollout has no distribution to divide by."""
    with pytest.raises(ValueError, match="above 0"):
        token_logprobs(torch.zeros(1, 1, 2), tensor([[0]]), temperature=0.0)


def test_nothing_is_computed_for_no_tokens() -> None:
    """A batch of no positions is no error."""
    found = token_logprobs(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.long), with_entropy=True)
    assert found.logprobs.shape == (2, 0)
