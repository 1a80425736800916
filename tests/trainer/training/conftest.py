"""A tiny policy, and responses made by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from touchstone_client import JudgeStatus, Outcome
from touchstone_trainer.curriculum import Draw
from touchstone_trainer.rewards import Scored
from touchstone_trainer.streak import FinishReason
from touchstone_trainer.training import demo
from touchstone_trainer.training.config import PolicyConfig, RunConfig
from touchstone_trainer.training.distributed import Processes
from touchstone_trainer.training.experience import Experience
from touchstone_trainer.training.policy import Policy, load_policy
from touchstone_trainer.training.rollouts.completion import Completion

torch.set_num_threads(1)
ALONE = Processes(0, 1, torch.device("cpu"))

Settings = Mapping[str, Any]
MakeConfig = Callable[[Settings], RunConfig]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demonstration's tokenizer."""
    folder = tmp_path_factory.mktemp("tokenizer")
    demo.write_tokenizer(folder)
    return str(folder)


@pytest.fixture
def make_config(tmp_path: Path, tokenizer: str) -> MakeConfig:
    """A run's configuration in float64, with some fields otherwise: `make_config({"loss.kl_weight": 0.1})`."""

    def make(changes: Settings) -> RunConfig:
        data: dict[str, Any] = {
            "folder": str(tmp_path / "run"),
            "plan": {
                "phases": [
                    {"name": "only", "steps": 2, "domains": {"math": {"source": "m.jsonl", "task": "math", "ratio": 1}}}
                ]
            },
            "policy": {
                "build": {**demo.DENSE, "initializer_range": 0.002},
                "tokenizer": tokenizer,
                "dtype": "float64",
                "device": "cpu",
            },
        }
        for path, value in changes.items():
            *sections, field = path.split(".")
            section = data
            for name in sections:
                section = section.setdefault(name, {})
            section[field] = value
        return RunConfig.parse(data)

    return make


def policy_of(config: PolicyConfig, *, temperature: float = 1.0, seed: int = 3) -> Policy:
    """A fresh policy; the same weights for the same seed."""
    return load_policy(config, temperature=temperature, seed=seed, device=torch.device("cpu"))


def experience(
    group: int,
    reward: float | None,
    response: tuple[int, ...],
    *,
    logprob: float = -2.77,  # a sixteenth: the policy is near chance
    finish: FinishReason = FinishReason.STOP,
    prompt: tuple[int, ...] = (2, 8, 9),
) -> Experience:
    """A scored response whose tokens the engine gave all the same log-probability."""
    stage = "rules" if reward is not None else "service"
    outcome = {1.0: Outcome.CORRECT, 0.0: Outcome.INCORRECT, None: Outcome.UNDECIDABLE}[reward]
    scored = Scored(reward, stage, "by_hand", "", "math", JudgeStatus.SCORED, outcome=outcome)
    completion = Completion(response, (logprob,) * len(response), finish, "text")
    return Experience(Draw("math", group, 0), group, "prompt", prompt, completion, scored)


BATCH = [
    experience(0, 1.0, (7, 1)),
    experience(0, 0.0, (9, 10, 11, 1)),
    experience(0, 0.0, (12, 1)),
    experience(1, 0.0, (7, 7, 7, 7, 1), prompt=(3, 9)),
    experience(1, 1.0, (13, 1), prompt=(3, 9)),
    experience(1, 1.0, (8,), prompt=(3, 9)),
    experience(2, 1.0, (14, 15, 1), prompt=(4, 9, 10, 11)),
    experience(2, None, (14, 1), prompt=(4, 9, 10, 11)),
    experience(2, 0.0, (13, 12, 11, 1), prompt=(4, 9, 10, 11)),
]
"""Three prompts of different lengths, one response without a reward."""
