"""A judge that thinks first: asked in each server's own way, told apart from what it says, never read for a verdict."""

import json
from dataclasses import replace
from typing import Any

import pytest

from grm.asking import Policy
from grm.backend import Capabilities, Reply, ScriptedBackend
from grm.dialects import Dialect, Thinking
from grm.judge import UNCONSTRAINED, judge
from grm.judgement import Candidate, Case, Judgement, Reason, Status, Task
from grm.openai_backend import OpenAIBackend
from grm.probe import probe
from grm.replies import split_thinking
from tests.scripted_openai import Json, Manners, ScriptedOpenAI, completion, polite

THINKS = Policy(votes=1, max_votes=1, thinking=Thinking.ON, thinking_tokens=500, repair=False)
CASE = Case("What is 2 + 3?", (Candidate("a", "It is 5."),), reference="5", task=Task.ANSWER)
ABLE = Capabilities(
    "scripted",
    logprobs=False,
    constraint="structured_outputs",
    thinking_switch=True,
    schema="structured_outputs",
    thinking=Thinking.ON,
    thinks=True,
    thought_schema="structured_outputs",
)
VERDICT = '{"outcome_score": 9}'
TEMPTING = '{"outcome_score": 0} is my first idea.'
"""A whole verdict, given up while thinking."""


async def judged(
    body: dict[str, Any], policy: Policy = THINKS, able: Capabilities = ABLE, protocol: str = "pointwise"
) -> tuple[Judgement, dict[str, Any]]:
    """The judgement from a server that answers so, and what it was asked."""
    with ScriptedOpenAI(lambda asked: Json(body)) as server:
        backend = OpenAIBackend(server.url, model="scripted")
        backend.learn(able)
        (judgement,) = await judge(CASE, protocol, backend, policy, deadline_s=30.0)
        await backend.aclose()
        return judgement, dict(server.asked[0].body)


@pytest.mark.parametrize(
    ("dialect", "budget", "own"),
    [
        (Dialect.VLLM, {"thinking_token_budget": 500}, {}),
        (Dialect.SGLANG, {}, {"separate_reasoning": True}),
        (Dialect.LLAMA_CPP, {"thinking_budget_tokens": 500}, {"cache_prompt": False}),
        (Dialect.OPENAI, {}, {}),
    ],
)
@pytest.mark.parametrize("thinking", Thinking)
async def test_each_server_is_asked_in_its_own_way(
    dialect: Dialect, budget: dict[str, int], own: dict[str, bool], thinking: Thinking
) -> None:
    """Switch, limit and room for the thinking: all where it may think, the switch alone where it may not."""
    able = replace(ABLE, dialect=dialect, thinking_budget=True)
    policy = replace(THINKS, thinking=thinking)
    _, asked = await judged(completion(VERDICT), policy, able)
    switch = asked.pop("chat_template_kwargs", None)
    on = thinking is Thinking.ON
    assert switch == (None if thinking is Thinking.SERVER else {"enable_thinking": on, "thinking": on})
    may_think = thinking is not Thinking.OFF
    assert asked.pop("max_tokens") == policy.max_tokens + (500 if may_think else 0)
    assert asked.pop("temperature") == (policy.temperature if on else 0.0)
    known = {"model", "messages", "top_p", "stream", "seed", "structured_outputs"}
    assert {name: value for name, value in asked.items() if name not in known} == own | (budget if may_think else {})


@pytest.mark.parametrize(
    "body",
    [
        completion(VERDICT, reasoning=TEMPTING),
        completion(VERDICT, reasoning_content=TEMPTING),
        completion(f"<think>{TEMPTING}</think>\n{VERDICT}"),
        completion(f"{TEMPTING}</think>\n{VERDICT}"),
        completion(f"◁think▷{TEMPTING}◁/think▷{VERDICT}"),
        completion(f"[THINK]{TEMPTING}[/THINK]{VERDICT}"),
        completion(
            f"<|channel|>analysis<|message|>{TEMPTING}<|end|><|start|>assistant<|channel|>final<|message|>{VERDICT}"
        ),
    ],
    ids=["vllm", "sglang-llama.cpp", "inline", "closing-tag-only", "kimi", "mistral", "harmony"],
)
async def test_the_verdict_after_the_thinking_counts(body: dict[str, Any]) -> None:
    """Wherever the server puts the thinking, a verdict in there is none, and the one after it is read."""
    judgement, _ = await judged(body)
    assert (judgement.status, judgement.reward) == (Status.SCORED, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        completion(None, reasoning=VERDICT),
        completion("", reasoning_content=VERDICT),
        completion(f"<think>{VERDICT}</think>"),
        completion(f"{VERDICT}</think>"),
        completion(f"<think>{VERDICT}"),
    ],
    ids=["content-null", "content-empty", "inline", "closing-tag-only", "never-closed"],
)
@pytest.mark.parametrize(("finish_reason", "reason"), [("stop", Reason.NO_VERDICT), ("length", Reason.TRUNCATED)])
async def test_a_verdict_in_the_thinking_alone_is_none(
    body: dict[str, Any], finish_reason: str, reason: Reason
) -> None:
    """Thought and not said, or cut short while thinking: unscored, with the reason, never the thought's verdict."""
    cut = json.loads(json.dumps(body))
    cut["choices"][0]["finish_reason"] = finish_reason
    judgement, _ = await judged(cut)
    assert (judgement.status, judgement.reward, judgement.reason) == (Status.UNSCORED, None, reason)


async def test_a_label_is_never_thought_about() -> None:
    """One token is asked for: the switch says off whatever the policy says."""
    table = {"Yes": 0.9, "No": 0.05}
    _, asked = await judged(completion("Yes", table), able=replace(ABLE, logprobs=True), protocol="label")
    assert asked["chat_template_kwargs"]["enable_thinking"] is False
    assert asked["max_tokens"] == 1


async def test_a_label_filed_under_thinking_is_not_read() -> None:
    """A server that thinks although told not to gives no label: unscored, not a no."""
    table = {"Okay": 0.9, "Yes": 0.05}
    body = completion(None, table, finish_reason="length", reasoning="Okay")
    judgement, _ = await judged(body, able=replace(ABLE, logprobs=True), protocol="label")
    assert (judgement.reward, judgement.reason) == (None, Reason.TRUNCATED)


async def test_the_schema_stays_away_where_it_would_keep_the_judge_from_thinking() -> None:
    """The probe saw a grammar from the first token: the judge thinks, its reply is parsed, and the flag says so."""
    able = replace(ABLE, thought_schema="none")
    judgement, asked = await judged(completion(f"Fine: {VERDICT}", reasoning="Hm."), able=able)
    assert "structured_outputs" not in asked
    assert judgement.reward == 1.0
    assert UNCONSTRAINED in judgement.flags


async def test_without_a_biting_schema_the_judge_is_parsed_and_says_so() -> None:
    """No schema is sent to a server that drops it; what cannot be read stays unscored."""
    able = replace(ABLE, schema="none")
    plain = replace(THINKS, thinking=Thinking.OFF)
    read, asked = await judged(completion(f"```json\n{VERDICT}\n```"), plain, able)
    unread, _ = await judged(completion("Nine, I would say."), plain, able)
    assert not {"structured_outputs", "response_format"} & set(asked)
    assert (read.reward, unread.reward) == (1.0, None)
    assert UNCONSTRAINED in read.flags


async def test_the_probe_and_the_judge_agree_end_to_end() -> None:
    """A thinking server is probed, then judged with: thinking on, the schema after it, nothing flagged."""
    manners = Manners(owner="vllm", thinking="Let me see.", honours=["structured_outputs"])
    with ScriptedOpenAI(polite(manners)) as server:
        backend = OpenAIBackend(server.url, thinking=Thinking.ON)
        await probe(backend)
        (judgement,) = await judge(CASE, "pointwise", backend, THINKS, deadline_s=30.0)
        await backend.aclose()
    assert (judgement.reward, judgement.flags) == (0.0, ())


async def test_the_repair_is_not_thought_about() -> None:
    """Copying a verdict into a form needs no thinking, and no room for it."""
    replies = iter([Reply("Nine of nine: 9.", "m", "stop"), Reply("no", "m", "stop")])
    backend = ScriptedBackend(lambda _: next(replies), capabilities=ABLE)
    await judge(CASE, "pointwise", backend, replace(THINKS, repair=True), deadline_s=5.0)
    assert [asked.thinking for asked in backend.asked] == [Thinking.ON, Thinking.OFF]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"comment": "it ends in </think>", "outcome_score": 2}',
            '{"comment": "it ends in </think>", "outcome_score": 2}',
        ),
        ("<think>a</think><think>b</think>c", "c"),
        ("<think>a<think>b</think>c</think>d", "d"),
        ("a</think>b</think>c", "c"),
        ('<thinking depth="3">a</thinking>b', "b"),
        ("<THINK>a</THINK>b", "b"),
        ("no tags", "no tags"),
        ("x < think > y", "x < think > y"),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    """Blocks go, what stands outside them stays, and a tag quoted in a JSON verdict is a quote."""
    assert split_thinking(text)[1].strip() == said
