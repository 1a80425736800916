"""What is read from a file, and what is refused before anything is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.training.conftest import MakeConfig, policy_of
from touchstone_trainer.corrections import ICEPOP
from touchstone_trainer.routing import RoutingRefused
from touchstone_trainer.training.config import ConfigError, RunConfig
from touchstone_trainer.training.data import Rows

RUN = """
folder = "runs/one"
[policy]
path = "weights"
[[plan.phases]]
name = "math"
steps = 10
domains.math = { source = "m.jsonl", task = "math", ratio = 1 }
[loss]
correction = false
clip = { low = 0.1, high = 0.3 }
[rollouts]
streak = { length = 50 }
"""


def test_toml_with_overrides(tmp_path: Path) -> None:
    """A file's settings, some replaced from the command line: values as JSON, anything else as text."""
    path = tmp_path / "run.toml"
    path.write_text(RUN)
    config = RunConfig.read(path, ["optimizer.learning_rate=1e-4", "rewards.url=http://elsewhere", "loss.clip_cov={}"])
    assert config.loss.correction is False
    assert (config.loss.clip.low, config.loss.clip.high) == (0.1, 0.3)
    assert config.loss.clip_cov
    assert config.optimizer.learning_rate == 1e-4
    assert config.rewards.url == "http://elsewhere"
    assert config.rollouts.streak
    assert config.rollouts.streak.length == 50


def test_configuration_survives_its_own_json(make_config: MakeConfig) -> None:
    """What a checkpoint keeps is read back as the same configuration."""
    config = make_config({"loss.clip_cov": {"ratio": 0.1}})
    assert config.loss.correction == ICEPOP
    assert RunConfig.parse(json.loads(config.model_dump_json())) == config


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"optimizer.learning_rat": 1}, "optimizer.learning_rat: no such field"),
        ({"loss.clip": {"low": -1}}, "loss.clip: clip bounds are distances"),
        ({"rollouts.group_size": 1}, "rollouts.group_size: Input should be greater"),
        ({"rollouts.engine": "server"}, "rollouts: engine"),
        ({"policy.path": "weights"}, "policy: give either path"),
        ({"prompt.template": "question"}, "prompt: template: must contain"),
        ({"plan.phases": []}, "plan: phases"),
        ({"loss.kl_cov": {}, "loss.clip_cov": {}}, "loss: clip_cov and kl_cov exclude each other"),
        ({"loss.kl_cov": {}, "loss.clip": {"low": 0.1}}, "loss: kl_cov takes the place of the clip"),
        ({"loss.kl_cov": {}}, "loss.kl_cov: in a batch's first update"),
        ({"loss.opsm": {}}, "loss.opsm.OffPolicyConfig.delta: Field required"),
        ({"shaping.overlong": {"margin": 2000}}, "shaping.overlong.margin: beyond rollouts.max_new_tokens, 1024"),
        ({"shaping.rules": {"math": "stratified"}}, "shaping.rules: math: no domain of that name has kind both"),
    ],
)
def test_mistakes_are_named(make_config: MakeConfig, changes: dict[str, Any], told: str) -> None:
    """The message has the field's path and what to fix."""
    with pytest.raises(ConfigError) as caught:
        make_config(changes)
    assert told in str(caught.value)


def test_stratified_rewards_want_their_small_spreads(make_config: MakeConfig) -> None:
    """Dividing by a group's deviation would undo HERO's strata; without it the rule is taken."""
    domain = {"source": "m.jsonl", "task": "math", "ratio": 1, "kind": "both"}
    changes = {
        "plan.phases": [{"name": "only", "steps": 1, "domains": {"proofs": domain}}],
        "shaping.rules": {"proofs": "stratified"},
    }
    with pytest.raises(ConfigError, match=r"set loss\.advantage to no_std"):
        make_config(changes)
    assert make_config({**changes, "loss.advantage": "no_std"}).shaping.rules == {"proofs": "stratified"}


def test_plan_without_end_is_refused(make_config: MakeConfig) -> None:
    """The last phase needs steps, a plateau or domains that run out."""
    domain = {"source": "m.jsonl", "task": "math", "ratio": 1}
    with pytest.raises(ConfigError, match="the last phase never ends"):
        make_config({"plan.phases": [{"name": "only", "domains": {"math": domain}}]})
    make_config({"plan.phases": [{"name": "only", "domains": {"math": {**domain, "epochs": 1}}}]})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("run.yaml", "", "a .toml or a .json file"),
        ("run.json", "[]", "expected a table"),
        ("run.json", "{", "run.json"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, name: str, text: str, told: str) -> None:
    """Another kind of file, another shape, broken JSON."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=told):
        RunConfig.read(tmp_path / name)


def test_override_without_value(tmp_path: Path) -> None:
    """An override that sets nothing says how to write one."""
    (tmp_path / "run.toml").write_text(RUN)
    with pytest.raises(ConfigError, match=r"section\.field=value"):
        RunConfig.read(tmp_path / "run.toml", ["optimizer.learning_rate"])


def test_dense_policy_refuses_fp64_routing(make_config: MakeConfig) -> None:
    """A setting that would do nothing is not accepted silently."""
    with pytest.raises(RoutingRefused, match="has no router"):
        policy_of(make_config({"policy.fp64_routing": True}).policy)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"question": "sum 1 2"}, "reference"),
        ({"question": "sum 1 2 sum 1 2", "reference": "3"}, "a prompt of 6 tokens, 1 to 5 are allowed"),
    ],
)
def test_rows_are_checked_before_the_run(
    make_config: MakeConfig, tmp_path: Path, row: dict[str, str], told: str
) -> None:
    """A row that cannot be paid, or whose prompt is too long, is found before anything is generated."""
    source = tmp_path / "m.jsonl"
    source.write_text(json.dumps(row) + "\n")
    domain = {"source": str(source), "task": "math", "ratio": 1}
    changes = {"plan.phases": [{"name": "only", "steps": 1, "domains": {"math": domain}}], "prompt.max_tokens": 5}
    config = make_config(changes)
    with pytest.raises(ConfigError, match=told):
        Rows(config, policy_of(config.policy))
