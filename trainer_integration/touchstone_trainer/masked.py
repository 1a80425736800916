"""Sums and means over the tokens that count.

Rule 1: what lies outside a mask never reaches a result or a gradient, also where it is NaN or infinite: values are
        replaced before they are used (`torch.where`), never multiplied by 0.
Rule 2: nothing left under the mask gives exactly 0 with zero gradient, never 0/0.
Rule 3: float32 and float64 stay what they are; bfloat16 and float16 are widened to float32, nothing is narrowed.
"""

import math

import torch

from touchstone_trainer.shapes import Flags, Mask, Rows, Scalar, Tokens, Values


def widened(values: Values) -> Values:
    """Values in float32 at least: half precision loses the ratios that everything here is about."""
    return values.float() if values.dtype in {torch.bfloat16, torch.float16} else values


def masked(values: Values, mask: Flags, fill: float = 0.0) -> Values:
    """Values where the mask is set, `fill` elsewhere, widened.

    >>> masked(torch.tensor([1.0, float("nan")]), torch.tensor([True, False]))
    tensor([1., 0.])
    """
    return torch.where(mask, widened(values), fill)


def masked_mean(values: Values, mask: Flags) -> Scalar:
    """Mean over the mask; 0 where nothing is under it."""
    return masked(values, mask).sum() / mask.sum().clamp(min=1)


def masked_min(values: Values, mask: Flags, empty: float) -> Scalar:
    """Smallest value under the mask; `empty` where nothing is under it."""
    lowest = row_min(values.reshape(1, -1), mask.reshape(1, -1)).squeeze(0)
    return torch.where(mask.any(), lowest, empty)


def masked_max(values: Values, mask: Flags, empty: float) -> Scalar:
    """Largest value under the mask; `empty` where nothing is under it."""
    return -masked_min(-values, mask, -empty)


def row_min(values: Tokens, mask: Mask) -> Rows:
    """Smallest value of each row under the mask; infinity for a row without any."""
    # One more column, so that a batch of no positions has something to take the minimum of.
    return torch.nn.functional.pad(masked(values, mask, math.inf), (0, 1), value=math.inf).amin(-1)


def row_sum(values: Tokens, mask: Mask) -> Rows:
    """Sum of each row over its tokens."""
    return masked(values, mask).sum(-1)


def row_mean(values: Tokens, mask: Mask) -> Rows:
    """Mean of each row over its tokens; 0 for a row without any."""
    return row_sum(values, mask) / mask.sum(-1).clamp(min=1)


def per_token(values: Rows | Tokens, mask: Mask) -> Tokens:
    """One value a token, from one a sequence or from what is one a token already; 0 outside the mask."""
    rows = values if values.ndim == mask.ndim else values.unsqueeze(-1).expand(mask.shape)
    return masked(rows, mask)
