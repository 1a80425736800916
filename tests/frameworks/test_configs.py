"""The ready configurations in `docs/configs`, read by the frameworks themselves."""

import json
import math
import os
import re
import shlex
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

from hydra import compose, initialize_config_dir

from tests.frameworks import tiny

FOLDER = Path(__file__).parents[2] / "docs" / "configs"


def command(name: str, *arguments: str) -> list[str]:
    """What a script would execute."""
    script = (FOLDER / name).read_text().replace("exec python3 -m", "printf '%s\\n'")
    told = subprocess.run(["bash", "-c", script, name, *arguments], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def test_verl_takes_every_override() -> None:
    """Hydra composes verl's own configuration with them; a key that verl does not know would be an error."""
    module, *overrides = command("verl_grpo.sh", "a/model", "train.parquet", "val.parquet", "trainer.nnodes=2")
    assert module == "verl.trainer.main_ppo"
    with initialize_config_dir(str(resources.files("verl") / "trainer" / "config"), version_base=None):
        config = compose("ppo_trainer", overrides=overrides)
    assert config.algorithm.rollout_correction.rollout_is_threshold == "0.5_5.0"
    assert config.reward.reward_manager.name == "TouchstoneRewardManager"
    settings = config.reward.custom_reward_function.reward_kwargs
    assert math.isnan(settings.no_verdict_value)
    assert config.trainer.nnodes == 2


def test_openrlhf_knows_every_flag() -> None:
    """Its parser is in a script that imports the trainers, so the flags are looked up in its text."""
    module, *arguments = command("openrlhf_grpo.sh", "a/model", "a/dataset")
    source = Path(str(metadata.distribution("openrlhf").locate_file(module.replace(".", "/") + ".py"))).read_text()
    flags = [argument for argument in arguments if argument.startswith("--")]
    assert len(flags) > 8
    assert [flag for flag in flags if f'"{flag}"' not in source] == []
    assert '"group_norm"' in source


def test_slime_arguments_are_words() -> None:
    """Sourced into an array, each flag and value is one word."""
    script = f"source {shlex.quote(str(FOLDER / 'slime.sh'))}; printf '%s\\n' \"${{RM_ARGS[@]}}\""
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert told[:2] == ["--custom-rm-path", "touchstone_trainer.adapters.slime.reward"]
    assert all(re.fullmatch(r"--[a-z-]+|[\w./:]+", word) for word in told)


def test_trl_script_trains(url: str, tmp_path: Path) -> None:
    """As it stands, on a tiny model for one step."""
    tiny.dense().save_pretrained(tmp_path / "model")
    tiny.tokenizer().save_pretrained(tmp_path / "model")
    rows = [{"prompt": f"{number}+1=", "answer": str(number + 1)} for number in range(4)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = [str(tmp_path / name) for name in ("model", "data.jsonl", "output")]
    environment = os.environ | {"TOUCHSTONE_REWARD_URL": url, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / "trl_grpo.py"), *arguments, "1"],
        env=environment | {"HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "touchstone/clip_cov/held_share" in done.stdout
    assert (tmp_path / "output").exists()
