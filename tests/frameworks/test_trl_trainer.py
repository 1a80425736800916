"""TRL 1.16 trains with our trainer."""

import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import trl
from datasets import Dataset
from trl import GRPOTrainer
from trl.trainer.utils import get_callable_name, is_async_callable

from tests.frameworks import tiny
from tests.frameworks.conftest import ROOT
from tests.frameworks.test_trl import rows, settings
from touchstone_trainer.adapters import trl_trainer
from touchstone_trainer.adapters.trl import async_reward_function, reward_function
from touchstone_trainer.adapters.trl_trainer import HELD, WEIGHTS, Stability, TouchstoneGRPOTrainer, _mask
from touchstone_trainer.anomaly import AnomalyLimits
from touchstone_trainer.clip_cov import ClipCov, clip_cov_loss, select_clip_cov
from touchstone_trainer.corrections import ICEPOP
from touchstone_trainer.losses import Clip, aggregate, step_denominator
from touchstone_trainer.streak import RepetitionReward, StreakRule

pytestmark = pytest.mark.usefixtures("url")


def test_functions_reach_trl_workers_pickled() -> None:
    """TRL's own name and kind survive pickling."""
    for function in pickle.loads(pickle.dumps([reward_function("a"), async_reward_function("b")])):
        assert (get_callable_name(function), is_async_callable(function)) in {("a", False), ("b", True)}


ALL_ON = Stability(
    importance=ICEPOP,
    anomaly=AnomalyLimits(),
    clip_cov=ClipCov(ratio=0.2, low=-100.0, high=100.0),
    streak=StreakRule(length=3, threshold=0.5),
    fp64_routing=True,
)


def test_our_trainer_trains_experts_with_every_tool(tmp_path: Path) -> None:
    """FP64 routing, IcePop, anomaly mask, Clip-Cov and streak stop together: the weights change and all is logged."""
    model = tiny.experts()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    trainer = TouchstoneGRPOTrainer(
        model,
        [lambda completions, **_: [float(len(set(text)) % 3) for text in completions]],
        args=settings(tmp_path, epsilon=1.0, epsilon_high=1.0),
        train_dataset=rows(),
        processing_class=tiny.tokenizer(),
        stability=ALL_ON,
    )
    trainer.train()
    first = trainer.state.log_history[0]
    assert {
        f"touchstone/{name}" for name in ("streak/cut_share", "importance/out_of_bounds", "clip_cov/held_share")
    } <= set(first)
    assert first["touchstone/anomaly/healthy"] == 1.0
    assert first["touchstone/clip_cov/held_share"] > 0.0
    # One model, two passes: the engine is the policy itself.
    assert first["touchstone/importance/out_of_bounds"] == 0.0
    assert any(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
    assert all(weight.isfinite().all() for weight in model.parameters())


def ready(folder: Path, stability: Stability, **changed: Any) -> TouchstoneGRPOTrainer:
    """A trainer that stands before its loss; a dense model, so that nothing but the surrogate is in it."""
    trainer = TouchstoneGRPOTrainer(
        tiny.dense(),
        [lambda completions, **_: [0.0] * len(completions)],
        args=settings(folder, **changed),
        train_dataset=rows(),
        processing_class=tiny.tokenizer(),
        stability=stability,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def micro_batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    mask = torch.ones(4, 10, dtype=torch.long)
    mask[0, 6:] = 0
    return {
        "prompt_ids": torch.randint(2, 258, (4, 5)),
        "prompt_mask": torch.ones(4, 5, dtype=torch.long),
        "completion_ids": torch.randint(2, 258, (4, 10)),
        "completion_mask": mask,
        "advantages": torch.tensor([1.0, -1.0, 0.5, -0.5]),
        "old_per_token_logps": torch.randn(4, 10) * 0.3 - 5.5,
        "num_items_in_batch": mask.sum(),
    }


def test_clip_cov_in_trl_is_ours(tmp_path: Path) -> None:
    """Loss and gradient of TRL's surrogate with held-back tokens are those of `clip_cov_loss` for the same draw."""
    cov = ClipCov(ratio=0.2, low=-100.0, high=100.0)
    trainer = ready(
        tmp_path,
        Stability(importance=None, anomaly=None, streak=None, clip_cov=cov),
        loss_type="bnpo",
        beta=0.0,
        epsilon=0.2,
        epsilon_high=0.28,
    )
    inputs = micro_batch()
    trainer._hold_back([inputs], cov)
    weights = list(trainer.model.parameters())
    theirs = trainer._compute_loss(trainer.model, inputs)
    their_gradient = torch.autograd.grad(theirs, weights)

    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    logp = GRPOTrainer._get_per_token_logps_and_entropies(trainer, trainer.model, ids, attention, 10)[0]
    mask, old, advantages = inputs["completion_mask"].bool(), inputs["old_per_token_logps"], inputs["advantages"]
    clip = Clip(low=0.2, high=0.28)
    again = torch.Generator().manual_seed(trainer.args.seed * 1_000_003)
    held = select_clip_cov(logp.detach(), old, advantages, mask, cov, clip=clip, generator=again)
    assert held.chosen.sum() > 0
    loss = clip_cov_loss(logp, old, advantages, mask, held.chosen, clip=clip).loss
    ours = aggregate(loss, mask, step_denominator(mask))
    torch.testing.assert_close(theirs, ours)
    torch.testing.assert_close(their_gradient, torch.autograd.grad(ours, weights), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "drawn", "passes"),
    [
        ({}, [3, 3, 3, 3], 4),  # the passes are IcePop's, one a generation
        # Two optimizer steps to a generation, and every generation twice: scored again but for the first.
        ({"steps_per_generation": 6, "num_iterations": 2}, [3, 3, 3, 3], 9),
        # A step that is generated in parts is drawn in parts.
        ({"steps_per_generation": 1}, [1] * 12, 12),
    ],
    ids=["once", "reused", "in-parts"],
)
def test_clip_cov_is_drawn_over_the_optimizer_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], drawn: list[int], passes: int
) -> None:
    """One draw for all micro-batches of a step, by the policy as that step finds it; each gets its own tokens."""
    cov = ClipCov(ratio=0.05, low=-100.0, high=100.0)
    trainer = TouchstoneGRPOTrainer(
        tiny.dense(),
        [lambda completions, **_: [float(len(set(text)) % 3) for text in completions]],
        args=settings(
            tmp_path,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=3,
            max_steps=4,
            learning_rate=0.01,
            **changed,
        ),
        train_dataset=Dataset.from_list(list(rows()) * 4),
        processing_class=tiny.tokenizer(),
        stability=Stability(clip_cov=cov, streak=None),
    )
    sizes: list[int] = []
    used: list[int] = []
    scored: list[int] = []
    hold_back, compute_loss = TouchstoneGRPOTrainer._hold_back, TouchstoneGRPOTrainer._compute_loss
    scored_again = TouchstoneGRPOTrainer._scored_again

    def held(self: Any, micros: Any, settings: ClipCov) -> None:
        sizes.append(len(micros))
        hold_back(self, micros, settings)
        assert sum(int(micro[HELD].sum()) for micro in micros) == int(
            cov.ratio * sum(int(_mask(micro).sum()) for micro in micros)
        )

    def loss(self: Any, model: Any, inputs: Any) -> Any:
        used.append(int(inputs[HELD].sum()))
        return compute_loss(self, model, inputs)

    def again(self: Any, output: Any) -> Any:
        scored.append(len(output["completion_ids"]))
        return scored_again(self, output)

    monkeypatch.setattr(TouchstoneGRPOTrainer, "_scored_again", again)
    monkeypatch.setattr(TouchstoneGRPOTrainer, "_hold_back", held)
    monkeypatch.setattr(TouchstoneGRPOTrainer, "_compute_loss", loss)
    trainer.train()
    assert sizes == drawn
    assert len(scored) == passes
    assert len(used) == 12
    assert sum(used) > 0


def test_clip_cov_is_drawn_over_all_processes(tmp_path: Path) -> None:
    """Two processes hold back one share of both their tokens, not each a share of its own rounded down."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [sys.executable, *launcher, "-m", "tests.frameworks.two_processes", str(tmp_path)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    parts = [(tmp_path / f"{rank}.jsonl").read_text().splitlines() for rank in range(2)]
    for draws in zip(*parts, strict=True):
        held, tokens = (
            sum(column) for column in zip(*(count for draw in draws for count in json.loads(draw)), strict=True)
        )
        assert held == int(0.05 * tokens)


def test_icepop_in_trl_is_a_weight(tmp_path: Path) -> None:
    """Weights as per-token advantages cost what weights on TRL's losses cost, and a weight of 0 silences a token."""
    trainer = ready(tmp_path, Stability(importance=None, anomaly=None, streak=None), loss_type="bnpo", beta=0.0)
    inputs = micro_batch()
    weights = torch.tensor([0.0, 0.5, 2.0, 1.0]).unsqueeze(-1).expand(4, 10).contiguous()
    parts = []
    for row in range(4):
        alone = inputs | {"advantages": inputs["advantages"] * (torch.arange(4) == row)}
        parts.append(trainer._compute_loss(trainer.model, alone) * weights[row, 0])
    whole = trainer._compute_loss(trainer.model, inputs | {WEIGHTS: weights})
    torch.testing.assert_close(whole, sum(parts))


def test_engine_mismatch_is_weighed_and_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is off on one row: IcePop drops its tokens, the anomaly mask takes the row out of the loss."""
    trainer = ready(tmp_path, Stability(clip_cov=None, streak=None))
    generate = TouchstoneGRPOTrainer._generate_single_turn

    def off(self: Any, *args: Any, **kwargs: Any) -> Any:
        ids, logprobs = generate(self, *args, **kwargs)
        assert logprobs is not None
        return ids, [[one - 3.0 * (row == 0) for one in found] for row, found in enumerate(logprobs)]

    monkeypatch.setattr(TouchstoneGRPOTrainer, "_generate_single_turn", off)
    output = trainer._generate_and_score_completions([dict(rows()[0]) for _ in range(4)])
    mask = output["completion_mask"].bool()
    assert (output[WEIGHTS][0] == 0).all()
    torch.testing.assert_close(output[WEIGHTS][1:][mask[1:]], torch.ones(int(mask[1:].sum())), rtol=1e-3, atol=1e-3)
    assert output["tool_mask"].bool()[0].sum() == 0
    assert torch.equal(output["tool_mask"].bool()[1:], mask[1:])
    assert output["num_items_in_batch"] == mask[1:].sum()


@pytest.mark.parametrize(("policy", "left"), [(RepetitionReward.MASK, 0), (RepetitionReward.ZERO, 3)])
def test_streaks_are_cut_and_paid_as_asked(tmp_path: Path, policy: RepetitionReward, left: int) -> None:
    """Rows that repeat themselves end at the third sure token; masked, they leave the loss, else they earn 0."""
    trainer = ready(tmp_path, Stability(streak=StreakRule(length=3, threshold=0.5), streak_reward=policy, anomaly=None))
    head = trainer.model.lm_head
    with torch.no_grad():  # every next token is sure to be the same
        head.weight.zero_()
    head.register_forward_hook(lambda _module, _inputs, logits: logits.index_fill(-1, torch.tensor([70]), 50.0))
    output = trainer._generate_and_score_completions([dict(rows()[0]) for _ in range(4)])
    assert output["completion_ids"].shape[1] == 3
    assert output["tool_mask"].sum(-1).tolist() == [left] * 4


def test_streaks_from_vllm_are_cut_afterwards(tmp_path: Path) -> None:
    """Tokens that an engine has written already are dropped from the end of the streak on; None is no probability."""
    trainer = ready(tmp_path, Stability(streak=StreakRule(length=3, threshold=0.9), anomaly=None))
    sure, unsure = -0.01, -2.0
    told = [[[unsure], [sure], [sure], [sure], [sure]], [[sure], [sure], [None], [sure], [sure]]]
    trainer.use_vllm, trainer._last_loaded_step = True, trainer.state.global_step
    # The engine itself needs a GPU; TRL's own reading of what it says is what runs here.
    trainer.vllm_generation = SimpleNamespace(generate=lambda **_: (None, [[7] * 5, [8] * 5], told, None))
    ids, logprobs = trainer._generate_single_turn([[5, 6]] * 2, None, {}, 2)
    assert ids == [[7] * 4, [8] * 5]
    assert logprobs == [[unsure, sure, sure, sure], [sure, sure, None, sure, sure]]
    assert trainer._cut == [True, False]


def test_another_trl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its private methods may have changed; the error says what to do."""
    monkeypatch.setattr(trl, "__version__", "1.17.0")
    with pytest.raises(ImportError, match=r"1\.16\.\* and this is 1\.17\.0"):
        importlib.reload(trl_trainer)
