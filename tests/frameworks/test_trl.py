"""TRL trains with our reward functions; `test_oldest_trl` runs the others with the oldest version that they are for."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import trl
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from tests.frameworks import tiny
from tests.frameworks.conftest import ROOT, UNREADABLE
from touchstone_trainer.adapters.trl import async_reward_function, component_functions, reward_function

pytestmark = pytest.mark.usefixtures("url")


def rows() -> Dataset:
    """Mixed tasks; no response to the last can be scored."""
    return Dataset.from_list(
        [
            {"prompt": "2+2=", "answer": "4", "task": "math"},
            {"prompt": "Say yes: ", "answer": "yes", "task": "exact_text"},
            {"prompt": "3+3=", "answer": UNREADABLE, "task": "math"},
        ]
    )


def settings(folder: Path, **changed: Any) -> GRPOConfig:
    given = {
        "output_dir": str(folder),
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "per_device_train_batch_size": 12,
        "num_generations": 4,
        "max_completion_length": 12,
        "max_steps": 2,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "temperature": 1.0,
        "seed": 1,
    }
    return GRPOConfig(**(given | changed))


@pytest.mark.parametrize(
    "functions",
    [lambda: [reward_function()], lambda: [async_reward_function()], lambda: component_functions("reward", "verifier")],
    ids=["sync", "async", "components"],
)
def test_trl_trains_on_our_rewards(functions: Callable[[], list[Any]], tmp_path: Path) -> None:
    """Two steps through the service: the log has our metrics, and rows without a reward are left out, not 0."""
    trainer = GRPOTrainer(
        tiny.dense(), functions(), args=settings(tmp_path), train_dataset=rows(), processing_class=tiny.tokenizer()
    )
    trainer.train()
    first = trainer.state.log_history[0]
    assert trainer.state.global_step == 2
    assert any(name.startswith("rewards/touchstone") and name.endswith("/mean") for name in first)
    assert first["touchstone/undecided_share"] == pytest.approx(1 / 3)
    assert torch.isfinite(torch.tensor(first["loss"]))
    rewards = torch.tensor(list(next(iter(trainer._logs["rewards"].values()))))
    assert rewards.isnan().sum() == 4


def test_trl_leaves_none_out_of_the_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a group 1, 0, 1, None the mean is 2/3, and the last has advantage 0."""
    coder = tiny.tokenizer()
    said = coder("\\boxed{4}")["input_ids"] + [coder.eos_token_id]
    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", lambda self, ids, *_, **__: ([said] * len(ids), None))
    trainer = GRPOTrainer(
        tiny.dense(),
        [async_reward_function()],
        args=settings(tmp_path, scale_rewards="none"),
        train_dataset=rows(),
        processing_class=coder,
    )
    trainer.model.train()
    answers = ["4", "5", "4", UNREADABLE]
    output = trainer._generate_and_score_completions([{"prompt": "2+2=", "answer": answer} for answer in answers])
    torch.testing.assert_close(output["advantages"], torch.tensor([1 / 3, -2 / 3, 1 / 3, 0.0]))


OLDEST = Path(sys.prefix) / "oldest-trl"


@pytest.mark.skipif(Path(trl.__file__).is_relative_to(OLDEST), reason="this is the inner run")
def test_oldest_trl() -> None:
    """Everything above holds with trl 1.6 too."""
    paths = os.pathsep.join([str(OLDEST), os.environ["PYTHONPATH"]])
    arguments = ["-m", "pytest", "-m", "frameworks", "-p", "no:cacheprovider", "-q", "-rs", str(Path(__file__))]
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed, 1 skipped" in done.stdout
