"""What is asked of a rollout engine and what comes back.

Rule 1: token ids are the engine's own. Text is decoded from them for the reward and never tokenised again.
Rule 2: log-probabilities are those of the distribution that was sampled from, temperature applied. What an engine
        does not report is NaN, which the corrections read as "no difference".
Rule 3: a response that was cut says so: `length` and `repetition` are never told apart by guessing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from touchstone_trainer.streak import FinishReason


@dataclass(frozen=True, slots=True)
class Request:
    """One response to sample. Equal seeds give equal responses, whatever else is in the batch."""

    prompt_ids: tuple[int, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled response. `token_ids` has the end token where the model wrote one."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: FinishReason
    text: str
    tokens_saved: int = 0
    """Tokens that the limit would have allowed and the streak stop left ungenerated; 0 for all other endings."""

    def __post_init__(self) -> None:
        if not self.token_ids or len(self.token_ids) != len(self.logprobs):
            raise ValueError(
                f"{len(self.token_ids)} token ids, {len(self.logprobs)} log-probabilities: one each, one at least"
            )


class Rollouts(Protocol):
    """An engine that samples responses from the policy."""

    def generate(self, requests: Sequence[Request], *, greedy: bool = False) -> Iterator[Completion]:
        """One completion for each request, in order, as they get ready. Exhaust it, also where there are no requests:
        with several processes it begins and ends together. `greedy` takes the likeliest tokens, for evaluation.
        """

    def policy_changed(self) -> None:
        """Called after every optimizer step and restore: an engine with weights of its own reloads them here."""

    def close(self) -> None:
        """Release what the engine holds."""
