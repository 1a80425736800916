"""Stops the rows of a transformers `generate` that repeat themselves, each at its own token.

    stop = StreakStop({tokenizer.eos_token_id, tokenizer.pad_token_id})
    model.generate(**batch, logits_processor=[stop.processor], stopping_criteria=[stop.criterion])
    stop.stopped_after                     # tokens kept in each row, None where it was not cut

Rule 1: exact. The processor sees the distribution before the token is drawn, the criterion the token itself. Over a
        threshold of one half only the most probable token can count, so two numbers a row are enough.
Rule 2: probabilities are those after the processors of `generate` and before temperature, top-k and top-p, which
        `generate` applies last. A server's raw log-probabilities mean the same.
Rule 3: one object, one `generate`; never with beams, whose rows change places.
"""

from collections.abc import Collection

import torch
from torch import Tensor
from transformers import LogitsProcessor, StoppingCriteria

from touchstone_trainer.streak import StreakRule

RUNNING = -1


class StreakStop:
    """The pair for one call of `generate`. `end_token_ids` end a row or fill what is left of it: they never count."""

    _counts: Tensor
    _streak: Tensor
    _stopped: Tensor
    _last: Tensor
    _ends: Tensor

    def __init__(self, end_token_ids: Collection[int | None], rule: StreakRule | None = None) -> None:
        self.rule = rule or StreakRule()
        if self.rule.threshold < 0.5:
            raise ValueError(f"under 0.5 another than the best token could count; threshold is {self.rule.threshold}")
        self.processor: LogitsProcessor = _Noting(self)
        self.criterion: StoppingCriteria = _Stopping(self)
        self._end_token_ids = [token for token in end_token_ids if token is not None]
        self._best: Tensor | None = None
        self._moved: Tensor | None = None

    @property
    def stopped_after(self) -> tuple[int | None, ...]:
        """For each row the tokens kept, counted from the first new one; None where the rule did not stop it.

        Raises ValueError where the rows were not those of one `generate` from its first token on.
        """
        if self._moved is None:
            return ()
        if bool(self._moved):
            raise ValueError("rows changed while their tokens were counted: make a new StreakStop for each generate")
        return tuple(None if kept == RUNNING else kept for kept in self._stopped.tolist())

    def tokens_saved_at_most(self, max_new_tokens: int) -> int:
        """Tokens not sampled: `max_new_tokens` less what was kept, over the rows that were cut.

        An upper bound: a row might have ended by itself. A batch ends with its last row, so time is saved only then.
        """
        return sum(max_new_tokens - kept for kept in self.stopped_after if kept is not None)

    def note(self, scores: Tensor) -> None:
        """Before the draw: the most probable token of each row, and whether it would count."""
        top, self._best = scores.max(dim=-1)
        log_probability = top.double() - scores.logsumexp(dim=-1).double()
        self._counts = log_probability > self.rule.log_threshold

    def take(self, ids: Tensor) -> Tensor:
        """After the draw: which rows are complete."""
        if self._best is None:
            raise ValueError("the criterion needs its processor: pass logits_processor=[stop.processor] too")
        token = ids[:, -1]
        if len(token) != len(self._best):
            raise ValueError("rows are not one sample each: the streak rule cannot be used with beams")
        if self._moved is None:
            self._begin(token)
        else:
            # Kept on the device: asking for it at every token would make the device wait.
            self._moved |= (ids[:, -2] != self._last).any()
        self._tokens += 1
        ends = torch.isin(token, self._ends)
        self._streak = torch.where((token == self._best) & self._counts & ~ends, self._streak + 1, 0)
        complete = (self._streak >= self.rule.length) & (self._stopped == RUNNING)
        self._stopped = torch.where(complete, self._tokens, self._stopped)
        self._last = token
        return self._stopped != RUNNING

    def _begin(self, token: Tensor) -> None:
        self._tokens = 0
        self._moved = torch.zeros((), dtype=torch.bool, device=token.device)
        self._streak = torch.zeros_like(token)
        self._stopped = torch.full_like(token, RUNNING)
        self._ends = torch.tensor(self._end_token_ids, dtype=token.dtype, device=token.device)


class _Noting(LogitsProcessor):
    def __init__(self, stop: StreakStop) -> None:
        self._stop = stop

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._stop.note(scores)
        return scores


class _Stopping(StoppingCriteria):
    def __init__(self, stop: StreakStop) -> None:
        self._stop = stop

    def __call__(self, input_ids: Tensor, scores: object, **kwargs: object) -> Tensor:
        return self._stop.take(input_ids)
