"""Whole runs through a real service: killed and resumed, and split over processes."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from tests.live import LiveService
from tests.trainer.training import runs
from touchstone_trainer.metrics import read_steps
from touchstone_trainer.training import demo
from touchstone_trainer.training.checkpoint import FOLDER, CheckpointError
from touchstone_trainer.training.config import RunConfig
from touchstone_trainer.training.loop import POLICY_FOLDER, run

KILL_AFTER = 3
"""Steps: checkpoints are written after each, so some are whole and one may be half written."""


@pytest.fixture(scope="module")
def uninterrupted(service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A finished run in one process."""
    config = runs.small(tmp_path_factory.mktemp("uninterrupted"), service.url)
    run(config, quiet=True)
    return config


def test_killed_run_resumes_to_the_same_curve(service: LiveService, uninterrupted: RunConfig, tmp_path: Path) -> None:
    """Killed with SIGKILL at whatever moment and resumed in another process: every figure but the clock is the same."""
    config = runs.small(tmp_path / "killed", service.url)
    arguments = runs.command("run", str(config.folder / demo.CONFIG_FILE))
    process = subprocess.Popen(arguments, env=runs.ONE_THREAD, stdout=subprocess.DEVNULL)
    steps = config.folder / "steps.jsonl"
    ends = time.monotonic() + runs.LIMIT_S
    while process.poll() is None and time.monotonic() < ends:
        if steps.exists() and steps.read_text().count("\n") >= KILL_AFTER:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended before it could be killed"
    runs.finish([*arguments, "--resume"])
    assert runs.curve(config.folder) == runs.curve(uninterrupted.folder)


@pytest.mark.parametrize("launcher", [runs.TORCHRUN, runs.ACCELERATE], ids=["torchrun", "accelerate"])
def test_two_processes_give_the_curve_of_one(
    service: LiveService, uninterrupted: RunConfig, tmp_path: Path, launcher: tuple[str, ...]
) -> None:
    """On two processes with FSDP2: the same responses and rewards, losses equal to 1e-6."""
    config = runs.small(tmp_path / "two", service.url)
    runs.finish(runs.command("run", str(config.folder / demo.CONFIG_FILE), launcher=launcher))
    for one, two in zip(runs.curve(uninterrupted.folder), runs.curve(config.folder), strict=True):
        for name in ("domains", "outcomes", "held_out", "lengths", "masked_sequences", "masked_tokens", "loss_tokens"):
            assert two[name] == one[name], name
        for name in ("loss", "grad_norm", "entropy", "kl", "clip_fraction"):
            assert two[name] == pytest.approx(one[name], abs=1e-6), name
    single, double = (newest_weights(found.folder) for found in (uninterrupted, config))
    assert single.keys() == double.keys()
    for name, weight in single.items():
        torch.testing.assert_close(double[name], weight, atol=1e-6, rtol=0)


def test_every_tool_says_what_it_did(uninterrupted: RunConfig) -> None:
    """Held-back tokens, silenced responses and shaped rewards are in the record; nothing is there of a tool that is
    off."""
    steps = read_steps(uninterrupted.folder)
    assert sum(step.masked_tokens.get("clip_cov", 0) for step in steps) > 0
    assert sum(step.masked_sequences.get("off_policy", 0) for step in steps) > 0
    assert all(step.shaping.keys() == {"overlong", "brevity"} for step in steps)
    assert min(step.shaping["overlong"] or 0.0 for step in steps) < 0
    assert not any(step.penalised_tokens for step in steps)


def test_kl_cov_runs_and_resumes(service: LiveService, tmp_path: Path) -> None:
    """A run with KL-Cov penalises tokens from each batch's second update on, and resumes to the same curve."""
    config = runs.small(tmp_path, service.url)
    loss = config.loss.model_dump(mode="json") | {"clip_cov": False, "kl_cov": {"ratio": 0.2}, "opsm": False}
    config = RunConfig.parse(
        config.model_dump(mode="json") | {"loss": loss, "checkpoint": {"every_steps": 3, "keep": 3}}
    )
    run(config, quiet=True)
    whole = runs.curve(config.folder)
    assert sum(step["penalised_tokens"].get("kl_cov", 0) for step in whole) > 0
    for path in (config.folder / FOLDER).glob("step-*"):
        if path.name > "step-00000003":
            shutil.rmtree(path)
    run(config, resume=True, quiet=True)
    assert runs.curve(config.folder) == whole


def test_run_leaves_weights_that_transformers_reads(uninterrupted: RunConfig) -> None:
    """The trained policy is a folder of its own, equal to the last checkpoint."""
    again = RunConfig.parse(
        uninterrupted.model_dump(mode="json")
        | {"policy": {"path": str(uninterrupted.folder / POLICY_FOLDER), "dtype": "float64"}}
    )
    from tests.trainer.training.conftest import policy_of

    policy = policy_of(again.policy)
    for name, weight in newest_weights(uninterrupted.folder).items():
        torch.testing.assert_close(policy.model.state_dict()[name], weight, atol=0, rtol=0)
    assert policy.decode(policy.tokenizer.encode("1 2")) == "12"


def test_only_the_newest_checkpoints_stay(uninterrupted: RunConfig) -> None:
    """As many as the configuration keeps, and no draft."""
    assert sorted(path.name for path in (uninterrupted.folder / FOLDER).iterdir()) == ["step-00000007", "step-00000008"]


def test_folder_of_another_run_is_refused(uninterrupted: RunConfig) -> None:
    """Neither overwritten by a new run, nor resumed with other settings: the message names what differs."""
    with pytest.raises(CheckpointError, match="has checkpoints already"):
        run(uninterrupted, quiet=True)
    data = uninterrupted.model_dump(mode="json")
    data["optimizer"]["learning_rate"] = 0.5
    with pytest.raises(CheckpointError, match="other settings of optimizer"):
        run(RunConfig.parse(data), resume=True, quiet=True)


def newest_weights(folder: Path) -> dict[str, torch.Tensor]:
    newest = max((folder / FOLDER).glob("step-*"))
    weights: dict[str, torch.Tensor] = torch.load(newest / "state.pt", weights_only=True)["model"]
    return weights
