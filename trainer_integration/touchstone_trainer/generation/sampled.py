"""What transformers' `generate` thought of the tokens that it drew, without keeping the scores of every step.

Rule 1: log-probabilities are at the temperature of sampling and over the whole vocabulary, as a trainer computes them
        again. `generate` applies temperature, top-k and top-p after the processors that it is given.
Rule 2: one object, one `generate`; never with beams, whose rows change places.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


class SampledLogprobs(LogitsProcessor):
    """Goes into `logits_processor`; `rows` gives the log-probabilities afterwards."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature
        self._ahead: Tensor | None = None
        self._drawn: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The token that was drawn last, and the distribution of the next."""
        if self._ahead is not None:
            self._drawn.append(self._ahead.gather(-1, input_ids[:, -1:]).squeeze(-1))
        self._ahead = (scores.float() / self._temperature).log_softmax(-1)
        return scores

    def rows(self, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        """For each token of each row; `ids` are the new tokens."""
        assert self._ahead is not None
        steps = len(self._drawn) + 1
        last = [row[steps - 1] if len(row) == steps else 0 for row in ids]
        places = torch.tensor(last, device=self._ahead.device).unsqueeze(-1)
        drawn = torch.stack([*self._drawn, self._ahead.gather(-1, places).squeeze(-1)], 1)
        return [row[: len(kept)].tolist() for row, kept in zip(drawn, ids, strict=True)]
