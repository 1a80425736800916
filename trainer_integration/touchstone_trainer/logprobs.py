"""Log-probabilities and entropy of sampled tokens from logits, in nats.

Rule 1: `logits[b, t]` are those that predict `ids[b, t]`: shift before calling.
Rule 2: logits are divided by the temperature of the rollout, else the result is not comparable with what an engine
        reports as processed log-probabilities.
Rule 3: never more than `chunk_rows` rows of the vocabulary in float32 at a time, backward too: each chunk is computed
        again when its gradient is needed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from touchstone_trainer.masked import masked, widened
from touchstone_trainer.shapes import Logits, Mask, TokenIds, Tokens

CHUNK_ROWS = 1024
"""Positions at a time: 600 MB in float32 at a vocabulary of 150,000."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """Log-probabilities, and entropies where asked for; 0 outside the mask."""

    logprobs: Tokens
    entropy: Tokens | None


def token_logprobs(
    logits: Logits,
    ids: TokenIds,
    mask: Mask | None = None,
    *,
    temperature: float = 1.0,
    with_entropy: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> TokenLogprobs:
    """Each log softmax(logits / temperature) at `ids`, and H = -sum p log p of the same distribution.

    bfloat16 and float16 logits are widened to float32 chunk by chunk. Both results carry gradients; detach the
    entropy where it is only watched.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be above 0, not {temperature}; greedy rollouts have no ratios: use 1.0")
    inside = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
    # split, not slices: its backward joins the chunks once, where each slice would add a gradient of full size.
    columns = logits.flatten(0, 1), torch.where(inside, ids, 0).flatten(), inside.flatten()
    rows = zip(*(torch.split(column, chunk_rows) for column in columns), strict=True)
    parts = [
        checkpoint(_chunk, *row, temperature, with_entropy, use_reentrant=False, preserve_rng_state=False)
        for row in rows
    ]
    logprobs, entropy = (torch.cat(column).view(ids.shape) for column in zip(*parts, strict=True))
    return TokenLogprobs(masked(logprobs, inside), masked(entropy, inside) if with_entropy else None)


def _chunk(
    logits: Tensor, ids: Tensor, inside: Tensor, temperature: float, with_entropy: bool
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of each row; rows outside the mask take part as zeros."""
    every = torch.where(inside.unsqueeze(-1), widened(logits) / temperature, 0.0).log_softmax(-1)
    chosen = every.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    if not with_entropy:
        return chosen, torch.zeros_like(chosen)
    # A banned token has logit -inf: p log p is 0 there, not 0 * -inf.
    return chosen, -(every.exp() * torch.where(every.isneginf(), 0.0, every)).sum(-1)
