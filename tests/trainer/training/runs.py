"""Small runs of the demonstration's tasks, in this process and in others."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from touchstone_trainer.metrics import StepRecord, read_steps
from touchstone_trainer.training import demo
from touchstone_trainer.training.checkpoint import publish
from touchstone_trainer.training.config import PolicyConfig, RunConfig
from touchstone_trainer.training.distributed import Processes
from touchstone_trainer.training.policy import load_policy

LIMIT_S = 200  # of a process: importing torch and transformers takes a loaded machine half a minute
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def small(folder: Path, url: str, *, experts: bool = False) -> RunConfig:
    """Two phases of a few steps each, from weights on disk, with every tool that decides by chance or by state."""
    demo.prepare(folder, url, experts=experts)
    sources = {name: str(folder / f"{name}.jsonl") for name in demo.domain_rows()}
    data: dict[str, Any] = demo.settings(folder, sources, url, experts=experts)
    first, second = data["plan"]["phases"]
    first["steps"], second["steps"] = 4, 4
    second["reset_reference"] = True
    for phase in (first, second):
        for domain in phase["domains"].values():
            domain["held_out"] = 2
    start = PolicyConfig(**data["policy"] | {"dtype": "float64"})
    policy = load_policy(start, temperature=1.0, seed=0, device=torch.device("cpu"))
    weights = publish(policy, folder / "weights", Processes(0, 1, policy.device))
    data["policy"] |= {"build": None, "tokenizer": None, "path": str(weights), "dtype": "float64"}
    data["rollouts"] |= {"prompts_per_step": 6, "group_size": 8, "dynamic_sampling": True, "max_generation_batches": 2}
    data["loss"] |= {"clip_cov": {"ratio": 0.05, "low": -10.0, "high": 10.0}, "opsm": {"delta": 0.01}}
    data["shaping"] = {"overlong": {"margin": 1}, "brevity": {"weight": 0.2, "warmup_steps": 4}}
    data["optimizer"] |= {"micro_batch_rows": 5, "updates_per_batch": 2, "warmup_steps": 3}
    data["evaluation"]["every_steps"] = 3
    data["checkpoint"] = {"every_steps": 1, "keep": 2}
    config = RunConfig.parse(data)
    (folder / demo.CONFIG_FILE).write_text(config.model_dump_json())
    return config


TRAIN = ("-m", "touchstone_trainer.training.cli")
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = (
    *("accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"),
    *("--mixed_precision", "no", "--dynamo_backend", "no", "--use_fsdp", "--fsdp_version", "2"),
    # With it transformers is told to load weights in one process alone and leave the others to accelerate.
    *("--fsdp_cpu_ram_efficient_loading", "true"),
)


def command(*arguments: str, launcher: tuple[str, ...] = ()) -> list[str]:
    """`touchstone-train` in a process of its own, or in those of a launcher."""
    return [sys.executable, *(("-m", *launcher) if launcher else ()), *TRAIN, *arguments]


def finish(arguments: list[str]) -> str:
    """Runs to the end; what it said."""
    done = subprocess.run(arguments, env=ONE_THREAD, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def curve(folder: Path) -> list[dict[str, Any]]:
    """All that a run's record says of its steps, but for the clock."""
    return [_timeless(record) for record in read_steps(folder)]


def _timeless(record: StepRecord) -> dict[str, Any]:
    return record.model_dump(exclude={"seconds"})
