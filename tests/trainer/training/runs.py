"""Small runs of the demonstration's tasks, in this process and in others."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from touchstone_trainer.metrics import StepRecord, read_steps
from touchstone_trainer.training import demo
from touchstone_trainer.training.config import RunConfig

LIMIT_S = 200  # of a process: importing torch and transformers takes a loaded machine half a minute
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def small(folder: Path, url: str, *, experts: bool = False) -> RunConfig:
    """Two phases of a few steps each, with every tool that decides by chance or by state."""
    demo.prepare(folder, url, experts=experts)
    sources = {name: str(folder / f"{name}.jsonl") for name in demo.domain_rows()}
    data: dict[str, Any] = demo.settings(folder, sources, url, experts=experts)
    first, second = data["plan"]["phases"]
    first["steps"], second["steps"] = 4, 4
    second["reset_reference"] = True
    for phase in (first, second):
        for domain in phase["domains"].values():
            domain["held_out"] = 2
    data["policy"]["dtype"] = "float64"
    data["rollouts"] |= {"prompts_per_step": 6, "group_size": 8, "dynamic_sampling": True, "max_generation_batches": 2}
    data["loss"]["clip_cov"] = {"ratio": 0.05, "low": -10.0, "high": 10.0}
    data["optimizer"] |= {"micro_batch_rows": 5, "updates_per_batch": 2, "warmup_steps": 3}
    data["evaluation"]["every_steps"] = 3
    data["checkpoint"] = {"every_steps": 1, "keep": 2}
    config = RunConfig.parse(data)
    (folder / demo.CONFIG_FILE).write_text(config.model_dump_json())
    return config


def command(*arguments: str, processes: int = 1) -> list[str]:
    """`touchstone-train` in a process of its own, or in several under torchrun."""
    module = ["-m", "touchstone_trainer.training.cli", *arguments]
    if processes == 1:
        return [sys.executable, *module]
    runner = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *runner, *module]


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
