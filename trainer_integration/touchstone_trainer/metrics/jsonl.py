"""Steps as lines of JSON: the run's own record, from which the plots are drawn.

Rule 1: one write a line, at the end of the file: whatever kills the process costs at most the line being written.
        (A machine that loses power may lose more: the kernel writes to disk in its own time.)
Rule 2: resumed at a checkpoint, the file says what the checkpoint says: half a line at the end and the steps after the
        checkpoint, which are now taken again, are cut off.
Rule 3: lines stand in the order of steps, each step once. A file that does not is an error, never repaired by guess.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from touchstone_trainer.metrics.record import StepRecord

STEPS_FILE = "steps.jsonl"  # in a run's folder


class RecordError(ValueError):
    """A record of steps cannot be read, or cannot be continued."""


class JsonlSink:
    """Appends to `run_dir`/steps.jsonl.

    `resume_at` is the step of the checkpoint that the run goes on from, 0 for one that starts over in the same folder;
    without it the folder must not have steps yet.
    """

    def __init__(self, run_dir: Path | str, *, resume_at: int | None = None) -> None:
        self.path = Path(run_dir) / STEPS_FILE
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if resume_at is None and self.path.exists() and self.path.stat().st_size:
            raise RecordError(f"{self.path} has steps already: resume that run, or choose another folder")
        end, self._last = _kept(self.path, resume_at) if resume_at is not None and self.path.exists() else (0, None)
        self._file = self.path.open("ab", buffering=0)
        self._file.truncate(end)

    def write(self, record: StepRecord) -> None:
        """Appends one step."""
        if self._last is not None and record.step <= self._last:
            raise RecordError(f"{self.path}: step {record.step} after step {self._last}")
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._last = record.step

    def close(self) -> None:
        """Nothing is lost without it; it frees the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def read_steps(run_dir: Path | str) -> list[StepRecord]:
    """The steps of a run, also of one that is being written or was killed: half a line at the end is left out.

    Raises:
        RecordError: no such file, or a line in it is no step; names the line.

    """
    path = Path(run_dir) / STEPS_FILE
    if not path.exists():
        raise RecordError(f"{path} is missing: is {run_dir} the folder of a run?")
    return [record for record, _ in _lines(path)]


def _kept(path: Path, resume_at: int) -> tuple[int, int | None]:
    """Bytes of the steps up to `resume_at`, and the last of these steps."""
    end, last = 0, None
    for record, line_end in _lines(path):
        if record.step > resume_at:
            break
        end, last = line_end, record.step
    return end, last


def _lines(path: Path) -> Iterator[tuple[StepRecord, int]]:
    """Each whole line's step, and where the line ends, bytes."""
    end, last = 0, -1
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                record = StepRecord.model_validate_json(line)
            except ValidationError as error:
                raise RecordError(f"{path}, line {number} is no step: {error.errors()[0]['msg']}") from None
            if record.step <= last:
                raise RecordError(f"{path}, line {number}: step {record.step} after step {last}")
            end, last = end + len(line), record.step
            yield record, end
