"""One training step: what must not change its loss and gradient, and what must."""

import math
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.training.conftest import ALONE, BATCH, MakeConfig, experience, policy_of
from touchstone_trainer.metrics import Mask
from touchstone_trainer.streak import FinishReason
from touchstone_trainer.training.checkpoint import FOLDER, CheckpointError, Checkpoints, Saved
from touchstone_trainer.training.config import RunConfig
from touchstone_trainer.training.distributed import Processes
from touchstone_trainer.training.experience import Experience
from touchstone_trainer.training.policy import frozen_copy
from touchstone_trainer.training.shaping import shaped
from touchstone_trainer.training.step import Learner, Trained

ALL_TOOLS = {
    "loss.kl_weight": 0.1,
    "loss.clip_cov": {"ratio": 0.2, "low": -10.0, "high": 10.0},
    "optimizer.learning_rate": 0.01,
}


def learner_of(config: RunConfig) -> Learner:
    policy = policy_of(config.policy)
    reference = None
    if config.loss.kl_weight > 0:
        reference = frozen_copy(policy.model)
        with torch.no_grad():  # a reference that is not the policy, so that its KL has a gradient
            for weight in reference.parameters():
                weight.mul_(1.1)
    return Learner(config, policy, reference, ALONE)


def trained(config: RunConfig, batch: list[Experience]) -> tuple[Trained, Tensor]:
    """What the step said, and the weights after it."""
    learner = learner_of(config)
    done = learner.train(batch, step=0)
    return done, torch.cat([weight.detach().flatten() for weight in learner.policy.model.parameters()])


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant"])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_micro_batches_change_nothing(make_config: MakeConfig, aggregation: str, rows: int) -> None:
    """Any cut of a step into micro-batches gives the loss, the gradient's norm and the weights of one batch."""
    tools = {**ALL_TOOLS, "loss.aggregation": aggregation}
    whole, weights = trained(make_config({**tools, "optimizer.micro_batch_rows": 100}), BATCH)
    parts, same_weights = trained(make_config({**tools, "optimizer.micro_batch_rows": rows}), BATCH)
    assert parts.updates[0].loss == pytest.approx(whole.updates[0].loss, abs=1e-12)
    assert parts.updates[0].grad_norm == pytest.approx(whole.updates[0].grad_norm, rel=1e-10)
    assert parts.updates[0].held_back == whole.updates[0].held_back == 4  # a fifth of 23 tokens
    torch.testing.assert_close(same_weights, weights, atol=1e-10, rtol=0)


def test_longer_neighbours_change_nothing(make_config: MakeConfig) -> None:
    """A response without a reward, however long, leaves the step as it is without it."""
    config = make_config({"optimizer.learning_rate": 0.01})
    long = experience(2, None, tuple(range(2, 16)), prompt=(4, 9, 10, 11))
    with_it, weights = trained(config, [*BATCH, long])
    without, same_weights = trained(config, BATCH)
    assert with_it.updates[0].loss == pytest.approx(without.updates[0].loss, abs=1e-12)
    assert with_it.plan.masked_sequences[Mask.UNSCORED] == 2
    torch.testing.assert_close(same_weights, weights, atol=1e-12, rtol=0)


def test_step_raises_what_was_paid(make_config: MakeConfig) -> None:
    """After a step the rewarded response is likelier than before, and the unrewarded one less likely."""
    learner = learner_of(make_config({"optimizer.learning_rate": 0.001}))
    pair = [experience(0, 1.0, (7,)), experience(0, 0.0, (12,))]
    before = learner.score(learner.policy.model, pair)[0].sum(-1)
    learner.train(pair, step=0)
    after = learner.score(learner.policy.model, pair)[0].sum(-1)
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_updates_split_a_batch_by_groups(make_config: MakeConfig) -> None:
    """Several optimizer steps of a batch: whole groups each, the first on policy, the next no longer."""
    done, _ = trained(make_config({"optimizer.updates_per_batch": 3, "optimizer.learning_rate": 0.01}), BATCH)
    assert [update.health.responses for update in done.updates] == [3, 3, 2]
    ratios = [update.health.ratio_quantiles for update in done.updates]
    assert ratios[0][0.0] == ratios[0][1.0] == 1.0
    assert ratios[1][1.0] - ratios[1][0.0] > 1e-3


@pytest.mark.parametrize("rewards", [(1.0, 1.0), (0.0, None), (None, None)])
def test_nothing_to_learn_is_no_step(make_config: MakeConfig, rewards: tuple[float | None, float | None]) -> None:
    """A batch without a living group moves no weight, also where the optimizer has momentum."""
    learner = learner_of(make_config({"optimizer.learning_rate": 0.01, "loss.kl_weight": 0.1}))
    learner.train(BATCH, step=0)
    before = [weight.clone() for weight in learner.policy.model.parameters()]
    done = learner.train([experience(0, reward, (7, 1)) for reward in rewards], step=1)
    assert done.updates == ()
    for kept, now in zip(before, learner.policy.model.parameters(), strict=True):
        assert torch.equal(kept, now)


def test_step_that_is_not_finite_is_skipped(make_config: MakeConfig) -> None:
    """A weight that turned NaN costs the step, which says why, and leaves all other weights and moments alone."""
    learner = learner_of(make_config({"optimizer.learning_rate": 0.01}))
    learner.train(BATCH, step=0)
    weights = dict(learner.policy.model.named_parameters())
    with torch.no_grad():
        weights["model.norm.weight"][0] = torch.nan
    before = {name: weight.clone() for name, weight in weights.items()}
    update = learner.train(BATCH, step=1).updates[0]
    assert update.skipped is not None
    assert "not finite" in update.skipped
    for name, weight in weights.items():
        assert torch.equal(weight.nan_to_num(), before[name].nan_to_num()), name
    assert all(state["step"] == 1 for state in learner.optimizer.state.values())


def test_causes_for_which_responses_leave_the_loss(make_config: MakeConfig) -> None:
    """Truncated, cut for repetition, and sampled by an engine that was far off: each is counted under its own cause."""
    batch = [
        experience(0, 1.0, (7, 1)),
        experience(0, 0.0, (9, 10), finish=FinishReason.LENGTH),
        experience(0, 0.0, (12, 12), finish=FinishReason.REPETITION),
        experience(0, 0.0, (13, 1), logprob=-30.0),
        *(experience(0, 0.0, (15, 1)) for _ in range(4)),  # at most a quarter may be taken for anomalies
        experience(0, None, (14, 1)),
    ]
    done, _ = trained(make_config({}), batch)
    assert done.plan.masked_sequences == {"truncated": 1, "streak": 1, "anomaly_drift": 1, "unscored": 1}
    assert done.plan.rows == [0, 4, 5, 6, 7]


NO_ENGINE = {"loss.correction": False, "loss.anomaly": False}


def test_opsm_silences_bad_responses_that_the_policy_left(make_config: MakeConfig) -> None:
    """A bad response that was far likelier when it was sampled costs nothing and still counts; a good one stays."""
    pair = [experience(0, 1.0, (7,), logprob=-0.1), experience(0, 0.0, (12,), logprob=-0.1)]
    without = trained(make_config(NO_ENGINE), pair)[0].updates[0]
    silenced = trained(make_config({**NO_ENGINE, "loss.opsm": {"delta": 0.5}}), pair)[0].updates[0]
    assert (without.off_policy, silenced.off_policy) == (0, 1)
    # Advantages are the root of a half and its negative; two tokens.
    assert [without.loss, silenced.loss] == pytest.approx([0.0, -(0.5**0.5) / 2], abs=1e-5)
    far = make_config({**NO_ENGINE, "loss.opsm": {"delta": 5.0}})
    assert trained(far, pair)[0].updates[0].off_policy == 0


def test_kl_cov_begins_with_the_second_update(make_config: MakeConfig) -> None:
    """It penalises what moved since the rollout: nothing at first, then in proportion to its coefficient."""

    def second(coef: float) -> float:
        tools = {"loss.kl_cov": {"ratio": 0.5, "coef": coef}, "optimizer.updates_per_batch": 2}
        done, _ = trained(make_config({**tools, "optimizer.learning_rate": 0.01}), BATCH)
        first, last = done.updates
        assert (first.penalised, last.penalised) == (0, 3)  # half of the second update's seven tokens
        return last.loss

    none, once, twice = (second(coef) for coef in (0.0, 1.0, 2.0))
    assert once > none
    assert twice - once == pytest.approx(once - none, abs=1e-12)


def test_length_is_shaped_where_rewards_differ(make_config: MakeConfig) -> None:
    """Overlong and brevity move rewards within a group that has a spread; one that is all right keeps its rewards."""
    batch = [
        experience(0, 1.0, (7, 1)),
        experience(0, 1.0, (7, 7, 7, 1)),
        experience(0, 0.0, (7, 7, 1)),
        experience(0, None, (7,)),
        experience(1, 1.0, (7, 1)),
        experience(1, 1.0, (7, 7, 7, 1)),
    ]
    terms = {"overlong": {"margin": 2, "weight": 0.5}, "brevity": {"weight": 0.2, "warmup_steps": 10}}
    config = make_config({"shaping": terms, "rollouts.max_new_tokens": 4})
    # Overlong: 0 up to 2 tokens, half of 0.5 at 3, all of it at 4. Brevity: right ones from 0.5 to -0.5 of the weight;
    # the wrong one lies in the middle and earns 0. Its weight has come half of the way at step 5.
    half = shaped(batch, config, step=5)
    assert half.rewards == pytest.approx([1.05, 0.45, -0.25, math.nan, 1.0, 1.0], nan_ok=True)
    assert half.added == pytest.approx({"overlong": -0.75 / 5, "brevity": 0.0})
    assert shaped(batch, config, step=0).rewards[:3] == pytest.approx([1.0, 0.5, -0.25])
    assert shaped(batch, config, step=99).rewards[:3] == pytest.approx([1.1, 0.4, -0.25])
    done, _ = trained(config, batch)
    assert done.plan.shaping == pytest.approx({"overlong": -0.75 / 5, "brevity": 0.0})
    assert done.plan.advantages.dead.tolist() == [False, True]


@pytest.mark.parametrize(("policy", "rows"), [("mask", [0, 2]), ("zero", [0, 1, 2]), ("score", [0, 1, 2])])
def test_what_a_repetition_earns_is_a_setting(make_config: MakeConfig, policy: str, rows: list[int]) -> None:
    """Cut responses are left out of baseline and loss, paid 0, or paid what their text earned."""
    batch = [
        experience(0, 1.0, (7, 1)),
        experience(0, 1.0, (12, 12), finish=FinishReason.REPETITION),
        experience(0, 0.0, (9, 1)),
    ]
    done, _ = trained(make_config({"loss.repetition": policy, "loss.advantage": "no_std"}), batch)
    assert done.plan.rows == rows
    # baselines: mean of 1 and 0; of 1, 0 and 0; of 1, 1 and 0
    expected = {"mask": [1 / 2, 0, -1 / 2], "zero": [2 / 3, -1 / 3, -1 / 3], "score": [1 / 3, 1 / 3, -2 / 3]}[policy]
    assert done.plan.advantages.values.tolist() == pytest.approx(expected)


def test_idle_passes_take_part_and_count_for_nothing(make_config: MakeConfig) -> None:
    """Processes make the same number of passes; one whose rows ran out has empty ones."""
    first, second = (Processes(rank, 2, torch.device("cpu")) for rank in range(2))
    assert first.passes([5, 6, 7], 1) == [[5], [7]]
    assert second.passes([5, 6, 7], 1) == [[6], []]
    learner = learner_of(make_config({}))
    learner._among = second
    micros = [(micro, batch.mask.shape[0]) for micro, batch in learner._passes(BATCH, [0, 1, 2, 3, 4][:3])]
    assert [rows for _, rows in micros] == [1]


def test_warm_up_begins_again_after_a_reset(make_config: MakeConfig) -> None:
    """Forgetting the moments forgets how far the warm-up had come."""
    learner = learner_of(make_config({"optimizer.warmup_steps": 4, "optimizer.learning_rate": 0.4}))
    rates = [learner.train(BATCH, step=step).learning_rate for step in range(2)]
    learner.forget_moments()
    assert [*rates, learner.train(BATCH, step=2).learning_rate] == pytest.approx([0.1, 0.2, 0.1])
    assert all(state["step"] == 1 for state in learner.optimizer.state.values())


def test_full_disk_leaves_the_last_checkpoint(make_config: MakeConfig, tmp_path: Path) -> None:
    """A checkpoint that finds no room is an error that names the last whole one, and leaves no draft behind."""
    learner = learner_of(make_config({}))
    checkpoints = Checkpoints(tmp_path, keep=2, among=ALONE)
    checkpoints.save(Saved(1, {}, {}, 0), learner)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, unlimited[1]))  # bytes a file; the weights take 340,000
    try:
        with pytest.raises(CheckpointError, match=r"step 2 cannot be saved .* step-00000001 is whole"):
            checkpoints.save(Saved(2, {}, {}, 0), learner)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["step-00000001"]


def test_dropout_never_acts(make_config: MakeConfig) -> None:
    """The policy gives a response the same log-probability twice, also with gradient checkpointing on."""
    build: dict[str, Any] = {**make_config({}).policy.build, "attention_dropout": 0.5}  # type: ignore[dict-item]
    learner = learner_of(make_config({"policy.build": build, "policy.gradient_checkpointing": True}))
    twice = [learner.score(learner.policy.model, BATCH)[0].nan_to_num() for _ in range(2)]
    assert torch.equal(*twice)
    assert learner.train(BATCH, step=0).updates[0].health.ratio_quantiles[1.0] == pytest.approx(1.0, abs=1e-12)
