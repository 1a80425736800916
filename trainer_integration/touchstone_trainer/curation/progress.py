"""How far a command is, on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0
"""Often enough to see that a job lives, seldom enough for its log file."""


class Bar:
    """Counts rows. `total` is None where nobody knows it before the end."""

    def __init__(self, name: str, total: int | None, done: int = 0) -> None:
        self._name, self._total, self._done = name, total, done
        self._from, self._started = done, time.monotonic()
        self._said = self._started
        self._live = _live() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._task = self._live.add_task(self._name, total=self._total, completed=self._done)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._say()

    def add(self, rows: int) -> None:
        """So many more are done."""
        self._done += rows
        if self._live is not None:
            self._live.update(self._task, completed=self._done)
        elif time.monotonic() - self._said >= LINE_EVERY_S:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        rate = (self._done - self._from) / max(self._said - self._started, 1e-3)
        of = f" of {self._total}" if self._total is not None else ""
        print(f"{self._name}: {self._done}{of} rows, {rate:.0f} rows/s", file=sys.stderr, flush=True)  # noqa: T201


def _live() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
