"""The command, as users start it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.live import LiveService
from tests.trainer.training import runs
from tests.trainer.training.conftest import MakeConfig
from touchstone_trainer.metrics import DomainStats, JsonlSink, StepRecord
from touchstone_trainer.training.commands import app

command = CliRunner()


def test_missing_extra_is_named() -> None:
    """Without what training needs the command says what to install, and shows no traceback."""
    hide = "import sys; sys.modules['torch'] = None; sys.argv = ['touchstone-train', 'demo']; "
    code = hide + "from touchstone_trainer.training.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=runs.LIMIT_S, check=False
    )
    assert done.returncode == 1
    assert "needs torch" in done.stderr
    assert "touchstone-trainer[train]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def run_file(make_config: MakeConfig, tmp_path: Path) -> Path:
    """A run of one step on one row."""
    source = tmp_path / "m.jsonl"
    source.write_text('{"question": "sum 1 2", "reference": "3"}\n')
    domain = {"source": str(source), "task": "math", "ratio": 1}
    config = make_config({"plan.phases": [{"name": "only", "steps": 1, "domains": {"math": domain}}]})
    path = tmp_path / "run.json"
    path.write_text(config.model_dump_json())
    return path


def test_wrong_setting_ends_in_a_message(run_file: Path) -> None:
    """What to fix, and exit status 2."""
    done = command.invoke(app, ["run", str(run_file), "--set", "optimizer.learning_rate=-1"])
    assert done.exit_code == 2
    assert "optimizer.learning_rate: Input should be greater than 0" in done.stderr


def test_dead_service_stops_the_run(run_file: Path) -> None:
    """Before anything is loaded, with the address in the message."""
    settings = ("rewards.url=http://127.0.0.1:9", "rewards.deadline_s=1")
    done = command.invoke(app, ["run", str(run_file), *(part for one in settings for part in ("--set", one))])
    assert done.exit_code == 2, done.output
    assert "http://127.0.0.1:9 gave no answer" in done.stderr
    assert "is the service running there?" in done.stderr


def test_task_that_the_service_lacks_is_named(run_file: Path, service: LiveService) -> None:
    """A mistyped task ends the run before anything is loaded, and the message lists those there are."""
    text = run_file.read_text().replace('"task":"math"', '"task":"maths"')
    run_file.write_text(text)
    done = command.invoke(app, ["run", str(run_file), "--set", f"rewards.url={service.url}"])
    assert done.exit_code == 2, done.output
    assert "domain 'math' has task 'maths'" in done.stderr
    assert "choice" in done.stderr


def test_missing_rewards_stop_the_run(run_file: Path, service: LiveService) -> None:
    """Rewards that are nearly all missing are never taken for zeros: the run ends and says where to look."""
    (run_file.parent / "m.jsonl").write_text('{"question": "sum 1 2", "reference": "\\\\frac{"}\n')
    settings = (f"rewards.url={service.url}", "rollouts.max_new_tokens=2")
    done = command.invoke(app, ["run", str(run_file), *(part for one in settings for part in ("--set", one))])
    assert done.exit_code == 2, done.output
    assert "of the rewards are missing: rules: no_rule" in done.stderr


def test_demonstration_without_a_service_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no `touchstone` stands beside the interpreter, the message names --service."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    done = command.invoke(app, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--service" in done.stderr


def test_plot_draws_what_there_is(tmp_path: Path) -> None:
    """A folder with steps gets its pictures, one without gets a message."""
    with JsonlSink(tmp_path) as sink:
        sink.write(StepRecord(step=1, phase="only", domains={"math": DomainStats(responses=8, scored=8)}))
    assert command.invoke(app, ["plot", str(tmp_path)]).exit_code == 0
    assert list(tmp_path.glob("*.png"))
    assert command.invoke(app, ["plot", str(tmp_path / "none")]).exit_code == 2
