"""verl 0.9 loads our hooks by its own configuration and calls them; so it does our loss and advantages."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo import core_algos
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
from verl.trainer.ppo.reward import load_reward_manager, resolve_reward_manager_cls
from verl.utils.reward_score import sandbox_fusion
from verl.workers.config import ActorConfig
from verl.workers.config.actor import PolicyLossConfig

from tests.frameworks import tiny
from tests.frameworks.conftest import UNREADABLE
from tests.trainer.stability.vectors import numbers, params, required
from touchstone_trainer.adapters import verl_algorithms
from touchstone_trainer.adapters.hook import NoVerdict
from touchstone_trainer.adapters.verl import TouchstoneRewardManager

# verl imports Ray's state API by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:Ray state API is no longer experimental:DeprecationWarning")
OURS = "pkg://touchstone_trainer.adapters.verl"


def config(manager: dict[str, Any], **reward_kwargs: Any) -> Any:
    custom = {"path": OURS, "name": "compute_score", "reward_kwargs": reward_kwargs}
    return OmegaConf.create({"reward": {"custom_reward_function": custom, "reward_manager": manager}})


NAIVE = {"source": "register", "name": "naive"}
MANAGER = {"source": "importlib", "name": "TouchstoneRewardManager", "module": {"path": OURS}}
either = pytest.mark.parametrize("manager", [NAIVE, MANAGER], ids=["compute_score", "manager"])


def rollout(response: str, reference: str, source: str = "gsm8k") -> DataProto:
    """One padded rollout, with the columns that verl's dataset gives."""
    coder = tiny.tokenizer()
    ids = coder(response)["input_ids"] + [coder.eos_token_id]
    width = len(ids) + 3
    attention = [1] * 4 + [1] * len(ids) + [0] * 3
    batch = {
        "prompts": torch.tensor([[5, 6, 7, 8]]),
        "responses": torch.tensor([ids + [0] * 3]),
        "attention_mask": torch.tensor([attention]),
    }
    assert batch["responses"].shape[1] == width
    columns = {
        "data_source": source,
        "reward_model": {"style": "rule", "ground_truth": reference},
        "extra_info": {"index": 0},
        "raw_prompt": [{"role": "user", "content": "How much?"}],
    }
    rows = {name: np.array([value, None], dtype=object)[:1] for name, value in columns.items()}
    return DataProto(batch=TensorDict(batch, batch_size=1), non_tensor_batch=rows)


def run(manager: dict[str, Any], data: list[DataProto], **reward_kwargs: Any) -> list[Any]:
    async def all_at_once() -> list[Any]:
        loaded = load_reward_manager(config(manager, **reward_kwargs), tiny.tokenizer())
        loaded.loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loaded.run_single(one) for one in data), return_exceptions=True)

    return asyncio.run(all_at_once())


@either
def test_verl_scores_with_our_hook(manager: dict[str, Any], url: str) -> None:
    """Found by `pkg://`, awaited, with the same columns for every task."""
    rollouts = [
        rollout("It is \\boxed{0.5}.", "\\frac{1}{2}"),
        rollout("It is \\boxed{0.6}.", "\\frac{1}{2}"),
        rollout("(B)", "B", "mcq"),
    ]
    told = run(manager, rollouts, url=url, tasks={"mcq": "choice"})
    assert [one["reward_score"] for one in told] == [1.0, 0.0, 1.0]
    extras = [one["reward_extra_info"] for one in told]
    assert extras[0].keys() == extras[1].keys() == extras[2].keys()
    assert [one["task"] for one in extras] == ["math", "math", "choice"]
    for name in extras[0]:
        assert np.array([one[name] for one in extras]).dtype != object


@either
def test_verl_hears_of_no_verdict_as_an_error_or_nan(manager: dict[str, Any], url: str) -> None:
    """The trainer marks the group failed on an error; NaN is for our advantage estimator."""
    (error,) = run(manager, [rollout("\\boxed{4}", UNREADABLE)], url=url)
    assert isinstance(error, NoVerdict)
    choice = {"on_no_verdict": "value", "no_verdict_value": float("nan")}
    (told,) = run(manager, [rollout("\\boxed{4}", UNREADABLE)], url=url, **choice)
    assert np.isnan(told["reward_score"])


def test_verl_assembles_our_scores() -> None:
    """The colocated path puts each reward on the last token."""
    assert resolve_reward_manager_cls(config(MANAGER)) is TouchstoneRewardManager
    data = rollout("ab", "x")
    scores = TouchstoneRewardManager.assemble_rm_scores(data, [0.5])
    assert scores[0].tolist() == [0.0, 0.0, 0.5, 0.0, 0.0, 0.0]


def test_verl_runs_programs_in_our_sandbox(url: str) -> None:
    """verl's own SandboxFusion client against `/run_code`."""
    tests = json.dumps({"inputs": ["2\n", "5\n"], "outputs": ["4\n", "10\n"]})
    right, wrong = ("```python\nprint(2 * int(input()))\n```", "```python\nprint(4)\n```")
    address = f"{url}/run_code"
    scores = [
        sandbox_fusion.compute_score(address, None, 1024, program, tests, continuous=True)[0]
        for program in (right, wrong)
    ]
    assert scores == [1.0, 0.5]


def actor(*, clip_cov: tuple[float, float, float] = (0.0, -100.0, 100.0), **changed: Any) -> ActorConfig:
    """An actor's configuration; `clip_cov` is share, lower and upper bound."""
    names = ("clip_cov_ratio", "clip_cov_lb", "clip_cov_ub")
    loss = PolicyLossConfig(loss_mode="touchstone", **dict(zip(names, clip_cov, strict=True)))
    bounds: dict[str, Any] = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28} | changed
    made = ActorConfig(
        strategy="fsdp",
        rollout_n=1,
        use_dynamic_bsz=True,
        ppo_micro_batch_size_per_gpu=1,
        policy_loss=loss,
        **bounds,
    )
    made.global_batch_info.update(dp_size=1, batch_num_tokens=None, global_batch_size=None, loss_scale_factor=None)
    return made


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    mask = torch.ones(4, 9, dtype=torch.bool)
    mask[1, 4:] = False
    old = torch.randn(4, 9, dtype=torch.float64) - 3
    return {
        "old_log_prob": old,
        "log_prob": (old + torch.randn(4, 9, dtype=torch.float64) * 0.8).requires_grad_(),
        "advantages": torch.tensor([1.0, -1.0, 0.5, -2.0], dtype=torch.float64).unsqueeze(-1) * mask,
        "response_mask": mask,
    }


NO_DUAL = 1e9
# Low, high and dual bounds by the names of the vectors.
CLIPS = {
    "sym_0.2": (0.2, 0.2, 3.0),
    "clip_higher_0.2_0.28": (0.2, 0.28, 3.0),
    "dual_clip_c3": (0.2, 0.28, 3.0),
    "dual_clip_c1.2": (0.2, 0.28, 1.2),
    "no_dual_clip_0.2_0.28": (0.2, 0.28, NO_DUAL),
}
UNDRAWN = [
    case
    for case in params("clip_cov", "clip_cov_cases")
    if case.values[0] is None or case.values[0][1]["deterministic"]
]
MODES = ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("weighted", [False, True])
def test_our_loss_in_verl_is_verls_without_clip_cov(mode: str, weighted: bool) -> None:
    """Clip-higher, dual clip, rollout weights and every aggregation: loss and gradient as verl's `vanilla`."""
    given = tensors()
    weights = torch.rand(4, 9, dtype=torch.float64) * given["response_mask"] if weighted else None
    found = []
    for name in ("touchstone", "vanilla"):
        loss, _ = get_policy_loss_fn(name)(
            **given, loss_agg_mode=mode, config=actor(clip_ratio_c=3.0), rollout_is_weights=weights
        )
        (gradient,) = torch.autograd.grad(loss, given["log_prob"])
        found.append((loss, gradient))
    torch.testing.assert_close(found[0], found[1])


def test_our_clip_cov_in_verl_is_verls_when_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a share that takes every candidate there is no chance left; dual clip, which verl's has not, stays out."""
    given = tensors()
    found = []
    for name in ("touchstone", "clip_cov"):
        settings = actor(clip_cov=(1.0, -100.0, 100.0), clip_ratio_c=NO_DUAL)
        loss, metrics = get_policy_loss_fn(name)(**given, config=settings)
        (gradient,) = torch.autograd.grad(loss, given["log_prob"])
        found.append((loss, gradient))
        assert metrics["actor/ppo_kl"] == pytest.approx(
            core_algos.verl_F.masked_mean(given["old_log_prob"] - given["log_prob"], given["response_mask"]).item()
        )
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-7)


def test_our_advantages_in_verl_are_verls_where_all_is_scored() -> None:
    """GRPO with and without the deviation; groups are named by verl's uids in any order."""
    rewards = torch.zeros(5, 3, dtype=torch.float64)
    rewards[:, 2] = torch.tensor([1.0, 0.0, 1.0, 0.25, 0.75])
    mask = torch.ones(5, 3, dtype=torch.float64)
    uids = np.array(["b", "a", "a", "b", "b"], dtype=object)
    for by_std in (True, False):
        settings = OmegaConf.create({"norm_adv_by_std_in_grpo": by_std})
        given = {"token_level_rewards": rewards, "response_mask": mask, "index": uids}
        ours, returns = get_adv_estimator_fn("touchstone")(**given, config=settings)
        theirs, _ = core_algos.compute_grpo_outcome_advantage(**given, norm_adv_by_std_in_grpo=by_std)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        assert returns is ours


def test_our_advantages_leave_nan_out() -> None:
    """Rewards 1, 0, NaN: mean 1/2 over the two; the third has no advantage."""
    rewards = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, torch.nan]])
    ours, _ = verl_algorithms.advantages(
        rewards, torch.ones(3, 2), ["g", "g", "g"], OmegaConf.create({"norm_adv_by_std_in_grpo": False})
    )
    assert ours.tolist() == [[0.5, 0.5], [-0.5, -0.5], [0.0, 0.0]]


def test_verl_imports_us_in_every_process() -> None:
    """`VERL_USE_EXTERNAL_MODULES` is all that it takes."""
    code = "import verl; from verl.trainer.ppo import core_algos as c; c.get_policy_loss_fn('touchstone')"
    variable = {"VERL_USE_EXTERNAL_MODULES": "touchstone_trainer.adapters.verl_algorithms"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variable, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", params("policy_loss", "verl_vanilla"))
def test_our_loss_in_verl_meets_the_vectors(case: tuple[int, dict[str, Any]]) -> None:
    """All clips, aggregations and weights, gradients too."""
    _, given = case
    inputs = required("policy_loss")["inputs"]
    bounds: dict[str, Any] = dict(
        zip(("clip_ratio_low", "clip_ratio_high", "clip_ratio_c"), CLIPS[given["clip"]], strict=True)
    )
    logp = numbers(inputs["logprobs"]).requires_grad_()
    loss, _ = get_policy_loss_fn("touchstone")(
        old_log_prob=numbers(inputs["old_logprobs"]),
        log_prob=logp,
        advantages=numbers(inputs["advantages_seq"]).unsqueeze(-1) * numbers(inputs["mask"]),
        response_mask=numbers(inputs["mask"]).bool(),
        loss_agg_mode=given["agg"],
        config=actor(**bounds),
        rollout_is_weights=numbers(inputs["is_weights"]) if given["is_weights"] else None,
    )
    assert loss.item() == pytest.approx(given["loss"], abs=1e-7)
    (gradient,) = torch.autograd.grad(loss, logp)
    torch.testing.assert_close(gradient, numbers(given["grad_logprobs"]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("case", UNDRAWN)
def test_our_clip_cov_in_verl_meets_the_vectors(case: tuple[int, dict[str, Any]]) -> None:
    """Where chance has no part; the others are compared draw by draw in the tests of the pure functions."""
    _, given = case
    bounds, (run,) = given["params"], given["runs"]
    logp = numbers(given["logprobs"]).requires_grad_()
    loss, _ = get_policy_loss_fn("touchstone")(
        old_log_prob=numbers(given["old_logprobs"]),
        log_prob=logp,
        advantages=numbers(given["advantages"]),
        response_mask=numbers(given["mask"]).bool(),
        config=actor(
            clip_cov=(bounds["clip_cov_ratio"], bounds["lb"], bounds["ub"]),
            clip_ratio_low=bounds["clip_low"],
            clip_ratio_high=bounds["clip_high"],
            clip_ratio_c=NO_DUAL,
        ),
    )
    assert loss.item() == pytest.approx(run["loss"], abs=1e-7)
    (gradient,) = torch.autograd.grad(loss, logp)
    torch.testing.assert_close(gradient, numbers(run["grad_logprobs"]), rtol=0, atol=1e-7)
