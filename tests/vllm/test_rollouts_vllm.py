"""The trainer's rollouts against a real vLLM server: token ids, log-probabilities, seeds and the check before a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from grm.vllm_server import SupervisedBackend
from touchstone_trainer.streak import FinishReason, StreakRule
from touchstone_trainer.training.config import ConfigError, PolicyConfig, RolloutConfig
from touchstone_trainer.training.policy import Policy, load_policy
from touchstone_trainer.training.rollouts.completion import Request
from touchstone_trainer.training.rollouts.server import ServerRollouts

pytestmark = pytest.mark.vllm

SAME = 1e-3
"""Nats. Two engines in float32; a wrong token or temperature differs by tenths."""


@pytest.fixture(scope="module")
def policy(tiny_model: str) -> Policy:
    """The weights that the server has."""
    return load_policy(PolicyConfig(path=tiny_model), temperature=1.0, seed=0, device=torch.device("cpu"))


@pytest.fixture
def rollouts_of(server: SupervisedBackend, policy: Policy, tmp_path: Path) -> Iterator[object]:
    opened: list[ServerRollouts] = []

    def make(
        temperature: float = 1.0, streak: StreakRule | bool = False, command: tuple[str, ...] = ("true",)
    ) -> ServerRollouts:
        config = RolloutConfig.model_validate(
            {
                "engine": "server",
                "server": {"url": f"{server.url}/v1", "model": server.name, "reload_command": command},
                "temperature": temperature,
                "streak": streak,
                "max_new_tokens": 24,
            }
        )
        assert config.server is not None
        policy.temperature = temperature
        opened.append(ServerRollouts(policy, config, config.server, lambda: tmp_path, first=True))
        return opened[-1]

    yield make
    policy.temperature = 1.0
    for one in opened:
        one.close()


def requests(policy: Policy, count: int) -> list[Request]:
    prompts = [tuple(policy.tokenizer.encode(text)) for text in ("Yes No yes", "system user")]
    return [Request(prompts[seed % 2], seed) for seed in range(count)]


def test_server_samples_from_the_policy(policy: Policy, rollouts_of) -> None:  # type: ignore[no-untyped-def]
    """Token ids and log-probabilities are those that training computes, end token and all; endings are told apart."""
    asked = requests(policy, 24)
    found = list(rollouts_of().generate(asked))
    batch = policy.batch([one.prompt_ids for one in asked], [one.token_ids for one in found])
    with torch.no_grad():
        own = policy.logprobs(batch).logprobs
    for row, one in enumerate(found):
        assert own[row, : len(one.token_ids)].tolist() == pytest.approx(one.logprobs, abs=SAME)
        ended = one.finish is FinishReason.STOP
        assert (one.token_ids[-1] in policy.end_ids) is ended
        assert ended or len(one.token_ids) == 24
    assert len({one.token_ids for one in found}) > 12


def test_seeds_and_greedy_repeat(policy: Policy, rollouts_of) -> None:  # type: ignore[no-untyped-def]
    """The same seed gives the same response again, and evaluation takes the likeliest whatever the seed."""
    engine = rollouts_of()
    asked = requests(policy, 4)
    assert [one.token_ids for one in engine.generate(asked)] == [one.token_ids for one in engine.generate(asked)]
    one, other = engine.generate([Request(asked[0].prompt_ids, seed) for seed in (1, 2)], greedy=True)
    assert one.token_ids == other.token_ids


def test_streak_is_cut_at_the_server(policy: Policy, rollouts_of) -> None:  # type: ignore[no-untyped-def]
    """A rule that anything meets cuts after its length, and says what was saved."""
    found = list(rollouts_of(streak=StreakRule(length=3, threshold=1e-9)).generate(requests(policy, 4)))
    cut = [one for one in found if one.finish is FinishReason.REPETITION]
    assert cut
    assert {(len(one.token_ids), one.tokens_saved) for one in cut} == {(3, 21)}


def test_check_before_a_run(policy: Policy, rollouts_of) -> None:  # type: ignore[no-untyped-def]
    """The server's own weights pass; raw log-probabilities at another temperature, and other weights, are refused."""
    prompt = requests(policy, 1)[0].prompt_ids
    rollouts_of().check(prompt)
    with pytest.raises(ConfigError, match="--logprobs-mode processed_logprobs"):
        rollouts_of(temperature=0.5).check(prompt)
    kept = policy.model
    policy.model = type(kept)(kept.config)
    with torch.no_grad():
        for weight in policy.model.parameters():
            weight.mul_(8)
    try:
        with pytest.raises(ConfigError, match="other log-probabilities than the policy"):
            rollouts_of().check(prompt)
    finally:
        policy.model = kept


def test_fresh_weights_go_through_the_command(rollouts_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """After each step the command is run with the folder of the weights."""
    rollouts_of(command=("touch", str(tmp_path / "reloaded"))).policy_changed()
    assert (tmp_path / "reloaded").exists()
