"""The demonstration learns, from random weights, by rewards of a real service over HTTP."""

import json
from pathlib import Path

from tests.live import LiveService
from tests.trainer.training import runs
from touchstone_trainer.metrics import StepRecord, read_steps
from touchstone_trainer.training import demo
from touchstone_trainer.training.commands import COMPARED_STEPS


def mean(records: list[StepRecord]) -> float:
    rewards = [record.reward_mean for record in records]
    assert None not in rewards
    return sum(reward for reward in rewards if reward is not None) / len(rewards)


def test_dense_policy_learns_both_phases(service: LiveService, tmp_path: Path) -> None:
    """`touchstone-train demo`: from under 0.2 to over 0.8 in mathematics, and again in the mix of tasks."""
    told = runs.finish(runs.command("demo", "--out", str(tmp_path), "--service", service.url))
    steps = read_steps(tmp_path)
    sums, mixed = ([step for step in steps if step.phase == name] for name in ("math", "mixed"))
    assert mean(sums[:COMPARED_STEPS]) < 0.2
    assert mean(sums[-COMPARED_STEPS:]) > 0.8
    assert mean(mixed[-COMPARED_STEPS:]) > 0.8
    assert {name for step in mixed for name in step.domains} == {"math", "exact_text", "choice"}
    assert all(step.undecided_share is not None and step.seconds.rewards > 0 for step in steps)
    assert "at the end" in told
    assert {path.suffix for path in tmp_path.iterdir()} >= {".png", ".html", ".jsonl"}


def test_experts_route_in_float64_and_improve(service: LiveService, tmp_path: Path) -> None:
    """`touchstone-train demo --moe`, its first steps: rewards rise from chance with FP64 routing on."""
    demo.prepare(tmp_path, service.url, experts=True)
    config = json.loads((tmp_path / demo.CONFIG_FILE).read_text())
    assert config["policy"]["fp64_routing"] is True
    config["plan"]["phases"] = [{**config["plan"]["phases"][0], "steps": 40}]
    (tmp_path / "short.json").write_text(json.dumps(config))
    runs.finish(runs.command("run", str(tmp_path / "short.json")))
    steps = read_steps(tmp_path)
    assert mean(steps[-5:]) > 3 * mean(steps[:5])
