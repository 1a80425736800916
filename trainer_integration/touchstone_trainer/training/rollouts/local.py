"""Rollouts by transformers' `generate` on the policy itself: no second copy of the weights, nothing to keep in step."""

from collections.abc import Iterator, Sequence

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList, TemperatureLogitsWarper

from touchstone_trainer.generation.stopping import StreakStop
from touchstone_trainer.streak import FinishReason, StreakRule
from touchstone_trainer.training.batch import left_padded
from touchstone_trainer.training.config import Off
from touchstone_trainer.training.distributed import gathered
from touchstone_trainer.training.policy import Policy
from touchstone_trainer.training.rollouts.completion import Completion, Request
from touchstone_trainer.training.rollouts.sampler import SeededSampler


class LocalRollouts:
    """Samples with the policy's own weights."""

    def __init__(self, policy: Policy, *, max_new_tokens: int, rows_at_once: int, streak: StreakRule | Off) -> None:
        self._policy = policy
        self._rows_at_once = rows_at_once
        self._streak = streak
        self._settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=list(policy.end_ids),
            pad_token_id=policy.filler,
        )

    def generate(self, requests: Sequence[Request], *, greedy: bool = False) -> Iterator[Completion]:
        """One completion for each request, `rows_at_once` generated together."""
        with gathered(self._policy.model):
            for start in range(0, len(requests), self._rows_at_once):
                yield from self._together(requests[start : start + self._rows_at_once], greedy=greedy)

    def policy_changed(self) -> None:
        """Nothing to do: the weights are the policy's."""

    def close(self) -> None:
        """Nothing is held."""

    def _together(self, requests: Sequence[Request], *, greedy: bool) -> list[Completion]:
        policy, limit = self._policy, self._settings.max_new_tokens
        prompts, attention = left_padded([request.prompt_ids for request in requests], policy.filler)
        sampler = SeededSampler(None if greedy else [request.seed for request in requests], limit)
        stop = StreakStop(policy.end_ids, self._streak) if self._streak else None
        # The streak is counted on the distribution that is sampled from, as a server's processed log-probabilities are.
        watching = [] if stop is None else [stop.processor]
        written = policy.model.generate(
            prompts.to(policy.device),
            attention_mask=attention.to(policy.device),
            generation_config=self._settings,
            logits_processor=LogitsProcessorList([TemperatureLogitsWarper(policy.temperature), *watching, sampler]),
            stopping_criteria=StoppingCriteriaList([] if stop is None else [stop.criterion]),
        )
        columns = written[:, prompts.shape[1] :].tolist()
        logprobs = torch.stack(sampler.logprobs[: len(columns[0])], 1).tolist()
        cuts = (None,) * len(columns) if stop is None else stop.stopped_after
        return [self._completion(*row) for row in zip(columns, logprobs, cuts, strict=True)]

    def _completion(self, ids: Sequence[int], logprobs: Sequence[float], cut: int | None) -> Completion:
        ended = next((place + 1 for place, token in enumerate(ids) if token in self._policy.end_ids), None)
        saved = 0
        if cut is not None:
            length, finish, saved = cut, FinishReason.REPETITION, self._settings.max_new_tokens - cut
        elif ended is not None:
            length, finish = ended, FinishReason.STOP
        else:
            length, finish = len(ids), FinishReason.LENGTH
        text = self._policy.decode(ids[:length])
        return Completion(tuple(ids[:length]), tuple(logprobs[:length]), finish, text, saved)
