"""The steps file of runs that were killed, resumed, mixed up or damaged."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.metrics.runs import step
from touchstone_trainer.metrics import JsonlSink, read_steps
from touchstone_trainer.metrics.jsonl import STEPS_FILE, RecordError

# A trainer that writes steps as fast as it can, or one whose last write is cut in the middle.
TRAINER = """
import os, signal, sys
from tests.trainer.metrics.runs import step
from touchstone_trainer.metrics import JsonlSink
sink = JsonlSink(sys.argv[1])
for number in range(1, 1_000_000):
    sink.write(step(number))
    if number == 5:
        print("five", flush=True)
        if sys.argv[2] == "torn":
            os.write(os.open(sink.path, os.O_WRONLY | os.O_APPEND), step(6).model_dump_json().encode()[:100])
            os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_run(run_dir: Path, how: str) -> None:
    """A trainer in a process of its own, killed while it writes."""
    child = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(run_dir), how], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"five\n"
        if how == "fast":
            child.kill()
        assert child.wait() == -signal.SIGKILL


def numbers(run_dir: Path) -> list[int]:
    return [record.step for record in read_steps(run_dir)]


@pytest.mark.parametrize("how", ["fast", "torn"])
def test_a_killed_run_resumes_at_its_checkpoint(tmp_path: Path, how: str) -> None:
    """Every whole line is there; those after the checkpoint go, and the file goes on as if nothing had happened."""
    killed_run(tmp_path, how)
    assert numbers(tmp_path)[:5] == [1, 2, 3, 4, 5]
    with JsonlSink(tmp_path, resume_at=3) as sink:
        sink.write(step(4, phase="again"))
    assert numbers(tmp_path) == [1, 2, 3, 4]
    assert read_steps(tmp_path)[-1].phase == "again"
    assert (tmp_path / STEPS_FILE).read_bytes().endswith(b"}\n")


def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path) -> None:
    """A reader leaves it out, a resumed run takes it away."""
    killed_run(tmp_path, "torn")
    assert not (tmp_path / STEPS_FILE).read_bytes().endswith(b"\n")
    assert numbers(tmp_path) == [1, 2, 3, 4, 5]
    JsonlSink(tmp_path, resume_at=5).close()
    assert (tmp_path / STEPS_FILE).read_bytes().count(b"\n") == 5
    assert (tmp_path / STEPS_FILE).read_bytes().endswith(b"}\n")


def test_a_run_that_starts_over_clears_its_file(tmp_path: Path) -> None:
    """No checkpoint was written before the kill: step 1 is taken again."""
    killed_run(tmp_path, "torn")
    with JsonlSink(tmp_path, resume_at=0) as sink:
        sink.write(step(1))
    assert numbers(tmp_path) == [1]


def test_a_new_run_does_not_write_into_another(tmp_path: Path) -> None:
    """Two runs in one file would be one curve."""
    with JsonlSink(tmp_path) as sink:
        sink.write(step(1))
    with pytest.raises(RecordError, match="has steps already: resume that run, or choose another folder"):
        JsonlSink(tmp_path)


def test_a_resume_without_a_file_starts_one(tmp_path: Path) -> None:
    """The checkpoint may have been moved to another folder."""
    with JsonlSink(tmp_path / "new", resume_at=40) as sink:
        sink.write(step(41))
    assert numbers(tmp_path / "new") == [41]


def test_steps_come_in_order(tmp_path: Path) -> None:
    """A step that was written is not written again."""
    with JsonlSink(tmp_path) as sink:
        sink.write(step(2))
        with pytest.raises(RecordError, match="step 2 after step 2"):
            sink.write(step(2))


@pytest.mark.parametrize(
    ("second", "message"),
    [(b"{}\n", "line 2 is no step"), (b"oops\n", "line 2 is no step"), (None, "step 1 after step 1")],
)
def test_a_damaged_line_is_named(tmp_path: Path, second: bytes | None, message: str) -> None:
    """Damage before the end is not what a kill does: it is shown, not skipped."""
    line = step(1).model_dump_json().encode() + b"\n"
    (tmp_path / STEPS_FILE).write_bytes(line + (second or line) + line)
    with pytest.raises(RecordError, match=message):
        read_steps(tmp_path)
    size = os.path.getsize(tmp_path / STEPS_FILE)
    with pytest.raises(RecordError, match=message):
        JsonlSink(tmp_path, resume_at=1)
    assert os.path.getsize(tmp_path / STEPS_FILE) == size


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    """Not an empty list of steps."""
    with pytest.raises(RecordError, match=r"is missing: is .* the folder of a run"):
        read_steps(tmp_path)
