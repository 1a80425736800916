"""Every hook as its framework calls it, against the running service: rewards, and what it is told without one."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.trainer.adapters.conftest import UNREADABLE
from touchstone_trainer.adapters import areal, easyr1, ms_swift, nemo_gym, open_instruct, openrlhf, prime_rl, slime, trl
from touchstone_trainer.adapters import verl as verl_hook
from touchstone_trainer.adapters.hook import NoVerdict, hook
from touchstone_trainer.adapters.skyrl import Episode

pytestmark = pytest.mark.usefixtures("url")


@dataclass
class SlimeSample:
    """The fields of slime's `Sample` that matter."""

    response: str
    label: Any
    prompt: str = "How much?"
    metadata: dict[str, Any] = field(default_factory=dict)
    group_index: int = 0
    remove_sample: bool = False


def by_trl(response: str, reference: str) -> Any:
    return trl.reward_function()(["How much?"], [response], answer=[reference])[0]


def by_trl_async(response: str, reference: str) -> Any:
    chat = [[{"role": "assistant", "content": response}]]
    return asyncio.run(trl.async_reward_function()(["How much?"], chat, answer=[reference]))[0]


def by_ms_swift(response: str, reference: str) -> Any:
    messages = [[{"role": "user", "content": "How much?"}, {"role": "assistant", "content": response}]]
    return asyncio.run(ms_swift.TouchstoneReward()([response], solution=[reference], messages=messages))[0]


def by_verl(response: str, reference: str) -> Any:
    return asyncio.run(verl_hook.compute_score("source", response, reference, {"index": 0}))["score"]


def by_openrlhf(response: str, reference: str) -> Any:
    told = openrlhf.reward_func(["How much?" + response + "</s>"], ["How much?"], [reference])
    assert told["rewards"] == told["scores"] or math.isnan(told["rewards"][0])
    return told["rewards"][0]


def by_slime(response: str, reference: str) -> Any:
    return asyncio.run(slime.reward(SimpleNamespace(), SlimeSample(response, reference)))


def by_areal(response: str, reference: str) -> Any:
    return areal.reward_fn("How much?", response, [1], [2], answer=reference)


def by_skyrl(response: str, reference: str) -> Any:
    env = Episode(extras={"reward_spec": {"ground_truth": reference}})
    env.init([{"role": "user", "content": "How much?"}])
    told = env.step(response)
    assert told["done"]
    assert told["observations"] == []
    return told["reward"]


def by_prime_rl(response: str, reference: str) -> Any:
    task = {"prompt": "How much?", "answer": reference}
    return asyncio.run(prime_rl.reward(task, SimpleNamespace(last_reply=response)))


def by_rubric(response: str, reference: str) -> Any:
    completion = [{"role": "assistant", "content": response}]
    return asyncio.run(prime_rl.rubric_reward("How much?", completion, reference, {}, {}))


def by_easyr1(response: str, reference: str) -> Any:
    row = {"response": response, "response_length": 3, "ground_truth": reference}
    return easyr1.compute_score([row])[0]["overall"]


def by_open_instruct(response: str, reference: str) -> Any:
    return hook().number(asyncio.run(open_instruct.score(response, reference, "How much?")), open_instruct.NATIVE)


def by_nemo_gym(response: str, reference: str) -> Any:
    return asyncio.run(nemo_gym.verify(gym_row(response, reference)))["reward"]


def gym_row(response: str, reference: str) -> dict[str, Any]:
    text = {"type": "output_text", "text": response, "annotations": []}
    return {
        "responses_create_params": {"input": [{"role": "user", "content": "How much?"}]},
        "response": {"output": [{"type": "reasoning", "summary": []}, {"type": "message", "content": [text]}]},
        "expected_answer": reference,
    }


RAISES = NoVerdict
HOOKS: dict[str, tuple[Callable[[str, str], Any], Any]] = {
    "trl": (by_trl, None),
    "trl_async": (by_trl_async, None),
    "ms_swift": (by_ms_swift, None),
    "verl": (by_verl, RAISES),
    "openrlhf": (by_openrlhf, math.nan),
    "slime": (by_slime, 0.0),
    "areal": (by_areal, RAISES),
    "skyrl": (by_skyrl, 0.0),
    "prime_rl": (by_prime_rl, RAISES),
    "rubric": (by_rubric, RAISES),
    "easyr1": (by_easyr1, 0.0),
    "open_instruct": (by_open_instruct, 0.0),
    "nemo_gym": (by_nemo_gym, 0.0),
}
every_hook = pytest.mark.parametrize("name", HOOKS)


@every_hook
def test_rewards(name: str) -> None:
    """Right is 1, wrong is 0, whatever the framework."""
    score, _ = HOOKS[name]
    assert score("It is \\boxed{0.5}", "\\frac{1}{2}") == 1.0
    assert score("It is \\boxed{0.6}", "\\frac{1}{2}") == 0.0


@every_hook
def test_without_a_reward_the_framework_hears_it_in_its_own_way(name: str) -> None:
    """None, NaN, an error or, where there is nothing better, 0."""
    score, native = HOOKS[name]
    if native is RAISES:
        with pytest.raises(NoVerdict, match="rules"):
            score("\\boxed{4}", UNREADABLE)
    else:
        assert score("\\boxed{4}", UNREADABLE) == pytest.approx(native, nan_ok=True)


@every_hook
@pytest.mark.parametrize(("choice", "told"), [("zero", 0.0), ("value", -0.25), ("raise", RAISES)])
def test_the_user_may_choose_what_is_told(name: str, choice: str, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`on_no_verdict` holds for every framework alike, and leaves rewards alone."""
    monkeypatch.setenv("TOUCHSTONE_REWARD_ON_NO_VERDICT", choice)
    monkeypatch.setenv("TOUCHSTONE_REWARD_NO_VERDICT_VALUE", "-0.25")
    score, _ = HOOKS[name]
    assert score("\\boxed{4}", "4") == 1.0
    if told is RAISES:
        with pytest.raises(NoVerdict):
            score("\\boxed{4}", UNREADABLE)
    else:
        assert score("\\boxed{4}", UNREADABLE) == told


def test_what_had_no_reward_is_counted_by_reason() -> None:
    """Also where the framework only sees a 0."""
    for reference in (UNREADABLE, UNREADABLE, "4"):
        by_skyrl("\\boxed{4}", reference)
    (reason,) = hook().without_reward
    assert reason.startswith("rules: ")
    assert hook().without_reward[reason] == 2


def test_verl_columns_are_the_same_for_every_task() -> None:
    """verl indexes all samples with the first one's columns, and wants numbers or texts."""

    async def both() -> list[dict[str, Any]]:
        settings: dict[str, Any] = {
            "tasks": {"mcq": "choice"},
            "reward_router_address": "x",
            "reward_model_tokenizer": object(),
        }
        return [
            await verl_hook.compute_score("gsm8k", "\\boxed{4}", "4", None, **settings),
            await verl_hook.compute_score("mcq", "The answer is (B).", "B", {"options": {}}, **settings),
        ]

    math_task, choice_task = asyncio.run(both())
    assert math_task.keys() == choice_task.keys()
    assert (math_task["score"], choice_task["score"]) == (1.0, 1.0)
    assert (math_task["task"], choice_task["task"]) == ("math", "choice")
    assert all(isinstance(value, float | str) for value in math_task.values())


def test_slime_masks_the_loss_of_what_has_no_reward() -> None:
    """`remove_sample` on that response alone; in a group its number is the others' mean, which moves no advantage."""
    group = [SlimeSample("\\boxed{4}", "4"), SlimeSample("\\boxed{5}", "4"), SlimeSample("\\boxed{4}", UNREADABLE)]
    assert asyncio.run(slime.reward(SimpleNamespace(), group)) == [1.0, 0.0, 0.5]
    assert [one.remove_sample for one in group] == [False, False, True]


def test_slime_lists_of_several_prompts_are_scored_alone() -> None:
    """Evaluation hands over all its samples in one list."""
    samples = [SlimeSample("\\boxed{4}", "4", group_index=1), SlimeSample("\\boxed{5}", "4", group_index=2)]
    assert asyncio.run(slime.reward(SimpleNamespace(), samples)) == [1.0, 0.0]


def test_slime_reward_keys() -> None:
    """With keys the reward is a dict of which slime takes the key and logs the rest."""
    told = asyncio.run(
        slime.reward(SimpleNamespace(reward_key="score", eval_reward_key="acc"), SlimeSample("\\boxed{4}", "4"))
    )
    assert (told["score"], told["acc"], told["task"]) == (1.0, 1.0, "math")


def test_slime_takes_tasks_from_metadata_and_the_address_from_its_arguments(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """`--rm-url` wins over the environment."""
    monkeypatch.setenv("TOUCHSTONE_REWARD_URL", "http://127.0.0.1:1")
    sample = SlimeSample("(B)", "B", metadata={"task": "choice"})
    assert asyncio.run(slime.reward(SimpleNamespace(rm_url=url), sample)) == 1.0


def test_nemo_gym_masks_with_its_own_words() -> None:
    """The request is echoed, and what is no measurement is marked with a kind and a reason."""
    row = gym_row("\\boxed{4}", UNREADABLE)
    answer = asyncio.run(nemo_gym.verify(row))
    assert answer | row == answer
    assert (answer["mask_sample"], answer["failure_kind"]) == (True, "verifier_error")
    assert answer["failure_reason"]
    scored = asyncio.run(nemo_gym.verify(gym_row("\\boxed{4}", "4")))
    assert (scored["mask_sample"], scored["failure_kind"]) == (False, None)
    assert scored["reward_components"] == {"verifier": 1.0}


def test_classic_rubric_marks_the_rollout() -> None:
    """The rubric itself would turn the error into 0; `state` is what the trainer looks at."""
    state: dict[str, Any] = {}
    with pytest.raises(NoVerdict):
        asyncio.run(prime_rl.rubric_reward("q", [{"role": "assistant", "content": "4"}], UNREADABLE, {}, state))
    assert isinstance(state["error"], NoVerdict)


def test_skyrl_metadata_says_what_the_zero_was() -> None:
    """The log tells a wrong answer from one that could not be scored."""
    env = Episode({"task": "math"}, {"reward_spec": {"ground_truth": UNREADABLE}})
    assert env.step("\\boxed{4}")["metadata"]["scored"] == 0.0
    assert env.get_metrics()["scored"] == 0.0


def test_prompt_that_is_not_found_earns_nothing() -> None:
    """OpenRLHF sends prompt and response in one text; an answer that stands in a prompt is never paid."""
    told = openrlhf.reward_func(["Is it \\boxed{4}? Yes."], ["Another prompt"], ["4"])
    assert math.isnan(told["rewards"][0])
    assert told["extra_logs"]["scored"] == [0.0]


def test_nemo_gym_rows_without_a_response_are_masked() -> None:
    """Nothing was measured."""
    answer = asyncio.run(nemo_gym.verify(gym_row("", "4") | {"response": None}))
    assert (answer["mask_sample"], answer["reward"]) == (True, 0.0)
