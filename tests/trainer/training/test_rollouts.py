"""Sampling with the policy's own weights."""

import math
from collections import Counter

import pytest
import torch

from tests.trainer.training.conftest import MakeConfig, policy_of
from touchstone_trainer.streak import FinishReason, StreakRule
from touchstone_trainer.training.policy import Policy
from touchstone_trainer.training.rollouts.completion import Completion, Request
from touchstone_trainer.training.rollouts.local import LocalRollouts
from touchstone_trainer.training.rollouts.sampler import SeededSampler

PROMPTS = [(2, 8, 9), (4, 9), (6, 8, 14, 8, 15, 9)]


@pytest.fixture
def policy(make_config: MakeConfig) -> Policy:
    return policy_of(make_config({}).policy, temperature=0.7)


SAME = 1e-6
"""Nats. transformers rounds logits to float32 while generating."""


def sampled(
    policy: Policy, requests: list[Request], *, rows_at_once: int = 64, greedy: bool = False
) -> list[Completion]:
    engine = LocalRollouts(policy, max_new_tokens=12, rows_at_once=rows_at_once, streak=False)
    return list(engine.generate(requests, greedy=greedy))


def test_response_depends_on_its_own_seed_alone(policy: Policy) -> None:
    """Alone, among others, or in other company: the same tokens and the same log-probabilities."""
    requests = [Request(prompt, seed) for seed in range(8) for prompt in PROMPTS]
    together = sampled(policy, requests)
    one_by_one = sampled(policy, requests, rows_at_once=1)
    reordered = sampled(policy, requests[::-1], rows_at_once=5)[::-1]
    for whole, alone, other in zip(together, one_by_one, reordered, strict=True):
        assert whole.token_ids == alone.token_ids == other.token_ids
        assert whole.logprobs == pytest.approx(alone.logprobs, abs=SAME)
    assert len({one.token_ids for one in together}) >= 8  # seeds do differ


def test_log_probabilities_are_those_that_training_computes(policy: Policy) -> None:
    """With caches and other padding, at the temperature: what was sampled from is what the step starts from."""
    requests = [Request(prompt, seed) for seed in range(4) for prompt in PROMPTS]
    found = sampled(policy, requests)
    batch = policy.batch([one.prompt_ids for one in requests], [one.token_ids for one in found])
    with torch.no_grad():
        trained = policy.logprobs(batch).logprobs
    for row, one in enumerate(found):
        assert trained[row, : len(one.token_ids)].tolist() == pytest.approx(one.logprobs, abs=SAME)


def test_endings_are_told_apart(policy: Policy) -> None:
    """A response ends with its end token, or at the limit without one."""
    found = sampled(policy, [Request(PROMPTS[0], seed) for seed in range(40)])
    finishes = Counter(one.finish for one in found)
    assert finishes.keys() == {FinishReason.STOP, FinishReason.LENGTH}
    for one in found:
        ended = one.finish is FinishReason.STOP
        assert (one.token_ids[-1] == policy.tokenizer.eos_token_id) is ended
        assert policy.tokenizer.eos_token_id not in one.token_ids[:-1]
        assert ended or len(one.token_ids) == 12


def test_greedy_takes_the_likeliest_whatever_the_seed(policy: Policy) -> None:
    """Evaluation is the same for every seed, and each of its tokens is the likeliest one."""
    one, other = sampled(policy, [Request(PROMPTS[0], 1), Request(PROMPTS[0], 2)], greedy=True)
    assert one == other
    context = torch.tensor([[*PROMPTS[0], *one.token_ids]])
    best = policy.model(context).logits[0].argmax(-1).tolist()
    assert tuple(best[len(PROMPTS[0]) - 1 : -1]) == one.token_ids


def test_repetition_is_cut_at_its_token(make_config: MakeConfig) -> None:
    """A policy sure of everything is stopped after the streak; what the limit allowed beyond it is saved."""
    policy = policy_of(make_config({}).policy)
    with torch.no_grad():  # hidden states so long that the softmax is sure
        policy.model.model.norm.weight.mul_(1e4)
    engine = LocalRollouts(policy, max_new_tokens=30, rows_at_once=8, streak=StreakRule(length=5))
    found = list(engine.generate([Request(prompt, 1) for prompt in PROMPTS]))
    cut = [one for one in found if one.finish is FinishReason.REPETITION]
    assert cut
    for one in cut:
        assert len(one.token_ids) == 5
        assert one.tokens_saved == 25
        assert min(one.logprobs) > math.log(0.99)


def test_sampler_draws_by_the_probabilities() -> None:
    """Over many seeds each token comes as often as its probability says, and one without probability never."""
    scores = torch.tensor([[0.5, 0.3, 0.2, 0.0]]).log().expand(4_000, 4)
    sampler = SeededSampler(range(4_000), max_new_tokens=1)
    drawn = Counter(sampler(torch.zeros(4_000, 1), scores).argmax(-1).tolist())
    assert drawn[3] == 0
    # four standard deviations of a binomial: sqrt(4000 * p * (1 - p)) is 31.6, 29.0 and 25.3
    assert [abs(drawn[token] - 4_000 * share) < 4 * 32 for token, share in enumerate((0.5, 0.3, 0.2))] == [True] * 3
    assert sorted(set(sampler.logprobs[0].tolist())) == pytest.approx([math.log(p) for p in (0.2, 0.3, 0.5)])
