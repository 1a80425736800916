"""OpenRLHF, AReaL, SkyRL, ms-swift and the environments library of prime-rl: their own callers call our hooks."""

import asyncio
import atexit
import functools
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace
from typing import Any

import pytest
import skyrl_gym
import torch
from openrlhf.utils.agent import SingleTurnAgentExecutor
from torch import nn

from tests.frameworks.conftest import UNREADABLE, lifted
from touchstone_trainer.adapters import areal, openrlhf, prime_rl
from touchstone_trainer.adapters.hook import NoVerdict
from touchstone_trainer.adapters.ms_swift import TouchstoneReward

PROMPT = "How much is 2+2?<|assistant|>"
ANSWERED = [PROMPT + "It is \\boxed{4}.<|im_end|>"]


def openrlhf_reward(target: str, label: Any) -> dict[str, Any]:
    """As OpenRLHF's rollout worker asks."""
    executor = SingleTurnAgentExecutor(target)
    fetch = executor._fetch_rewards_via_func if executor.reward_func else executor._fetch_rewards_via_http
    (reply,) = asyncio.run(fetch(ANSWERED, [PROMPT], [label]))
    found: dict[str, Any] = reply
    return found


def test_openrlhf_asks_our_endpoint(url: str) -> None:
    """Its own client, its own wire format; NaN comes through."""
    address = f"{url}/get_reward?task=math&on_no_verdict=nan"
    assert openrlhf_reward(address, "4")["rewards"] == [1.0]
    assert openrlhf_reward(address, "5")["scores"] == [0.0]
    reply = openrlhf_reward(address, UNREADABLE)
    assert torch.tensor(reply["rewards"]).isnan().all()
    assert {type(value) for values in reply["extra_logs"].values() for value in values} == {float}


@pytest.mark.usefixtures("url")
def test_openrlhf_loads_our_file() -> None:
    """By its path, called in a thread; the same numbers as over HTTP."""
    assert openrlhf_reward(openrlhf.__file__, "4")["rewards"] == [1.0]
    assert openrlhf_reward(openrlhf.__file__, '{"task": "exact_text", "reference": "no"}')["scores"] == [0.0]
    assert torch.tensor(openrlhf_reward(openrlhf.__file__, UNREADABLE)["rewards"]).isnan().all()


def areal_wrapper() -> Callable[..., Any]:
    """AReaL's wrapper of reward functions; its package imports an inference stack."""
    names = ("AsyncRewardWrapper", "_get_device_count_safely")
    wrapper, _ = lifted(
        "areal",
        "areal/api/reward_api.py",
        *names,
        asyncio=asyncio,
        atexit=atexit,
        os=os,
        threading=threading,
        Callable=Callable,
        ProcessPoolExecutor=ProcessPoolExecutor,
        BrokenProcessPool=BrokenProcessPool,
        partial=functools.partial,
        logger=logging.getLogger("areal"),
    )
    made: Callable[..., Any] = wrapper
    return made


@pytest.mark.usefixtures("url")
def test_areal_wraps_our_function() -> None:
    """In its pool of processes; without a verdict it raises after its tries, and the trajectory is rejected."""
    wrapped = areal_wrapper()(areal.reward_fn, timeout_seconds=60, max_workers=1, max_retries=1)

    async def scored(answer: str) -> Any:
        return await wrapped("How much?", "\\boxed{4}", [1], [2], answer=answer)

    assert asyncio.run(scored("4")) == 1.0
    assert asyncio.run(scored("5")) == 0.0
    with pytest.raises(NoVerdict):
        asyncio.run(scored(UNREADABLE))


@pytest.mark.usefixtures("url")
def test_skyrl_makes_our_environment() -> None:
    """By its registry, with a row's extras; the metrics are aggregated by SkyRL's own function."""
    entry = "touchstone_trainer.adapters.skyrl:TouchstoneEnv"
    skyrl_gym.register(id="touchstone", entry_point=entry)
    environments = []
    for reference, reward in (("4", 1.0), ("5", 0.0), (UNREADABLE, 0.0)):
        env = skyrl_gym.make("touchstone", env_config={}, extras={"reward_spec": {"ground_truth": reference}})
        env.init([{"role": "user", "content": "How much?"}])
        told = env.step("\\boxed{4}")
        assert (told["reward"], told["done"], told["observations"]) == (reward, True, [])
        environments.append(env)
        env.close()
    metrics = [env.get_metrics() for env in environments]
    assert environments[0].aggregate_metrics(metrics)["scored"] == pytest.approx(2 / 3)


@pytest.mark.usefixtures("url")
def test_ms_swift_awaits_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its GRPO scoring, two steps, each in a loop of its own; None becomes NaN."""
    compute, _ = lifted(
        "ms-swift",
        "swift/rl_core/grpo_algorithm.py",
        "compute_rewards_per_func",
        "_is_async_reward",
        torch=torch,
        nn=nn,
        logger=logging.getLogger("swift"),
    )
    columns = {"solution": ["4", "5", UNREADABLE]}
    preprocessor = SimpleNamespace(rows_to_batched=lambda _rows: columns)
    monkeypatch.setitem(sys.modules, "swift.dataset", SimpleNamespace(RowPreprocessor=preprocessor))
    said = [SimpleNamespace(messages=[{"role": "assistant", "content": "\\boxed{4}"}], to_reward_row=dict)] * 3
    for _ in range(2):
        rewards = compute(said, [TouchstoneReward()], None, torch.device("cpu"))
        torch.testing.assert_close(rewards, torch.tensor([[1.0], [0.0], [torch.nan]]), equal_nan=True)


@pytest.mark.usefixtures("url")
def test_prime_rl_invokes_our_plugged_reward() -> None:
    """By the names of its parameters, from the import path in the configuration."""
    (invoke,) = lifted(
        "verifiers",
        "verifiers/v1/utils/decorators.py",
        "invoke",
        inspect=inspect,
        get_type_hints=None,
        get_origin=None,
        Callable=Callable,
        Any=Any,
    )
    task = SimpleNamespace(model_dump=lambda: {"prompt": "How much?", "answer": "4", "name": None})
    available = {"task": task, "trace": SimpleNamespace(last_reply="\\boxed{4}"), "runtime": object()}
    assert asyncio.run(invoke(prime_rl.reward, available)) == 1.0
