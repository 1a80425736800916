"""Responses as rectangles: prompts padded on the left, responses on the right, so that columns are positions.

Rule 1: lengths decide what is padding, never a token id: many tokenizers pad with their end token.
Rule 2: one layout for all tensors of a step: (samples, longest response), response position t in column t.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from touchstone_trainer.training.rollouts.completion import Completion


@dataclass(frozen=True)
class TokenBatch:
    """Token ids of some prompts with their responses."""

    input_ids: Tensor
    attention: Tensor
    responses: Tensor
    mask: Tensor

    @property
    def positions(self) -> Tensor:
        """Position of each token in its own text; padding on the left counts for nothing."""
        return (self.attention.cumsum(-1) - 1).clamp(min=0)


def left_padded(rows: Sequence[Sequence[int]], filler: int) -> tuple[Tensor, Tensor]:
    """Rows aligned to the right, and where their tokens are."""
    longest = max(len(row) for row in rows)
    ids = [[filler] * (longest - len(row)) + list(row) for row in rows]
    attention = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids), torch.tensor(attention)


def token_batch(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], filler: int, device: torch.device
) -> TokenBatch:
    """Prompts and their responses side by side."""
    before, before_attention = left_padded(prompts, filler)
    after = padded(responses, float(filler), dtype=torch.long)
    lengths = torch.tensor([len(response) for response in responses])
    mask = torch.arange(after.shape[1])[None, :] < lengths[:, None]
    ids, attention = torch.cat([before, after], 1), torch.cat([before_attention, mask.long()], 1)
    return TokenBatch(ids.to(device), attention.to(device), after.to(device), mask.to(device))


def padded(rows: Sequence[Sequence[float]], filler: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Rows aligned to the left in a rectangle, one column at least."""
    longest = max([1, *(len(row) for row in rows)])
    return torch.tensor([list(row) + [filler] * (longest - len(row)) for row in rows], dtype=dtype)


def behaviour_logprobs(completions: Sequence[Completion]) -> Tensor:
    """Log-probabilities under which the tokens were sampled; NaN where there is no token or the engine was silent."""
    return padded([completion.logprobs for completion in completions], torch.nan)
