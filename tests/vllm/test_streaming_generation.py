"""The streaming client against a real vLLM server: what it samples, what it cuts, and what the server sees."""

import asyncio
import re

import httpx2
import pytest

from grm.vllm_server import SupervisedBackend
from touchstone_client import RetryPolicy
from touchstone_trainer.generation.errors import Refused
from touchstone_trainer.generation.streaming import Generated, StreamingClient
from touchstone_trainer.generation.wire import Prompt
from touchstone_trainer.streak import FinishReason, StreakCounter, StreakRule, stop_after

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="session")]

GREEDY = {"temperature": 0.0, "ignore_eos": True}
LONG = 12_000
"""Of the server's 12,288 tokens: seconds of work. Far more than a cut sample keeps."""
PROMPTS: dict[str, Prompt] = {"text": "Yes No yes no", "chat": [{"role": "user", "content": "Does it?"}]}


def url(server: SupervisedBackend) -> str:
    assert server.url is not None
    return server.url


async def sample(server: SupervisedBackend, prompt: Prompt, max_tokens: int, rule: StreakRule | None) -> Generated:
    async with StreamingClient(url(server), server.name, rule=rule, retry=RetryPolicy(max_retries=0)) as client:
        return await client.generate(prompt, max_tokens=max_tokens, deadline_s=240, sampling=GREEDY)


def rule_that_stops(logprobs: tuple[float, ...]) -> StreakRule:
    """A rule that stops this sample somewhere: the model knows nothing, so it is never sure of itself by 0.99."""
    threshold = sorted(2.718281828459045**logprob for logprob in logprobs)[len(logprobs) // 4]
    counter = StreakCounter(StreakRule(len(logprobs) + 1, threshold))
    for logprob in logprobs:
        counter.add(logprob)
    return StreakRule(counter.longest, threshold)


async def metric(server: SupervisedBackend, name: str) -> float:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        text = (await http.get(f"{url(server)}/metrics")).text
    return sum(map(float, re.findall(rf"^{re.escape(name)}\{{.*?\}} (\S+)$", text, re.M)))


async def becomes_idle(server: SupervisedBackend) -> None:
    """How much it samples before it notices a client that hung up is its own affair: so tiny a model is fast."""
    for _ in range(600):
        if not await metric(server, "vllm:num_requests_running"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the server did not become idle")


@pytest.mark.parametrize("kind", PROMPTS)
async def test_a_sample_has_ids_and_log_probabilities_of_every_token(roomy: SupervisedBackend, kind: str) -> None:
    """One id and one log-probability a token, as many as were asked for, and `length` as the reason."""
    made = await sample(roomy, PROMPTS[kind], 40, None)
    assert made.token_ids is not None
    assert made.logprobs is not None
    assert (len(made.token_ids), len(made.logprobs), made.finish_reason) == (40, 40, FinishReason.LENGTH)
    assert all(logprob <= 0 for logprob in made.logprobs)


async def test_a_prompt_of_ids_is_the_same_prompt(roomy: SupervisedBackend) -> None:
    """Ids that came out can go in again: the sample goes on where it was."""
    first = await sample(roomy, [5, 6, 7], 20, None)
    assert first.token_ids is not None
    rest = await sample(roomy, [5, 6, 7, *first.token_ids[:10]], 10, None)
    assert rest.token_ids == first.token_ids[10:]


@pytest.mark.parametrize("kind", PROMPTS)
async def test_a_streak_is_cut(roomy: SupervisedBackend, kind: str) -> None:
    """The cut sample is the start of the whole one up to the streak, and the server is left idle."""
    whole = await sample(roomy, PROMPTS[kind], 60, None)
    assert whole.logprobs is not None
    assert whole.token_ids is not None
    rule = rule_that_stops(whole.logprobs)
    kept = stop_after(whole.logprobs, rule)
    assert kept is not None
    made = await sample(roomy, PROMPTS[kind], LONG, rule)
    assert made.finish_reason is FinishReason.REPETITION
    assert made.token_ids == whole.token_ids[:kept]
    assert (made.longest_streak, made.tokens_saved_at_most) == (rule.length, LONG - kept)
    await becomes_idle(roomy)


async def test_cut_and_whole_samples_run_side_by_side(roomy: SupervisedBackend) -> None:
    """One client cuts some of its concurrent samples; the others are whole, and nothing is left running."""
    whole = await sample(roomy, PROMPTS["text"], 60, None)
    assert whole.logprobs is not None
    rule = rule_that_stops(whole.logprobs)
    async with StreamingClient(url(roomy), roomy.name, rule=rule) as client:
        made = await asyncio.gather(
            *(
                client.generate(PROMPTS["text"], max_tokens=tokens, deadline_s=240, sampling=GREEDY)
                for tokens in (LONG, 2, LONG, 2)
            )
        )
    expected = [FinishReason.REPETITION, FinishReason.LENGTH] * 2
    assert [one.finish_reason for one in made] == expected
    await becomes_idle(roomy)


async def test_a_cancelled_sample_is_aborted_too(roomy: SupervisedBackend) -> None:
    """A task that is cancelled leaves no work behind at the server."""
    task = asyncio.create_task(sample(roomy, PROMPTS["text"], LONG, None))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await becomes_idle(roomy)


async def test_an_overlong_request_is_refused_with_the_reason(roomy: SupervisedBackend) -> None:
    """The server's own words come through."""
    with pytest.raises(Refused, match="12288"):
        await sample(roomy, PROMPTS["text"], 100_000, None)
