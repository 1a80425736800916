"""Sampling inside transformers' `generate` that depends on nothing but a row's own seed and probabilities.

`generate` draws a whole batch from one generator, so a row's tokens change with its neighbours, with the number of
processes and with all that drew before. Here each row has its own uniform numbers and the token is read off the
cumulative distribution, so a run split over ranks, or resumed, samples what one uninterrupted process samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


def uniforms(seeds: Sequence[int], columns: int) -> Tensor:
    """Numbers in [0, 1), one row a seed, always from the CPU's generator: devices would draw others."""
    rows = [torch.rand(columns, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows)


class SeededSampler(LogitsProcessor):
    """Chooses each row's next token and leaves it as the only one possible. Place it last, and set `do_sample=False`.

    What it gets must be processed scores (temperature applied). `logprobs` holds, for each call, the
    log-probability of each row's choice. Without seeds it takes the most likely token.
    """

    def __init__(self, seeds: Sequence[int] | None, max_new_tokens: int) -> None:
        self._uniforms = None if seeds is None else uniforms(seeds, max_new_tokens)
        self.logprobs: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores with one finite value a row."""
        logprobs = scores.double().log_softmax(-1)
        chosen = logprobs.argmax(-1, keepdim=True) if self._uniforms is None else self._draw(logprobs.exp())
        self.logprobs.append(logprobs.gather(-1, chosen).squeeze(-1))
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen, 0.0)

    def _draw(self, probabilities: Tensor) -> Tensor:
        assert self._uniforms is not None
        cumulative = probabilities.cumsum(-1)
        # A call past the limit (an engine that looks one token ahead) is thrown away: any number will do.
        column = min(len(self.logprobs), self._uniforms.shape[1] - 1)
        wanted = self._uniforms[:, column : column + 1].to(cumulative.device) * cumulative[:, -1:]
        # The first token whose cumulative probability exceeds the number: tokens without probability are never taken.
        return torch.searchsorted(cumulative, wanted, right=True).clamp(max=cumulative.shape[-1] - 1)
