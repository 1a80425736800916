"""Steps to TensorBoard.

Rule 1: torch and tensorboard are loaded when a sink is made, not before.
Rule 2: resumed, TensorBoard drops the steps after the checkpoint by itself (`purge_step`), so that none shows twice.
"""

from pathlib import Path
from typing import Any

from touchstone_trainer.metrics.record import StepRecord
from touchstone_trainer.metrics.series import figures

EVENTS_DIR = "tensorboard"  # in a run's folder


class TensorBoardSink:
    """Writes event files to `run_dir`/tensorboard. `resume_at`: the step of the checkpoint that a run goes on from."""

    def __init__(self, run_dir: Path | str, *, resume_at: int | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - rule 1
        except ImportError as error:
            raise ImportError(f"TensorBoard needs `pip install 'touchstone-trainer[train]'`: {error}") from error
        purge_step = None if resume_at is None else resume_at + 1
        self._writer: Any = SummaryWriter(str(Path(run_dir) / EVENTS_DIR), purge_step=purge_step)
        self._phase: str | None = None

    def write(self, record: StepRecord) -> None:
        """Adds every figure of one step, and the phase as text where it is a new one."""
        for name, value in figures(record).items():
            self._writer.add_scalar(name, value, record.step)
        if record.phase != self._phase:
            self._writer.add_text("phase", record.phase, record.step)
            self._phase = record.phase
        self._writer.flush()

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()
