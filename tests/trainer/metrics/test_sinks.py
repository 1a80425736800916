"""The console and TensorBoard, by what they show."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.trainer.metrics.runs import full_step, step
from touchstone_trainer.metrics.console import ConsoleSink
from touchstone_trainer.metrics.tensorboard import EVENTS_DIR, TensorBoardSink


def shown(steps: range, *, terminal: bool, width: int = 160) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=width, color_system=None)
    with ConsoleSink(100, console=console) as sink:
        for number in steps:
            sink.write(full_step(number))
    return screen.getvalue()


def test_a_log_gets_one_plain_line_a_step() -> None:
    """No control characters, nothing wrapped, and a line where a phase begins."""
    lines = shown(range(60, 62), terminal=False, width=40).splitlines()
    assert len(lines) == 3
    assert not any("\x1b" in line for line in lines)
    assert "step 60/100  math  reward 0.700 (math 0.700)  undecided 5.0%  rescued 10.0%" in lines[0]
    assert "10.0 s: gen 6.0, rew 1.0, train 3.0  held out math 0.700" in lines[0]
    assert lines[1] == "phase math is over, phase mixed begins"
    assert "reward 0.434 (math 0.710, code 0.355, writing 0.237)" in lines[2]


def test_a_terminal_gets_a_bar_and_the_last_steps() -> None:
    """The final screen has the last eight steps and how far the run is."""
    final = shown(range(55, 71), terminal=True).split("\x1b[?25h")[0].split("step phase")[-1]
    for number in range(63, 71):
        assert f"\n  {number} mixed" in final
    assert "\n  62 mixed" not in final
    assert "70/100" in final
    assert "math 0.800, code 0.400, writing 0.267" in final


@pytest.mark.parametrize("width", [60, 80, 109])
def test_a_narrow_terminal_leaves_out_the_domains(width: int) -> None:
    """The figures stay whole; the rewards by domain go."""
    final = shown(range(61, 63), terminal=True, width=width)
    assert "0.440" in final
    assert "code" not in final


def test_what_was_not_measured_is_a_dash() -> None:
    """Not a zero."""
    screen = io.StringIO()
    ConsoleSink(console=Console(file=screen, width=200)).write(step(1, domains={}))
    assert "reward - ()  undecided -  rescued -  entropy -" in screen.getvalue()


def scalars(run_dir: Path, name: str) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    events = EventAccumulator(str(run_dir / EVENTS_DIR))
    events.Reload()
    points = events.Scalars(name)
    assert len({point.step for point in points}) == len(points)
    return {point.step: point.value for point in points}


def test_tensorboard_reads_the_figures(tmp_path: Path) -> None:
    """Under the names of `series`, at their steps; what was not measured has no point."""
    sink = TensorBoardSink(tmp_path)
    sink.write(full_step(60))
    sink.write(full_step(61))
    sink.close()
    assert scalars(tmp_path, "reward/code") == pytest.approx({61: 0.355})
    assert scalars(tmp_path, "held_out/math") == pytest.approx({60: 0.7})
    assert scalars(tmp_path, "undecided/all") == pytest.approx({60: 0.05, 61: 0.05})


def test_a_resumed_run_shows_no_step_twice(tmp_path: Path) -> None:
    """Steps after the checkpoint are taken again, and TensorBoard shows the second taking alone."""
    first = TensorBoardSink(tmp_path)
    for number in range(1, 6):
        first.write(step(number, loss=1.0))
    first.close()
    second = TensorBoardSink(tmp_path, resume_at=3)
    for number in range(4, 7):
        second.write(step(number, loss=2.0))
    second.close()
    assert scalars(tmp_path, "loss") == {1: 1.0, 2: 1.0, 3: 1.0, 4: 2.0, 5: 2.0, 6: 2.0}
